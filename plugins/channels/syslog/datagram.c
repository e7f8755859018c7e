/* SPDX-License-Identifier: Apache-2.0 */
/* UDP, and the socket of this machine, which may turn out to be a stream. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "syslog.h"

static int connect_unix(struct syslog_link *link, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path, link->address->path, sizeof(address.sun_path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		link->fd = fd;
		link->stream = type == SOCK_STREAM;
		return 0;
	}
	rc = -errno;
	close(fd);
	return rc;
}

static int connect_local(struct syslog_link *link)
{
	int rc = connect_unix(link, SOCK_DGRAM);

	if (rc == -EPROTOTYPE)
		rc = connect_unix(link, SOCK_STREAM);
	return rc == 0 ? 0
		       : syslog_link_fail(link, rc, "cannot connect to %s: %s", link->config->to,
					  strerror(-rc));
}

/* The first address that a socket can be connected to. */
static int connect_first(struct syslog_link *link, const struct addrinfo *found)
{
	int rc = -EADDRNOTAVAIL;

	for (; found && link->fd < 0; found = found->ai_next) {
		int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0) {
			link->fd = fd;
			return 0;
		}
		rc = -errno;
		if (fd >= 0)
			close(fd);
	}
	return syslog_link_fail(link, rc, "cannot send to %s: %s", link->config->to, strerror(-rc));
}

static int connect_udp(struct syslog_link *link)
{
	const struct addrinfo wanted = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	char port[8];
	int rc;

	snprintf(port, sizeof(port), "%d", link->address->port);
	rc = getaddrinfo(link->address->host, port, &wanted, &found);
	if (rc == EAI_MEMORY)
		return syslog_link_fail(link, -ENOMEM, "out of memory");
	if (rc != 0)
		return syslog_link_fail(link, -EHOSTUNREACH, "the host '%s' cannot be found: %s",
					link->address->host, gai_strerror(rc));
	rc = connect_first(link, found);
	freeaddrinfo(found);
	return rc;
}

int syslog_datagram_connect(struct syslog_link *link)
{
	link->stream = false;
	return link->address->kind == SYSLOG_UNIX ? connect_local(link) : connect_udp(link);
}

/* The syslog daemon was started anew: the socket is that of the old one. */
static bool is_orphaned(int rc)
{
	return rc == -ECONNREFUSED || rc == -ECONNRESET || rc == -ENOTCONN || rc == -EPIPE;
}

/* One message. 0 or negative errno. */
static int send_one(struct syslog_link *link, const char *text, size_t length, int64_t deadline_ms)
{
	struct pollfd at = {.fd = link->fd, .events = POLLOUT};

	for (;;) {
		if (send(link->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
			return -errno;
		/* The reader is slow; ENOBUFS gives no sign when it is over. */
		if (syslog_left_ms(deadline_ms) == 0)
			return -ETIMEDOUT;
		(void)poll(&at, errno == EAGAIN, errno == EAGAIN ? syslog_left_ms(deadline_ms) : 1);
	}
}

/* Of UDP this is all that there ever is to know: somebody said that nobody listens. */
static int late_error(const struct syslog_link *link)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (link->address->kind == SYSLOG_UDP)
		(void)getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return -error;
}

size_t syslog_datagram_send(struct syslog_link *link, const struct syslog_batch *batch, int *rc)
{
	int64_t deadline_ms = syslog_now_ms() + link->config->server_timeout;
	bool again = link->address->kind == SYSLOG_UNIX;
	size_t i = 0, begin = 0;

	while (i < batch->n && *rc == 0) {
		*rc = send_one(link, batch->text + begin, batch->end[i] - begin, deadline_ms);
		if (*rc == 0) {
			begin = batch->end[i++];
		} else if (again && is_orphaned(*rc)) {
			again = false; /* nothing went out, so nothing can come twice */
			syslog_link_close(link);
			*rc = connect_unix(link, SOCK_DGRAM);
		}
	}
	if (*rc == 0 && (*rc = late_error(link)) != 0)
		i = 0;
	if (*rc != 0)
		syslog_link_fail(link, *rc, "cannot send to %s: %s", link->config->to,
				 strerror(-*rc));
	return i;
}
