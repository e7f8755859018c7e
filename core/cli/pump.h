/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/pump: stands between a command and one of our output streams, passes on what the command
 * writes, and remembers the end of it. A thread for each, so that a reader of one stream who does
 * not read holds up nothing but this stream, as it would without us.
 */
#ifndef CLI_PUMP_H
#define CLI_PUMP_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "cli/tail.h"

struct pump {
	int to;            /* our stream */
	int from;          /* the command's end of it comes out here; -1: no more */
	int give;          /* what the command gets in place of the stream, until it has it; or -1 */
	int stop;          /* written to when the command has ended */
	struct tail *tail; /* borrowed */
	pthread_t thread, waiter;
	bool running;
	int error;         /* why what the command wrote was not taken, but by a reader who went away */
	atomic_bool done;  /* its thread has ended; the waiter got SIGCHLD after that */
};

/* False, and nothing to close: the stream is closed, or there are no means; then the command gets
 * the stream itself. Signals that this process waits for must be blocked. */
bool pump_open(struct pump *pump, int to, struct tail *tail);
/* The command has its end now. */
void pump_given(struct pump *pump);
/* From now on it passes on what the command wrote before it ended, and no more. */
void pump_end(struct pump *pump);
/* Has it done so? A reader who does not read may keep it for ever. The thread that opened it gets
 * SIGCHLD when this changes. */
bool pump_is_done(struct pump *pump);
/* Once it has, or to wait until then. True: others still have its end,
 * such as a daemon that it started. */
bool pump_join(struct pump *pump);
/* Makes a process that goes on for those others, with this mask of signals, until they end. */
void pump_leave(struct pump pumps[], size_t n, const sigset_t *mask);
void pump_close(struct pump *pump);

/* Two streams are one and the same, so that the order of what is written to them counts. */
bool pump_same(int one, int other);

#endif
