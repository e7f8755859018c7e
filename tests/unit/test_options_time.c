/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/zone.h"
#include "config/options.h"

struct times {
	const struct tocsin_schedule *at;
	const struct tocsin_zone *zone;
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(SCHEDULE, struct times, at, .help = "When."),
	TOCSIN_OPTION(ZONE, struct times, zone, .preset = "local", .help = "Where."),
};

static struct arena *arena;
static struct problems problems;
static struct times times;

static int forget(void **state)
{
	(void)state;
	arena_free(arena);
	arena = NULL;
	problems_done(&problems);
	times = (struct times){0};
	return 0;
}

static int fill(const char *text)
{
	struct options_table table = {options, 2, sizeof(options[0]), &times};
	struct options_context context = {.problems = &problems};
	struct place place = {"x.yaml", 9, 9};
	struct node *root = NULL;
	int result;

	forget(NULL);
	context.arena = arena = arena_new();
	assert_int_equal(yaml_read("x.yaml", text, strlen(text), &problems, &root), 0);
	result = options_fill(&context, root, &place, "source 'jobs'", &table, 1, NULL);
	node_free(root);
	return result;
}

static void refused(const char *text, const char *sentence)
{
	assert_int_not_equal(fill(text), 0);
	assert_int_equal(problems.n, 1);
	assert_string_equal(problems.text[0], sentence);
}

static void schedules_and_zones_are_read(void **state)
{
	(void)state;
	assert_int_equal(fill(""), 0);
	assert_null(times.at);
	assert_ptr_equal(times.zone, zone_system());
	assert_int_equal(fill("at: 30 8 * * 1-5 UTC\nzone: UTC\n"), 0);
	assert_string_equal(times.at->text, "30 8 * * 1-5 UTC");
	assert_string_equal(times.at->zone->name, "UTC");
	assert_string_equal(times.zone->name, "UTC");
}

static void wrong_ones_say_what_is_wrong(void **state)
{
	(void)state;
	refused("at: 61 * * * *", "x.yaml:1:5: source 'jobs': 'at' cannot be read: '61' at "
				  "character 1 is no minute; write a number from 0 to 59");
	refused("zone: ../UTC", "x.yaml:1:7: source 'jobs': 'zone' cannot be read: '../UTC' is not "
				"the name of a time zone; write one such as Europe/Berlin, UTC or "
				"local");
}

static void what_is_no_text_is_refused(void **state)
{
	(void)state;
	refused("at: [daily]", "x.yaml:1:5: source 'jobs': 'at' must be a schedule such as 'every "
			       "5m', '30 8 * * 1-5' or daily, not a list");
	refused("zone: {}", "x.yaml:1:7: source 'jobs': 'zone' must be a time zone such as "
			    "Europe/Berlin, UTC or local, not a section");
}

static void what_may_be_secret_is_not_shown(void **state)
{
	(void)state;
	setenv("TOCSIN_TEST_AT", "s3cret", 1);
	refused("at: ${env:TOCSIN_TEST_AT}",
		"x.yaml:1:5: source 'jobs': 'at' must be a schedule such as 'every 5m', '30 8 * * "
		"1-5' or daily; the value is not");
	unsetenv("TOCSIN_TEST_AT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(schedules_and_zones_are_read, forget),
		cmocka_unit_test_teardown(wrong_ones_say_what_is_wrong, forget),
		cmocka_unit_test_teardown(what_is_no_text_is_refused, forget),
		cmocka_unit_test_teardown(what_may_be_secret_is_not_shown, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
