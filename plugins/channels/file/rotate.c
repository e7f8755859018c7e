/* SPDX-License-Identifier: Apache-2.0 */
#include "rotate.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)
#define FIRST_MONDAY_MS (4 * DAY_MS) /* 1970-01-05 */

int64_t rotation_period(int64_t every_ms, int64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm = {0};

	(void)localtime_r(&seconds, &tm);
	return (time_ms + tm.tm_gmtoff * 1000 - FIRST_MONDAY_MS) / every_ms;
}

bool rotation_is_due(const struct rotation *rotation, const struct stat *file, size_t length,
		     int64_t now_ms)
{
	int64_t written_ms = (int64_t)file->st_mtim.tv_sec * 1000 + file->st_mtim.tv_nsec / 1000000;

	if (file->st_size == 0)
		return false;
	if (rotation->size > 0 && (int64_t)file->st_size + (int64_t)length > rotation->size)
		return true;
	/* A clock that was set back begins nothing anew. */
	return rotation->every_ms > 0 && rotation_period(rotation->every_ms, now_ms) >
						 rotation_period(rotation->every_ms, written_ms);
}

int rotation_move(const struct rotation *rotation, int directory, const char *name)
{
	char from[NAME_MAX + 24], to[NAME_MAX + 24];

	for (int64_t i = rotation->keep - 1; i >= 0; i--) {
		if (i > 0)
			snprintf(from, sizeof(from), "%s.%" PRId64, name, i);
		else
			snprintf(from, sizeof(from), "%s", name);
		snprintf(to, sizeof(to), "%s.%" PRId64, name, i + 1);
		if (renameat(directory, from, directory, to) != 0 && (errno != ENOENT || i == 0))
			return -errno;
	}
	return 0;
}
