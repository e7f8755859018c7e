/* SPDX-License-Identifier: Apache-2.0 */
#include "shelf.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define PLAIN_MOST 64
#define HASH_DIGITS 16
#define ENDING ".log"
#define OTHER "_other"

static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

/* Does it end as a name does that was changed? */
static bool looks_changed(const char *value, size_t length)
{
	const char *end = value + length - HASH_DIGITS - 1;

	return length > HASH_DIGITS && *end == '-' &&
	       strspn(end + 1, "0123456789abcdef") == HASH_DIGITS;
}

void shelf_name(const char *value, char name[SHELF_NAME])
{
	size_t length = strlen(value), n;

	if (!*value) {
		memcpy(name, "_", 2);
		return;
	}
	for (n = 0; n < PLAIN_MOST && value[n]; n++)
		name[n] = strchr(PLAIN, value[n]) ? value[n] : '_';
	name[n] = '\0';
	if (n == length && strcmp(name, value) == 0 && !strchr("._-", *value) &&
	    !looks_changed(value, length))
		return;
	if (*name == '.' || *name == '-')
		*name = '_';
	snprintf(name + n, SHELF_NAME - n, "-%016" PRIx64, hash_of(value));
}

void shelf_init(struct shelf *shelf, const char *path, const struct logfile_settings *settings,
		int64_t most)
{
	*shelf = (struct shelf){.path = path, .settings = *settings, .most = most};
}

static void close_log(struct shelf_log *log)
{
	if (!*log->name)
		return;
	logfile_done(&log->file);
	free(log->path);
	*log = (struct shelf_log){.used = 0};
}

void shelf_done(struct shelf *shelf)
{
	for (size_t i = 0; i < SHELF_OPEN; i++)
		close_log(&shelf->log[i]);
}

static bool is_log(const char *name)
{
	size_t length = strlen(name);

	return length > strlen(ENDING) && strcmp(name + length - strlen(ENDING), ENDING) == 0;
}

static int count_logs(struct shelf *shelf, DIR *directory)
{
	struct dirent *entry;

	shelf->n = 0;
	errno = 0;
	while ((entry = readdir(directory)) != NULL)
		shelf->n += is_log(entry->d_name);
	return -errno;
}

int shelf_open(struct shelf *shelf)
{
	int fd = logfile_open_directory(shelf->path), rc = fd;
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

	shelf_done(shelf);
	if (directory) {
		rc = count_logs(shelf, directory);
		closedir(directory);
	} else if (fd >= 0) {
		rc = -errno;
		close(fd);
	}
	if (rc == -ELOOP || rc == -ENOTDIR)
		snprintf(shelf->why, sizeof(shelf->why),
			 "%s is no directory, or is reached through a symbolic link; write the "
			 "real path",
			 shelf->path);
	else if (rc == -ENOENT)
		snprintf(shelf->why, sizeof(shelf->why), "%s does not exist; create it",
			 shelf->path);
	else if (rc != 0)
		snprintf(shelf->why, sizeof(shelf->why), "cannot read %s: %s", shelf->path,
			 strerror(-rc));
	return rc;
}

static struct shelf_log *oldest(struct shelf *shelf)
{
	struct shelf_log *found = &shelf->log[0];

	for (size_t i = 1; i < SHELF_OPEN; i++) {
		if (shelf->log[i].used < found->used)
			found = &shelf->log[i];
	}
	return found;
}

static struct shelf_log *known(struct shelf *shelf, const char *name)
{
	for (size_t i = 0; i < SHELF_OPEN; i++) {
		if (strcmp(shelf->log[i].name, name) == 0)
			return &shelf->log[i];
	}
	return NULL;
}

/* Opens one more log in place of the one that was not used for longest. NULL when memory is short
 * or, with *full, when there must not be one more file. */
static struct shelf_log *open_log(struct shelf *shelf, const char *name, bool *full)
{
	struct shelf_log *log = oldest(shelf);
	struct stat st;
	char *path;

	if (asprintf(&path, "%s/%s" ENDING, shelf->path, name) < 0) {
		snprintf(shelf->why, sizeof(shelf->why), "out of memory");
		return NULL;
	}
	if (lstat(path, &st) != 0 && errno == ENOENT) {
		*full = shelf->n >= shelf->most && strcmp(name, OTHER) != 0;
		shelf->n += !*full;
	}
	if (*full) {
		free(path);
		return NULL;
	}
	close_log(log);
	snprintf(log->name, sizeof(log->name), "%s", name);
	log->path = path;
	logfile_init(&log->file, path, &shelf->settings);
	return log;
}

struct logfile *shelf_find(struct shelf *shelf, const char *name)
{
	struct shelf_log *log = known(shelf, name);
	bool full = false;

	if (!log)
		log = open_log(shelf, name, &full);
	if (full) {
		full = false;
		log = known(shelf, OTHER);
		if (!log)
			log = open_log(shelf, OTHER, &full);
	}
	if (!log)
		return NULL;
	log->used = ++shelf->uses;
	return &log->file;
}
