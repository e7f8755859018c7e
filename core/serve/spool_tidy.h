/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve/spool_tidy: what nobody would ever remove from the spool: files that their writers never
 * finished, and those that were refused when they become too many.
 */
#ifndef SERVE_SPOOL_TIDY_H
#define SERVE_SPOOL_TIDY_H

#include <stddef.h>
#include <stdint.h>

#define SPOOL_UNFINISHED_MS (24 * 3600 * INT64_C(1000)) /* writers need milliseconds */
#define SPOOL_REFUSED_MOST 1000                         /* files that are kept */

/* Removes files whose names begin with a dot and that nobody has touched for that long before now (wall
 * time). How many. */
size_t spool_tidy_unfinished(int directory, int64_t now_ms);
/* When there are more than `most` files, the oldest of them go (by when they came there) until one in ten
 * is free. How many went; *left: how many there are. Directories are left alone. */
size_t spool_tidy_refused(int directory, size_t most, size_t *left);

#endif
