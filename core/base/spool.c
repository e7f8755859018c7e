/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/id.h"
#include "base/text.h"

#define NAME 80 /* of a file, and some */

static void make_name(char name[NAME])
{
	struct timespec now;
	char id[ID_UUID];

	clock_gettime(CLOCK_REALTIME, &now);
	id_uuid(id);
	snprintf(name, NAME, "%019" PRId64 "-%s.json",
		 (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, id);
}

static int write_all(int fd, const struct buffer *text)
{
	size_t done = 0;

	while (done < text->length) {
		ssize_t n = write(fd, text->data + done, text->length - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/* The daemon reads it as the owner of the directory or as one of its group; nobody else does. */
static int let_daemon_read(int fd, int directory)
{
	struct stat of_file, of_directory;
	mode_t mode = S_IRUSR | S_IWUSR | S_IRGRP;

	if (fstat(directory, &of_directory) < 0 || fstat(fd, &of_file) < 0)
		return -errno;
	if (of_file.st_gid != of_directory.st_gid &&
	    fchown(fd, (uid_t)-1, of_directory.st_gid) < 0 &&
	    of_file.st_uid != of_directory.st_uid) {
		if (of_directory.st_mode & S_IXOTH)
			return -EACCES;
		/* Whoever is neither cannot come as far as the file. */
		mode |= S_IROTH;
	}
	return fchmod(fd, mode) < 0 ? -errno : 0;
}

static int fill(int fd, int directory, const struct buffer *text)
{
	int result = write_all(fd, text);

	if (result == 0)
		result = let_daemon_read(fd, directory);
	if (result == 0 && fsync(fd) < 0)
		result = -errno;
	if (close(fd) < 0 && result == 0)
		result = -errno;
	return result;
}

static int put(int directory, const struct buffer *text)
{
	char name[NAME], unfinished[NAME + 1];
	int fd, result;

	make_name(name);
	snprintf(unfinished, sizeof(unfinished), ".%s", name);
	fd = openat(directory, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -errno;
	result = fill(fd, directory, text);
	if (result == 0 && renameat(directory, unfinished, directory, name) < 0)
		result = -errno;
	if (result < 0)
		unlinkat(directory, unfinished, 0);
	else if (fsync(directory) < 0) {
		result = -errno;
		unlinkat(directory, name, 0);
	}
	return result;
}

int spool_write(const char *directory, const char *path, const char *body, struct error *err)
{
	struct buffer text = {0};
	int fd, result;

	buffer_puts(&text, "{\"path\": \"");
	text_add_json(&text, path);
	buffer_printf(&text, "\", \"body\": %s}\n", body);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		result = -errno;
	else if (text.failed)
		result = -ENOMEM;
	else
		result = put(fd, &text);
	if (fd >= 0)
		close(fd);
	buffer_done(&text);
	if (result == 0)
		return 0;
	return error_set(err, result, "the spool %s cannot be written: %s%s", directory,
			 strerror(-result),
			 result == -ENOENT ? " (tocsind makes it when it starts)" : "");
}
