/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a log begins anew, and where the old ones go: NAME.1 is the last one, NAME.keep the oldest.
 */
#ifndef FILE_ROTATE_H
#define FILE_ROTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* All zero: never. */
struct rotation {
	int64_t size;     /* bytes; 0: however large */
	int64_t every_ms; /* 0: however old */
	int64_t keep;     /* old files, at least 1 */
};

/* Must the file begin anew before so much is appended? An empty one never must. */
bool rotation_is_due(const struct rotation *rotation, const struct stat *file, size_t length,
		     int64_t now_ms);
/* Which period a time belongs to. Periods are counted from a Monday, 0:00 local time. */
int64_t rotation_period(int64_t every_ms, int64_t time_ms);
/* Moves NAME.1 to NAME.2 and so on, and NAME to NAME.1; the oldest is gone then. 0 or negative
 * errno, after which no record is lost, but numbers may be left out. */
int rotation_move(const struct rotation *rotation, int directory, const char *name);

#endif
