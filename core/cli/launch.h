/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/launch: a command run as if we were not there: it gets our streams, environment, signals as
 * they were when we began, and our place in the process group; what is sent to us is passed on to it.
 */
#ifndef CLI_LAUNCH_H
#define CLI_LAUNCH_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

struct launch {
	sigset_t mask;          /* of signals, as it was */
	struct sigaction child; /* what was done at SIGCHLD */
	struct sigaction pipe;  /* and at SIGPIPE */
	sigset_t awaited;       /* what launch_wait takes */
	pid_t process;
};

/* Takes over the signals, before the first thread. */
void launch_prepare(struct launch *launch);
/* Starts it with these in the place of its output streams (-1: ours). 0, or the negative errno
 * that exec or fork gave. */
int launch_start(struct launch *launch, char *const command[], int output, int errors);
/* Waits until it ends, passing signals on. */
void launch_wait(struct launch *launch, int *status, struct rusage *usage);
/* After that: waits for a signal. Which, if it is one that ends us; 0: it is not. */
int launch_await_signal(const struct launch *launch);
/* The end of this process, of which whoever waits for it must learn the same: that signal. */
void launch_die(int number);

#endif
