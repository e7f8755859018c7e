/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40

/* A walk from the root to the end of a path. */
struct walk {
	const char *asked;   /* the whole path, for messages */
	int fd;              /* the component reached so far, opened with O_PATH */
	char rest[PATH_MAX]; /* what is still to walk */
	int links;
};

/* The real path of a descriptor, for messages only. */
static const char *name_of(int fd, const char *otherwise, char *name, size_t size)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, name, size - 1);
	if (length < 0)
		return otherwise;
	name[length] = '\0';
	return name;
}

/* Who could replace this component or what is in it? */
static int judge(const struct walk *walk, int fd, const struct stat *st, bool last,
		 struct error *err)
{
	char buffer[PATH_MAX];
	const char *name = name_of(fd, walk->asked, buffer, sizeof(buffer));
	bool writable = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return error_set(err, -EPERM,
				 "%s belongs to user %u; it must belong to root or to user %u, "
				 "who runs this",
				 name, st->st_uid, geteuid());
	if (S_ISLNK(st->st_mode) || !writable)
		return 0;
	/* In a sticky directory on the way others cannot replace what is ours or root's. */
	if (!last && S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX))
		return 0;
	return error_set(err, -EPERM,
			 "%s can be written by %s (mode %04o); take that away: chmod go-w %s", name,
			 st->st_mode & S_IWOTH ? "everybody" : "its group",
			 (unsigned int)st->st_mode & 07777, name);
}

/* Splits the first component off the rest; false at the end of the path. */
static bool next_component(struct walk *walk, char component[NAME_MAX + 1], bool *too_long)
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(start, "/");

	*too_long = length > NAME_MAX;
	if (length == 0 || *too_long)
		return false;
	memcpy(component, start, length);
	component[length] = '\0';
	start += length;
	memmove(walk->rest, start, strlen(start) + 1);
	return true;
}

static bool nothing_left(const struct walk *walk)
{
	return walk->rest[strspn(walk->rest, "/")] == '\0';
}

/* Puts the target of a link in front of what is still to walk. */
static int follow(struct walk *walk, int link_fd, struct error *err)
{
	char path[PATH_MAX * 2];
	ssize_t length = readlinkat(link_fd, "", path, PATH_MAX);

	if (length < 0)
		return error_set(err, -errno, "%s: %s", walk->asked, strerror(errno));
	if (++walk->links > MAX_LINKS)
		return error_set(err, -ELOOP, "%s: too many symbolic links", walk->asked);
	if ((size_t)length + 1 + strlen(walk->rest) >= sizeof(walk->rest))
		return error_set(err, -ENAMETOOLONG, "%s: the path is too long", walk->asked);
	snprintf(path + length, sizeof(path) - (size_t)length, "/%s", walk->rest);
	memcpy(walk->rest, path, strlen(path) + 1);
	if (path[0] == '/') {
		int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (root < 0)
			return error_set(err, -errno, "/: %s", strerror(errno));
		close(walk->fd);
		walk->fd = root;
	}
	return 0;
}

/* One step down; the walk's descriptor moves on unless the component is a link. */
static int step(struct walk *walk, const char *component, struct error *err)
{
	struct stat st;
	int result;
	int fd = openat(walk->fd, component, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, -errno, "%s: %s", walk->asked, strerror(errno));
	if (fstat(fd, &st) < 0)
		result = error_set(err, -errno, "%s: %s", walk->asked, strerror(errno));
	else
		result = judge(walk, fd, &st, nothing_left(walk), err);
	if (result == 0 && S_ISLNK(st.st_mode)) {
		result = follow(walk, fd, err);
	} else if (result == 0) {
		close(walk->fd);
		walk->fd = fd;
		return 0;
	}
	close(fd);
	return result;
}

/* Opens for reading what the walk has reached: the same object, not the same name. */
static int reopen(const struct walk *walk, bool directory, struct error *err)
{
	char link[64];
	struct stat st;
	int fd;

	if (fstat(walk->fd, &st) < 0)
		return error_set(err, -errno, "%s: %s", walk->asked, strerror(errno));
	if (directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		return error_set(err, directory ? -ENOTDIR : -EINVAL, "%s is not a %s", walk->asked,
				 directory ? "directory" : "regular file");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", walk->fd);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (directory ? O_DIRECTORY : 0));
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", walk->asked, strerror(errno));
	return fd;
}

int trust_open(const char *path, bool directory, struct error *err)
{
	struct walk walk = {.asked = path, .fd = -1};
	char component[NAME_MAX + 1];
	bool too_long = false;
	int result = 0;

	if (path[0] != '/')
		return error_set(err, -EINVAL, "'%s' is not an absolute path; begin it with /",
				 path);
	if (strlen(path) >= sizeof(walk.rest))
		return error_set(err, -ENAMETOOLONG, "%.100s...: the path is too long", path);
	memcpy(walk.rest, path, strlen(path) + 1);
	walk.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk.fd < 0)
		return error_set(err, -errno, "/: %s", strerror(errno));
	while (result == 0 && next_component(&walk, component, &too_long))
		result = step(&walk, component, err);
	if (result == 0 && too_long)
		result = error_set(err, -ENAMETOOLONG, "%s: a name in it is too long", path);
	if (result == 0)
		result = reopen(&walk, directory, err);
	close(walk.fd);
	return result;
}
