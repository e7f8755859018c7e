/* SPDX-License-Identifier: Apache-2.0 */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 50
#define LOCK_PAUSE_NS (100 * 1000 * 1000)
#define ROTATE_AGAIN_MS 60000 /* when it could not begin anew */

void logfile_init(struct logfile *logfile, const char *path,
		  const struct logfile_settings *settings)
{
	*logfile = (struct logfile){
		.path = path,
		.settings = *settings,
		.directory = -1,
		.fd = -1,
	};
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void logfile_done(struct logfile *logfile)
{
	close_fd(&logfile->fd);
	close_fd(&logfile->directory);
}

static int fail(struct logfile *logfile, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(struct logfile *logfile, int rc, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(logfile->why, sizeof(logfile->why), format, arguments);
	va_end(arguments);
	return rc;
}

/* Opens a directory without following a symbolic link anywhere on the way: each name by itself, so
 * that every kernel and sandbox can. path is taken apart. fd or negative errno. */
static int open_way(char *path)
{
	int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int at = open(*path == '/' ? "/" : ".", flags);
	char *rest;

	if (at < 0)
		return -errno;
	for (char *name = strtok_r(path, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
		int next = openat(at, name, flags), rc = -errno;

		close(at);
		if (next < 0)
			return rc;
		at = next;
	}
	return at;
}

int logfile_open_directory(const char *path)
{
	char *way = strdup(path);
	int at = way ? open_way(way) : -ENOMEM, fd;

	free(way);
	if (at < 0)
		return at;
	fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = fd < 0 ? -errno : fd;
	close(at);
	return fd;
}

static const char *file_name(const struct logfile *logfile)
{
	return strrchr(logfile->path, '/') + 1;
}

static int explain_directory(struct logfile *logfile, int rc)
{
	const char *path = logfile->path;

	if (rc == -ENOMEM)
		return fail(logfile, rc, "out of memory");
	if (rc == -ELOOP || rc == -ENOTDIR)
		return fail(logfile, rc,
			    "cannot open %s: its directory is none, or is reached through "
			    "a symbolic link; write the real path",
			    path);
	if (rc == -ENOENT)
		return fail(logfile, rc, "cannot open %s: its directory does not exist; create it",
			    path);
	return fail(logfile, rc, "cannot open the directory of %s: %s", path, strerror(-rc));
}

static int open_directory(struct logfile *logfile)
{
	char *directory = strndup(logfile->path, (size_t)(file_name(logfile) - logfile->path));
	int fd = -ENOMEM;

	if (directory)
		fd = open_way(directory);
	free(directory);
	if (fd < 0)
		return explain_directory(logfile, fd);
	close_fd(&logfile->directory);
	logfile->directory = fd;
	return 0;
}

/* A new file survives a power cut only when its directory entry is on disk too. */
static void sync_directory(const struct logfile *logfile)
{
	int fd = openat(logfile->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

/* The file itself, whose directory is open: no symbolic link either. fd or negative errno. */
static int open_here(const struct logfile *logfile, int flags)
{
	int fd = openat(logfile->directory, file_name(logfile),
			flags | O_RDWR | O_APPEND | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC,
			logfile->settings.mode);

	return fd < 0 ? -errno : fd;
}

static int open_file(struct logfile *logfile)
{
	int fd = -EEXIST, tries;

	/* Whether the file is new matters for its mode; twice, should it come or go meanwhile. */
	for (tries = 0; tries < 2 && (fd == -EEXIST || fd == -ENOENT); tries++) {
		fd = open_here(logfile, 0);
		if (fd != -ENOENT)
			break;
		fd = open_here(logfile, O_CREAT | O_EXCL);
		if (fd >= 0) {
			(void)fchmod(fd, logfile->settings.mode); /* whatever the umask says */
			if (logfile->settings.sync)
				sync_directory(logfile);
		}
	}
	return fd;
}

static int check_file(struct logfile *logfile, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(logfile, -errno, "cannot examine %s: %s", logfile->path,
			    strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(logfile, -EINVAL, "%s is not a regular file; write the path of one",
			    logfile->path);
	if (st.st_nlink > 1)
		return fail(logfile, -EMLINK,
			    "%s has %lu names (hard links); a log has one, remove the others",
			    logfile->path, (unsigned long)st.st_nlink);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return fail(
			logfile, -EPERM,
			"%s belongs to user %lu, neither to this one nor to root; run chown on it",
			logfile->path, (unsigned long)st.st_uid);
	return 0;
}

static int open_checked(struct logfile *logfile)
{
	int fd = open_file(logfile), rc;

	if (fd == -ELOOP)
		return fail(logfile, fd, "%s is a symbolic link; write the path of a file",
			    logfile->path);
	if (fd == -ENXIO)
		return fail(logfile, fd, "%s is not a regular file; write the path of one",
			    logfile->path);
	if (fd < 0)
		return fail(logfile, fd, "cannot open %s: %s", logfile->path, strerror(-fd));
	rc = check_file(logfile, fd);
	if (rc != 0) {
		close(fd);
		return rc;
	}
	close_fd(&logfile->fd);
	logfile->fd = fd;
	return 0;
}

int logfile_open(struct logfile *logfile)
{
	int rc = logfile->directory < 0 ? open_directory(logfile) : 0;

	if (rc == 0)
		rc = open_checked(logfile);
	/* The directory itself may have been replaced since it was opened. */
	if (rc == -ENOENT && open_directory(logfile) == 0)
		rc = open_checked(logfile);
	return rc;
}

/* Several workers and programs may append to one file; the lock keeps a cut from hitting
 * what another one wrote. */
static int lock_file(struct logfile *logfile)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(logfile->fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
	}
	return fail(logfile, -errno, "cannot lock %s: %s", logfile->path,
		    errno == EWOULDBLOCK ? "another program holds its lock" : strerror(errno));
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

static int write_locked(struct logfile *logfile, const char *text, size_t length)
{
	struct stat st;
	char last = '\n';
	int rc = 0;

	if (fstat(logfile->fd, &st) != 0)
		return fail(logfile, -errno, "cannot examine %s: %s", logfile->path,
			    strerror(errno));
	/* A crash can leave half a record at the end; the next one starts on its own line. */
	if (st.st_size > 0 && pread(logfile->fd, &last, 1, st.st_size - 1) == 1 && last != '\n')
		rc = write_all(logfile->fd, "\n", 1);
	if (rc == 0)
		rc = write_all(logfile->fd, text, length);
	if (rc == 0 && logfile->settings.sync && fdatasync(logfile->fd) != 0)
		rc = -errno;
	if (rc == 0)
		return 0;
	fail(logfile, rc, "cannot write to %s: %s", logfile->path, strerror(-rc));
	if (ftruncate(logfile->fd, st.st_size) != 0)
		fail(logfile, rc, "cannot write to %s: %s; a part of the record is left in it",
		     logfile->path, strerror(-rc));
	return rc;
}

/* A file that was deleted would swallow everything; one that was renamed is still wanted by
 * the program that rotates it, which says so with SIGHUP. */
static bool is_gone(const struct logfile *logfile)
{
	struct stat st;

	return logfile->fd < 0 || fstat(logfile->fd, &st) != 0 || st.st_nlink == 0;
}

/* Is the open file the one of that name? Another worker may have begun a new one. */
static bool is_current(const struct logfile *logfile, const struct stat *st)
{
	struct stat named;

	return fstatat(logfile->directory, file_name(logfile), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       named.st_dev == st->st_dev && named.st_ino == st->st_ino;
}

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Begins a new file. When that is not possible the old one goes on. */
static int rotate(struct logfile *logfile)
{
	int rc = rotation_move(&logfile->settings.rotation, logfile->directory, file_name(logfile));

	if (rc != 0) {
		snprintf(logfile->warning, sizeof(logfile->warning),
			 "cannot rotate %s: %s; it goes on growing", logfile->path, strerror(-rc));
		logfile->rotate_at_ms = wall_ms() + ROTATE_AGAIN_MS;
		return 0;
	}
	rc = logfile_open(logfile); /* this lets go of the lock on the old one */
	if (rc == 0 && logfile->settings.sync)
		sync_directory(logfile);
	return rc == 0 ? lock_file(logfile) : rc;
}

/* With the lock held: makes sure that it is on the current file, and that this may take more. */
static int begin_anew(struct logfile *logfile, size_t length)
{
	const struct rotation *rotation = &logfile->settings.rotation;
	int64_t now_ms = wall_ms();
	struct stat st;
	int rc = 0;

	if (rotation->size == 0 && rotation->every_ms == 0)
		return 0;
	for (int tries = 0; tries < LOCK_TRIES && rc == 0; tries++) {
		if (fstat(logfile->fd, &st) != 0)
			return fail(logfile, -errno, "cannot examine %s: %s", logfile->path,
				    strerror(errno));
		if (is_current(logfile, &st))
			break;
		rc = logfile_open(logfile);
		if (rc == 0)
			rc = lock_file(logfile);
	}
	if (rc != 0 || now_ms < logfile->rotate_at_ms ||
	    !rotation_is_due(rotation, &st, length, now_ms))
		return rc;
	return rotate(logfile);
}

int logfile_append(struct logfile *logfile, const char *text, size_t length)
{
	int rc = is_gone(logfile) ? logfile_open(logfile) : 0;

	if (rc == 0)
		rc = lock_file(logfile);
	if (rc != 0)
		return rc;
	rc = begin_anew(logfile, length);
	if (rc == 0)
		rc = write_locked(logfile, text, length);
	(void)flock(logfile->fd, LOCK_UN);
	return rc;
}
