/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/clock: the store's time, in which deliveries fall due, are leased and
 * grow old.
 *
 * It begins as wall time and then goes on with the boot clock, so that setting
 * the wall clock makes nothing due, over or old. It is kept in the store: a
 * restart goes on with it. Only after a reboot, when nobody counted, does it
 * take the wall clock's word for the time that passed, within reason: it never
 * goes back, and does not believe in a leap of more than a year.
 *
 * Functions are pure, or say what they touch. Any thread reads; the store's
 * thread does the rest.
 */
#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include <stdint.h>

#include "store/store.h"

#define STORE_CLOCK_LEAP_MS (INT64_C(366) * 24 * 3600 * 1000) /* more than this did not pass */
/* How often to keep it: after a reboot nothing waits longer than it should by more than that. */
#define STORE_CLOCK_KEEP_MS (20 * 1000)
#define STORE_CLOCK_TEXT 96
#define STORE_CLOCK_BOOT 40

struct store_clock {
	int64_t ahead_ms;            /* of the boot clock; unchanged after the start */
	char boot[STORE_CLOCK_BOOT]; /* which boot that is; "" when it cannot be told */
	int64_t keep_at_ms;          /* boot time to keep it again */
};

/* Goes on from what was kept (NULL or nonsense: a new store), at this boot and wall time. */
void store_clock_start(struct store_clock *clock, const char *kept, const char *boot,
		       int64_t boot_ms, int64_t wall_ms);
/* The time at this boot time. */
int64_t store_clock_ms(const struct store_clock *clock, int64_t boot_ms);
/* What to keep. */
void store_clock_write(const struct store_clock *clock, int64_t boot_ms,
		       char text[STORE_CLOCK_TEXT]);

/* Starts it with what an open store holds. 0 or a negative errno. */
int store_clock_load(struct store_clock *clock, const struct transaction *transaction,
		     struct log *log);
/* Keeps it in the open transaction when it is time to. 0 or a negative errno. */
int store_clock_keep(struct store_clock *clock, const struct transaction *transaction);
/* What was kept in the last transaction was not: keeps it in the next. */
void store_clock_rolled_back(struct store_clock *clock);

#endif
