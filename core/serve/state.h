/* SPDX-License-Identifier: Apache-2.0 */
/* serve/state: the server as its own files see it. */
#ifndef SERVE_STATE_H
#define SERVE_STATE_H

#include <pthread.h>

#include "serve/call.h"

struct server {
	struct server_options options;
	char *path; /* of the socket; the settings it came from may go */
	struct MHD_Daemon *daemon;
	int64_t starved_ms; /* boot time at which was said that descriptors are short; 0: never. The
			       server's own thread's */
	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t changed;
	bool stopping;
	size_t calls;                  /* requests between their first byte and their end */
	size_t suspended;              /* those of them that somebody else works on */
	struct call *reload_asked;     /* suspended until the next reload ... */
	struct call *reload_under_way; /* ... or until the present one ends */
};

/* Answers every request for a reload with 503: nobody will reload any more. */
void reload_refuse(struct server *server);

#endif
