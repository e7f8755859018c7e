/* SPDX-License-Identifier: Apache-2.0 */
#include "base/civil.h"

#include <stdbool.h>

/* The calendar repeats itself after 400 years. Years begin in March here, so that the day that leap
 * years have more is their last. */
#define ERA_YEARS 400
#define ERA_DAYS 146097
#define EPOCH 719468 /* days from 0000-03-01 to 1970-01-01 */

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int civil_month_days(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from the first of March to the first of the month that is so many later. */
static int64_t days_before(int64_t month_from_march)
{
	return (153 * month_from_march + 2) / 5;
}

int64_t civil_days(int64_t year, int month, int day)
{
	int64_t from_march = month > 2 ? month - 3 : month + 9;
	int64_t marches = month > 2 ? year : year - 1;
	int64_t era = floor_divide(marches, ERA_YEARS);
	int64_t in_era = marches - era * ERA_YEARS;

	return era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + days_before(from_march) +
	       day - 1 - EPOCH;
}

void civil_date(int64_t days, struct civil *civil)
{
	int64_t era = floor_divide(days + EPOCH, ERA_DAYS);
	int64_t day = days + EPOCH - era * ERA_DAYS;
	/* the last days of 4, 100 and 400 years are taken out, so that all years have 365 */
	int64_t year = (day - day / 1460 + day / 36524 - day / (ERA_DAYS - 1)) / 365;
	int64_t in_year = day - (365 * year + year / 4 - year / 100);
	int64_t from_march = (5 * in_year + 2) / 153;

	civil->day = (int)(in_year - days_before(from_march) + 1);
	civil->month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
	civil->year = era * ERA_YEARS + year + (civil->month <= 2);
}

int civil_weekday(int64_t days)
{
	int64_t weekday = (days + 4) % 7; /* 1970-01-01 was a Thursday */

	return (int)(weekday < 0 ? weekday + 7 : weekday);
}

int64_t civil_seconds(const struct civil *civil)
{
	return civil_days(civil->year, civil->month, civil->day) * CIVIL_DAY +
	       INT64_C(3600) * civil->hour + INT64_C(60) * civil->minute + civil->second;
}

struct civil civil_from_seconds(int64_t seconds)
{
	int64_t days = floor_divide(seconds, CIVIL_DAY);
	int rest = (int)(seconds - days * CIVIL_DAY);
	struct civil civil = {.hour = rest / 3600, .minute = rest / 60 % 60, .second = rest % 60};

	civil_date(days, &civil);
	return civil;
}
