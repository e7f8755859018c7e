/* SPDX-License-Identifier: Apache-2.0 */
/* The heartbeat source: options that cannot be, what is saved as text, and the clock that goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "heartbeat_host.h"

#define HOUR 3600000

static void test_options_that_cannot_be(void **unused)
{
	const struct tocsin_schedule hourly = {.text = "3600000"};
	struct beat_config beat[2] = {{.name = "a", .period = 1}, {.name = "b", .period = 1}};
	struct rule_config rule[2] = {{.name = "r", .query = "SELECT 1"},
				      {.name = "r", .query = "SELECT 1"}};
	struct config good = beats_config(beat, 2), bad;
	char why[400];

	(void)unused;
	assert_null(check_options(&good, why, sizeof(why)));
#define REFUSED(text) assert_non_null(strstr(check_options(&bad, why, sizeof(why)), text))
	bad = good;
	bad.heartbeats.n = 0;
	REFUSED("nothing to watch");
	beat[1].name = "a";
	bad = good;
	REFUSED("heartbeat 'a' is there twice");
	beat[1].name = "";
	REFUSED("the name of a heartbeat is");
	beat[1].name = "b";
	beat[1].period = 0;
	REFUSED("heartbeat 'b' has neither a period nor a schedule");
	beat[1].schedule = &hourly;
	REFUSED("heartbeat 'b' has a schedule but no grace");
	beat[1].grace = 1;
	assert_null(check_options(&bad, why, sizeof(why)));
	beat[1].period = 1;
	REFUSED("heartbeat 'b' has a period and a schedule");
	beat[1].schedule = NULL;
	beat[1].min_run = 2;
	beat[1].max_run = 1;
	REFUSED("min_run that is longer");
	beat[1].max_run = 3;
	bad.create = true;
	REFUSED("what 'create' makes has neither");
	bad = good;
	bad.query = "SELECT";
	REFUSED("'query' needs to know the database");
	bad.connection = "host=/nowhere";
	REFUSED("a row has neither a period");
	bad.rows = ROWS_LISTED;
	assert_null(check_options(&bad, why, sizeof(why)));
	bad.healthy_status.n = 1;
	REFUSED("'healthy_status' needs");
	bad = good;
	bad.connection = "host=/nowhere";
	REFUSED("nothing to read");
	bad.rules = (struct tocsin_sections){rule, 2};
	REFUSED("rule 'r' is there twice");
	bad.rules.n = 1;
	rule[0].name = "query";
	REFUSED("cannot be called 'query'");
	rule[0].name = "r";
	assert_null(check_options(&bad, why, sizeof(why)));
#undef REFUSED
}

/* --- saved texts --- */

static void test_saved_state_comes_back(void **unused)
{
	struct beat_state state, back;
	bool made = false;
	json_t *labels;
	char *text;

	(void)unused;
	beat_init(&state);
	state = (struct beat_state){.status = BEAT_DOWN,
				    .since = {1, 2},
				    .anchor = {3, 4},
				    .last_ping = {5, 6},
				    .last_start = {7, 8},
				    .running = true,
				    .rid = "abc",
				    .last_duration_ms = -1,
				    .missed = 2,
				    .start_ms = {9, 10},
				    .n_starts = 2,
				    .restless = true,
				    .restless_since = {11, 12},
				    .handed = {13, UINT32_MAX},
				    .n_handed = 2,
				    .pings = 14,
				    .seen_ms = 15,
				    .seen_start_ms = 16,
				    .absent = true,
				    .unwell = true,
				    .text = "t",
				    .reason = "r"};
	labels = json_pack("{s:s}", "team", "a");
	text = saved_beat(&state, true, labels);
	json_decref(labels);
	assert_true(saved_read_beat(text, &back, &made, &labels));
	assert_int_equal(json_object_size(labels), 1);
	json_decref(labels);
	assert_true(made);
	assert_memory_equal(&state, &back, sizeof(state));
	free(text);
	assert_false(saved_read_beat("{}", &back, &made, &labels));
	assert_false(saved_read_beat("nonsense", &back, &made, &labels));
}

static void test_saved_names(void **unused)
{
	static const char *const names[] = {"backup", "a/b", "100%", "a b", "%2f", "\xc3\xa4"};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(names); i++) {
		char *key = saved_name("beat/", names[i]), *back = saved_named(key, "beat/");

		assert_string_equal(back, names[i]);
		assert_null(strchr(key + 5, '/'));
		free(key);
		free(back);
	}
}

/* --- the clock --- */

static void test_steady_clock(void **unused)
{
	struct steady_kept kept = {.boot = "one", .boot_ms = 1000, .at = {50000, 90000}};
	struct steady steady = {.boot = "one"};
	struct clocks clocks = {.boot_ms = 3000, .wall_ms = 9000000};
	struct moment now;

	(void)unused;
	steady_start(&steady, &kept, &clocks); /* the same boot: its clock says it */
	now = steady_now(&steady, &clocks);
	assert_int_equal(now.own_ms, 52000);
	assert_true(steady_was_set(&steady, &now));
	assert_false(steady_was_set(&steady, &now));
	snprintf(steady.boot, sizeof(steady.boot), "two");
	clocks = (struct clocks){.boot_ms = 10, .wall_ms = 90000 + 7000};
	steady_start(&steady, &kept, &clocks); /* another boot: the wall */
	assert_int_equal(steady_now(&steady, &clocks).own_ms, 57000);
	clocks.wall_ms = 5; /* ... which is not believed when it goes back, ... */
	steady_start(&steady, &kept, &clocks);
	assert_int_equal(steady_now(&steady, &clocks).own_ms, 50000);
	clocks.wall_ms = INT64_C(1) << 50; /* ... nor when it leaps */
	steady_start(&steady, &kept, &clocks);
	assert_int_equal(steady_now(&steady, &clocks).own_ms, 50000 + INT64_C(366) * 24 * HOUR);
	steady_start(&steady, NULL, &clocks);
	assert_int_equal(steady_now(&steady, &clocks).own_ms, clocks.wall_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_that_cannot_be),
		cmocka_unit_test(test_saved_state_comes_back),
		cmocka_unit_test(test_saved_names),
		cmocka_unit_test(test_steady_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
