/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a check, what is saved, said and shown of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scarce.h"
#include "threshold_made.h"

/* --- steps --- */

static const char *get(const struct tocsin_map *map, const char *name)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->pair[i].name, name) == 0)
			return map->pair[i].value;
	return "";
}

static const struct tocsin_alert *only(const struct made *made)
{
	assert_int_equal(made->batch.n, 1);
	return &made->batch.emission[0].alert;
}

static void says(const struct tocsin_alert *alert, const char *name, const char *expected)
{
	assert_string_equal(get(&alert->annotations, name), expected);
}

static void an_alert_says_what_people_need(void **state)
{
	struct made made;
	const struct tocsin_alert *alert;

	(void)state;
	made_begin(&made);
	made.config.labels =
		(struct tocsin_map){(const struct tocsin_pair[]){{"category", "sla"}}, 1};
	made.config.link = "https://example.com/sla";
	made_run(&made, 0, "value:n:91", NULL);
	assert_int_equal(made.batch.n, 0);
	assert_true(made.changed);
	made_run(&made, 60, "value:n:65.2", NULL);
	alert = only(&made);
	assert_int_equal(alert->status, TOCSIN_FIRING);
	assert_int_equal(alert->severity, TOCSIN_CRITICAL);
	assert_string_equal(alert->severity_name, "critical");
	assert_int_equal(alert->starts_at_ms, INT64_C(1763472705000));
	assert_string_equal(alert->link, "https://example.com/sla");
	assert_int_equal(alert->labels.n, 2);
	assert_string_equal(get(&alert->labels, "alertname"), "SLA Compliance");
	assert_string_equal(get(&alert->labels, "category"), "sla");
	says(alert, "summary", "SLA Compliance");
	says(alert, "description", "65.2 % is critical (critical: < 70 %, warning: < 85 %)");
	says(alert, "metric_value", "65.2");
	says(alert, "value", "65.2 %");
	says(alert, "threshold", "critical: < 70 %, warning: < 85 %");
	says(alert, "state", "critical");
	says(alert, "previous_state", "ok");
	says(alert, "since", "2025-11-18T13:31:45.000Z");
	says(alert, "table", "");
	made_run(&made, 120, "value:n:66", NULL);
	assert_int_equal(made.batch.n, 0);
	assert_false(made.changed);
	made_run(&made, 180, "value:n:80", NULL);
	assert_int_equal(only(&made)->severity, TOCSIN_WARNING);
	assert_int_equal(only(&made)->starts_at_ms, INT64_C(1763472705000));
	says(only(&made), "previous_state", "critical");
	made_run(&made, 780, "value:n:91", NULL);
	alert = only(&made);
	assert_int_equal(alert->status, TOCSIN_RESOLVED);
	assert_int_equal(alert->starts_at_ms, INT64_C(1763472705000));
	assert_int_equal(alert->ends_at_ms, INT64_C(1763473425000));
	says(alert, "description", "Back to normal after 12 minutes, at 91 % (was warning)");
	says(alert, "duration", "12 minutes");
	says(alert, "state", "ok");
	made_done(&made);
}

static void own_words_and_units_are_taken(void **state)
{
	struct made made;

	(void)state;
	made_begin(&made);
	made.config.unit = "$";
	made.config.warning = "> 350";
	made.config.critical = "> 500";
	made.config.summary = "Cost is {state}";
	made.config.description = "{value} a dispatch; {threshold}; {n} of them in {check}";
	made.config.value_column = "value";
	options_limits(&made.config, false, &made.check.limits);
	made_run(&made, 0, "value:n:512.505;n:n:17", NULL);
	says(only(&made), "summary", "Cost is critical");
	says(only(&made), "description",
	     "$512.5 a dispatch; critical: > 500, warning: > 350; 17 of them in SLA Compliance");
	says(only(&made), "table", "value    n\n512.505  17\n");
	made_done(&made);
}

static void each_row_is_an_alert_of_its_own(void **state)
{
	struct made made;
	const struct tocsin_alert *alert;

	(void)state;
	made_begin(&made);
	made.config.name = "First-time fix rate";
	made.config.warning = "< 60";
	made.config.critical = NULL;
	options_limits(&made.config, false, &made.check.limits);
	made_run(&made, 0, "technician:t:Ada,Bob,Cy;rate:n:52,90,41", NULL);
	assert_int_equal(made.batch.n, 2);
	alert = &made.batch.emission[1].alert;
	assert_string_equal(get(&alert->labels, "technician"), "Cy");
	says(alert, "summary", "First-time fix rate (Cy)");
	says(alert, "table", "technician  rate\nCy          41\n");
	/* Bob falls, Ada recovers, Cy is away, and then for good. */
	made_run(&made, 60, "technician:t:Ada,Bob;rate:n:80,59", NULL);
	assert_int_equal(made.batch.n, 2);
	assert_int_equal(made.batch.emission[0].alert.status, TOCSIN_RESOLVED);
	assert_string_equal(get(&made.batch.emission[1].alert.labels, "technician"), "Bob");
	made_run(&made, 120, "technician:t:Ada,Bob;rate:n:80,59", NULL);
	alert = only(&made);
	assert_int_equal(alert->status, TOCSIN_RESOLVED);
	assert_string_equal(get(&alert->labels, "technician"), "Cy");
	says(alert, "description", "It is no longer among the rows, after 2 minutes");
	says(alert, "state", "gone");
	made_settle(&made);
	assert_int_equal(made.check.n, 2);
	/* An error is about the check; the rows stay as they are. */
	made_run(&made, 180, NULL, "option 'query': it broke");
	alert = only(&made);
	assert_int_equal(alert->labels.n, 1);
	says(alert, "description", "The check failed: option 'query': it broke");
	says(alert, "state", "error");
	made_settle(&made);
	assert_int_equal(check_level(&made.check), LEVEL_WARNING);
	made_run(&made, 240, NULL, "option 'query': it broke");
	assert_int_equal(made.batch.n, 0);
	made_run(&made, 300, "technician:t:Ada,Bob;rate:n:80,59", NULL);
	assert_int_equal(only(&made)->status, TOCSIN_RESOLVED);
	assert_int_equal(only(&made)->labels.n, 1);
	made_settle(&made);
	assert_int_equal(made.check.n, 2);
	/* No rows at all: nobody is left. */
	made_run(&made, 360, "technician:t:;rate:n:", NULL);
	made_run(&made, 420, "technician:t:;rate:n:", NULL);
	assert_int_equal(only(&made)->status, TOCSIN_RESOLVED);
	made_settle(&made);
	assert_int_equal(made.check.n, 0);
	made_run(&made, 480, "technician:t:;rate:n:", NULL);
	assert_false(made.changed);
	made_settle(&made);
	assert_int_equal(check_level(&made.check), LEVEL_OK);
	made_done(&made);
}

static void no_rows_can_mean_something_where_rows_are_states(void **state)
{
	struct made made;

	(void)state;
	made_begin(&made);
	made.config.on_no_data = 1 + ACTION_CRITICAL;
	options_limits(&made.config, false, &made.check.limits);
	made_run(&made, 0, "who:t:Ada;value:n:60", NULL);
	made_run(&made, 1, "who:t:;value:n:", NULL);
	assert_int_equal(only(&made)->labels.n, 1);
	assert_int_equal(only(&made)->severity, TOCSIN_CRITICAL);
	says(only(&made), "description", "The query gives no rows");
	for (int i = 2; i < 6; i++) {
		made_run(&made, i, "who:t:;value:n:", NULL);
		assert_int_equal(made.batch.n, 0);
	}
	/* What was known of the rows holds still. */
	made_settle(&made);
	assert_int_equal(made.check.n, 2);
	made_done(&made);
}

static void a_single_value_without_rows_or_value_is_unknown(void **state)
{
	struct made made;

	(void)state;
	made_begin(&made);
	made_run(&made, 0, "value:n:", NULL);
	says(only(&made), "description", "The query gives no rows");
	assert_int_equal(only(&made)->severity, TOCSIN_WARNING);
	made_settle(&made);
	assert_string_equal(made.check.reason, "the query gives no rows");
	made_run(&made, 1, "value:n:-", NULL);
	assert_int_equal(made.batch.n, 0);
	made_settle(&made);
	assert_string_equal(made.check.reason, "the value is NULL");
	made_run(&made, 2, "value:n:99", NULL);
	assert_int_equal(only(&made)->status, TOCSIN_RESOLVED);
	made_settle(&made);
	assert_string_equal(made.check.reason, "");
	made_done(&made);
}

/* --- saved --- */

static void a_state_survives_being_saved(void **state)
{
	struct made one, two;
	char *text, *again;

	(void)state;
	made_begin(&one);
	one.config.breaches = "2 of 3";
	one.config.flap_changes = 5;
	options_limits(&one.config, false, &one.check.limits);
	made_run(&one, 0, "who:t:Ada,Bob,Cy;rate:n:52,90,71", NULL);
	made_run(&one, 60, "who:t:Ada,Bob,Cy;rate:n:52,90.25,71", NULL);
	made_run(&one, 120, "who:t:Ada,Bob;rate:n:99,90.25", NULL);
	made_settle(&one);
	one.check.paused = true;
	made_settle(&one);
	text = saved_write(&one.check, false);
	made_begin(&two);
	two.config = one.config;
	assert_int_equal(saved_read(&two.check, text), 0);
	assert_true(two.check.paused);
	assert_true(two.check.by_row);
	made_settle(&two);
	assert_int_equal(two.check.n, one.check.n);
	for (size_t i = 0; i < one.check.n; i++) {
		made_settle(&one);
		assert_string_equal(one.check.row[i]->key, two.check.row[i]->key);
		made_settle(&one);
		assert_memory_equal(&one.check.row[i]->track, &two.check.row[i]->track,
				    sizeof(struct track));
	}
	made_settle(&two);
	again = saved_write(&two.check, false);
	assert_string_equal(text, again);
	/* Both go on alike. */
	made_run(&one, 180, "who:t:Ada,Bob;rate:n:99,90.25", NULL);
	made_run(&two, 180, "who:t:Ada,Bob;rate:n:99,90.25", NULL);
	assert_int_equal(one.batch.n, two.batch.n);
	assert_true(one.batch.n > 0);
	free(text);
	free(again);
	made_done(&one);
	made_done(&two);
}

static void what_was_saved_by_somebody_else_is_taken_as_new(void **state)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		"{\"rows\":7}",
		"{\"rows\":[7,{},{\"own\":[],\"labels\":{}},{\"own\":{\"a\":1},\"labels\":{}}]}",
		"{\"rows\":[{\"own\":{},\"labels\":{},\"track\":{\"level\":\"great\"}}]}",
	};

	(void)state;
	for (size_t i = 0; i < TOCSIN_COUNT(texts); i++) {
		struct made made;

		made_begin(&made);
		assert_int_equal(saved_read(&made.check, texts[i]), 0);
		made_run(&made, 0, "value:n:60", NULL);
		assert_int_equal(made.batch.n, 1);
		made_done(&made);
	}
}

/* A step that could not be committed has never been. */
static void a_step_that_is_not_committed_is_made_again(void **state)
{
	struct made made;
	struct findings findings;
	struct steady now = {.now_ms = 1000000, .wall_ms = INT64_C(1763472645000)};
	char *before, *after;

	(void)state;
	made_begin(&made);
	made_run(&made, -60, "who:t:Bob;rate:n:60", NULL);
	made_settle(&made);
	before = saved_write(&made.check, false);
	for (int i = 0; i < 3; i++) {
		batch_done(&made.batch);
		assert_int_equal(findings_read(&made.config,
					       made_rows("who:t:Ada,Bob;rate:n:52,90"), false,
					       &findings),
				 0);
		assert_int_equal(
			check_step(&made.check, &findings, &now, &made.batch, &made.changed), 0);
		assert_int_equal(made.batch.n, 2);
		check_abort(&made.check);
		findings_done(&findings);
	}
	made_settle(&made);
	after = saved_write(&made.check, false);
	assert_string_equal(before, after);
	free(before);
	free(after);
	made_done(&made);
}

/* --- memory that runs out --- */

/* One step that brings everything along, from a state that was saved; it is whole or not made. */
static int make_a_step(void *data)
{
	struct steady now = {.now_ms = 2000000, .wall_ms = INT64_C(1763472645000)};
	struct made *made = data;
	struct findings findings = {0};
	struct batch batch = {0};
	char *text = NULL;
	bool changed = false;
	int rc = findings_read(&made->config, made->findings.rows, false, &findings);

	if (!rc)
		rc = check_step(&made->check, &findings, &now, &batch, &changed);
	if (!rc) {
		text = saved_write(&made->check, true);
		rc = text ? 0 : -ENOMEM;
	}
	if (!rc && (batch.n != 2 || !changed || !strstr(text, "Ada")))
		scarce_fail("a step that is not whole");
	free(text);
	batch_done(&batch);
	check_abort(&made->check);
	findings.rows = NULL; /* they are for the next one, too */
	findings_done(&findings);
	return rc;
}

static int make_an_item(void *data)
{
	struct steady now = {.now_ms = 2000000, .wall_ms = INT64_C(1763472645000)};
	struct made *made = data;
	json_t *item = item_shown(&made->check, &now);

	if (item && (!json_object_get(item, "line") || !json_object_get(item, "history")))
		scarce_fail("an item that is not whole");
	json_decref(item);
	return item ? 0 : -ENOMEM;
}

static void without_memory_a_step_is_not_made(void **state)
{
	struct made made;
	char *before, *after;

	(void)state;
	made_begin(&made);
	made_run(&made, 0, "who:t:Bob;rate:n:60", NULL);
	made_settle(&made);
	before = saved_write(&made.check, false);
	made.findings.rows = made_rows("who:t:Ada,Bob;rate:n:52,90");
	assert_true(scarce_sweep("step", make_a_step, &made) > 0);
	assert_true(scarce_sweep("item", make_an_item, &made) > 0);
	after = saved_write(&made.check, false);
	assert_string_equal(before, after);
	free(before);
	free(after);
	findings_done(&made.findings);
	made_done(&made);
}

/* --- items --- */

static void an_item_has_what_is_promised(void **state)
{
	static const char *const members[] = {
		"name",     "state",    "since",       "value",  "unit", "warning", "critical",
		"last_run", "next_run", "duration_ms", "reason", "rows", "line"};
	struct steady now = {.now_ms = 1060000, .wall_ms = INT64_C(1763472705000)};
	struct made made;
	json_t *item, *history;

	(void)state;
	made_begin(&made);
	made_settle(&made);
	item = item_of(&made.check, &now);
	assert_string_equal(json_string_value(json_object_get(item, "state")), "unknown");
	assert_true(json_is_null(json_object_get(item, "value")));
	assert_true(json_is_null(json_object_get(item, "last_run")));
	assert_true(json_is_null(json_object_get(item, "next_run")));
	json_decref(item);
	made_run(&made, 0, "value:n:65.2", NULL);
	made_settle(&made);
	item = item_shown(&made.check, &now);
	for (size_t i = 0; i < TOCSIN_COUNT(members); i++)
		assert_non_null(json_object_get(item, members[i]));
	assert_string_equal(json_string_value(json_object_get(item, "state")), "critical");
	assert_string_equal(json_string_value(json_object_get(item, "since")),
			    "2025-11-18T13:30:45.000Z");
	assert_string_equal(json_string_value(json_object_get(item, "line")),
			    "SLA Compliance is critical: 65.2 % (critical: < 70 %, warning: < 85 "
			    "%)");
	assert_string_equal(json_string_value(json_object_get(item, "text")), "65.2 %");
	assert_int_equal(json_array_size(json_object_get(item, "rows")), 1);
	history = json_object_get(item, "history");
	assert_int_equal(json_array_size(history), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(history, 0), "text")),
			    "65.2 %");
	json_decref(item);
	for (int i = 0; i < 30; i++)
		made_run(&made, i, "value:n:65.2", NULL);
	made_settle(&made);
	item = item_shown(&made.check, &now);
	assert_int_equal(json_array_size(json_object_get(item, "history")), 20);
	json_decref(item);
	made_done(&made);
}

static void a_check_by_hand_has_an_exit_status_and_perfdata(void **state)
{
	static const struct {
		const char *rows, *error;
		const char *unit;
		int exit;
		const char *state, *line, *perfdata;
	} cases[] = {
		{"value:n:91", NULL, "%", 0, "ok",
		 "SLA Compliance is ok: 91 % (critical: < 70 %, "
		 "warning: < 85 %)",
		 "'SLA Compliance'=91%;85:;70:"},
		{"value:n:80", NULL, "h", 1, "warning",
		 "SLA Compliance is warning: 80 h (critical: "
		 "< 70 h, warning: < 85 h)",
		 "'SLA Compliance'=80;85:;70:"},
		{"value:n:65.2", NULL, "%", 2, "critical",
		 "SLA Compliance is critical: 65.2 % (critical: < 70 %, warning: < 85 %)",
		 "'SLA Compliance'=65.2%;85:;70:"},
		{"value:n:", NULL, "%", 3, "no_data",
		 "SLA Compliance is without data: the query gives no rows", ""},
		{"value:n:-", NULL, "%", 3, "no_data",
		 "SLA Compliance is without data: the value is NULL", ""},
		{NULL, "it broke", "%", 3, "error", "SLA Compliance is failing: it broke", ""},
		{"who:t:Ada,O'Neil;rate:n:52,90", NULL, "", 2, "critical",
		 "SLA Compliance is critical: 1 of 2 rows, 52 (critical: < 70, warning: < 85)",
		 "'SLA Compliance Ada'=52;85:;70: 'SLA Compliance ONeil'=90;85:;70:"},
		{"who:t:;rate:n:", NULL, "", 0, "ok", "SLA Compliance is ok", ""},
		{"value:n:Infinity", NULL, "", 0, "ok", "SLA Compliance is ok", ""},
	};

	(void)state;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		struct made made;
		struct findings findings = {0};
		json_t *item;

		made_begin(&made);
		made.config.unit = cases[i].unit;
		if (cases[i].error)
			findings_fail(cases[i].error, &findings);
		else
			findings_read(&made.config, made_rows(cases[i].rows), false, &findings);
		item = item_checked(&made.check, &findings, 7);
		assert_int_equal(json_integer_value(json_object_get(item, "exit")), cases[i].exit);
		assert_string_equal(json_string_value(json_object_get(item, "state")),
				    cases[i].state);
		if (strncmp(json_string_value(json_object_get(item, "line")), cases[i].line,
			    strlen(cases[i].line)) != 0)
			fail_msg("%s", json_string_value(json_object_get(item, "line")));
		assert_string_equal(json_string_value(json_object_get(item, "perfdata")),
				    cases[i].perfdata);
		made_settle(&made);
		assert_int_equal(made.check.n, 0);
		json_decref(item);
		findings_done(&findings);
		made_done(&made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_says_what_people_need),
		cmocka_unit_test(own_words_and_units_are_taken),
		cmocka_unit_test(each_row_is_an_alert_of_its_own),
		cmocka_unit_test(no_rows_can_mean_something_where_rows_are_states),
		cmocka_unit_test(a_single_value_without_rows_or_value_is_unknown),
		cmocka_unit_test(a_state_survives_being_saved),
		cmocka_unit_test(what_was_saved_by_somebody_else_is_taken_as_new),
		cmocka_unit_test(a_step_that_is_not_committed_is_made_again),
		cmocka_unit_test(without_memory_a_step_is_not_made),
		cmocka_unit_test(an_item_has_what_is_promised),
		cmocka_unit_test(a_check_by_hand_has_an_exit_status_and_perfdata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
