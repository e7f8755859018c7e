/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/fault: named places at which a test lets the process die or pause, to show that
 * nothing is lost there and nobody has to be quick. They exist only in a build configured with
 * --enable-fault-points; in any other a FAULT_POINT is nothing at all.
 *
 *	FAULT_POINT("store.commit.after");
 *
 * The name says which work and which moment of it, and stands at one place only.
 * With TOCSIN_FAULT=NAME[:N] in the environment the process kills itself (SIGKILL)
 * when it passes that place for the N-th time. `tocsind --fault-points` lists all
 * names; the survival campaigns kill at each, and fail when one is never reached.
 * With TOCSIN_PAUSES=PERCENT:MS each thread sleeps, for a random time up to MS, at a
 * random PERCENT of all passings, so that threads overtake each other where they seldom do.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "base/error.h"

#ifdef FAULT_POINTS
/* The linker gathers the names in a section of their own: there is no list to keep in step. */
#define FAULT_POINT(name)                                                       \
	do {                                                                    \
		static const char *const fault_name                             \
			__attribute__((section("fault_points"), used)) = name;  \
		fault_pass(fault_name);                                         \
	} while (0)
#else
#define FAULT_POINT(name) ((void)0)
#endif

/* Reads TOCSIN_FAULT and TOCSIN_PAUSES, before any thread starts. 0, or -EINVAL with the sentence. */
int fault_arm(struct error *err);
/* Any thread: pauses or dies here if it is time. */
void fault_pass(const char *name);
/* Prints every name of this program, a line each. */
void fault_print(void);

#endif
