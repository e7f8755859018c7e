/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock for what lasts and waits: it goes on while the process or the machine is
 * off, but neither jumps nor goes back when somebody sets the wall clock. Within one
 * boot it is the boot clock; over a reboot the wall clock is asked how long that took.
 */
#ifndef THRESHOLD_STEADY_H
#define THRESHOLD_STEADY_H

#include <stdbool.h>
#include <stdint.h>

struct steady_clock {
	int64_t offset_ms; /* to the boot clock */
};

/* One moment on both clocks. */
struct steady {
	int64_t now_ms;  /* of the steady clock, above 0 */
	int64_t wall_ms;
};

int64_t steady_boot_ms(void);
int64_t steady_wall_ms(void);
/* Goes on from what was saved, NULL when nothing was. */
void steady_open(struct steady_clock *clock, const char *saved);
/* What to save, for steady_open of a later process. */
void steady_save(const struct steady_clock *clock, char *text, unsigned long size);
/* Reads a number and goes on behind it; false when there is none. */
bool steady_number(const char **text, int64_t *number);
struct steady steady_now(const struct steady_clock *clock);
/* The wall time of a steady one, as the wall clock is set now. */
int64_t steady_to_wall(const struct steady *now, int64_t steady_ms);

/* The reckoning by itself: what the clock says now. same_boot: the boot clock has not begun anew. */
int64_t steady_reckon(int64_t saved_ms, int64_t boot_ms, int64_t saved_boot_ms, int64_t wall_ms,
		      int64_t saved_wall_ms, int same_boot);

#endif
