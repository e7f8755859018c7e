/* SPDX-License-Identifier: Apache-2.0 */
#include "steady.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEAP_MS (INT64_C(366) * 24 * 3600 * 1000) /* more than this did not pass */
#define SET_MS 1000                               /* less is how clocks are kept right */

void steady_boot(char boot[STEADY_BOOT])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file || !fgets(boot, STEADY_BOOT, file))
		boot[0] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
	if (file)
		fclose(file);
}

void steady_clocks(struct clocks *clocks)
{
	struct timespec boot, wall;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	clocks->boot_ms = (int64_t)boot.tv_sec * 1000 + boot.tv_nsec / 1000000;
	clocks->wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
}

void steady_start(struct steady *steady, const struct steady_kept *kept,
		  const struct clocks *clocks)
{
	int64_t passed;

	if (!kept) {
		steady->ahead_ms = clocks->wall_ms - clocks->boot_ms;
		steady->wall_ahead_ms = 0;
		return;
	}
	if (*steady->boot && strcmp(steady->boot, kept->boot) == 0 &&
	    clocks->boot_ms >= kept->boot_ms)
		passed = clocks->boot_ms - kept->boot_ms;
	else
		passed = clocks->wall_ms - kept->at.wall_ms;
	if (passed < 0)
		passed = 0;
	if (passed > LEAP_MS)
		passed = LEAP_MS;
	steady->ahead_ms = kept->at.own_ms + passed - clocks->boot_ms;
	/* As it was: whether it was set meanwhile is found by the first look. */
	steady->wall_ahead_ms = kept->at.wall_ms - kept->at.own_ms;
}

struct moment steady_now(const struct steady *steady, const struct clocks *clocks)
{
	return (struct moment){clocks->boot_ms + steady->ahead_ms, clocks->wall_ms};
}

bool steady_was_set(struct steady *steady, const struct moment *now)
{
	int64_t ahead = now->wall_ms - now->own_ms;

	if (llabs(ahead - steady->wall_ahead_ms) <= SET_MS)
		return false;
	steady->wall_ahead_ms = ahead;
	return true;
}
