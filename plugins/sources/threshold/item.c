/* SPDX-License-Identifier: Apache-2.0 */
/* A check as JSON, as tocsin-calls(7) describes it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/draft.h"
#include "../../common/tojson.h"
#include "threshold.h"

static json_t *time_of(int64_t wall_ms)
{
	char text[40];

	if (wall_ms <= 0)
		return json_null();
	words_time(wall_ms, text, sizeof(text));
	return json_string(text);
}

static json_t *text_of(const char *text)
{
	return text && *text ? tojson_text(text) : json_null();
}

static json_t *figure(bool is, double value)
{
	/* JSON knows no infinity. */
	json_t *number = is ? json_real(value) : NULL;

	return number ? number : json_null();
}

/* Takes the text over. */
static json_t *taken(char *text)
{
	json_t *value = text ? tojson_text(text) : NULL;

	free(text);
	return value;
}

/* A figure as messages have it, "65.2 %". */
static json_t *shown(const struct check_config *config, const struct figure *figure)
{
	return figure && figure->known ? taken(words_value(config, figure->text)) : json_null();
}

static json_t *rows_of(const struct check *check, const struct steady *now)
{
	json_t *rows = json_array();

	for (size_t i = 0; rows && i < check->n; i++) {
		const struct row *row = check->row[i];
		json_t *item;

		if (check->by_row && !*row->key)
			continue;
		item = json_pack(
			"{sO so so ss sb so}", "labels", row->own, "value",
			figure(row->figure.known, row->figure.value), "text",
			shown(check->config, &row->figure), "state", words_level(row->track.level),
			"flapping", row->track.flapping, "since",
			time_of(row->track.since_ms ? steady_to_wall(now, row->track.since_ms)
						    : 0));
		if (json_array_append_new(rows, item) != 0) {
			json_decref(rows);
			rows = NULL;
		}
	}
	return rows;
}

json_t *item_of(const struct check *check, const struct steady *now)
{
	const struct check_config *config = check->config;
	const struct row *worst = check_worst(check);
	int64_t since = worst ? worst->track.since_ms : 0;

	return json_pack(
		"{so ss so so so so so so so so sI so so so}", "name", tojson_text(config->name),
		"state", check->paused ? "paused" : words_level(check_level(check)), "since",
		time_of(since ? steady_to_wall(now, since) : 0), "value",
		figure(worst && worst->figure.known, worst ? worst->figure.value : 0), "text",
		shown(config, worst ? &worst->figure : NULL), "unit", text_of(config->unit),
		"warning", text_of(config->warning), "critical", text_of(config->critical),
		"last_run", time_of(check->last_ms), "next_run", time_of(due_wall_ms(check)),
		"duration_ms", (json_int_t)check->duration_ms, "reason", text_of(check->reason),
		"rows", rows_of(check, now), "line", taken(words_line(check)));
}

json_t *item_shown(const struct check *check, const struct steady *now)
{
	json_t *item = item_of(check, now), *history = json_array();
	bool failed = !history;

	for (size_t i = 0; !failed && i < check->n_past; i++) {
		const struct past *past = &check->past[i];

		struct figure figure_then = {.known = past->has_value};
		char exact[40];

		snprintf(exact, sizeof(exact), "%.15g", past->value);
		words_number(exact, check->config->decimals, figure_then.text);
		failed = json_array_append_new(
			history, json_pack("{so ss so so sI}", "at", time_of(past->at_ms), "state",
					   words_level(past->level), "value",
					   figure(past->has_value, past->value), "text",
					   shown(check->config, &figure_then), "duration_ms",
					   (json_int_t)past->duration_ms));
	}
	if (json_object_set_new(item, "history", history) != 0 || failed ||
	    json_object_set_new(item, "query", tojson_text(check->config->query)) != 0) {
		json_decref(item);
		return NULL;
	}
	return item;
}

static void put_plain(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text != '\'' && *text != '=' && *text != '|' && (unsigned char)*text >= ' ')
			fputc(*text, out);
}

/* A name as perfdata has it: in quotes where it needs them. */
static void put_label(FILE *out, const struct check *check, const struct row *row)
{
	const char *name = check->config->name;
	json_t *value;
	bool plain = json_object_size(row->own) == 0 && !strpbrk(name, " ='");

	if (!plain)
		fputc('\'', out);
	put_plain(out, name);
	json_object_foreach(row->own, name, value)
	{
		fputc(' ', out);
		put_plain(out, json_string_value(value));
	}
	if (!plain)
		fputc('\'', out);
}

/* Units that perfdata knows; others say nothing to a grapher. */
static const char *perfdata_unit(const char *unit)
{
	static const char *const known[] = {"%", "s", "ms", "us", "B", "KB", "MB", "GB", "TB", "c"};

	for (size_t i = 0; unit && i < TOCSIN_COUNT(known); i++)
		if (strcmp(unit, known[i]) == 0)
			return unit;
	return "";
}

static char *perfdata(const struct check *check)
{
	char warning[80], critical[80];
	const char *between = "";
	struct draft draft;

	condition_range(&check->limits.warning, warning, sizeof(warning));
	condition_range(&check->limits.critical, critical, sizeof(critical));
	if (!draft_begin(&draft))
		return NULL;
	for (size_t i = 0; i < check->n; i++) {
		const struct row *row = check->row[i];

		/* Perfdata knows no infinity. */
		if (!row->figure.known || !isfinite(row->figure.value))
			continue;
		fputs(between, draft.out);
		put_label(draft.out, check, row);
		fprintf(draft.out, "=%.15g%s;%s;%s", row->figure.value,
			perfdata_unit(check->config->unit), warning, critical);
		between = " ";
	}
	return draft_end(&draft, NULL);
}

/* As the states say by themselves: no past, no patience. */
static int judge(struct check *check, const struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		const struct found *found = &findings->found[i];
		const struct tocsin_map own = {found->label, found->n_labels};
		char *key = check_key(found->label, found->n_labels);
		struct row *row = key ? check_add_row(check, key) : NULL;

		free(key);
		if (row)
			row->own = tojson_map(&own);
		if (!row || !row->own)
			return -1;
		row->figure = check_figure(found);
		if (row->figure.known)
			row->track.level = evaluate_value(&check->limits, found->value);
		else
			row->track.level = evaluate_policy(
				evaluate_finding(&check->limits, found->finding),
				found->finding == FOUND_ERROR ? LEVEL_ERROR : LEVEL_NO_DATA);
	}
	return 0;
}

json_t *item_checked(const struct check *check, const struct findings *findings,
		     int64_t duration_ms)
{
	static const int status[] = {3, 0, 3, 3, 1, 2};
	struct check now = *check;
	struct steady moment = {.now_ms = 1, .wall_ms = steady_wall_ms()};
	json_t *item = NULL, *exit_status = NULL;

	now.row = NULL;
	now.n = 0;
	now.ran = true;
	now.paused = false;
	now.by_row = findings->by_row;
	now.last_ms = moment.wall_ms;
	now.duration_ms = duration_ms;
	options_limits(check->config, now.by_row, &now.limits);
	snprintf(now.reason, sizeof(now.reason), "%s", findings->error);
	if (judge(&now, findings) == 0) {
		if (!*now.reason && check_level(&now) == LEVEL_NO_DATA)
			snprintf(now.reason, sizeof(now.reason), "%s",
				 findings->found[0].finding == FOUND_NULL ? "the value is NULL"
									  : "the query gives no "
									    "rows");
		item = item_of(&now, &moment);
		exit_status = json_integer(status[check_level(&now)]);
		if (json_object_set_new(item, "exit", exit_status) != 0 ||
		    json_object_set_new(item, "perfdata", taken(perfdata(&now))) != 0) {
			json_decref(item);
			item = NULL;
		}
	}
	check_done(&now);
	return item;
}
