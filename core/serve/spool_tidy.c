/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/spool_tidy.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nanoseconds since 1970. */
static int64_t time_of(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static DIR *open_again(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *opened = fd >= 0 ? fdopendir(fd) : NULL;

	if (!opened && fd >= 0)
		close(fd);
	return opened;
}

/* The next one that is no directory, with what it is; NULL at the end. */
static const char *next_file(DIR *directory, struct stat *status)
{
	const struct dirent *entry;

	while ((entry = readdir(directory)))
		if (fstatat(dirfd(directory), entry->d_name, status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !S_ISDIR(status->st_mode))
			return entry->d_name;
	return NULL;
}

size_t spool_tidy_unfinished(int directory, int64_t now_ms)
{
	DIR *opened = open_again(directory);
	struct stat status;
	const char *name;
	size_t n = 0;

	while (opened && (name = next_file(opened, &status)))
		if (name[0] == '.' &&
		    time_of(&status.st_mtim) / 1000000 < now_ms - SPOOL_UNFINISHED_MS &&
		    time_of(&status.st_ctim) / 1000000 < now_ms - SPOOL_UNFINISHED_MS)
			n += unlinkat(directory, name, 0) == 0;
	if (opened)
		closedir(opened);
	return n;
}

static int by_time(const void *a, const void *b)
{
	int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

	return (one > other) - (one < other);
}

/* When each came, oldest first, for the caller to free(); NULL: none, or no memory. */
static int64_t *times_in(DIR *directory, size_t *n)
{
	int64_t *time = NULL;
	struct stat status;
	size_t room = 0;

	for (*n = 0; next_file(directory, &status); time[(*n)++] = time_of(&status.st_ctim)) {
		int64_t *grown;

		if (*n < room)
			continue;
		room = room ? 2 * room : 1024;
		grown = realloc(time, room * sizeof(*time));
		if (!grown) {
			free(time);
			return NULL;
		}
		time = grown;
	}
	if (time)
		qsort(time, *n, sizeof(*time), by_time);
	return time;
}

/* So many that came up to then. */
static size_t remove_oldest(DIR *directory, int64_t until, size_t most)
{
	struct stat status;
	const char *name;
	size_t n = 0;

	rewinddir(directory);
	while (n < most && (name = next_file(directory, &status)))
		if (time_of(&status.st_ctim) <= until)
			n += unlinkat(dirfd(directory), name, 0) == 0;
	return n;
}

size_t spool_tidy_refused(int directory, size_t most, size_t *left)
{
	DIR *opened = open_again(directory);
	int64_t *time = opened ? times_in(opened, left) : NULL;
	size_t surplus, n = 0;

	if (!time) {
		*left = 0;
	} else if (*left > most) {
		surplus = *left - (most - most / 10);
		n = remove_oldest(opened, time[surplus - 1] - 1, surplus);
		/* many come at the same moment, as far as the file system can tell */
		n += remove_oldest(opened, time[surplus - 1], surplus - n);
		*left -= n;
	}
	free(time);
	if (opened)
		closedir(opened);
	return n;
}
