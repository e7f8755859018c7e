/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/schedule.h"
#include "base/zone.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"

static const struct tocsin_schedule *parse(const char *text)
{
	const struct tocsin_schedule *schedule = NULL;
	struct error err = {""};

	if (schedule_parse(text, &schedule, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return schedule;
}

static int64_t at(const char *text)
{
	int64_t ms;

	assert_int_equal(clock_parse(text, &ms), 0);
	return ms;
}

/* The three next moments after one, with spaces between them, each as short as it can be. */
static void three(const struct tocsin_schedule *schedule, const struct tocsin_zone *zone,
		  int64_t after_ms, char *text, size_t size)
{
	text[0] = '\0';
	for (int i = 0; i < 3; i++) {
		char one[CLOCK_TEXT] = "never";
		size_t length = strlen(text);

		after_ms = schedule_next(schedule, zone, after_ms);
		if (after_ms != INT64_MAX)
			clock_format_utc(after_ms, one);
		if (after_ms % 60000 == 0)
			one[strlen("2026-01-01T00:00")] = '\0';
		snprintf(text + length, size - length, "%s%s", length > 0 ? " " : "", one);
		if (after_ms == INT64_MAX)
			break;
	}
}

struct expected {
	const char *schedule, *after, *next;
};

static void check(const struct expected *expected, size_t n, const char *rule)
{
	const struct tocsin_zone *zone = zone_utc();
	char found[200];

	if (rule)
		assert_int_equal(zone_from_rule(rule, &zone, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		const struct tocsin_schedule *schedule = parse(expected[i].schedule);

		three(schedule, zone, at(expected[i].after), found, sizeof(found));
		if (strncmp(found, expected[i].next, strlen(expected[i].next)) != 0)
			fail_msg("%s after %s: %s, not %s", expected[i].schedule, expected[i].after,
				 found, expected[i].next);
		assert_string_equal(schedule->text, expected[i].schedule);
		schedule_free(schedule);
	}
	zone_free(zone);
}
#define CHECK(expected, rule) check(expected, sizeof(expected) / sizeof((expected)[0]), rule)

static void cron_expressions(void **state)
{
	static const struct expected expected[] = {
		{"* * * * *", "2026-01-31T23:58:59.999Z", "2026-01-31T23:59 2026-02-01T00:00"},
		{"* * * * *", "2026-01-31T23:59:00Z", "2026-02-01T00:00"},
		{"*/15 * * * *", "2026-01-01T00:01:00Z", "2026-01-01T00:15 2026-01-01T00:30"},
		{"5/20 * * * *", "2026-01-01T00:00:00Z",
		 "2026-01-01T00:05 2026-01-01T00:25 2026-01-01T00:45"},
		{"0 8-10,22 * * *", "2026-01-01T08:30:00Z",
		 "2026-01-01T09:00 2026-01-01T10:00 2026-01-01T22:00"},
		{"0 8-18/5 * * *", "2026-01-01T00:00:00Z",
		 "2026-01-01T08:00 2026-01-01T13:00 2026-01-01T18:00"},
		{"30 7 * * 1-5", "2026-01-02T08:00:00Z",
		 "2026-01-05T07:30 2026-01-06T07:30 2026-01-07T07:30"},
		{"30 7 * jan,Mar mon-Fri", "2026-01-30T08:00:00Z", "2026-03-02T07:30"},
		{"0 0 * * 0", "2026-01-01T00:00:00Z", "2026-01-04T00:00 2026-01-11T00:00"},
		{"0 0 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T00:00 2026-01-11T00:00"},
		{"0 0 * * sunday", "2026-01-01T00:00:00Z", "2026-01-04T00:00"},
		{"0 0 * * 6-7", "2026-01-01T00:00:00Z",
		 "2026-01-03T00:00 2026-01-04T00:00 2026-01-10T00:00"},
		{"0 0 * * fri-mon", "2026-01-01T00:00:00Z",
		 "2026-01-02T00:00 2026-01-03T00:00 2026-01-04T00:00"},
		/* both days restricted: either will do; a star with a step restricts nothing */
		{"0 0 13 * fri", "2026-02-07T00:00:00Z",
		 "2026-02-13T00:00 2026-02-20T00:00 2026-02-27T00:00"},
		{"0 0 1,15 * wed", "2026-04-13T00:00:00Z", "2026-04-15T00:00 2026-04-22T00:00"},
		{"0 0 */2 * wed", "2026-01-01T00:00:00Z", "2026-01-07T00:00 2026-01-21T00:00"},
		{"0 0 13 * *", "2026-01-14T00:00:00Z", "2026-02-13T00:00"},
		{"0 0 ? * tue", "2026-01-01T00:00:00Z", "2026-01-06T00:00"},
		/* days that are not in every month */
		{"0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00 2026-05-31T00:00"},
		{"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00 2032-02-29T00:00"},
		{"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00"},
		{"0 0 29 2 */7", "2026-01-01T00:00:00Z", "2032-02-29T00:00 2060-02-29T00:00"},
		{"0 0 L * *", "2026-01-01T00:00:00Z",
		 "2026-01-31T00:00 2026-02-28T00:00 2026-03-31T00:00"},
		{"0 0 L * *", "2028-02-01T00:00:00Z", "2028-02-29T00:00"},
		{"0 0 L-3 * *", "2026-01-29T00:00:00Z", "2026-02-25T00:00 2026-03-28T00:00"},
		{"0 0 1,L * *", "2026-01-02T00:00:00Z", "2026-01-31T00:00 2026-02-01T00:00"},
		/* the nearest day from Monday to Friday, never in another month */
		{"0 0 15W * *", "2026-02-01T00:00:00Z", "2026-02-16T00:00 2026-03-16T00:00"},
		{"0 0 1W * *", "2026-08-01T00:00:00Z", "2026-08-03T00:00 2026-09-01T00:00"},
		{"0 0 31W 1 *", "2027-01-01T00:00:00Z", "2027-01-29T00:00"},
		{"0 0 31W 2-3 *", "2026-01-01T00:00:00Z", "2026-03-31T00:00"},
		{"0 0 LW * *", "2026-01-01T00:00:00Z",
		 "2026-01-30T00:00 2026-02-27T00:00 2026-03-31T00:00"},
		{"0 0 * * 5#2", "2026-01-01T00:00:00Z", "2026-01-09T00:00 2026-02-13T00:00"},
		{"0 0 * * mon#5", "2026-01-01T00:00:00Z", "2026-03-30T00:00 2026-06-29T00:00"},
		{"0 0 * * 5L", "2026-01-01T00:00:00Z", "2026-01-30T00:00 2026-02-27T00:00"},
		{"0 0 * * friL,sat#1", "2026-01-04T00:00:00Z", "2026-01-30T00:00 2026-02-07T00:00"},
		/* seconds */
		{"*/20 * * * * *", "2026-01-01T00:00:00Z",
		 "2026-01-01T00:00:20.000Z 2026-01-01T00:00:40.000Z 2026-01-01T00:01"},
		{"30 59 23 31 12 *", "2026-01-01T00:00:00Z", "2026-12-31T23:59:30.000Z"},
		{"@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00"},
		{"@daily", "2026-01-01T00:00:00Z", "2026-01-02T00:00"},
		{"@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00"},
		{"@monthly", "2026-01-01T00:00:00Z", "2026-02-01T00:00"},
		{"@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00"},
	};

	(void)state;
	CHECK(expected, NULL);
}

/* As systemd-analyze calendar answers. */
static void calendar_expressions(void **state)
{
	static const struct expected expected[] = {
		{"Mon..Fri 22:30", "2026-01-02T22:30:00Z", "2026-01-05T22:30 2026-01-06T22:30"},
		{"Sat,Sun", "2026-01-01T00:00:00Z", "2026-01-03T00:00 2026-01-04T00:00"},
		{"mon-wed,Friday 10:00", "2026-01-01T00:00:00Z",
		 "2026-01-02T10:00 2026-01-05T10:00"},
		{"*-*-* 08:00:00", "2026-01-01T08:00:00Z", "2026-01-02T08:00"},
		{"08:00", "2026-01-01T00:00:00Z", "2026-01-01T08:00"},
		{"2026-*-01 00:00", "2026-10-01T00:00:00Z",
		 "2026-11-01T00:00 2026-12-01T00:00 never"},
		{"26-12-24", "2026-01-01T00:00:00Z", "2026-12-24T00:00 never"},
		{"2020-01-01", "2026-01-01T00:00:00Z", "never"},
		{"12-24", "2026-01-01T00:00:00Z", "2026-12-24T00:00 2027-12-24T00:00"},
		{"2026..2028/2-07-01", "2026-01-01T00:00:00Z",
		 "2026-07-01T00:00 2028-07-01T00:00 never"},
		{"*-*-1/10 0/12:00", "2026-01-01T00:00:00Z",
		 "2026-01-01T12:00 2026-01-11T00:00 2026-01-11T12:00"},
		{"*:0/20", "2026-01-01T00:00:00Z", "2026-01-01T00:20 2026-01-01T00:40"},
		{"*:*:10,40", "2026-01-01T00:00:00Z",
		 "2026-01-01T00:00:10.000Z 2026-01-01T00:00:40.000Z 2026-01-01T00:01:10.000Z"},
		{"9..17/4:00", "2026-01-01T00:00:00Z",
		 "2026-01-01T09:00 2026-01-01T13:00 2026-01-01T17:00"},
		/* the 13th and a Friday */
		{"Fri *-*-13", "2026-01-01T00:00:00Z",
		 "2026-02-13T00:00 2026-03-13T00:00 2026-11-13T00:00"},
		{"*-02~03", "2026-01-01T00:00:00Z",
		 "2026-02-26T00:00 2027-02-26T00:00 2028-02-27T00:00"},
		{"*-*~01 23:00", "2026-01-31T23:00:00Z", "2026-02-28T23:00 2026-03-31T23:00"},
		{"Mon *-05~07/1", "2026-01-01T00:00:00Z", "2026-05-25T00:00 2027-05-31T00:00"},
		{"*-02~3..2,1", "2026-01-01T00:00:00Z",
		 "2026-02-26T00:00 2026-02-27T00:00 2026-02-28T00:00"},
		{"minutely", "2026-01-01T00:00:00Z", "2026-01-01T00:01"},
		{"hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00"},
		{"daily", "2026-01-01T00:00:00Z", "2026-01-02T00:00"},
		{"weekly", "2026-01-01T00:00:00Z", "2026-01-05T00:00"},
		{"Monthly", "2026-01-01T00:00:00Z", "2026-02-01T00:00"},
		{"quarterly", "2026-01-01T00:00:00Z", "2026-04-01T00:00"},
		{"semiannually", "2026-01-01T00:00:00Z", "2026-07-01T00:00"},
		{"yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00"},
		{"daily UTC", "2026-01-01T00:00:00Z", "2026-01-02T00:00"},
	};

	(void)state;
	CHECK(expected, NULL);
}

static void intervals_begin_at_the_same_moments_always(void **state)
{
	static const struct expected expected[] = {
		{"every 5m", "2026-01-01T00:01:00Z",
		 "2026-01-01T00:05 2026-01-01T00:10 2026-01-01T00:15"},
		{"every 5m", "2026-01-01T00:05:00Z", "2026-01-01T00:10"},
		{"every 90m", "2026-01-01T00:00:00Z", "2026-01-01T01:30 2026-01-01T03:00"},
		{"@every 1h30m", "2026-01-01T00:00:00Z", "2026-01-01T01:30 2026-01-01T03:00"},
		{"every 250ms", "2026-01-01T00:00:00.1Z",
		 "2026-01-01T00:00:00.250Z 2026-01-01T00:00:00.500Z"},
		{"every 1d", "2026-01-01T00:01:00Z", "2026-01-02T00:00"},
		{"every 10m", "1969-12-31T23:45:00Z", "1969-12-31T23:50 1970-01-01T00:00"},
	};
	/* changes of the clock are nothing to them */
	static const struct expected changes[] = {
		{"every 30m", "2026-03-29T00:30:00Z",
		 "2026-03-29T01:00 2026-03-29T01:30 2026-03-29T02:00"},
		{"every 30m", "2026-10-25T00:30:00Z",
		 "2026-10-25T01:00 2026-10-25T01:30 2026-10-25T02:00"},
	};
	const struct tocsin_schedule *schedule = parse("every 7m");

	(void)state;
	CHECK(expected, NULL);
	CHECK(changes, BERLIN);
	assert_true(schedule_next(schedule, NULL, INT64_MAX) == INT64_MAX);
	assert_true(schedule_next(schedule, NULL, INT64_MAX - 1) == INT64_MAX);
	assert_true(schedule_next(schedule, NULL, INT64_MIN) > INT64_MIN);
	schedule_free(schedule);
}

/* Berlin's clock goes from 2:00 to 3:00 at 2026-03-29T01:00Z, and from 3:00 to 2:00 at
 * 2026-10-25T01:00Z. */
static void a_time_that_the_clock_skips_happens_right_after(void **state)
{
	static const struct expected expected[] = {
		{"30 2 * * *", "2026-03-28T01:30:00Z", "2026-03-29T01:00 2026-03-30T00:30"},
		{"30 2 * * *", "2026-03-29T00:59:59.999Z", "2026-03-29T01:00 2026-03-30T00:30"},
		{"30 2 * * *", "2026-03-29T01:00:00Z", "2026-03-30T00:30"},
		/* all that was skipped, and what is due then anyway, is one */
		{"15,45 2,3 * * *", "2026-03-28T12:00:00Z",
		 "2026-03-29T01:00 2026-03-29T01:15 2026-03-29T01:45"},
		{"0 2,3 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00 2026-03-30T00:00"},
		{"02:30", "2026-03-28T01:30:00Z", "2026-03-29T01:00 2026-03-30T00:30"},
		{"0 3 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00 2026-03-30T01:00"},
		{"0 0 29 3 *", "2026-03-28T12:00:00Z", "2026-03-28T23:00"},
		{"30 2 29 3 *", "2026-03-28T12:00:00Z", "2026-03-29T01:00 2027-03-29T00:30"},
	};

	(void)state;
	CHECK(expected, BERLIN);
}

static void a_time_that_the_clock_repeats_happens_the_first_time(void **state)
{
	static const struct expected expected[] = {
		{"30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30 2026-10-26T01:30"},
		{"30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30"},
		{"30 2 * * *", "2026-10-25T01:10:00Z", "2026-10-26T01:30"},
		{"0 2-4 * * *", "2026-10-24T12:00:00Z",
		 "2026-10-25T00:00 2026-10-25T02:00 2026-10-25T03:00"},
		{"*-*-* 02:00,30:00", "2026-10-24T12:00:00Z",
		 "2026-10-25T00:00 2026-10-25T00:30 2026-10-26T01:00"},
	};
	static const struct expected new_york[] = {
		{"30 1 * * *", "2026-10-31T12:00:00Z", "2026-11-01T05:30 2026-11-02T06:30"},
	};

	(void)state;
	CHECK(expected, BERLIN);
	CHECK(new_york, NEW_YORK);
}

static void what_happens_in_every_hour_goes_on_as_it_does(void **state)
{
	static const struct expected expected[] = {
		{"*/30 * * * *", "2026-03-29T00:00:00Z",
		 "2026-03-29T00:30 2026-03-29T01:00 2026-03-29T01:30"},
		{"0 * * * *", "2026-10-24T23:30:00Z",
		 "2026-10-25T00:00 2026-10-25T01:00 2026-10-25T02:00"},
		{"*:00", "2026-10-24T23:30:00Z",
		 "2026-10-25T00:00 2026-10-25T01:00 2026-10-25T02:00"},
		{"0 0-23 * * *", "2026-10-24T23:30:00Z",
		 "2026-10-25T00:00 2026-10-25T01:00 2026-10-25T02:00"},
		{"*/30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:00"},
		{"*/30 2 * * *", "2026-10-24T12:00:00Z",
		 "2026-10-25T00:00 2026-10-25T00:30 2026-10-25T01:00"},
		{"0 */2 * * *", "2026-03-28T22:30:00Z", "2026-03-28T23:00 2026-03-29T02:00"},
		/* a 29th of March that is a Sunday is always the day without that hour */
		{"* 2 29 3 */7", "2026-01-01T00:00:00Z", "never"},
	};

	(void)state;
	CHECK(expected, BERLIN);
}

static void exact_follows_the_clock(void **state)
{
	static const struct expected expected[] = {
		{"30 2 * * * exact", "2026-03-28T01:30:00Z", "2026-03-30T00:30"},
		{"30 2 * * * exact", "2026-10-24T12:00:00Z",
		 "2026-10-25T00:30 2026-10-25T01:30 2026-10-26T01:30"},
		{"2026-10-25 02:30 exact", "2026-10-24T12:00:00Z",
		 "2026-10-25T00:30 2026-10-25T01:30 never"},
		{"2026-10-25 02:30", "2026-10-24T12:00:00Z", "2026-10-25T00:30 never"},
	};

	(void)state;
	CHECK(expected, BERLIN);
}

static void a_schedule_may_have_a_zone_of_its_own(void **state)
{
	static const struct expected expected[] = {
		{"0 8 * * * UTC", "2026-01-01T00:00:00Z", "2026-01-01T08:00"},
		{"Mon 08:00 UTC exact", "2026-01-01T00:00:00Z", "2026-01-05T08:00"},
		{"daily exact UTC", "2026-01-01T12:00:00Z", "2026-01-02T00:00"},
	};
	const struct tocsin_schedule *schedule = parse("daily UTC");

	(void)state;
	CHECK(expected, BERLIN);
	assert_string_equal(schedule->zone->name, "UTC");
	schedule_free(schedule);
	schedule = parse("  daily\t");
	assert_null(schedule->zone);
	assert_string_equal(schedule->text, "daily");
	schedule_free(schedule);
}

static void mistakes_are_told_with_their_place_and_what_to_write(void **state)
{
	static const struct {
		const char *text, *sentence;
	} wrong[] = {
		{"", "it is empty; write when, such as daily"},
		{"61 * * * *", "'61' at character 1 is no minute; write a number from 0 to 59"},
		{"0 24 * * *", "'24' at character 3 is no hour; write a number from 0 to 23"},
		{"0 0 32 * *", "'32' at character 5 is no day of the month"},
		{"0 0 0 * *", "'0' at character 5 is no day of the month"},
		{"0 0 * 13 *",
		 "'13' at character 7 is no month; write a number from 1 to 12, or jan to dec"},
		{"0 0 * * 8",
		 "'8' at character 9 is no day of the week; write a number from 0 to 7, or"},
		{"0 0 * jann *", "'jann' at character 7 is no month"},
		{"0 0 * * mo", "'mo' at character 9 is no day of the week"},
		{"0 22-2 * * *",
		 "'22-2' at character 3 ends before it begins; write two ranges, 22-23,0-2"},
		{"*/0 * * * *", "'0' at character 3 is no step"},
		{"*/90 * * * *", "write an interval such as 'every 90m'"},
		{"1;2 * * * *",
		 "';2' at character 2 is not understood; between two minutes write a comma"},
		{"1, * * * *", "after character 2 is no minute"},
		{"0 0 * * L", "write 5L or friL for the last Friday"},
		{"0 0 * * 5#6", "'6' at character 11 is no number of a week"},
		{"0 0 L-31 * *", "'31' at character 7 is no number of days before the last"},
		{"0 0 L-31 * *", "from 1 to 30"},
		{"0 0 15WW * *", "'W' at character 8 is not understood"},
		{"* * * *",
		 "it has 4 fields; a cron expression has 5 (minute hour day month weekday)"},
		{"0 0 0 0 0 0 0", "it has 7 fields"},
		{"0 0 30 2 *", "it never happens: there is no such day"},
		{"2027-02-29", "it never happens"},
		{"@reboot", "'@reboot' at character 1 names no time"},
		{"@fortnightly", "write @hourly, @daily"},
		{"every", "a duration is missing; write a duration such as every 30s"},
		{"every 5", "'5' at character 7 is no interval"},
		{"every 0s", "'0s' at character 7 is no interval"},
		{"every 5 minutes", "'5' at character 7 is no interval"},
		{"every 5m UTC", "'UTC' at character 10 is too much"},
		{"every 5m exact", "'exact' at character 10 is too much"},
		{"daily at 8", "'daily' at character 1 is not understood; write a cron expression"},
		{"7", "'7' at character 1 is not understood"},
		{"10:00 Mon",
		 "'Mon' at character 7 stands in the wrong place; first come the days"},
		{"Mon Tue 10:00", "'Tue' at character 5 stands in the wrong place"},
		{"25:00", "'25:00' at character 1 is no hour"},
		{"10:00:00.5", "'.5' at character 9 is not understood"},
		{"10:00:00:00", "is no time; write hour:minute or hour:minute:second"},
		{"1-2-3-4", "is no date; write year-month-day"},
		{"2026~02-03", "'~02-03' at character 5 is no date; ~ stands before a day"},
		{"*-02~1..3", "the greater number comes first; write 3..1"},
		{"1960-01-01",
		 "'1960-01-01' at character 1 is no year; write a number from 1970 to 2199"},
		{"daily Nowhere/Atall", "there is no time zone 'Nowhere/Atall'"},
		{"CRON_TZ=UTC 0 0 * * *", "write the time zone as the last word"},
		{"0 0 * * *\n", "it holds characters that no schedule has"},
		{"0 0 * * \xc3\xa4", "it holds characters that no schedule has"},
		{"1 2 3 4 5 6 7 8 9", "it has more words than a schedule can have"},
	};
	const struct tocsin_schedule *schedule = NULL;
	char longest[SCHEDULE_TEXT + 2];
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (schedule_parse(wrong[i].text, &schedule, &err) != -EINVAL || schedule)
			fail_msg("taken: %s", wrong[i].text);
		if (!strstr(err.text, wrong[i].sentence))
			fail_msg("%s: %s", wrong[i].text, err.text);
	}
	memset(longest, '0', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(schedule_parse(longest, &schedule, &err), -EINVAL);
	assert_non_null(strstr(err.text, "longer than 200 characters"));
}

/* Whoever asks for what is years away, or never comes, waits no longer. */
static void the_answer_comes_at_once(void **state)
{
	static const char *const slow[] = {"0 0 29 2 */7", "0 0 29 2 *",  "2199-12-31",
					   "2020-01-01",   "Mon *-02-29", "0 0 31W 2,3 *"};
	const struct tocsin_zone *zone;
	clock_t begun = clock();
	int64_t after = 0;

	(void)state;
	assert_int_equal(zone_from_rule(BERLIN, &zone, NULL), 0);
	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		const struct tocsin_schedule *schedule = parse(slow[i]);

		for (int n = 0; n < 100; n++, after += INT64_C(1) << 34)
			schedule_next(schedule, zone, after);
		assert_true(schedule_next(schedule, zone, INT64_MAX) == INT64_MAX);
		assert_true(schedule_next(schedule, zone, INT64_MIN) > INT64_MIN);
		schedule_free(schedule);
	}
	zone_free(zone);
	/* 0.1 s on a slow machine, 10 s under the slowest of sanitizers; years of minutes are more */
	assert_true(clock() - begun < 20 * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cron_expressions),
		cmocka_unit_test(calendar_expressions),
		cmocka_unit_test(intervals_begin_at_the_same_moments_always),
		cmocka_unit_test(a_time_that_the_clock_skips_happens_right_after),
		cmocka_unit_test(a_time_that_the_clock_repeats_happens_the_first_time),
		cmocka_unit_test(what_happens_in_every_hour_goes_on_as_it_does),
		cmocka_unit_test(exact_follows_the_clock),
		cmocka_unit_test(a_schedule_may_have_a_zone_of_its_own),
		cmocka_unit_test(mistakes_are_told_with_their_place_and_what_to_write),
		cmocka_unit_test(the_answer_comes_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
