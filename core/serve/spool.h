/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve/spool: a directory of pings and reports that were made while the daemon could not take them.
 *
 * Whoever may use the socket may put files there: written under a name that begins with a dot, and
 * renamed when they are whole. A thread of its own hands them in by the order of their names, at the
 * start and whenever one comes, and removes each after the commit. What is refused for good goes to
 * the directory `refused` in it; what cannot be taken now stays, and is tried again. A crash between
 * the commit and the removal hands a file in once more: words that are spooled carry an id, by which
 * their source knows them.
 */
#ifndef SERVE_SPOOL_H
#define SERVE_SPOOL_H

#include "base/log.h"
#include "engine/engine.h"

struct spool;

struct spool_options {
	struct engine *engine; /* borrowed, and so is the log */
	struct log *log;
	const char *path;      /* copied; "": there is none */
	unsigned int mode;     /* permissions of the socket, which the directory's follow */
};

/* Makes the directory if need be and starts. NULL when there is none, or it cannot be used (the log says
 * why): the daemon does its work all the same. */
struct spool *spool_start(const struct spool_options *options);
/* Returns soon: what is under way is given up, and stays. NULL is accepted. */
void spool_stop(struct spool *spool);

/* Permissions of the directory for those of a socket. */
unsigned int spool_mode(unsigned int socket_mode);

#endif
