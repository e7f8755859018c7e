/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of the source: it goes on with the boot clock, also across restarts, so that nobody who
 * sets the wall clock makes a heartbeat late. Only after a reboot, when nobody counted, does it take
 * the wall clock's word for how long that was, within reason: never back, never more than a year.
 *
 * Pure functions, but for steady_boot and steady_clocks.
 */
#ifndef HEARTBEAT_STEADY_H
#define HEARTBEAT_STEADY_H

#include "beat.h"

#define STEADY_BOOT 40

struct clocks {
	int64_t boot_ms, wall_ms;
};

/* What is kept: the last moment at which the source was there. */
struct steady_kept {
	char boot[STEADY_BOOT];
	int64_t boot_ms;
	struct moment at;
	struct reading outer; /* the clock of the database, then; outer_ms 0: not known */
};

struct steady {
	char boot[STEADY_BOOT]; /* which boot this is; "" when it cannot be told */
	int64_t ahead_ms;       /* of the boot clock */
	int64_t wall_ahead_ms;  /* the wall clock of this time, when last looked */
};

void steady_boot(char boot[STEADY_BOOT]);
void steady_clocks(struct clocks *clocks);

/* Goes on from what was kept; NULL: the first start ever. steady->boot is set. */
void steady_start(struct steady *steady, const struct steady_kept *kept,
		  const struct clocks *clocks);
struct moment steady_now(const struct steady *steady, const struct clocks *clocks);
/* True when the wall clock was set since it was last looked. */
bool steady_was_set(struct steady *steady, const struct moment *now);

#endif
