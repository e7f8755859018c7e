/* SPDX-License-Identifier: Apache-2.0 */
/* A check: its rows, and what a run makes of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/tojson.h"
#include "threshold.h"

char *check_key(const struct tocsin_pair *label, size_t n)
{
	const struct tocsin_map map = {label, n};
	json_t *object;
	char *key;

	if (n == 0)
		return strdup("");
	object = tojson_map(&map);
	key = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(object);
	return key;
}

static void free_row(struct row *row)
{
	json_decref(row->labels);
	json_decref(row->own);
	free(row->key);
	free(row);
}

void check_done(struct check *check)
{
	for (size_t i = 0; i < check->n; i++)
		free_row(check->row[i]);
	free(check->row);
	check->row = NULL;
	check->n = 0;
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp((*(struct row *const *)a)->key, (*(struct row *const *)b)->key);
}

/* Between steps the rows are in order; those of a step under way stand behind them. */
static size_t settled_rows(const struct check *check)
{
	size_t n = check->n;

	while (n > 0 && check->row[n - 1]->fresh)
		n--;
	return n;
}

struct row *check_row(struct check *check, const char *key)
{
	char *borrowed = (char *)(uintptr_t)key;
	struct row wanted = {.key = borrowed}, *pointer = &wanted, **found;

	found = check->n ? bsearch(&pointer, check->row, settled_rows(check), sizeof(*check->row),
				   compare_rows)
			 : NULL;
	return found ? *found : NULL;
}

struct row *check_add_row(struct check *check, const char *key)
{
	struct row **grown = realloc(check->row, (check->n + 1) * sizeof(*grown));
	struct row *row = calloc(1, sizeof(*row));

	if (grown)
		check->row = grown;
	if (row)
		row->key = strdup(key);
	if (!grown || !row || !row->key) {
		if (row)
			free(row->key);
		free(row);
		return NULL;
	}
	row->fresh = true;
	check->row[check->n++] = row;
	return row;
}

enum level check_level(const struct check *check)
{
	const struct row *worst = check_worst(check);

	return worst ? worst->track.level : check->ran ? LEVEL_OK : LEVEL_UNKNOWN;
}

const struct row *check_worst(const struct check *check)
{
	const struct row *worst = NULL;

	for (size_t i = 0; i < check->n; i++)
		if (!worst || check->row[i]->track.level > worst->track.level)
			worst = check->row[i];
	return worst;
}

/* --- a step --- */

/* Identity: what the row says goes before what the check says. */
static json_t *make_labels(const struct check_config *config, const struct found *found)
{
	json_t *labels = json_object();
	bool fine = tojson_set(labels, "alertname", config->name);

	for (size_t i = 0; fine && i < config->labels.n; i++)
		fine = tojson_set(labels, config->labels.pair[i].name,
				  config->labels.pair[i].value);
	for (size_t i = 0; fine && found && i < found->n_labels; i++)
		fine = tojson_set(labels, found->label[i].name, found->label[i].value);
	if (fine)
		return labels;
	json_decref(labels);
	return NULL;
}

struct figure check_figure(const struct found *found)
{
	struct figure figure = {.known = found->finding == FOUND_VALUE, .value = found->value};

	snprintf(figure.text, sizeof(figure.text), "%s", found->text);
	return figure;
}

/* The row that a finding is about. */
static struct row *row_for(struct check *check, const struct found *found)
{
	const struct tocsin_map map = {found->label, found->n_labels};
	char *key = check_key(found->label, found->n_labels);
	struct row *row = key ? check_row(check, key) : NULL;

	if (key && !row) {
		row = check_add_row(check, key);
		if (row)
			row->own = tojson_map(&map);
	}
	free(key);
	if (!row || !row->own)
		return NULL;
	/* An alert that is out must end under the labels that it began with. */
	if (!row->track.firing || !row->labels) {
		json_decref(row->labels);
		row->labels = make_labels(check->config, found);
	}
	return row->labels ? row : NULL;
}

/* The check itself needs no state where its rows have one, unless something is wrong with it. */
static bool is_idle(const struct track *track)
{
	return track->level == LEVEL_OK && !track->firing;
}

static int step_found(struct check *check, const struct findings *findings,
		      const struct found *found, const struct steady *now, struct batch *batch)
{
	struct row *row = row_for(check, found);
	struct verdict verdict;

	if (!row)
		return -ENOMEM;
	row->seen = true;
	row->next_figure = check_figure(found);
	evaluate(&check->limits, &row->next, found->finding, found->value, now->now_ms, &verdict);
	row->forget = check->by_row && !*row->key && is_idle(&row->next);
	if (verdict.news != NEWS_NONE)
		tell(batch, check, row, found, findings, &verdict, now);
	return 0;
}

/* What a good run means for the check itself, where each row is a state of its own. */
static void step_self(struct check *check, const struct findings *findings, struct row *row,
		      const struct steady *now, struct batch *batch)
{
	struct limits fine = check->limits;
	struct verdict verdict;

	fine.no_data = (struct policy){.action = ACTION_OK};
	row->next_figure = (struct figure){0};
	evaluate(&fine, &row->next, FOUND_NOTHING, 0, now->now_ms, &verdict);
	row->forget = is_idle(&row->next);
	if (verdict.news != NEWS_NONE)
		tell(batch, check, row, NULL, findings, &verdict, now);
}

static void step_missing(struct check *check, const struct findings *findings, struct row *row,
			 const struct steady *now, struct batch *batch)
{
	struct verdict verdict;

	evaluate_missing(&check->limits, &row->next, now->now_ms, &verdict);
	row->forget = verdict.forget;
	if (verdict.news != NEWS_NONE)
		tell(batch, check, row, NULL, findings, &verdict, now);
}

/* Rows that are not there say something only when the run was good. */
static bool is_good(const struct check *check, const struct findings *findings)
{
	enum finding first = findings->found[0].finding;

	if (first == FOUND_ERROR)
		return false;
	return first != FOUND_NOTHING || check->limits.no_data.action == ACTION_OK;
}

static void step_unseen(struct check *check, const struct findings *findings,
			const struct steady *now, struct batch *batch)
{
	for (size_t i = 0; i < check->n; i++) {
		struct row *row = check->row[i];

		if (row->seen)
			continue;
		if (*row->key)
			step_missing(check, findings, row, now, batch);
		else
			step_self(check, findings, row, now, batch);
	}
}

static bool is_changed(const struct row *row)
{
	if (row->fresh || row->forget)
		return row->fresh != row->forget;
	return !evaluate_same(&row->track, &row->next);
}

int check_step(struct check *check, const struct findings *findings, const struct steady *now,
	       struct batch *batch, bool *changed)
{
	int rc = 0;

	if (findings->found[0].finding != FOUND_ERROR && findings->by_row != check->by_row) {
		check->by_row = findings->by_row;
		options_limits(check->config, check->by_row, &check->limits);
	}
	for (size_t i = 0; i < check->n; i++) {
		struct row *row = check->row[i];

		row->next = row->track;
		row->next_figure = row->figure;
		row->seen = row->forget = false;
	}
	for (size_t i = 0; !rc && i < findings->n; i++)
		rc = step_found(check, findings, &findings->found[i], now, batch);
	if (!rc && is_good(check, findings))
		step_unseen(check, findings, now, batch);
	*changed = false;
	for (size_t i = 0; i < check->n; i++)
		*changed |= is_changed(check->row[i]);
	return rc || batch->failed ? -ENOMEM : 0;
}

/* Takes out the rows that are no more, or were never. */
static void drop_rows(struct check *check, bool fresh)
{
	size_t kept = 0;

	for (size_t i = 0; i < check->n; i++) {
		struct row *row = check->row[i];

		if (fresh ? row->fresh : row->forget)
			free_row(row);
		else
			check->row[kept++] = row;
	}
	check->n = kept;
}

void check_abort(struct check *check)
{
	drop_rows(check, true);
}

static void remember(struct check *check, int64_t wall_ms)
{
	const struct row *worst = check_worst(check);

	memmove(check->past + 1, check->past, sizeof(check->past[0]) * (HISTORY - 1));
	check->past[0] = (struct past){.at_ms = wall_ms,
				       .level = check_level(check),
				       .has_value = worst && worst->figure.known,
				       .value = worst ? worst->figure.value : 0,
				       .duration_ms = check->duration_ms};
	if (check->n_past < HISTORY)
		check->n_past++;
}

void check_commit(struct check *check, const struct findings *findings, int64_t wall_ms)
{
	enum finding first = findings->found[0].finding;

	for (size_t i = 0; i < check->n; i++) {
		check->row[i]->track = check->row[i]->next;
		check->row[i]->figure = check->row[i]->next_figure;
	}
	drop_rows(check, false);
	for (size_t i = 0; i < check->n; i++)
		check->row[i]->fresh = false;
	if (check->n > 1)
		qsort(check->row, check->n, sizeof(*check->row), compare_rows);
	check->ran = true;
	check->last_ms = wall_ms;
	snprintf(check->reason, sizeof(check->reason), "%s",
		 first == FOUND_ERROR                       ? findings->error
		 : first == FOUND_NOTHING && !check->by_row ? "the query gives no rows"
		 : first == FOUND_NULL && findings->n == 1  ? "the value is NULL"
							    : "");
	remember(check, wall_ms);
}
