/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_PEERS 65536 /* numbers of descriptors: some peers open a connection for each alert */
#define ROOM (64 * 1024)

struct owed {
	int64_t due_ns;
	struct peer *peer;
	unsigned int generation;
	const char *text;
};

static void watch(struct server *server, struct peer *peer, bool write)
{
	struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = peer};

	(void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, peer->fd, &event);
}

static void hang_up(struct peer *peer)
{
	(void)close(peer->fd);
	free(peer->in);
	peer->in = NULL;
	peer->length = peer->room = 0;
	peer->generation++;
}

static void flush(struct server *server, struct peer *peer)
{
	ssize_t n = send(peer->fd, peer->out, peer->out_length, MSG_NOSIGNAL);

	if (n < 0)
		n = 0;
	peer->out_length -= (size_t)n;
	memmove(peer->out, peer->out + n, peer->out_length);
	watch(server, peer, peer->out_length > 0);
}

void server_reply(struct server *server, struct peer *peer, const char *text)
{
	size_t length = strlen(text);
	ssize_t n = 0;

	if (peer->out_length == 0)
		n = send(peer->fd, text, length, MSG_NOSIGNAL);
	if (n == (ssize_t)length)
		return;
	n = n < 0 ? 0 : n;
	if (peer->out_length + length > sizeof(peer->out))
		die("a client does not read its replies");
	memcpy(peer->out + peer->out_length, text + n, length - (size_t)n);
	peer->out_length += length - (size_t)n;
	watch(server, peer, true);
}

void server_reply_late(struct server *server, struct peer *peer, const char *text)
{
	struct owed *owed;

	if (server->delay_ns == 0) {
		server_reply(server, peer, text);
		return;
	}
	if (server->owed_n == server->owed_room)
		die("more than %zu replies wait", server->owed_room);
	owed = &server->owed[(server->owed_first + server->owed_n++) % server->owed_room];
	*owed = (struct owed){now_ns() + server->delay_ns, peer, peer->generation, text};
}

/* Sends the replies that are due; how long to the next, in ms, or -1. */
static int pay(struct server *server)
{
	while (server->owed_n > 0) {
		struct owed *owed = &server->owed[server->owed_first];
		int64_t left = owed->due_ns - now_ns();

		if (left > 0)
			return (int)((left + 999999) / 1000000);
		if (owed->generation == owed->peer->generation)
			server_reply(server, owed->peer, owed->text);
		server->owed_first = (server->owed_first + 1) % server->owed_room;
		server->owed_n--;
	}
	return -1;
}

static void greet(struct server *server, struct peer peers[])
{
	int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
	struct epoll_event event = {.events = EPOLLIN};
	struct peer *peer;

	if (fd < 0)
		return;
	if (fd >= MOST_PEERS)
		die("too many connections");
	peer = &peers[fd];
	peer->fd = fd;
	peer->state = 0;
	peer->length = peer->out_length = 0;
	event.data.ptr = peer;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event);
	if (server->greeting)
		server_reply(server, peer, server->greeting);
}

static void hear(struct server *server, struct peer *peer)
{
	ssize_t n;
	long taken;

	if (peer->room - peer->length < ROOM) {
		peer->room = peer->room * 2 + ROOM;
		peer->in = realloc(peer->in, peer->room);
		if (!peer->in)
			die("out of memory");
	}
	n = recv(peer->fd, peer->in + peer->length, peer->room - peer->length, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		hang_up(peer);
		return;
	}
	peer->length += (size_t)n;
	taken = server->take(server, peer, peer->in, peer->length);
	if (taken < 0) {
		hang_up(peer);
		return;
	}
	peer->length -= (size_t)taken;
	memmove(peer->in, peer->in + taken, peer->length);
}

static void serve(struct server *server)
{
	struct peer *peers = calloc(MOST_PEERS, sizeof(*peers));
	struct epoll_event events[256];

	if (!peers)
		die("out of memory");
	for (;;) {
		int n = epoll_wait(server->epoll, events, 256, pay(server));

		for (int i = 0; i < n; i++) {
			struct peer *peer = events[i].data.ptr;

			if (!peer) {
				greet(server, peers);
				continue;
			}
			if (events[i].events & EPOLLOUT)
				flush(server, peer);
			if (events[i].events & ~(unsigned int)EPOLLOUT)
				hear(server, peer);
		}
	}
}

static void listen_somewhere(struct server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {.events = EPOLLIN};
	struct rlimit files = {MOST_PEERS, MOST_PEERS};
	socklen_t length = sizeof(address);

	if (setrlimit(RLIMIT_NOFILE, &files) < 0 && getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->epoll < 0 || server->listener < 0 ||
	    bind(server->listener, (struct sockaddr *)&address, length) < 0 ||
	    listen(server->listener, 1024) < 0 ||
	    getsockname(server->listener, (struct sockaddr *)&address, &length) < 0 ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) < 0)
		die("cannot listen: %s", strerror(errno));
	(void)printf("%d\n", ntohs(address.sin_port));
	(void)fflush(stdout);
}

int server_main(struct server *server, int argc, char *argv[])
{
	static const struct option known[] = {{"delay-ms", required_argument, NULL, 'd'},
					      {"notes", required_argument, NULL, 'n'},
					      {"most", required_argument, NULL, 'm'},
					      {0}};
	const char *path = NULL;
	size_t most = 1000000;
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 'd')
			server->delay_ns = (int64_t)number_of(optarg, "--delay-ms") * 1000000;
		else if (option == 'n')
			path = optarg;
		else if (option == 'm')
			most = number_of(optarg, "--most");
		else
			return 2;
	}
	server->notes = notes_map(path, most);
	server->owed_room = 65536;
	server->owed = calloc(server->owed_room, sizeof(*server->owed));
	if (!server->owed)
		die("out of memory");
	listen_somewhere(server);
	serve(server);
	return 0;
}
