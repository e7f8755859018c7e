/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threshold source on what comes from outside: conditions, states that somebody else saved, and
 * rows of a database, told as alerts and shown as items.
 */
#include "fuzz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/sources/threshold/threshold.h"
#include "alert/alert.h"

#define COLUMNS 4
#define ROWS 6

static void check_condition(const char *text)
{
	static const double values[] = {-1e300, -1, 0, 0.5, 1, 20, 1e300, HUGE_VAL, NAN};
	struct condition condition;
	char why[300] = "", range[80];

	if (condition_parse(text, &condition, why, sizeof(why)) != 0) {
		assert(*why);
		return;
	}
	assert(condition.n <= CONDITION_TERMS);
	condition_range(&condition, range, sizeof(range));
	assert(strlen(range) < sizeof(range) - 1);
	for (size_t i = 0; i < TOCSIN_COUNT(values); i++)
		(void)condition_holds(&condition, values[i]);
}

/* Text as a server sends it: valid UTF-8, for the columns are of a database in that. */
static char *next_text(struct fuzz_input *input)
{
	char *text = fuzz_text(input);

	if (text && !fuzz_is_utf8(text, strlen(text)))
		*text = '\0';
	return text;
}

static PGresult *make_rows(struct fuzz_input *input)
{
	static const Oid types[] = {25, 1700, 701, 16, 23, 1114};
	static char names[][8] = {"value", "who", "n", "at"};
	PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc column[COLUMNS] = {{0}};
	char *text;

	for (size_t i = 0; i < COLUMNS; i++) {
		column[i].name = names[i];
		column[i].typid = input->size ? types[*input->data % TOCSIN_COUNT(types)] : 25;
		if (input->size)
			input->data++, input->size--;
	}
	assert(PQsetResultAttrs(rows, COLUMNS, column));
	for (int i = 0; i < COLUMNS * ROWS && (text = next_text(input)); i++) {
		assert(PQsetvalue(rows, i / COLUMNS, i % COLUMNS, *text == '-' ? NULL : text,
				  *text == '-' ? -1 : (int)strlen(text)));
		free(text);
	}
	return rows;
}

/* Nothing may keep the core from taking an alert. */
static void judge_alerts(const struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		const struct tocsin_alert *given = &batch->emission[i].alert;
		struct alert *alert;
		struct error err;

		assert(alert_new(given, "metrics", 1763472645000, NULL, &alert, &err) == 0);
		alert_free(alert);
	}
}

static void step(struct check *check, struct fuzz_input *input, int64_t second)
{
	struct steady now = {.now_ms = 1000 + second * 1000,
			     .wall_ms = INT64_C(1763472645000) + second * 1000};
	struct findings findings;
	struct batch batch = {0};
	bool changed;
	json_t *item;

	assert(findings_read(check->config, make_rows(input), false, &findings) == 0);
	assert(check_step(check, &findings, &now, &batch, &changed) == 0);
	judge_alerts(&batch);
	item = item_checked(check, &findings, 1);
	assert(item);
	json_decref(item);
	batch_done(&batch);
	check_commit(check, &findings, now.wall_ms);
	findings_done(&findings);
	item = item_shown(check, &now);
	assert(item);
	json_decref(item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *condition = fuzz_text(&input), *saved = fuzz_text(&input);
	char *description = fuzz_text(&input), *again;
	struct check_config config = {.name = "fuzz",
				      .query = "SELECT",
				      .critical = "> 1",
				      .description = description,
				      .unit = "%",
				      .clears = 1,
				      .vanish_after = 1,
				      .flap_changes = 3,
				      .flap_window = 60000,
				      .max_rows = 100,
				      .decimals = 2};
	struct check check = {.config = &config, .due_ms = INT64_MAX};

	if (condition)
		check_condition(condition);
	options_limits(&config, false, &check.limits);
	if (saved) {
		assert(saved_read(&check, saved) == 0);
		again = saved_write(&check, false);
		assert(again);
		free(again);
	}
	if (description && fuzz_is_utf8(description, strlen(description)))
		for (int i = 0; i < 3; i++)
			step(&check, &input, i);
	check_done(&check);
	free(description);
	free(saved);
	free(condition);
	return 0;
}
