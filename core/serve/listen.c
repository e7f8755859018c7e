/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/listen.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int fill_address(const char *path, struct sockaddr_un *address, struct error *err)
{
	size_t length = strlen(path);

	if (path[0] != '/')
		return error_set(err, -EINVAL, "socket '%s' is not an absolute path", path);
	if (length >= sizeof(address->sun_path))
		return error_set(err, -ENAMETOOLONG,
				 "socket %s: the path is longer than %zu bytes; choose a shorter "
				 "one with api.socket",
				 path, sizeof(address->sun_path) - 1);
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, length + 1);
	return 0;
}

/* 0 when somebody answers, else the negative errno of connect. */
static int probe(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int result = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		result = -errno;
	close(fd);
	return result;
}

/* Makes room for our own socket: only a socket that refuses connections is removed. */
static int clear_path(const struct sockaddr_un *address, struct error *err)
{
	const char *path = address->sun_path;
	struct stat status;
	int result;

	if (lstat(path, &status) < 0)
		return errno == ENOENT
			       ? 0
			       : error_set(err, -errno, "socket %s: %s", path, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return error_set(err, -EEXIST,
				 "%s is there and is no socket; remove it or choose another "
				 "api.socket",
				 path);
	result = probe(address);
	if (result == 0 || result == -EAGAIN)
		return error_set(err, -EADDRINUSE,
				 "socket %s is already in use: another tocsind answers there",
				 path);
	if (result != -ECONNREFUSED)
		return error_set(err, result, "socket %s: %s", path, strerror(-result));
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, -errno, "cannot remove the stale socket %s: %s", path,
				 strerror(errno));
	return 0;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address, unsigned int mode,
			   struct error *err)
{
	const char *path = address->sun_path;
	int code;

	/* On Linux the file inherits the mode of the unbound socket, minus the umask, so there is
	 * no moment at which it is wider than asked for. */
	if (fchmod(fd, (mode_t)mode) < 0)
		return error_set(err, -errno, "socket %s: %s", path, strerror(errno));
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		code = errno;
		return error_set(err, -code, "cannot make the socket %s: %s%s", path,
				 strerror(code),
				 code == ENOENT ? " (its directory is missing)" : "");
	}
	if (chmod(path, (mode_t)mode) < 0 || listen(fd, SOMAXCONN) < 0) {
		code = errno;
		unlink(path);
		return error_set(err, -code, "socket %s: %s", path, strerror(code));
	}
	return 0;
}

int listen_unix(const char *path, unsigned int mode, int *fd, struct error *err)
{
	struct sockaddr_un address;
	int result, made;

	result = fill_address(path, &address, err);
	if (result == 0)
		result = clear_path(&address, err);
	if (result < 0)
		return result;
	made = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (made < 0)
		return error_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	result = bind_and_listen(made, &address, mode, err);
	if (result < 0)
		close(made);
	else
		*fd = made;
	return result;
}
