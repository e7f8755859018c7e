/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock, in a file of its own: tests put another one in its place. */
#include <time.h>

#include "cron.h"

int64_t cron_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
