/* SPDX-License-Identifier: Apache-2.0 */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	int64_t worth;
};

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* Descending, the order in which they may follow each other. */
static const struct unit durations[] = {
	{"y", 365 * DAY}, {"w", 7 * DAY}, {"d", DAY}, {"h", HOUR},
	{"m", MINUTE},    {"s", SECOND},  {"ms", 1},
};
#define DURATIONS (sizeof(durations) / sizeof(durations[0]))

/* K alone is binary, as with dd and sort; KB is what disks are sold in. */
static const struct unit sizes[] = {
	{"TiB", INT64_C(1) << 40},
	{"GiB", INT64_C(1) << 30},
	{"MiB", INT64_C(1) << 20},
	{"KiB", INT64_C(1) << 10},
	{"TB", INT64_C(1000000000000)},
	{"GB", 1000000000},
	{"MB", 1000000},
	{"KB", 1000},
	{"", 1},
	{"B", 1},
	{"T", INT64_C(1) << 40},
	{"G", INT64_C(1) << 30},
	{"M", INT64_C(1) << 20},
	{"K", INT64_C(1) << 10},
};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Digits at *at; moves on. */
static int digits(const char **at, int64_t *value)
{
	int code = 0;

	*value = 0;
	if (!isdigit((unsigned char)**at))
		return -EINVAL;
	for (; isdigit((unsigned char)**at); (*at)++) {
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, **at - '0', value))
			code = -ERANGE;
	}
	return code;
}

/* The unit of a duration at *at, or DURATIONS. */
static size_t duration_unit(const char **at)
{
	size_t length = 0;

	while (isalpha((unsigned char)(*at)[length]))
		length++;
	for (size_t i = 0; i < DURATIONS; i++) {
		if (strlen(durations[i].name) == length &&
		    strncmp(*at, durations[i].name, length) == 0) {
			*at += length;
			return i;
		}
	}
	return DURATIONS;
}

int units_parse_duration(const char *text, int64_t *ms)
{
	const char *at = text;
	int64_t sum = 0;
	size_t least = 0;
	int result = 0;

	if (strcmp(text, "0") == 0) {
		*ms = 0;
		return 0;
	}
	do {
		int64_t value;
		int code = digits(&at, &value);
		size_t unit = duration_unit(&at);

		if (code == -EINVAL || unit == DURATIONS || unit < least)
			return -EINVAL;
		if (code != 0 || __builtin_mul_overflow(value, durations[unit].worth, &value) ||
		    __builtin_add_overflow(sum, value, &sum))
			result = -ERANGE;
		least = unit + 1;
	} while (*at != '\0');
	if (result == 0)
		*ms = sum;
	return result;
}

int units_parse_size(const char *text, int64_t *bytes)
{
	const char *at = text;
	int64_t value;
	int code = digits(&at, &value);

	if (code == -EINVAL)
		return code;
	for (size_t i = 0; i < SIZES; i++) {
		if (strcasecmp(at, sizes[i].name) != 0)
			continue;
		if (code != 0 || __builtin_mul_overflow(value, sizes[i].worth, &value))
			return -ERANGE;
		*bytes = value;
		return 0;
	}
	return -EINVAL;
}

/* What stands behind the slash: s, m, 2s, 1h30m. */
static int parse_per(const char *text, int64_t *per_ms)
{
	const char *at = text;
	size_t unit;

	if (isdigit((unsigned char)*text))
		return units_parse_duration(text, per_ms);
	unit = duration_unit(&at);
	if (unit == DURATIONS || *at != '\0')
		return -EINVAL;
	*per_ms = durations[unit].worth;
	return 0;
}

int units_parse_rate(const char *text, struct tocsin_rate *rate)
{
	const char *at = text;
	struct tocsin_rate parsed;
	int code, per_code;

	if (strcmp(text, "unlimited") == 0) {
		*rate = (struct tocsin_rate){0};
		return 0;
	}
	code = digits(&at, &parsed.count);
	if (code == -EINVAL || *at != '/')
		return -EINVAL;
	per_code = parse_per(at + 1, &parsed.per_ms);
	if (per_code == -EINVAL)
		return -EINVAL;
	if (code != 0 || per_code != 0)
		return -ERANGE;
	/* A count of 0 means unlimited in the struct: nobody who writes 0/s means that. */
	if (parsed.count == 0 || parsed.per_ms == 0)
		return -EINVAL;
	*rate = parsed;
	return 0;
}

/* Appends to text of UNITS_TEXT bytes. */
static void append(char text[UNITS_TEXT], int64_t value, const char *unit)
{
	size_t length = strlen(text);

	snprintf(text + length, UNITS_TEXT - length, "%" PRId64 "%s", value, unit);
}

void units_format_duration(int64_t ms, char text[UNITS_TEXT])
{
	text[0] = '\0';
	if (ms <= 0) {
		append(text, ms, ms == 0 ? "" : "ms");
		return;
	}
	/* Years and weeks only when nothing is left over: 30d says more than 4w2d. */
	for (size_t i = 0; durations[i].worth > DAY; i++) {
		if (ms % durations[i].worth == 0) {
			append(text, ms / durations[i].worth, durations[i].name);
			return;
		}
	}
	for (size_t i = 0; i < DURATIONS; i++) {
		if (durations[i].worth > DAY || ms < durations[i].worth)
			continue;
		append(text, ms / durations[i].worth, durations[i].name);
		ms %= durations[i].worth;
	}
}

void units_format_elapsed(int64_t ms, char text[UNITS_TEXT])
{
	int64_t seconds = ms / SECOND, minutes = ms / MINUTE, hours = ms / HOUR;

	if (ms < SECOND)
		snprintf(text, UNITS_TEXT, "%" PRId64 "ms", ms);
	else if (ms < MINUTE)
		snprintf(text, UNITS_TEXT, "%" PRId64 ".%" PRId64 "s", seconds, ms % SECOND / 100);
	else if (ms < HOUR)
		snprintf(text, UNITS_TEXT, "%" PRId64 "m %" PRId64 "s", minutes, seconds % 60);
	else if (ms < DAY)
		snprintf(text, UNITS_TEXT, "%" PRId64 "h %" PRId64 "m", hours, minutes % 60);
	else
		snprintf(text, UNITS_TEXT, "%" PRId64 "d %" PRId64 "h", hours / 24, hours % 24);
}

void units_format_size(int64_t bytes, char text[UNITS_TEXT])
{
	text[0] = '\0';
	for (size_t i = 0; i < SIZES; i++) {
		if (bytes > 0 && bytes % sizes[i].worth == 0) {
			append(text, bytes / sizes[i].worth, sizes[i].name);
			return;
		}
	}
	append(text, bytes, "");
}

void units_format_rate(struct tocsin_rate rate, char text[UNITS_TEXT])
{
	char per[UNITS_TEXT];
	size_t length;

	if (rate.count == 0) {
		snprintf(text, UNITS_TEXT, "unlimited");
		return;
	}
	units_format_duration(rate.per_ms, per);
	/* 5/s, not 5/1s */
	for (size_t i = 0; i < DURATIONS; i++) {
		if (rate.per_ms == durations[i].worth)
			snprintf(per, sizeof(per), "%s", durations[i].name);
	}
	text[0] = '\0';
	append(text, rate.count, "/");
	length = strlen(text);
	snprintf(text + length, UNITS_TEXT - length, "%s", per);
}
