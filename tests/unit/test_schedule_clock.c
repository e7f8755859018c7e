/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedules at changes of the clock, against somebody who looks at the clock in every minute of
 * some years, as cron does. What it knows of a schedule are the numbers that the text is made of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/schedule.h"
#include "base/zone.h"

#define MOST_HOURS 3
#define SCHEDULES 60
#define LARGEST_SHIFT (3 * 3600)

/* What a schedule says, and what is expected of it. */
struct plan {
	int minute_step; /* 0: at the minute */
	int minute;
	int hours; /* 0: in every hour */
	int hour[MOST_HOURS];
	int date, weekday; /* -1: any */
	bool exact;
	char text[120];
	const struct tocsin_schedule *schedule;
	int64_t next_ms;
	int64_t shown; /* the greatest local minute that the clock has shown */
	int found;
};

static struct plan plan[SCHEDULES];

static void write_text(struct plan *it)
{
	char minute[20], hours[40] = "*", date[20] = "*", weekday[20] = "*";
	size_t length = 0;

	snprintf(minute, sizeof(minute), it->minute_step ? "*/%d" : "%d",
		 it->minute_step ? it->minute_step : it->minute);
	for (int i = 0; i < it->hours; i++)
		length += (size_t)snprintf(hours + length, sizeof(hours) - length, "%s%d",
					   i ? "," : "", it->hour[i]);
	if (it->date >= 0)
		snprintf(date, sizeof(date), "%d", it->date);
	if (it->weekday >= 0)
		snprintf(weekday, sizeof(weekday), "%d", it->weekday);
	snprintf(it->text, sizeof(it->text), "%s %s %s * %s%s", minute, hours, date, weekday,
		 it->exact ? " exact" : "");
}

/* Most of them fall into the hours in which clocks are set. */
static void make_plans(unsigned int *seed)
{
	static const int steps[] = {1, 5, 15, 30};

	for (size_t i = 0; i < SCHEDULES; i++) {
		struct plan *it = &plan[i];
		struct error err;

		*it = (struct plan){.date = -1, .weekday = -1};
		if (rand_r(seed) % 4 == 0)
			it->minute_step = steps[rand_r(seed) % 4];
		it->minute = rand_r(seed) % 60;
		it->hours = rand_r(seed) % (MOST_HOURS + 1);
		for (int n = 0; n < it->hours; n++)
			it->hour[n] = rand_r(seed) % (rand_r(seed) % 2 ? 5 : 24);
		if (rand_r(seed) % 4 == 0)
			it->date = rand_r(seed) % 31 + 1;
		if (rand_r(seed) % 4 == 0)
			it->weekday = rand_r(seed) % 7;
		it->exact = rand_r(seed) % 4 == 0;
		write_text(it);
		if (schedule_parse(it->text, &it->schedule, &err) != 0)
			fail_msg("%s: %s", it->text, err.text);
	}
}

static bool fits_day(const struct plan *it, const struct tm *tm)
{
	bool date = tm->tm_mday == it->date, weekday = tm->tm_wday == it->weekday;

	if (it->date >= 0 && it->weekday >= 0)
		return date || weekday;
	return it->date >= 0 ? date : it->weekday >= 0 ? weekday : true;
}

static bool fits(const struct plan *it, int64_t local_s)
{
	time_t seconds = (time_t)local_s;
	bool hour = it->hours == 0;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	for (int i = 0; i < it->hours; i++)
		hour = hour || tm.tm_hour == it->hour[i];
	return hour && fits_day(it, &tm) &&
	       (it->minute_step ? tm.tm_min % it->minute_step == 0 : tm.tm_min == it->minute);
}

/* Whether it happens in this minute, the clock having shown before_s a minute ago. */
static bool happens(struct plan *it, int64_t before_s, int64_t local_s)
{
	int64_t shift = local_s - before_s - 60;
	bool at_fixed_times = it->minute_step == 0 && it->hours > 0 && !it->exact;
	bool fitting = fits(it, local_s);

	if (!at_fixed_times)
		return fitting;
	if (shift >= LARGEST_SHIFT || shift <= -LARGEST_SHIFT) {
		it->shown = local_s;
		return fitting;
	}
	if (local_s <= it->shown)
		return false; /* once more */
	for (int64_t skipped = it->shown + 60; skipped < local_s; skipped += 60)
		fitting = fitting || fits(it, skipped);
	it->shown = local_s;
	return fitting;
}

static void start(const struct tocsin_zone *zone, int64_t from_s)
{
	for (size_t i = 0; i < SCHEDULES; i++) {
		plan[i].shown = from_s - 60 + zone_span(zone, from_s - 60).offset;
		plan[i].next_ms = schedule_next(plan[i].schedule, zone, from_s * 1000 - 1);
		plan[i].found = 0;
	}
}

static void look(struct plan *it, const struct tocsin_zone *zone, int64_t before_s, int64_t local_s,
		 int64_t utc_s)
{
	bool expected = happens(it, before_s, local_s);

	if (expected != (it->next_ms == utc_s * 1000))
		fail_msg("%s in %s: %s at %" PRId64 ", next is %" PRId64, it->text, zone->name,
			 expected ? "expected" : "not expected", utc_s, it->next_ms / 1000);
	if (!expected)
		return;
	it->next_ms = schedule_next(it->schedule, zone, it->next_ms);
	it->found++;
}

/* The two days around a change of the clock, minute by minute. */
static void walk_around(const struct tocsin_zone *zone, int64_t change_s)
{
	int64_t from_s = change_s - CIVIL_DAY;
	int64_t before_s = from_s - 60 + zone_span(zone, from_s - 60).offset;

	start(zone, from_s);
	for (int64_t at = from_s; at < change_s + CIVIL_DAY; at += 60) {
		int64_t local_s = at + zone_span(zone, at).offset;

		for (size_t i = 0; i < SCHEDULES; i++)
			look(&plan[i], zone, before_s, local_s, at);
		before_s = local_s;
	}
}

static void walk(const char *name, int64_t from_year, int64_t until_year)
{
	int64_t until = civil_days(until_year, 1, 1) * CIVIL_DAY;
	int64_t utc_s = civil_days(from_year, 1, 1) * CIVIL_DAY;
	const struct tocsin_zone *zone;
	struct error err;
	int changes = 0;

	if (zone_load(name, &zone, &err) != 0)
		fail_msg("%s", err.text);
	for (; (utc_s = zone_span(zone, utc_s).until) < until; changes++)
		walk_around(zone, utc_s);
	assert_true(changes > 0);
	zone_free(zone);
}

static void schedules_are_what_somebody_sees_who_always_looks(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);
	int found = 0;

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 2; round++) {
		make_plans(&seed);
		walk("Europe/Berlin", 2024, 2027);
		walk("America/New_York", 2024, 2027);
		walk("Australia/Lord_Howe", 2024, 2027); /* half an hour */
		walk("Africa/Casablanca", 2024, 2027);   /* winter in Ramadan */
		walk("Pacific/Apia", 2010, 2013);        /* without the 30th of December of 2011 */
		walk("Europe/Dublin", 2025, 2026);
		for (size_t i = 0; i < SCHEDULES; i++) {
			found += plan[i].found;
			schedule_free(plan[i].schedule);
		}
	}
	assert_true(found > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedules_are_what_somebody_sees_who_always_looks),
	};
	const struct tocsin_zone *zone;
	struct error err;

	if (zone_load("Pacific/Apia", &zone, &err) != 0) {
		print_message("%s\n", err.text);
		return 77;
	}
	zone_free(zone);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
