/* SPDX-License-Identifier: Apache-2.0 */
#include "steady.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* So that no moment is 0, which means "not". */
#define BEGINNING INT64_C(1000)
/* The longest time for which a machine is believed to have been off. */
#define LONGEST_OFF (INT64_C(366) * 24 * 3600 * 1000)
#define BOOT_ID 40

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t steady_boot_ms(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t steady_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

static void read_boot_id(char id[BOOT_ID])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	snprintf(id, BOOT_ID, "unknown");
	if (!file)
		return;
	if (!fgets(id, BOOT_ID, file))
		snprintf(id, BOOT_ID, "unknown");
	fclose(file);
	id[strcspn(id, "\n")] = '\0';
}

int64_t steady_reckon(int64_t saved_ms, int64_t boot_ms, int64_t saved_boot_ms, int64_t wall_ms,
		      int64_t saved_wall_ms, int same_boot)
{
	int64_t passed = same_boot ? boot_ms - saved_boot_ms : wall_ms - saved_wall_ms;

	if (passed < 0)
		passed = 0;
	if (!same_boot && passed > LONGEST_OFF)
		passed = LONGEST_OFF;
	return saved_ms + passed;
}

bool steady_number(const char **text, int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(*text, &end, 10);
	if (errno || end == *text)
		return false;
	*text = end;
	return true;
}

void steady_open(struct steady_clock *clock, const char *saved)
{
	int64_t own, boot, wall;
	char id[BOOT_ID];
	int64_t now = steady_boot_ms();

	read_boot_id(id);
	clock->offset_ms = BEGINNING - now;
	if (saved && steady_number(&saved, &own) && steady_number(&saved, &boot) &&
	    steady_number(&saved, &wall) && *saved == ' ' && own > 0)
		clock->offset_ms = steady_reckon(own, now, boot, steady_wall_ms(), wall,
						 strcmp(id, saved + 1) == 0 && now >= boot) -
				   now;
}

void steady_save(const struct steady_clock *clock, char *text, unsigned long size)
{
	int64_t boot = steady_boot_ms(), own = boot + clock->offset_ms;
	char id[BOOT_ID];

	read_boot_id(id);
	snprintf(text, size, "%lld %lld %lld %s", (long long)own, (long long)boot,
		 (long long)steady_wall_ms(), id);
}

struct steady steady_now(const struct steady_clock *clock)
{
	return (struct steady){.now_ms = steady_boot_ms() + clock->offset_ms,
			       .wall_ms = steady_wall_ms()};
}

int64_t steady_to_wall(const struct steady *now, int64_t steady_ms)
{
	int64_t wall = now->wall_ms - (now->now_ms - steady_ms);

	return wall > 0 ? wall : 0;
}
