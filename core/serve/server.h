/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve/server: the HTTP API on a unix socket, for the tocsin command and for
 * programs that send alerts.
 *
 * One thread of libmicrohttpd serves every connection and never waits: a
 * request that needs the store or the main thread is suspended and resumed
 * when the answer is there.
 */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include "base/error.h"
#include "base/log.h"
#include "config/problems.h"
#include "engine/engine.h"

struct server;

/* Everything but the path of the socket is borrowed and outlives the server. */
struct server_options {
	struct engine *engine;
	struct log *log;
	const char *socket; /* path of the unix socket */
	unsigned int mode;  /* its permissions, 0660 */
	const char *config; /* the directory that status shows; NULL: what the engine says */
	/* Called on the server's thread: ask the main thread to reload, and return at once. NULL:
	 * this program cannot reload. */
	void (*reload)(void *data);
	void *data;
};

/* 0, or a negative errno with the sentence (-EADDRINUSE: another daemon answers on the socket). A
 * socket file that nobody answers on is replaced. */
int server_start(const struct server_options *options, struct server **server, struct error *err);

/*
 * The main thread calls begin before it reads the configuration and end when it
 * has taken it over or refused it: result 0, or a negative errno with the
 * problems (may be NULL) or the sentence (may be NULL). Every request that had
 * asked before begin is answered by end. Both may be called without any such
 * request (SIGHUP), and with NULL (there is no server).
 */
void server_reload_begin(struct server *server);
void server_reload_end(struct server *server, int result, const struct problems *problems,
		       const char *sentence);

/* Refuses new requests, answers those under way (the engine must still run), removes the socket.
 * NULL is accepted. */
void server_stop(struct server *server);

#endif
