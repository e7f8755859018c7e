/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks, in a file of their own: tests put another wall clock in its place. */
#include <time.h>

#include "cron.h"

int64_t cron_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t cron_boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
