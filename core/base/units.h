/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/units: durations, sizes and rates as people write them. Each parser
 * returns 0, -EINVAL (not of this form) or -ERANGE (too large).
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdint.h>

#include <tocsin/option.h>

/* 300ms, 5s, 10m, 2h, 1d, 1w, 1y, 1h30m; units in descending order, 0 without a unit. */
int units_parse_duration(const char *text, int64_t *ms);
/* 512, 64KiB, 10MB, 1G (KB=1000, KiB=K=1024) */
int units_parse_size(const char *text, int64_t *bytes);
/* 5/s, 30/m, 1000/h, 10/2s, unlimited */
int units_parse_rate(const char *text, struct tocsin_rate *rate);

#define UNITS_TEXT 48
/* Exact, and read back by the parser: 1h30m, 450ms, 30d, 0. */
void units_format_duration(int64_t ms, char text[UNITS_TEXT]);
/* For people: 45.3s, 2m 5s, 3h 10m. */
void units_format_elapsed(int64_t ms, char text[UNITS_TEXT]);
/* Exact as well: 64KiB, 10MB, 513. */
void units_format_size(int64_t bytes, char text[UNITS_TEXT]);
void units_format_rate(struct tocsin_rate rate, char text[UNITS_TEXT]);

#endif
