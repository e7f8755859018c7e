/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/civil: days and seconds as calendars and clocks show them, in the Gregorian
 * calendar without end in both directions, without time zones and leap seconds.
 * Pure functions. Seconds count from 1970-01-01 00:00:00 of the same clock.
 */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include <stdint.h>

#define CIVIL_DAY 86400 /* seconds */

struct civil {
	int64_t year;
	int month;  /* 1 to 12 */
	int day;    /* 1 to 31 */
	int hour, minute, second;
};

/* Days since 1970-01-01; a day beyond the month's end counts on into the next month. */
int64_t civil_days(int64_t year, int month, int day);
/* Sets year, month and day. */
void civil_date(int64_t days, struct civil *civil);
/* 0 is Sunday. */
int civil_weekday(int64_t days);
int civil_month_days(int64_t year, int month);

int64_t civil_seconds(const struct civil *civil);
struct civil civil_from_seconds(int64_t seconds);

#endif
