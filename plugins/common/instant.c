/* SPDX-License-Identifier: Apache-2.0 */
#include "instant.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S INT64_C(86400)

const char *instant_text(int64_t ms, char out[INSTANT_SIZE])
{
	time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
	struct tm tm;
	size_t length;

	if (!gmtime_r(&seconds, &tm) ||
	    !(length = strftime(out, INSTANT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm)))
		snprintf(out, INSTANT_SIZE, "unknown");
	else
		snprintf(out + length, INSTANT_SIZE - length, ".%03dZ",
			 (int)((ms % 1000 + 1000) % 1000));
	return out;
}

/* So many digits, or -1. */
static int number(const char **at, int digits)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return -1;
		value = value * 10 + (**at - '0');
	}
	return value;
}

static bool skip(const char **at, const char *any)
{
	if (!**at || !strchr(any, **at))
		return false;
	(*at)++;
	return true;
}

/* Days since 1970 of a date in the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1, era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_date(int year, int month, int day)
{
	static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1])
		return false;
	return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static int64_t read_fraction(const char **at)
{
	int64_t ms = 0, unit = 100;

	if (!skip(at, ".,"))
		return 0;
	for (; isdigit((unsigned char)**at); (*at)++, unit /= 10)
		ms += (**at - '0') * unit;
	return ms;
}

/* Z, +01:00, -0130; in seconds. False when there is none. */
static bool read_offset(const char **at, int64_t *offset_s)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes;

	*offset_s = 0;
	if (skip(at, "Zz"))
		return true;
	if (!skip(at, "+-"))
		return false;
	hours = number(at, 2);
	(void)skip(at, ":");
	minutes = number(at, 2);
	*offset_s = sign * (hours * INT64_C(3600) + minutes * INT64_C(60));
	return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

bool instant_read(const char *text, int64_t *ms)
{
	const char *at = text;
	int year = number(&at, 4), month, day, hour, minute, second;
	int64_t fraction, offset;
	bool good;

	good = year >= 0 && skip(&at, "-") && (month = number(&at, 2)) >= 0 && skip(&at, "-") &&
	       (day = number(&at, 2)) >= 0 && skip(&at, "Tt ") && (hour = number(&at, 2)) >= 0 &&
	       skip(&at, ":") && (minute = number(&at, 2)) >= 0 && skip(&at, ":") &&
	       (second = number(&at, 2)) >= 0 && is_date(year, month, day) && hour < 24 &&
	       minute < 60 && second < 61;
	if (!good)
		return false;
	fraction = read_fraction(&at);
	if (!read_offset(&at, &offset) || *at)
		return false;
	*ms = (days_of(year, month, day) * DAY_S + hour * INT64_C(3600) + minute * INT64_C(60) +
	       second - offset) *
		      1000 +
	      fraction;
	return *ms >= 0;
}
