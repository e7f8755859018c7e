/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out when a test says so: the k-th allocation fails, once or with all that
 * follow. It stands before malloc and its family, strdup and pthread_create, for our own code and
 * for every library; the dynamic linker alone is spared, which ends the process where a thread's
 * storage cannot be had.
 *
 * A unit test is linked to it, calls scarce_arm and reads what happened. Preloaded into a program
 * (LD_PRELOAD) it obeys a file that both sides map: TOCSIN_SCARCE names it, and struct scarce is
 * what is in it. There nothing fails before main has begun, nor after it has returned.
 */
#ifndef SCARCE_H
#define SCARCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SCARCE_SITES (1 << 20)

enum scarce_mode {
	SCARCE_OFF,                     /* everything is given, nothing counted */
	SCARCE_COUNT,                   /* everything is given; where each was asked for is noted */
	SCARCE_ONCE,                    /* the allocation `at` fails */
	SCARCE_FOR_GOOD,                /* it fails, and all after it */
};

struct scarce {
	_Atomic int32_t mode;
	_Atomic int32_t ready;          /* main has begun */
	_Atomic int64_t at;             /* 1 is the next allocation */
	_Atomic int64_t seen;           /* allocations asked for */
	_Atomic int64_t failed;
	/* Hashes of the stack of allocation i + 1: of all calls, and of those in tocsin itself. */
	_Atomic uint32_t site[SCARCE_SITES], home[SCARCE_SITES];
};

/* From now on: counts from zero, and fails as said. All threads. */
void scarce_arm(enum scarce_mode mode, int64_t at);
/* Gives memory again; how many allocations failed. */
int64_t scarce_disarm(void);

/* For run: what is wrong, once memory is there again. Ends the program. */
_Noreturn void scarce_fail(const char *what);

/*
 * Calls run again and again: with the first allocation failing, the second, ... until one run
 * needs no further one; then the same with all that follow failing as well. run returns 0 when it
 * did its work, or a negative errno when memory was short; it checks itself that what it made is
 * right, never a part of it. Without a failed allocation it must succeed. Returns how many
 * allocations failed.
 */
int64_t scarce_sweep(const char *name, int (*run)(void *data), void *data);

#endif
