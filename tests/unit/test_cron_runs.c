/* SPDX-License-Identifier: Apache-2.0 */
/* Runs, what they say, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/common/instant.h"
#include "../../plugins/sources/cron/cron.h"

static const struct triggers preset = {
	.failed = 1, .error_rate = 50, .min_tasks = 3, .failed_tasks = 5, .processing_errors = 3};

#define BIT(problem) (1u << PROBLEM_##problem)

static void the_triggers_are_those_that_people_know(void **unused)
{
	static const struct {
		enum run_status status;
		struct results results; /* completed, failed, still, errors, total */
		int64_t took;
		unsigned int found;
	} cases[] = {
		{RUN_COMPLETED, {-1, -1, -1, -1, -1}, 100, 0},
		{RUN_FAILED, {-1, -1, -1, -1, -1}, 100, BIT(FAILED)},
		{RUN_LOST, {-1, -1, -1, -1, -1}, -1, BIT(LOST)},
		{RUN_MISSED, {-1, -1, -1, -1, -1}, -1, 0},
		{RUN_RUNNING, {0, 9, 0, 9, 9}, -1, 0},
		/* more than half of at least three */
		{RUN_COMPLETED, {0, 1, 0, 0, 1}, 100, 0},
		{RUN_COMPLETED, {0, 2, 0, 0, 2}, 100, 0},
		{RUN_COMPLETED, {1, 2, 0, 0, 3}, 100, BIT(ERROR_RATE)},
		{RUN_COMPLETED, {2, 2, 0, 0, 4}, 100, 0},
		{RUN_COMPLETED, {1, 2, -1, -1, -1}, 100, BIT(ERROR_RATE)},
		{RUN_COMPLETED, {0, 2, 8, 0, 10}, 100, 0},
		{RUN_COMPLETED, {-1, 2, -1, -1, 3}, 100, BIT(ERROR_RATE)},
		{RUN_COMPLETED, {0, 2, 0, 0, 0}, 100, 0},
		/* five and more */
		{RUN_COMPLETED, {96, 4, 0, 0, 100}, 100, 0},
		{RUN_COMPLETED, {95, 5, 0, 0, 100}, 100, BIT(FAILED_TASKS)},
		{RUN_COMPLETED, {4, 5, 0, 0, 9}, 100, BIT(FAILED_TASKS) | BIT(ERROR_RATE)},
		/* three errors */
		{RUN_COMPLETED, {9, 0, 0, 2, 9}, 100, 0},
		{RUN_COMPLETED, {9, 0, 0, 3, 9}, 100, BIT(ERRORS)},
		{RUN_FAILED,
		 {0, 5, 0, 3, 5},
		 100,
		 BIT(FAILED) | BIT(ERROR_RATE) | BIT(FAILED_TASKS) | BIT(ERRORS)},
		{RUN_COMPLETED, {-1, -1, -1, -1, -1}, 49, BIT(TOO_SHORT)},
		{RUN_COMPLETED, {-1, -1, -1, -1, -1}, -1, 0},
		{RUN_FAILED, {-1, -1, -1, -1, -1}, 49, BIT(FAILED)},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		struct run run;
		unsigned int found;

		run_init(&run, "x", CAUSE_REPORT, 1);
		run.status = cases[i].status;
		run.results = cases[i].results;
		run.duration_ms = cases[i].took;
		found = judge(&run, &preset, 50);
		if (found != cases[i].found)
			fail_msg("case %zu: %#x", i, found);
	}
}

static void every_trigger_can_be_changed_or_switched_off(void **unused)
{
	static const struct triggers off = {.error_rate = 100},
				     nothing = {0, 0, -1, -1, -1, -1, -1};
	struct triggers triggers;
	struct run run;

	(void)unused;
	run_init(&run, "x", CAUSE_REPORT, 1);
	run.status = RUN_FAILED;
	run.results = (struct results){0, 9, 0, 9, 9};
	assert_int_equal(judge(&run, &off, 0), 0);
	triggers_of(&triggers, &nothing, &preset);
	assert_memory_equal(&triggers, &preset, sizeof(preset));
	triggers_of(&triggers,
		    &(struct triggers){.failed = 1,
				       .overlapped = 2,
				       .error_rate = -1,
				       .min_tasks = 10,
				       .failed_tasks = -1,
				       .processing_errors = -1,
				       .failures_in_a_row = 4},
		    &preset);
	assert_int_equal(triggers.failed, 0);
	assert_int_equal(triggers.overlapped, 1);
	assert_int_equal(triggers.error_rate, 50);
	assert_int_equal(triggers.failures_in_a_row, 4);
	assert_int_equal(judge(&run, &triggers, 0), BIT(FAILED_TASKS) | BIT(ERRORS));
}

static void results_come_as_people_write_them(void **unused)
{
	static const struct {
		const char *json;
		struct results results;
		const char *error;
	} cases[] = {
		{"{\"completed\":5,\"failed\":2,\"still_processing\":1,\"errors\":3,"
		 "\"total_found\":8}",
		 {5, 2, 1, 3, 8},
		 NULL},
		{"{\"completed\":5,\"failed\":2,\"stillProcessing\":1,\"totalFound\":8}",
		 {5, 2, 1, -1, 8},
		 NULL},
		{"{\"completed\":0,\"errors\":[\"no such user\",\"b\"]}",
		 {0, -1, -1, 2, -1},
		 "no such user"},
		{"{\"completed\":0,\"errors\":[{\"message\":\"out of paper\"}]}",
		 {0, -1, -1, 1, -1},
		 "out of paper"},
		{"{\"completed\":2.0,\"errors\":[]}", {2, -1, -1, 0, -1}, NULL},
		{"{\"completed\":-1,\"failed\":\"x\",\"errors\":null}", {-1, -1, -1, -1, -1}, NULL},
		{"{}", {-1, -1, -1, -1, -1}, NULL},
		{"{\"completed\":1e300}", {-1, -1, -1, -1, -1}, NULL},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		json_t *object = json_loads(cases[i].json, 0, NULL);
		struct results results;
		char *error = NULL;
		bool found;

		results_none(&results);
		found = results_read(&results, object, &error);
		assert_int_equal(found, results_any(&results));
		assert_memory_equal(&results, &cases[i].results, sizeof(results));
		if (cases[i].error)
			assert_string_equal(error, cases[i].error);
		else
			assert_null(error);
		free(error);
		json_decref(object);
	}
}

static void a_program_says_its_results_on_its_last_line(void **unused)
{
	static const struct {
		const char *output;
		int64_t completed;
	} cases[] = {
		{"{\"completed\":3}", 3},
		{"working\n{\"completed\":3}\n\n", 3},
		{"{\"completed\":3}\ndone\n", -1},
		{"{\"completed\":3", -1},
		{"{\"other\":3}", -1},
		{"[3]", -1},
		{"", -1},
		{NULL, -1},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		struct results results;

		results_none(&results);
		assert_int_equal(results_find(&results, cases[i].output), cases[i].completed >= 0);
		assert_int_equal(results.completed, cases[i].completed);
	}
}

static void what_is_kept_of_a_run_is_read_as_it_was(void **unused)
{
	struct run run, again;
	char *json, *second;

	(void)unused;
	run_init(&run, "b8a7", CAUSE_SCHEDULE, INT64_C(1763476245123));
	run.due_ms = INT64_C(1763476245000);
	run.exit = 3;
	run.own = run.again = run.has_usage = true;
	run.user_ms = 12, run.system_ms = 13, run.max_rss_kib = 14;
	snprintf(run.signal, sizeof(run.signal), "SIGKILL");
	run.results = (struct results){1, 2, 3, 4, -1};
	assert_true(run_text(&run.error, "line\nof \"text\" \xff\x01"));
	assert_true(run_text(&run.output, "{\"status\":\"running\"}"));
	assert_true(run_text(&run.host, "h") && run_text(&run.user, "u"));
	assert_true(run_text(&run.command, "c"));
	run_end(&run, RUN_FAILED, INT64_C(1763476290423));
	assert_int_equal(run.duration_ms, 45300);
	json = run_json(&run, "a job/with % signs");
	assert_non_null(strstr(json, "\"started_at\":\"2025-11-18T14:30:45.123Z\""));
	assert_non_null(strstr(json, "\"duration_ms\":45300"));
	assert_null(strchr(json, '\n'));
	assert_true(run_read(&again, json));
	second = run_json(&again, "a job/with % signs");
	assert_string_equal(second, json);
	run_done(&run);
	run_done(&again);
	free(json);
	free(second);
}

static void what_is_no_run_is_refused(void **unused)
{
	static const char *const texts[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"id\":\"x\"}",
		"{\"id\":\"x\",\"status\":\"sleeping\",\"trigger\":\"report\"}",
		"{\"id\":\"x\",\"status\":\"running\",\"trigger\":\"?\"}",
		"{\"id\":\"0123456789012345678901234567890123456789012345678901234567890123456789\","
		"\"status\":\"running\",\"trigger\":\"report\"}",
	};
	struct run run;

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(texts); i++)
		assert_false(run_read(&run, texts[i]));
}

static void words_of_many_schemas_are_understood(void **unused)
{
	static const struct {
		const char *word;
		enum run_status status;
	} cases[] = {{"running", RUN_RUNNING}, {"completed", RUN_COMPLETED},
		     {"FAILED", RUN_FAILED},   {"Success", RUN_COMPLETED},
		     {"timeout", RUN_FAILED},  {"ok", RUN_COMPLETED}};
	enum run_status status;

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		assert_true(run_status_read(cases[i].word, &status));
		assert_int_equal(status, cases[i].status);
	}
	assert_false(run_status_read("whatever", &status));
}

static void durations_read_well(void **unused)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {{0, "0ms"},         {99, "99ms"},       {100, "0.1s"},
		     {45300, "45.3s"},   {59999, "60.0s"},   {60000, "1m 0s"},
		     {725000, "12m 5s"}, {7380000, "2h 3m"}, {180000000, "2d 2h"}};
	char text[WORDS_DURATION];

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++)
		assert_string_equal(words_duration(cases[i].ms, text), cases[i].text);
}

static void moments_are_read_as_they_are_written(void **unused)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2025-11-18T14:30:45.123Z", INT64_C(1763476245123)},
		{"2025-11-18T15:30:45.123+01:00", INT64_C(1763476245123)},
		{"2025-11-18t10:00:45,1239999-0430", INT64_C(1763476245123)},
		{"2025-11-18 14:30:45Z", INT64_C(1763476245000)},
		{"2000-02-29T00:00:00Z", INT64_C(951782400000)},
		{"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
	};
	static const char *const wrong[] = {
		"",
		"now",
		"2025-11-18",
		"2025-11-18T14:30:45",
		"2025-13-01T00:00:00Z",
		"2025-02-29T00:00:00Z",
		"2025-11-18T24:00:00Z",
		"2025-11-18T14:30:45+25:00",
		"1969-12-31T23:59:59Z",
		"2025-11-18T14:30:45Zz",
		"2025-11-18T14:30:45.Z+",
	};
	char text[INSTANT_SIZE];
	int64_t ms;

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		assert_true(instant_read(cases[i].text, &ms));
		assert_int_equal(ms, cases[i].ms);
		assert_true(instant_read(instant_text(ms, text), &ms));
		assert_int_equal(ms, cases[i].ms);
	}
	for (size_t i = 0; i < TOCSIN_COUNT(wrong); i++)
		if (instant_read(wrong[i], &ms))
			fail_msg("'%s' was read", wrong[i]);
}

static void ids_are_uuids_and_differ(void **unused)
{
	char one[CRON_ID + 1], other[CRON_ID + 1];

	(void)unused;
	run_new_id(one);
	run_new_id(other);
	assert_int_equal(strlen(one), 36);
	assert_int_equal(one[14], '4');
	assert_string_not_equal(one, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_triggers_are_those_that_people_know),
		cmocka_unit_test(every_trigger_can_be_changed_or_switched_off),
		cmocka_unit_test(results_come_as_people_write_them),
		cmocka_unit_test(a_program_says_its_results_on_its_last_line),
		cmocka_unit_test(what_is_kept_of_a_run_is_read_as_it_was),
		cmocka_unit_test(what_is_no_run_is_refused),
		cmocka_unit_test(words_of_many_schemas_are_understood),
		cmocka_unit_test(durations_read_well),
		cmocka_unit_test(moments_are_read_as_they_are_written),
		cmocka_unit_test(ids_are_uuids_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
