/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHUNK 65536
#define DESCRIPTORS 65536 /* closed one by one where the kernel has no close_range */

/* Whoever started us may have closed a standard stream, and its number must not be taken. */
static int above_streams(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd room = {.fd = fd, .events = POLLOUT};

			poll(&room, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return false;
		}
		if (n > 0) {
			data += n;
			length -= (size_t)n;
		}
	}
	return true;
}

/* Passes on at most `most` bytes. How many, 0 at the end, which closes it. */
static size_t pass(struct pump *pump, size_t most)
{
	char chunk[CHUNK];
	ssize_t n;

	do
		n = read(pump->from, chunk, most < CHUNK ? most : CHUNK);
	while (n < 0 && errno == EINTR);
	if (n > 0 && pump->tail)
		tail_add(pump->tail, chunk, (size_t)n);
	/* When nobody takes it any more the command learns that from its next write, as it would
	 * without us. */
	if (n > 0 && write_all(pump->to, chunk, (size_t)n))
		return (size_t)n;
	if (n > 0 && errno != EPIPE)
		pump->error = errno;
	close_one(&pump->from);
	return 0;
}

/* What the command wrote before it ended is in the pipe now; others may go on to write. */
static void drain(struct pump *pump)
{
	int left = 0;
	size_t n;

	if (ioctl(pump->from, FIONREAD, &left) < 0)
		return;
	while (left > 0 && (n = pass(pump, (size_t)left)) > 0)
		left -= (int)n;
	if (pump->from >= 0) {
		struct pollfd look = {.fd = pump->from, .events = POLLIN};

		if (poll(&look, 1, 0) == 1 && look.revents == POLLHUP)
			close_one(&pump->from);
	}
}

static void *work(void *data)
{
	struct pump *pump = data;

	while (pump->from >= 0) {
		struct pollfd look[] = {{.fd = pump->from, .events = POLLIN},
					{.fd = pump->stop, .events = POLLIN}};

		if (poll(look, 2, -1) < 0 && errno != EINTR)
			break;
		if (look[1].revents) {
			drain(pump);
			break;
		}
		if (look[0].revents)
			pass(pump, CHUNK);
	}
	atomic_store(&pump->done, true);
	pthread_kill(pump->waiter, SIGCHLD);
	return NULL;
}

bool pump_open(struct pump *pump, int to, struct tail *tail)
{
	int ends[2];

	*pump = (struct pump){.to = to,
			      .from = -1,
			      .give = -1,
			      .stop = -1,
			      .tail = tail,
			      .waiter = pthread_self()};
	if (fcntl(to, F_GETFD) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return false;
	pump->from = above_streams(ends[0]);
	pump->give = above_streams(ends[1]);
	pump->stop = above_streams(eventfd(0, EFD_CLOEXEC));
	if (pump->from >= 0 && pump->give >= 0 && pump->stop >= 0)
		pump->running = pthread_create(&pump->thread, NULL, work, pump) == 0;
	if (!pump->running)
		pump_close(pump);
	return pump->running;
}

void pump_given(struct pump *pump)
{
	close_one(&pump->give);
}

void pump_end(struct pump *pump)
{
	const uint64_t one = 1;
	ssize_t written;

	do
		written = write(pump->stop, &one, sizeof(one));
	while (written < 0 && errno == EINTR);
}

bool pump_is_done(struct pump *pump)
{
	return atomic_load(&pump->done);
}

bool pump_join(struct pump *pump)
{
	pthread_join(pump->thread, NULL);
	pump->running = false;
	return pump->from >= 0;
}

void pump_close(struct pump *pump)
{
	close_one(&pump->from);
	close_one(&pump->give);
	close_one(&pump->stop);
}

/* Everything but the two ends and our streams: a lock that was handed to us must not be held. */
static void close_others(const struct pump *pump, size_t n)
{
	int low = STDERR_FILENO + 1;

	for (int fd = low; fd < DESCRIPTORS; fd++) {
		bool kept = false;
		int above = -1;

		for (size_t i = 0; i < n; i++) {
			kept = kept || pump[i].from == fd;
			if (pump[i].from > fd)
				above = pump[i].from;
		}
		if (kept)
			continue;
		/* After the last one the kernel can do it at once. */
		if (above < 0 && syscall(SYS_close_range, fd, ~0U, 0) == 0)
			return;
		(void)close(fd);
	}
}

static _Noreturn void go_on(struct pump pumps[], size_t n, const sigset_t *mask)
{
	struct pollfd look[2];
	size_t left = n;

	close_others(pumps, n);
	for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
		if (stream != pumps[0].to && stream != pumps[n - 1].to)
			(void)close(stream);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	while (left > 0) {
		for (size_t i = 0; i < n; i++)
			look[i] = (struct pollfd){.fd = pumps[i].from, .events = POLLIN};
		if (poll(look, (nfds_t)n, -1) < 0 && errno != EINTR)
			break;
		for (size_t i = 0; i < n; i++)
			if (look[i].revents && pass(&pumps[i], CHUNK) == 0)
				left--;
	}
	_exit(0);
}

void pump_leave(struct pump pumps[], size_t n, const sigset_t *mask)
{
	struct pump open[2];
	size_t n_open = 0;

	for (size_t i = 0; i < n && n_open < 2; i++) {
		if (pumps[i].from < 0)
			continue;
		open[n_open] = pumps[i];
		open[n_open++].tail = NULL;
	}
	if (n_open > 0 && fork() == 0)
		go_on(open, n_open, mask);
}

bool pump_same(int one, int other)
{
	struct stat a, b;

	if (fstat(one, &a) < 0 || fstat(other, &b) < 0 || a.st_dev != b.st_dev ||
	    a.st_ino != b.st_ino)
		return false;
	/* A file opened twice has two places at which it is written. */
	return !S_ISREG(a.st_mode) || (fcntl(one, F_GETFL) == fcntl(other, F_GETFL) &&
				       lseek(one, 0, SEEK_CUR) == lseek(other, 0, SEEK_CUR));
}
