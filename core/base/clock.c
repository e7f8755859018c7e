/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The longest single wait: bounds how late a wake-up is after a suspend. */
#define SLICE_MS 30000

/* Whoever sets a clock sets it by more; whoever corrects it makes it run differently. */
#define SET_MS 1000

/* 0000-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z; the zero time of Go, 0001-01-01 */
#define EARLIEST_MS INT64_C(-62167219200000)
#define LATEST_MS INT64_C(253402300799999)
#define GO_ZERO_MS INT64_C(-62135596800000)

static int64_t now_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	return now_ms(CLOCK_REALTIME);
}

int64_t clock_boot_ms(void)
{
	return now_ms(CLOCK_BOOTTIME);
}

bool clock_was_set(int64_t *ahead_ms, int64_t wall_ms, int64_t boot_ms)
{
	int64_t ahead = wall_ms - boot_ms;
	int64_t by = ahead - *ahead_ms;
	bool first = *ahead_ms == 0;

	*ahead_ms = ahead;
	return !first && (by > SET_MS || by < -SET_MS);
}

int clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;
	int code = pthread_condattr_init(&attributes);

	if (code != 0)
		return -code;
	/* CLOCK_BOOTTIME is not allowed here; clock_cond_wait converts. */
	code = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (code == 0)
		code = pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
	return -code;
}

int clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_boot_ms)
{
	struct timespec until;
	int64_t left_ms, until_ms;
	int code;

	if (until_boot_ms == INT64_MAX)
		return -pthread_cond_wait(cond, mutex);

	left_ms = until_boot_ms - clock_boot_ms();
	if (left_ms <= 0)
		return -ETIMEDOUT;
	/* One millisecond more, since what was cut off both clocks must not make it early. */
	until_ms = now_ms(CLOCK_MONOTONIC) + (left_ms < SLICE_MS ? left_ms + 1 : SLICE_MS);
	until.tv_sec = (time_t)(until_ms / 1000);
	until.tv_nsec = (long)(until_ms % 1000) * 1000000;
	code = pthread_cond_timedwait(cond, mutex, &until);
	/* The end of a slice looks like a spurious wake-up: the caller looks and waits again. */
	if (code == ETIMEDOUT && clock_boot_ms() < until_boot_ms)
		return 0;
	return -code;
}

/* Whole seconds before or at the time, and the milliseconds since: also for times before 1970. */
static time_t seconds_of(int64_t wall_ms, int *rest_ms)
{
	int64_t seconds = wall_ms / 1000;

	*rest_ms = (int)(wall_ms % 1000);
	if (*rest_ms < 0) {
		*rest_ms += 1000;
		seconds--;
	}
	return (time_t)seconds;
}

/* Writes the lowest digits of value and moves on. */
static void put(char **at, int value, int digits, char then)
{
	for (int i = digits - 1; i >= 0; i--) {
		(*at)[i] = (char)('0' + value % 10);
		value /= 10;
	}
	(*at)[digits] = then;
	*at += digits + 1;
}

void clock_format_utc(int64_t wall_ms, char text[CLOCK_TEXT])
{
	int rest_ms;
	time_t seconds;
	struct tm tm = {0};

	/* What is written is always four digits of year, so that clock_parse reads it back. */
	wall_ms = wall_ms < EARLIEST_MS ? EARLIEST_MS : wall_ms > LATEST_MS ? LATEST_MS : wall_ms;
	seconds = seconds_of(wall_ms, &rest_ms);
	gmtime_r(&seconds, &tm);
	put(&text, tm.tm_year + 1900, 4, '-');
	put(&text, tm.tm_mon + 1, 2, '-');
	put(&text, tm.tm_mday, 2, 'T');
	put(&text, tm.tm_hour, 2, ':');
	put(&text, tm.tm_min, 2, ':');
	put(&text, tm.tm_sec, 2, '.');
	put(&text, rest_ms, 3, 'Z');
	*text = '\0';
}

void clock_format_local(int64_t wall_ms, char text[CLOCK_TEXT])
{
	int rest_ms;
	time_t seconds = seconds_of(wall_ms, &rest_ms);
	struct tm tm = {0};

	localtime_r(&seconds, &tm);
	if (strftime(text, CLOCK_TEXT, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		text[0] = '\0';
}

/* Exactly `digits` digits; moves on. */
static bool number(const char **at, int digits, int low, int high, int *value)
{
	*value = 0;
	for (int i = 0; i < digits; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return *value >= low && *value <= high;
}

static bool literal(const char **at, const char *one_of)
{
	if (**at == '\0' || strchr(one_of, **at) == NULL)
		return false;
	(*at)++;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March so that
 * the leap day is the last. */
static int64_t days_since_1970(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

/* .5 .123 .123456789: what is finer than a millisecond is cut off. */
static bool fraction(const char **at, int *ms)
{
	int worth = 100;

	*ms = 0;
	if (!literal(at, "."))
		return true;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++) {
		*ms += (**at - '0') * worth;
		worth /= 10;
	}
	return true;
}

/* Z, +01:00 */
static bool zone(const char **at, int *offset_minutes)
{
	int sign = **at == '-' ? -1 : 1;
	int hours, minutes;

	*offset_minutes = 0;
	if (literal(at, "Zz"))
		return true;
	if (!literal(at, "+-") || !number(at, 2, 0, 23, &hours) || !literal(at, ":") ||
	    !number(at, 2, 0, 59, &minutes))
		return false;
	*offset_minutes = sign * (hours * 60 + minutes);
	return true;
}

int clock_parse(const char *text, int64_t *wall_ms)
{
	const char *at = text;
	int year, month, day, hour, minute, second, ms, offset;
	int64_t minutes, result;

	if (!number(&at, 4, 0, 9999, &year) || !literal(&at, "-") ||
	    !number(&at, 2, 1, 12, &month) || !literal(&at, "-") ||
	    !number(&at, 2, 1, days_in_month(year, month), &day) || !literal(&at, "Tt ") ||
	    !number(&at, 2, 0, 23, &hour) || !literal(&at, ":") ||
	    !number(&at, 2, 0, 59, &minute) || !literal(&at, ":") ||
	    !number(&at, 2, 0, 60, &second) || !fraction(&at, &ms) || !zone(&at, &offset) ||
	    *at != '\0')
		return -EINVAL;

	minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset;
	result = (minutes * 60 + second) * 1000 + ms;
	/* A zone can carry a time over the edge of four-digit years. */
	if (result < EARLIEST_MS || result > LATEST_MS)
		return -EINVAL;
	/* Go programs write their zero time for "not known". */
	*wall_ms = result == GO_ZERO_MS ? 0 : result;
	return 0;
}
