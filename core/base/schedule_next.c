/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdlib.h>

#include "base/civil.h"
#include "base/schedule_parts.h"
#include "base/zone.h"

#define NEVER INT64_MAX
/* After that the calendar repeats itself, and with it the changes of the clock. */
#define YEARS_AHEAD 400
#define SECONDS_AHEAD (INT64_C(146097) * CIVIL_DAY)
/* Changes of the clock that are larger are no daylight saving time, as in cron(8). */
#define LARGEST_SHIFT (3 * 3600)
/* No zone is further from UTC, so no change of the clock brings more back. */
#define TWO_DAYS (2 * CIVIL_DAY)

/* --- days --- */

static bool has_year(const struct schedule *schedule, int64_t year)
{
	int64_t bit = year - SCHEDULE_FIRST_YEAR;

	if (schedule->any_year)
		return true;
	return bit >= 0 && year <= SCHEDULE_LAST_YEAR &&
	       (schedule->years.word[bit / 64] >> bit % 64 & 1);
}

/* The day from Monday to Friday that is nearest to one, in the same month. */
static int nearest_workday(int day, int weekday, int days)
{
	if (weekday == 6)
		return day > 1 ? day - 1 : day + 2;
	if (weekday == 0)
		return day < days ? day + 1 : day - 2;
	return day;
}

static bool fits_date(const struct schedule *schedule, int day, int days)
{
	return (schedule->dates >> day & 1) || (schedule->dates_from_end >> (days + 1 - day) & 1);
}

static bool fits_weekday(const struct schedule *schedule, int day, int days, int weekday)
{
	uint64_t fitting = schedule->weekdays | schedule->nth_weekdays[(day - 1) / 7 + 1];

	if (day + 7 > days)
		fitting |= schedule->last_weekdays;
	return fitting >> weekday & 1;
}

/* The days of a month that fit, from bit 1 on. */
static uint64_t days_of(const struct schedule *schedule, int64_t year, int month)
{
	int days = civil_month_days(year, month);
	int weekday = civil_weekday(civil_days(year, month, 1));
	uint64_t dates = 0, weekdays = 0;

	for (int day = 1; day <= days; day++, weekday = (weekday + 1) % 7) {
		uint64_t bit = UINT64_C(1) << day;
		int last_workday = nearest_workday(days, (weekday + days - day) % 7, days);

		if (fits_date(schedule, day, days) ||
		    (schedule->last_workday && day == last_workday))
			dates |= bit;
		if (fits_weekday(schedule, day, days, weekday))
			weekdays |= bit;
		if (schedule->dates_workday >> day & 1)
			dates |= UINT64_C(1) << nearest_workday(day, weekday, days);
	}
	return schedule->either ? dates | weekdays : dates & weekdays;
}

/* The first day that fits, not before that one. */
static int64_t next_day(const struct schedule *schedule, int64_t day)
{
	struct civil from;
	int64_t end;

	civil_date(day, &from);
	if (!schedule->any_year && from.year < SCHEDULE_FIRST_YEAR)
		from = (struct civil){.year = SCHEDULE_FIRST_YEAR, .month = 1, .day = 1};
	end = schedule->any_year ? from.year + YEARS_AHEAD : SCHEDULE_LAST_YEAR;
	for (int64_t year = from.year; year <= end; year++) {
		for (int month = from.month; month <= 12 && has_year(schedule, year); month++) {
			uint64_t days = 0;

			if (schedule->months >> month & 1)
				days = days_of(schedule, year, month) >> from.day << from.day;
			if (days != 0)
				return civil_days(year, month, __builtin_ctzll(days));
			from.day = 1;
		}
		from.month = from.day = 1;
	}
	return NEVER;
}

/* --- times of day --- */

/* The first number of a set that is not below from; 64: there is none. */
static int next_number(uint64_t numbers, int from)
{
	numbers = numbers >> from << from;
	return numbers != 0 ? __builtin_ctzll(numbers) : 64;
}

/* The first second of the day that fits, not before that one; -1: there is none. */
static int next_time(const struct schedule *schedule, int second_of_day)
{
	int hour = second_of_day / 3600, minute = second_of_day / 60 % 60;
	int second = next_number(schedule->seconds, second_of_day % 60);
	int first_minute = next_number(schedule->minutes, 0);
	int first_second = next_number(schedule->seconds, 0);
	int fitting_hour, fitting_minute;

	if (second > 59) {
		minute++;
		second = first_second;
	}
	fitting_minute = minute > 59 ? 64 : next_number(schedule->minutes, minute);
	if (fitting_minute != minute)
		second = first_second;
	if (fitting_minute > 59) {
		hour++;
		fitting_minute = first_minute;
	}
	fitting_hour = hour > 23 ? 64 : next_number(schedule->hours, hour);
	if (fitting_hour > 23)
		return -1;
	if (fitting_hour != hour) {
		fitting_minute = first_minute;
		second = first_second;
	}
	return fitting_hour * 3600 + fitting_minute * 60 + second;
}

/* The first local second that fits, not before that one. */
static int64_t next_local(const struct schedule *schedule, int64_t local_s)
{
	struct civil from = civil_from_seconds(local_s);
	int64_t today = civil_days(from.year, from.month, from.day);
	int time = next_time(schedule, from.hour * 3600 + from.minute * 60 + from.second);
	int64_t day = next_day(schedule, time < 0 ? today + 1 : today);

	if (day == NEVER)
		return NEVER;
	if (day != today)
		time = next_time(schedule, 0);
	return day * CIVIL_DAY + time;
}

/* --- what clocks do --- */

/*
 * The local time to look from at a moment in a span. When the clock was just set forward, that is
 * what it would show without: so what was skipped happens now. While it shows again what it has
 * shown before, it is the end of that.
 */
static int64_t look_from(const struct tocsin_zone *zone, const struct zone_span *span,
			 int64_t utc_s)
{
	int64_t local = utc_s + span->offset;
	int64_t before, shift;

	if (span->from == -ZONE_EVER)
		return local;
	before = span->from + zone_span(zone, span->from - 1).offset;
	shift = span->from + span->offset - before;
	if (shift > 0 && shift < LARGEST_SHIFT && utc_s == span->from)
		return before;
	if (shift < 0 && -shift < LARGEST_SHIFT && local < before)
		return before;
	return local;
}

static int64_t next_moment(const struct schedule *schedule, const struct tocsin_zone *zone,
			   int64_t utc_s)
{
	int64_t start = utc_s;

	for (;;) {
		struct zone_span span = zone_span(zone, utc_s);
		int64_t local = schedule->by_clock ? utc_s + span.offset
						   : look_from(zone, &span, utc_s);
		int64_t found = next_local(schedule, local);
		int64_t moment = found == NEVER ? NEVER : found - span.offset;

		if (moment < span.until)
			return moment > utc_s ? moment : utc_s;
		utc_s = span.until;
		if (utc_s <= start + TWO_DAYS)
			continue; /* the clock may go back to before local */
		if (found == NEVER || (schedule->any_year && found - SECONDS_AHEAD > start))
			return NEVER; /* or it is always skipped */
		if (utc_s < found - TWO_DAYS)
			utc_s = found - TWO_DAYS;
	}
}

static int64_t next_interval(int64_t every_ms, int64_t after_ms)
{
	int64_t into = after_ms % every_ms; /* since the moment before, towards zero */
	int64_t next;

	if (into < 0)
		return after_ms - into;
	return __builtin_add_overflow(after_ms - into, every_ms, &next) ? NEVER : next;
}

int64_t schedule_next(const struct tocsin_schedule *pub, const struct tocsin_zone *zone,
		      int64_t after_ms)
{
	const struct schedule *schedule = (const struct schedule *)pub;
	int64_t after_s = after_ms / 1000 - (after_ms % 1000 < 0);
	int64_t next;

	if (schedule->every_ms > 0)
		return next_interval(schedule->every_ms, after_ms);
	if (pub->zone)
		zone = pub->zone;
	else if (!zone)
		zone = zone_system();
	next = next_moment(schedule, zone, after_s + 1);
	return next > INT64_MAX / 1000 ? NEVER : next * 1000;
}
