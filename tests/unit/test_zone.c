/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/schedule.h"
#include "base/zone.h"
#include "scarce.h"

static const struct tocsin_zone *rule(const char *text)
{
	const struct tocsin_zone *zone = NULL;
	struct error err = {""};

	if (zone_from_rule(text, &zone, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return zone;
}

static const struct tocsin_zone *berlin(void)
{
	return rule("CET-1CEST,M3.5.0,M10.5.0/3");
}

static int64_t utc(int64_t year, int month, int day, int hour, int minute, int second)
{
	const struct civil civil = {year, month, day, hour, minute, second};

	return civil_seconds(&civil);
}

static struct zone_moments moments(const struct tocsin_zone *zone, int month, int day, int hour,
				   int minute)
{
	const struct civil civil = {2026, month, day, hour, minute, 0};

	return zone_from_local(zone, &civil);
}

static void a_rule_says_the_offset_of_every_moment(void **state)
{
	static const struct {
		const char *rule;
		int month, day, hour; /* UTC, of 2026 */
		int32_t offset;
		bool dst;
		const char *abbreviation;
	} known[] = {
		{"UTC0", 6, 1, 0, 0, false, "UTC"},
		{"<+03>-3", 6, 1, 0, 10800, false, "+03"},
		{"<-0930>9:30", 6, 1, 0, -34200, false, "-0930"},
		{"EST5EDT", 7, 1, 0, -14400, true, "EDT"},
		{"EST5EDT", 3, 8, 6, -18000, false, "EST"},
		{"EST5EDT", 3, 8, 7, -14400, true, "EDT"},
		{"EST5EDT", 11, 1, 6, -18000, false, "EST"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 3, 29, 0, 3600, false, "CET"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 3, 29, 1, 7200, true, "CEST"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 10, 25, 0, 7200, true, "CEST"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 10, 25, 1, 3600, false, "CET"},
		/* summer over the turn of the year */
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", 1, 1, 0, 39600, true, "AEDT"},
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", 7, 1, 0, 36000, false, "AEST"},
		{"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1, 1, 0, 39600, true, "+11"},
		/* winter is the exception */
		{"IST-1GMT0,M10.5.0,M3.5.0/1", 1, 1, 0, 0, true, "GMT"},
		{"IST-1GMT0,M10.5.0,M3.5.0/1", 7, 1, 0, 3600, false, "IST"},
		/* times beyond the day, and before it */
		{"IST-2IDT,M3.4.4/26,M10.5.0", 3, 26, 23, 7200, false, "IST"},
		{"IST-2IDT,M3.4.4/26,M10.5.0", 3, 27, 0, 10800, true, "IDT"},
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 3, 29, 0, -7200, false, "-02"},
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 3, 29, 1, -3600, true, "-01"},
		{"AAA0BBB,J1/-167,J365/167", 12, 25, 2, 3600, true, "BBB"},
		/* summer in every day of the year */
		{"XXX3EDT4,0/0,J365/23", 1, 1, 0, -14400, true, "EDT"},
		{"XXX3EDT4,0/0,J365/23", 12, 31, 23, -14400, true, "EDT"},
		{"XXX3EDT4,0/0,J365/23", 7, 1, 0, -14400, true, "EDT"},
		/* J60 is always the first of March, 59 is not */
		{"AAA0BBB,J60/0,J300", 2, 28, 23, 0, false, "AAA"},
		{"AAA0BBB,J60/0,J300", 3, 1, 0, 3600, true, "BBB"},
		{"AAA0BBB,59/0,300", 3, 1, 0, 3600, true, "BBB"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct tocsin_zone *zone = rule(known[i].rule);
		struct zone_span span = zone_span(
			zone, utc(2026, known[i].month, known[i].day, known[i].hour, 0, 0));

		if (span.offset != known[i].offset || span.dst != known[i].dst ||
		    strcmp(span.abbreviation, known[i].abbreviation) != 0)
			fail_msg("%zu: %s: %d %d %s", i, known[i].rule, (int)span.offset, span.dst,
				 span.abbreviation);
		zone_free(zone);
	}
}

static void leap_days_count_in_one_form_of_a_rule(void **state)
{
	const struct tocsin_zone *julian = rule("AAA0BBB,J60/0,J300");
	const struct tocsin_zone *day = rule("AAA0BBB,59/0,300");

	(void)state;
	assert_int_equal(zone_span(julian, utc(2028, 2, 29, 12, 0, 0)).offset, 0);
	assert_int_equal(zone_span(day, utc(2028, 2, 29, 12, 0, 0)).offset, 3600);
	zone_free(julian);
	zone_free(day);
}

static void what_is_no_rule_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "UT0",
					  "UTC",
					  "UTC+",
					  "UTC25",
					  "CET-1CEST,M3.5.0",
					  "CET-1CEST,",
					  "CET-1CEST,M13.5.0,M10.5.0",
					  "CET-1CEST,M3.6.0,M10.5.0",
					  "CET-1CEST,M3.5.7,M10.5.0",
					  "CET-1CEST,M3.5.0,M10.5.0/168",
					  "CET-1CEST,J0,J365",
					  "CET-1CEST,366,1",
					  "<+03-3",
					  "CET-1CEST,M3.5.0,M10.5.0 ",
					  "CET-1:60",
					  "<>-1",
					  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0"};
	const struct tocsin_zone *zone = NULL;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (zone_from_rule(bad[i], &zone, &err) != -EINVAL || zone)
			fail_msg("taken: %s", bad[i]);
}

static void a_local_time_has_no_one_or_two_moments(void **state)
{
	const struct tocsin_zone *zone = berlin();
	struct zone_moments found = moments(zone, 3, 29, 2, 30);

	(void)state;
	assert_int_equal(found.n, 0);
	assert_int_equal(found.utc_s[0], utc(2026, 3, 29, 1, 0, 0));
	found = moments(zone, 3, 29, 2, 0);
	assert_int_equal(found.n, 0);
	found = moments(zone, 3, 29, 3, 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.utc_s[0], utc(2026, 3, 29, 1, 0, 0));
	found = moments(zone, 3, 29, 1, 59);
	assert_int_equal(found.n, 1);
	found = moments(zone, 10, 25, 2, 0);
	assert_int_equal(found.n, 2);
	assert_int_equal(found.utc_s[0], utc(2026, 10, 25, 0, 0, 0));
	assert_int_equal(found.utc_s[1], utc(2026, 10, 25, 1, 0, 0));
	found = moments(zone, 10, 25, 3, 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.utc_s[0], utc(2026, 10, 25, 2, 0, 0));
	zone_free(zone);
}

static void times_are_written_for_people(void **state)
{
	const struct tocsin_zone *zone = berlin();
	char text[40];

	(void)state;
	zone_format(zone, INT64_C(1763476245123), text, sizeof(text));
	assert_string_equal(text, "2025-11-18 15:30:45 CET");
	zone_format(zone_utc(), -1, text, sizeof(text));
	assert_string_equal(text, "1969-12-31 23:59:59 UTC");
	zone_format(zone_utc(), INT64_MAX, text, sizeof(text));
	zone_format(zone_utc(), INT64_MIN, text, sizeof(text));
	zone_free(zone);
}

/* --- names --- */

static char directory[] = "/tmp/tocsin-zone-XXXXXX";

static void expect(const char *name, const char *sentence)
{
	const struct tocsin_zone *zone = NULL;
	struct error err = {""};

	assert_int_equal(zone_load(name, &zone, &err), -EINVAL);
	if (!strstr(err.text, sentence))
		fail_msg("%s: %s", name, err.text);
}

static void put(const char *name, const void *data, size_t size)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

/* Version 1: a type and no change. */
static const unsigned char old_file[] =
	"TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
	"\0\0\x0e\x10\0\0OLD";

static void names_lead_to_zones_and_nowhere_else(void **state)
{
	const struct tocsin_zone *zone = NULL;
	struct error err = {""};
	unsigned char leaps[sizeof(old_file) + 8] = {0};

	(void)state;
	assert_non_null(mkdtemp(directory));
	setenv("TZDIR", directory, 1);
	assert_int_equal(zone_load("UTC", &zone, &err), 0);
	assert_ptr_equal(zone, zone_utc());
	zone_free(zone);
	assert_int_equal(zone_load("local", &zone, &err), 0);
	assert_ptr_equal(zone, zone_system());
	zone_free(zone);
	expect("Old", "install the package tzdata, or write UTC");
	put("Old", old_file, sizeof(old_file));
	assert_int_equal(zone_load("Old", &zone, &err), 0);
	assert_string_equal(zone->name, "Old");
	assert_string_equal(zone_span(zone, 0).abbreviation, "OLD");
	assert_int_equal(zone_span(zone, 0).offset, 3600);
	zone_free(zone);

	expect("old", "did you mean 'Old'?");
	expect("Nowhere/At_all", "there is no time zone 'Nowhere/At_all'; write one such as");
	put("Torn", old_file, sizeof(old_file) - 5);
	expect("Torn", "its file is damaged");
	memcpy(leaps, old_file, sizeof(old_file));
	leaps[31] = 1;
	put("Leaps", leaps, sizeof(leaps));
	expect("Leaps", "leap seconds");
	expect("", "is not the name of a time zone");
	expect("/etc/passwd", "is not the name of a time zone");
	expect("../Old", "is not the name of a time zone");
	expect("Old/../Old", "is not the name of a time zone");
	expect(".", "is not the name of a time zone");
	expect("Europe/Ber lin", "is not the name of a time zone");
	unsetenv("TZDIR");
}

static int parse_and_load(void *data)
{
	const struct tocsin_schedule *schedule = NULL;
	const struct tocsin_zone *zone = NULL;
	struct error err;
	int result = schedule_parse("30 8 * * mon Old", &schedule, &err);

	(void)data;
	if (result == 0)
		result = zone_load("Old", &zone, &err);
	if (result == 0 && (strcmp(zone->name, "Old") != 0 || !schedule->zone ||
			    schedule_next(schedule, zone, 0) == INT64_MAX))
		scarce_fail("half a schedule");
	schedule_free(schedule);
	zone_free(zone);
	return result;
}

static void short_memory_is_told(void **state)
{
	(void)state;
	setenv("TZDIR", directory, 1);
	put("Old", old_file, sizeof(old_file));
	assert_true(scarce_sweep("schedule", parse_and_load, NULL) > 0);
	unsetenv("TZDIR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_says_the_offset_of_every_moment),
		cmocka_unit_test(leap_days_count_in_one_form_of_a_rule),
		cmocka_unit_test(what_is_no_rule_is_refused),
		cmocka_unit_test(a_local_time_has_no_one_or_two_moments),
		cmocka_unit_test(times_are_written_for_people),
		cmocka_unit_test(names_lead_to_zones_and_nowhere_else),
		cmocka_unit_test(short_memory_is_told),
	};
	char command[100];
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command) != 0 || failed;
}
