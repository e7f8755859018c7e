/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files beside the database: PATH.lock says who uses it, PATH.reserve
 * holds room that is given back when the disk is full.
 *
 * The database file itself is never opened here once SQLite has it open: closing any
 * descriptor of a file drops the locks that the process holds on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "db.h"

#define RESERVE_RETRY_MS 10000
#define FULL_RETRY_MS 1000
#define MIN_ROOM (1 << 20)
#define LOG_MOST (64 << 20)
#define LOG_LEAST (4 << 20)
#define LOG_PART 8 /* of a small disk is the log's, */
#define LOG_FREE 4 /* and of what is free: all of it may be new to the file that it is moved into */

/* PATH with a suffix. 0 or -ENAMETOOLONG. */
static int beside(const struct db *db, const char *suffix, char path[PATH_MAX])
{
	int length = snprintf(path, PATH_MAX, "%s%s", db->config->path, suffix);

	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* A file that is somebody else's, such as one that root left behind. */
static bool is_of_another(const char *path, struct stat *status)
{
	return stat(path, status) == 0 && status->st_uid != geteuid();
}

static int refuse(struct db *db, int error, const char *what, const char *path)
{
	struct stat status;

	if (error == EACCES && is_of_another(path, &status))
		DB_LOG(db, TOCSIN_LOG_ERROR,
		       "cannot %s %s: it belongs to %s (%lu); run chown on it and on the files beside it, "
		       "to the user that runs tocsin",
		       what, path, status.st_uid == 0 ? "root" : "another user",
		       (unsigned long)status.st_uid);
	else
		DB_LOG(db, TOCSIN_LOG_ERROR, "cannot %s %s: %s", what, path, strerror(error));
	return -error;
}

static int refuse_in_use(struct db *db)
{
	char text[32] = "";
	ssize_t length = pread(db->lock, text, sizeof(text) - 1, 0);
	long owner = length > 0 ? strtol(text, NULL, 10) : 0;

	if (owner > 0)
		DB_LOG(db, TOCSIN_LOG_WARNING,
		       "%s is in use by process %ld; stop it first, or give this one a path of its own",
		       db->config->path, owner);
	else
		DB_LOG(db, TOCSIN_LOG_WARNING,
		       "%s is in use by another process; stop it first, or give this one a path of its own",
		       db->config->path);
	return -EBUSY;
}

static int write_owner(struct db *db)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(db->lock, 0) < 0)
		return -errno;
	return pwrite(db->lock, text, (size_t)length, 0) == length ? 0 : -ENOSPC;
}

int db_lock(struct db *db)
{
	char path[PATH_MAX];
	int result = beside(db, ".lock", path);

	if (result)
		return refuse(db, -result, "use", db->config->path);
	db->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (db->lock < 0 && errno == ENOENT) {
		DB_LOG(db, TOCSIN_LOG_ERROR,
		       "the directory of %s does not exist; create it, owned by the user that tocsin runs as",
		       db->config->path);
		return -ENOENT;
	}
	if (db->lock < 0)
		return refuse(db, errno, "open", path);
	if (flock(db->lock, LOCK_EX | LOCK_NB) < 0) {
		result = errno == EWOULDBLOCK ? refuse_in_use(db) : refuse(db, errno, "lock", path);
		goto out;
	}
	/* The number only serves the message above: on a full disk the store still opens. */
	if (write_owner(db))
		DB_LOG(db, TOCSIN_LOG_WARNING, "cannot write the process number to %s", path);
out:
	if (result) {
		(void)close(db->lock);
		db->lock = -1;
	}
	return result;
}

/* The file stays: removing it could take it from under a process that waits to lock it. */
void db_unlock(struct db *db)
{
	if (db->lock < 0)
		return;
	if (ftruncate(db->lock, 0) < 0)
		DB_LOG(db, TOCSIN_LOG_DEBUG, "cannot empty the lock file: %s", strerror(errno));
	(void)close(db->lock);
	db->lock = -1;
}

/* SQLite would create it with the permissions of the umask; its log takes those of this file. */
int db_create_file(struct db *db)
{
	const char *path = db->config->path;
	struct stat status;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	int result = 0;

	if (fd < 0)
		return refuse(db, errno, "open", path);
	if (fstat(fd, &status) < 0)
		result = refuse(db, errno, "read", path);
	else if (!S_ISREG(status.st_mode))
		result = refuse(db, EINVAL, "keep alerts in something that is not a file:", path);
	else if (status.st_mode & 077)
		DB_LOG(db, TOCSIN_LOG_WARNING,
		       "%s can be read by other users; take that away with: chmod 600 %s", path,
		       path);
	(void)close(fd);
	return result;
}

int db_sync_directory(struct db *db)
{
	char path[PATH_MAX];
	int result = beside(db, "", path);
	char *slash = strrchr(path, '/');
	int fd;

	if (result)
		return refuse(db, -result, "use", db->config->path);
	if (slash)
		slash[slash == path] = '\0';
	fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return refuse(db, errno, "open the directory", path);
	/* EINVAL: this file system keeps names without being asked. */
	if (fsync(fd) < 0 && errno != EINVAL)
		result = refuse(db, errno, "sync the directory", path);
	(void)close(fd);
	return result;
}

bool db_has_log(const struct db *db, int64_t *file_size)
{
	char path[PATH_MAX];
	struct stat status;

	*file_size = stat(db->config->path, &status) == 0 ? status.st_size : 0;
	return beside(db, "-wal", path) == 0 && stat(path, &status) == 0 && status.st_size > 0;
}

void db_find_log_room(struct db *db)
{
	struct statvfs status;
	uint64_t part = LOG_MOST, all, free;

	if (statvfs(db->config->path, &status) == 0) {
		all = status.f_blocks / LOG_PART * status.f_frsize;
		free = status.f_bavail / LOG_FREE * status.f_frsize;
		part = all < free ? all : free;
	}
	db->log_room = part > LOG_MOST ? LOG_MOST : part < LOG_LEAST ? LOG_LEAST : (int64_t)part;
}

bool db_has_room(const struct db *db, int64_t bytes)
{
	struct statvfs status;

	return statvfs(db->config->path, &status) == 0 &&
	       status.f_bavail >= (uint64_t)bytes / status.f_frsize;
}

static int64_t boot_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What must be free before a full disk counts as one with room, also without a reserve. */
static int64_t wanted_room(const struct db *db)
{
	return db->config->reserve > MIN_ROOM ? db->config->reserve : MIN_ROOM;
}

/* Room for the reserve and as much again: else taking it would fill the disk. */
static bool has_room(const struct db *db)
{
	struct statvfs status;

	if (statvfs(db->config->path, &status) < 0)
		return false;
	return status.f_bavail > (uint64_t)wanted_room(db) * 2 / status.f_frsize;
}

void db_find_reserve(struct db *db)
{
	char path[PATH_MAX];
	struct stat status;

	db->reserved = db->config->reserve > 0 && beside(db, ".reserve", path) == 0 &&
		       stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
		       status.st_blocks * 512 >= db->config->reserve;
}

/* Whether the file system gives that much room: a quota may refuse what the disk has. Where there
 * cannot be a file, nothing speaks against it. */
static bool take_room(struct db *db, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error = fd < 0 ? errno : posix_fallocate(fd, 0, wanted_room(db));

	if (fd >= 0)
		(void)close(fd);
	db->reserved = error == 0 && db->config->reserve > 0;
	if (!db->reserved)
		(void)unlink(path);
	if (error && !db->full)
		DB_LOG(db, TOCSIN_LOG_WARNING, "cannot reserve room in %s: %s", path,
		       strerror(error));
	return error == 0 || fd < 0;
}

void db_reserve(struct db *db)
{
	int64_t pause_ms = db->full ? FULL_RETRY_MS : RESERVE_RETRY_MS;
	char path[PATH_MAX];

	if (db->reserved || (db->config->reserve <= 0 && !db->full) || beside(db, ".reserve", path))
		return;
	if (db->reserve_tried_ms && boot_ms() < db->reserve_tried_ms + pause_ms)
		return;
	db->reserve_tried_ms = boot_ms();
	if (has_room(db) && take_room(db, path))
		db->full = false;
}

bool db_full(void *state)
{
	const struct db *db = state;

	return db->full;
}

void db_unreserve(struct db *db)
{
	char path[PATH_MAX];

	if (!db->reserved || beside(db, ".reserve", path))
		return;
	db->reserved = false;
	db->reserve_tried_ms = boot_ms();
	if (unlink(path) == 0)
		DB_LOG(db, TOCSIN_LOG_WARNING,
		       "gave back the room of %s, so that what is under "
		       "way can be settled; make room on this disk",
		       path);
}
