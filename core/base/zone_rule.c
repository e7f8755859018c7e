/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as in TZ: "CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3", "IST-2IDT,M3.4.4/26,M10.5.0". */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/zone_parts.h"

#define HOUR 3600
#define LARGEST_OFFSET_HOUR 24
#define LARGEST_TIME_HOUR 167

/* --- reading --- */

static bool skip(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static bool read_number(const char **at, int low, int high, int *value)
{
	int digits = 0;

	*value = 0;
	for (; isdigit((unsigned char)**at) && digits < 4; (*at)++, digits++)
		*value = *value * 10 + (**at - '0');
	return digits > 0 && *value >= low && *value <= high;
}

/* CET, or between angle brackets +03. */
static bool read_name(const char **at, char name[ZONE_ABBREVIATION])
{
	bool quoted = skip(at, '<');
	size_t n = 0;

	for (;; (*at)++) {
		char c = **at;

		if (!isalpha((unsigned char)c) &&
		    !(quoted && (isdigit((unsigned char)c) || c == '+' || c == '-')))
			break;
		if (n == ZONE_ABBREVIATION - 1)
			return false;
		name[n++] = c;
	}
	name[n] = '\0';
	return n >= 3 && (!quoted || skip(at, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool read_time(const char **at, int largest_hour, int32_t *seconds)
{
	bool negative = **at == '-';
	int hour, minute = 0, second = 0;

	if (negative || **at == '+')
		(*at)++;
	if (!read_number(at, 0, largest_hour, &hour))
		return false;
	if (skip(at, ':')) {
		if (!read_number(at, 0, 59, &minute))
			return false;
		if (skip(at, ':') && !read_number(at, 0, 59, &second))
			return false;
	}
	*seconds = hour * HOUR + minute * 60 + second;
	if (negative)
		*seconds = -*seconds;
	return true;
}

/* M3.5.0/3, J60, 59 */
static bool read_change(const char **at, struct zone_change *change)
{
	bool fine;

	if (skip(at, 'M')) {
		change->form = ZONE_MONTH;
		fine = read_number(at, 1, 12, &change->month) && skip(at, '.') &&
		       read_number(at, 1, 5, &change->week) && skip(at, '.') &&
		       read_number(at, 0, 6, &change->day);
	} else if (skip(at, 'J')) {
		change->form = ZONE_JULIAN;
		fine = read_number(at, 1, 365, &change->day);
	} else {
		change->form = ZONE_DAY;
		fine = read_number(at, 0, 365, &change->day);
	}
	change->time = 2 * HOUR;
	if (fine && skip(at, '/'))
		fine = read_time(at, LARGEST_TIME_HOUR, &change->time);
	return fine;
}

static bool read_summer(const char **at, struct zone_rule *rule)
{
	int32_t west = -(rule->standard.offset + HOUR);

	if (!read_name(at, rule->summer.abbreviation))
		return false;
	if (**at != ',' && **at != '\0' && !read_time(at, LARGEST_OFFSET_HOUR, &west))
		return false;
	rule->summer.offset = -west;
	rule->summer.dst = rule->has_summer = true;
	if (**at == '\0') { /* POSIX leaves it open; this is what everybody does */
		static const char american[] = ",M3.2.0,M11.1.0";
		const char *preset = american;

		*at = "";
		return skip(&preset, ',') && read_change(&preset, &rule->begin) &&
		       skip(&preset, ',') && read_change(&preset, &rule->end);
	}
	return skip(at, ',') && read_change(at, &rule->begin) && skip(at, ',') &&
	       read_change(at, &rule->end);
}

int zone_rule_parse(const char *text, struct zone_rule *rule)
{
	int32_t west;

	memset(rule, 0, sizeof(*rule));
	if (!read_name(&text, rule->standard.abbreviation) ||
	    !read_time(&text, LARGEST_OFFSET_HOUR, &west))
		return -EINVAL;
	rule->standard.offset = -west;
	if (*text != '\0' && !read_summer(&text, rule))
		return -EINVAL;
	return *text == '\0' ? 0 : -EINVAL;
}

/* --- asking --- */

struct turn {
	int64_t at;
	bool summer; /* begins */
};

/* The day of a year on which the clock is set. */
static int64_t day_of(const struct zone_change *change, int64_t year)
{
	int64_t first = civil_days(year, change->form == ZONE_MONTH ? change->month : 1, 1);
	int day;

	switch (change->form) {
	case ZONE_MONTH:
		day = (change->day - civil_weekday(first) + 7) % 7 + (change->week - 1) * 7;
		if (day >= civil_month_days(year, change->month))
			day -= 7; /* the fifth is the last one, even if it is the fourth */
		return first + day;
	case ZONE_JULIAN:
		return first + change->day - 1 +
		       (change->day >= 60 && civil_month_days(year, 2) == 29);
	case ZONE_DAY:
		break;
	}
	return first + change->day;
}

static int64_t moment_of(const struct zone_change *change, int64_t year, int32_t offset)
{
	return day_of(change, year) * CIVIL_DAY + change->time - offset;
}

/* When one summer ends as the next begins, it goes on. */
static bool is_before(const struct turn *a, const struct turn *b)
{
	return a->at < b->at || (a->at == b->at && !a->summer && b->summer);
}

static void insert(struct turn *turn, size_t n, struct turn fresh)
{
	while (n > 0 && is_before(&fresh, &turn[n - 1])) {
		turn[n] = turn[n - 1];
		n--;
	}
	turn[n] = fresh;
}

struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t utc_s)
{
	struct zone_span span = {.from = -ZONE_EVER, .until = ZONE_EVER};
	const struct zone_type *type = &rule->standard;
	int64_t year = civil_from_seconds(utc_s).year;
	struct turn turn[10]; /* a time of 167 hours reaches into the next year */
	size_t n = 0, i = 0;

	for (int64_t y = year - 2; rule->has_summer && y <= year + 2; y++) {
		insert(turn, n++,
		       (struct turn){moment_of(&rule->begin, y, rule->standard.offset), true});
		insert(turn, n++,
		       (struct turn){moment_of(&rule->end, y, rule->summer.offset), false});
	}
	while (i < n && turn[i].at <= utc_s)
		i++;
	if (i > 0) {
		span.from = turn[i - 1].at;
		if (turn[i - 1].summer)
			type = &rule->summer;
	}
	if (i < n)
		span.until = turn[i].at;
	span.offset = type->offset;
	span.dst = type->dst;
	span.abbreviation = type->abbreviation;
	return span;
}
