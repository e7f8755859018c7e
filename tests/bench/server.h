/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server of one thread for the sinks of the bench: it must cost so little that
 * what it measures is the client. It listens on a port of 127.0.0.1 that the
 * kernel chooses, prints it, and serves until it is killed.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include "common.h"

struct peer {
	int fd;
	int state; /* of the protocol, 0 at first */
	unsigned int generation; /* of the descriptor's number */
	char *in;
	size_t length, room;
	char out[16384];
	size_t out_length;
};

struct server {
	int epoll, listener;
	int64_t delay_ns; /* between a message and its reply */
	struct notes *notes;
	const char *greeting; /* or NULL */
	/* Takes complete messages from what was read; how many bytes it took, or -1: hang up. */
	long (*take)(struct server *server, struct peer *peer, const char *data, size_t length);
	struct owed *owed; /* ring of replies that wait for their time */
	size_t owed_first, owed_n, owed_room;
};

/* Reads --delay-ms, --notes FILE and --most from the command line, and serves. */
int server_main(struct server *server, int argc, char *argv[]);
/* text is a constant. At once, or after the delay. */
void server_reply(struct server *server, struct peer *peer, const char *text);
void server_reply_late(struct server *server, struct peer *peer, const char *text);

#endif
