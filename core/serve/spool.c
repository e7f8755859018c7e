/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "serve/spool_file.h"
#include "serve/spool_list.h"
#include "serve/spool_said.h"
#include "serve/spool_tidy.h"

#define TOGETHER 64   /* handed in at once, so that they share commits */
#define AGAIN_MS 1000 /* after something could not be taken; doubled each time ... */
#define AGAIN_MOST_MS 60000
#define DAY_MS (24 * 3600 * INT64_C(1000))
#define TIDY_MS (3600 * INT64_C(1000)) /* no more often, when files come; else once a day */

struct spool {
	struct spool_options options;
	char *path;
	int directory, refused, watch, stop; /* descriptors; watch -1: none */
	pthread_t thread;
	atomic_bool stopping;
	pthread_mutex_t lock; /* guards what follows, and the answers of hands */
	pthread_cond_t changed;
	size_t open_calls;
	bool ended;
	/* the thread's own */
	size_t handed;        /* since the last line in the log */
	size_t n_refused;     /* files in `refused` */
	bool told_of_refused; /* that they are too many */
	int64_t tidied_ms;    /* boot time; 0: never */
	struct spool_said said;
};

/* A file that is handed in. */
struct hand {
	struct spool *spool;
	const char *name;
	int status; /* of the answer */
	char *answer;
};

/* --- directories --- */

static int fail(struct error *err, const char *path, const char *what)
{
	int code = errno;

	return error_set(err, -code, "%s %s: %s", path, what, strerror(code));
}

/* Opens a directory of ours, made if need be. */
static int open_directory(int at, const char *name, const char *path, int *fd, struct error *err)
{
	struct stat status;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return fail(err, path, "cannot be made");
	*fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return fail(err, path, "cannot be opened");
	if (fstat(*fd, &status) < 0)
		return fail(err, path, "cannot be looked at");
	if (status.st_uid != geteuid())
		return error_set(err, -EPERM, "%s belongs to user %d; it must be tocsind's own",
				 path, (int)status.st_uid);
	return 0;
}

/* --- one file --- */

static void answered(int status, char *answer, void *data)
{
	struct hand *hand = data;
	struct spool *spool = hand->spool;

	pthread_mutex_lock(&spool->lock);
	hand->status = status;
	hand->answer = answer;
	spool->open_calls--;
	pthread_cond_broadcast(&spool->changed);
	pthread_mutex_unlock(&spool->lock);
}

static void complain(struct spool *spool, const char *name, const char *what, int code)
{
	char trouble[512];

	snprintf(trouble, sizeof(trouble), "%s: %s", what, strerror(code));
	if (spool_said_news(&spool->said, name, trouble))
		log_write(spool->options.log, TOCSIN_LOG_ERROR, "spool",
			  "%s/%s %s; it is tried again", spool->path, name, trouble);
}

/* The oldest go when there are too many, so that whoever writes nonsense cannot fill the disk. */
static void limit_refused(struct spool *spool)
{
	if (spool->n_refused <= SPOOL_REFUSED_MOST)
		return;
	if (spool_tidy_refused(spool->refused, SPOOL_REFUSED_MOST, &spool->n_refused) == 0 ||
	    spool->told_of_refused)
		return;
	spool->told_of_refused = true;
	log_write(spool->options.log, TOCSIN_LOG_WARNING, "spool",
		  "more than %d files are in %s/" SPOOL_REFUSED
		  ": the oldest are removed, now and from "
		  "now on",
		  SPOOL_REFUSED_MOST, spool->path);
}

static bool is_gone(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* Somebody may have removed the directory to be rid of what was in it. */
static int make_refused_again(struct spool *spool)
{
	struct error err;
	int fd = -1,
	    result = open_directory(spool->directory, SPOOL_REFUSED, spool->path, &fd, &err);

	if (result < 0) {
		if (fd >= 0)
			close(fd);
		return result;
	}
	close(spool->refused);
	spool->refused = fd;
	spool->n_refused = 0;
	return 0;
}

/* 0, also when it is gone, or a negative errno. */
static int move_aside(struct spool *spool, const char *name)
{
	int result = 0;

	if (renameat(spool->directory, name, spool->refused, name) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (is_gone(spool->directory, name))
		return 0;
	result = make_refused_again(spool);
	if (result == 0 && renameat(spool->directory, name, spool->refused, name) < 0)
		result = errno == ENOENT && is_gone(spool->directory, name) ? 0 : -errno;
	return result;
}

/* Nobody is to stumble over it again and again. */
static bool set_aside(struct spool *spool, const char *name, const char *why)
{
	int result = move_aside(spool, name);
	char what[400];

	if (result < 0) {
		snprintf(what, sizeof(what),
			 "is refused (%.300s) and cannot be moved to " SPOOL_REFUSED, why);
		complain(spool, name, what, -result);
		return false;
	}
	log_write(spool->options.log, TOCSIN_LOG_WARNING, "spool",
		  "%s is refused and moved to %s/" SPOOL_REFUSED ": %s", name, spool->path, why);
	spool->n_refused++;
	limit_refused(spool);
	return true;
}

static bool drop(struct spool *spool, const char *name)
{
	if (unlinkat(spool->directory, name, 0) == 0 || errno == ENOENT)
		return true;
	complain(spool, name, "was handed in and cannot be removed", errno);
	return false;
}

/* False: it stays for now. A file that cannot be handed in is dealt with at once (hand->status 0). */
static bool hand_in(struct hand *hand)
{
	struct spool *spool = hand->spool;
	struct spool_file file;
	struct error err;
	int result = spool_file_read(spool->directory, hand->name, &file, &err);
	struct engine_call call;

	if (result == -ENOENT)
		return true;
	if (result == -EINVAL)
		return set_aside(spool, hand->name, err.text);
	if (result < 0) {
		complain(spool, hand->name, "cannot be read now", -result);
		return false;
	}
	call = (struct engine_call){.kind = file.kind,
				    .source = file.source,
				    .item = file.item,
				    .verb = file.verb,
				    .body = file.body};
	pthread_mutex_lock(&spool->lock);
	spool->open_calls++;
	pthread_mutex_unlock(&spool->lock);
	engine_call(spool->options.engine, &call, answered, hand);
	spool_file_done(&file);
	return true;
}

/* What the answer means for the file. False: it stays for now. */
static bool finish(struct hand *hand)
{
	bool done = true;

	if (hand->status >= 500 || hand->status == 429)
		done = false;
	else if (hand->status >= 400)
		done = set_aside(hand->spool, hand->name, hand->answer);
	else if (hand->status && (done = drop(hand->spool, hand->name)))
		hand->spool->handed++;
	free(hand->answer);
	return done;
}

/* --- all of them --- */

/* Hands these in together and waits for the answers. False: one of them stays for now. */
static bool hand_in_together(struct spool *spool, char *const name[], size_t n)
{
	struct hand hand[TOGETHER];
	bool done = true;

	for (size_t i = 0; i < n; i++) {
		hand[i] = (struct hand){.spool = spool, .name = name[i]};
		done &= hand_in(&hand[i]);
	}
	pthread_mutex_lock(&spool->lock);
	while (spool->open_calls > 0)
		pthread_cond_wait(&spool->changed, &spool->lock);
	pthread_mutex_unlock(&spool->lock);
	FAULT_POINT("spool.handed");
	for (size_t i = 0; i < n; i++)
		done &= finish(&hand[i]);
	FAULT_POINT("spool.removed");
	return done;
}

/* Hands in all that is there. True: nothing is left. */
static bool empty(struct spool *spool)
{
	bool done = true, more = true;

	spool_said_next(&spool->said);
	while (done && more && !atomic_load(&spool->stopping)) {
		struct spool_list *list = spool_list(spool->directory);

		if (!list)
			return false;
		more = list->n > 0;
		for (size_t i = 0; i < list->n && !atomic_load(&spool->stopping); i += TOGETHER) {
			size_t left = list->n - i;

			done &= hand_in_together(spool, &list->name[i],
						 left < TOGETHER ? left : TOGETHER);
		}
		spool_list_free(list);
	}
	return done;
}

static void report(struct spool *spool)
{
	if (spool->handed > 0)
		log_write(spool->options.log, TOCSIN_LOG_INFO, "spool",
			  "%zu %s made without the daemon handed in", spool->handed,
			  spool->handed == 1 ? "word that was" : "words that were");
	spool->handed = 0;
}

/* --- the thread --- */

static void drain(int fd)
{
	char events[4096];

	while (fd >= 0 && read(fd, events, sizeof(events)) > 0)
		;
}

/* Waits until a file comes, or for that long. */
static void await(const struct spool *spool, int64_t ms)
{
	struct pollfd fds[2] = {{.fd = spool->stop, .events = POLLIN},
				{.fd = spool->watch, .events = POLLIN}};

	(void)poll(fds, 2, (int)ms);
	drain(spool->watch);
}

/* What nobody else removes; at the start, and when something happened. */
static void tidy(struct spool *spool)
{
	int64_t now_ms = clock_boot_ms();
	size_t n;

	if (spool->tidied_ms > 0 && now_ms - spool->tidied_ms < TIDY_MS)
		return;
	spool->tidied_ms = now_ms;
	n = spool_tidy_unfinished(spool->directory, clock_wall_ms());
	if (n > 0)
		log_write(spool->options.log, TOCSIN_LOG_INFO, "spool",
			  "%zu %s removed that %s not been finished for a day", n,
			  n == 1 ? "file is" : "files are", n == 1 ? "has" : "have");
	(void)spool_tidy_refused(spool->refused, (size_t)-1, &spool->n_refused);
	limit_refused(spool);
}

static void *run(void *data)
{
	struct spool *spool = data;
	int64_t again_ms = AGAIN_MS;

	while (!atomic_load(&spool->stopping)) {
		bool done = empty(spool);

		report(spool);
		tidy(spool);
		if (done) {
			again_ms = AGAIN_MS;
			await(spool, spool->watch >= 0 ? DAY_MS : AGAIN_MOST_MS);
			continue;
		}
		await(spool, again_ms);
		again_ms = again_ms * 2 < AGAIN_MOST_MS ? again_ms * 2 : AGAIN_MOST_MS;
	}
	pthread_mutex_lock(&spool->lock);
	spool->ended = true;
	pthread_cond_broadcast(&spool->changed);
	pthread_mutex_unlock(&spool->lock);
	return NULL;
}

/* --- start and stop --- */

unsigned int spool_mode(unsigned int socket_mode)
{
	unsigned int mode = 0700;

	if (socket_mode & 0020)
		mode |= 0070;
	if (socket_mode & 0002)
		mode |= 0007;
	return mode == 0700 ? mode : mode | S_ISVTX; /* nobody removes what is another's */
}

static int open_directories(struct spool *spool, struct error *err)
{
	const char *path = spool->path;
	int result = open_directory(AT_FDCWD, path, path, &spool->directory, err);

	if (result < 0)
		return result;
	if (flock(spool->directory, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? error_set(err, -EBUSY, "%s is used by another tocsind", path)
			       : fail(err, path, "cannot be locked");
	result = open_directory(spool->directory, SPOOL_REFUSED, path, &spool->refused, err);
	if (result < 0)
		return result;
	/* not before: with these rights somebody else could have made what is in it */
	if (fchmod(spool->directory, spool_mode(spool->options.mode)) < 0)
		return fail(err, path, "cannot be given its permissions");
	return 0;
}

/* Without a watch it looks every minute. */
static void start_watch(struct spool *spool)
{
	spool->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (spool->watch < 0 ||
	    inotify_add_watch(spool->watch, spool->path, IN_MOVED_TO | IN_CLOSE_WRITE) >= 0)
		return;
	close(spool->watch);
	spool->watch = -1;
}

static void spool_free(struct spool *spool)
{
	const int fds[] = {spool->directory, spool->refused, spool->watch, spool->stop};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	pthread_cond_destroy(&spool->changed);
	pthread_mutex_destroy(&spool->lock);
	free(spool->path);
	free(spool);
}

static int start(struct spool *spool, struct error *err)
{
	int result = -ENOMEM;

	if (spool->path)
		result = open_directories(spool, err);
	if (result < 0)
		return result;
	start_watch(spool);
	spool->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (spool->stop < 0 || pthread_create(&spool->thread, NULL, run, spool) != 0)
		return error_set(err, -EAGAIN, "no thread or descriptor left");
	return 0;
}

struct spool *spool_start(const struct spool_options *options)
{
	struct spool *spool = *options->path ? calloc(1, sizeof(*spool)) : NULL;
	struct error err = {"out of memory"};
	int result = -ENOMEM;

	if (!*options->path)
		return NULL;
	if (spool) {
		spool->options = *options;
		spool->directory = spool->refused = spool->watch = spool->stop = -1;
		pthread_mutex_init(&spool->lock, NULL);
		clock_cond_init(&spool->changed);
		spool->path = strdup(options->path);
		result = start(spool, &err);
	}
	if (result == 0)
		return spool;
	log_write(options->log, TOCSIN_LOG_WARNING, "spool",
		  "what is put there while tocsind does not run is not taken: %s; see api.spool",
		  err.text);
	if (spool)
		spool_free(spool);
	return NULL;
}

void spool_stop(struct spool *spool)
{
	static const uint64_t one = 1;

	if (!spool)
		return;
	atomic_store(&spool->stopping, true);
	if (write(spool->stop, &one, sizeof(one)) < 0)
		log_write(spool->options.log, TOCSIN_LOG_DEBUG, "spool", "it is awake");
	pthread_mutex_lock(&spool->lock);
	while (!spool->ended) {
		pthread_mutex_unlock(&spool->lock);
		engine_refuse_calls(spool->options.engine);
		pthread_mutex_lock(&spool->lock);
		if (!spool->ended)
			clock_cond_wait(&spool->changed, &spool->lock, clock_boot_ms() + 100);
	}
	pthread_mutex_unlock(&spool->lock);
	pthread_join(spool->thread, NULL);
	spool_free(spool);
}
