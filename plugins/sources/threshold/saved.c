/* SPDX-License-Identifier: Apache-2.0 */
/* A check's states as one saved value. What is not in it, or is of a newer form, counts as new. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/tojson.h"
#include "threshold.h"

/* The numbers of a track, by name. */
static const struct number {
	const char *name;
	size_t offset;
} numbers[] = {
	{"since", offsetof(struct track, since_ms)},
	{"fired", offsetof(struct track, fired_ms)},
	{"told", offsetof(struct track, told_ms)},
	{"warning_since", offsetof(struct track, warning_ms)},
	{"critical_since", offsetof(struct track, critical_ms)},
	{"odd_since", offsetof(struct track, odd_ms)},
	{"clears", offsetof(struct track, clears)},
	{"missing", offsetof(struct track, missing)},
};

static int64_t *number_of(struct track *track, size_t i)
{
	return (int64_t *)(void *)((char *)track + numbers[i].offset);
}

static json_t *write_track(struct track track)
{
	json_t *changes = json_array();
	json_t *object = json_pack("{ss sb sb sI sI ss so}", "level", words_level(track.level),
				   "firing", track.firing, "flapping", track.flapping, "warned",
				   (json_int_t)track.warned, "alarmed", (json_int_t)track.alarmed,
				   "odd", words_level(track.odd), "changes", changes);
	int failed = !object;

	for (int64_t i = 0; !failed && i < track.changes; i++)
		failed = json_array_append_new(changes, json_integer(track.change_ms[i]));
	for (size_t i = 0; !failed && i < TOCSIN_COUNT(numbers); i++)
		/* most are zero most of the time */
		if (*number_of(&track, i))
			failed = json_object_set_new(object, numbers[i].name,
						     json_integer(*number_of(&track, i)));
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

/* JSON knows no infinity: what is infinite is known by its text. */
static json_t *write_figure(const struct figure *figure)
{
	return figure->known && isfinite(figure->value) ? json_real(figure->value) : json_null();
}

static void read_figure(const json_t *value, const char *text, struct figure *figure)
{
	snprintf(figure->text, sizeof(figure->text), "%s", text ? text : "");
	figure->value = json_is_number(value) ? json_number_value(value)
					      : strtod(figure->text, NULL);
	figure->known = json_is_number(value) || isinf(figure->value);
}

static json_t *write_row(const struct row *row, bool next)
{
	const struct figure *figure = next ? &row->next_figure : &row->figure;

	return json_pack("{sO sO so ss so}", "own", row->own, "labels", row->labels, "track",
			 write_track(next ? row->next : row->track), "text", figure->text, "value",
			 write_figure(figure));
}

char *saved_write(const struct check *check, bool next)
{
	json_t *rows = json_array();
	json_t *object = json_pack("{sb sb so}", "paused", check->paused, "by_row", check->by_row,
				   "rows", rows);
	int failed = !object;
	char *text;

	if (!failed && check->config && check->config->schedule)
		failed = json_object_set_new(object, "until", json_integer(check->until_ms));
	for (size_t i = 0; !failed && i < check->n; i++) {
		const struct row *row = check->row[i];

		if (next ? !row->forget : !row->fresh)
			failed = json_array_append_new(rows, write_row(row, next));
	}
	text = failed ? NULL : json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(object);
	return text;
}

static enum level read_level(const json_t *object, const char *name)
{
	const char *word = json_string_value(json_object_get(object, name));

	for (enum level level = LEVEL_UNKNOWN; word && level <= LEVEL_CRITICAL; level++)
		if (strcmp(words_level(level), word) == 0)
			return level;
	return LEVEL_UNKNOWN;
}

static void read_track(const json_t *object, struct track *track)
{
	const json_t *changes = json_object_get(object, "changes");

	track->level = read_level(object, "level");
	track->odd = read_level(object, "odd");
	track->firing = json_is_true(json_object_get(object, "firing"));
	track->flapping = json_is_true(json_object_get(object, "flapping"));
	track->warned = (uint64_t)json_integer_value(json_object_get(object, "warned"));
	track->alarmed = (uint64_t)json_integer_value(json_object_get(object, "alarmed"));
	for (size_t i = 0; i < TOCSIN_COUNT(numbers); i++)
		*number_of(track, i) = json_integer_value(json_object_get(object, numbers[i].name));
	for (size_t i = 0; i < json_array_size(changes) && i < MOST_CHANGES; i++)
		track->change_ms[track->changes++] = json_integer_value(json_array_get(changes, i));
}

/* Labels are texts, and one that is none would be no label. */
static bool is_labels(const json_t *labels)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)labels, name,
			    value) if (!json_is_string(value)) return false;
	return json_is_object(labels);
}

static int read_row(struct check *check, const json_t *object)
{
	json_t *own = json_object_get(object, "own"), *labels = json_object_get(object, "labels");
	json_t *value = json_object_get(object, "value");
	const char *text = json_string_value(json_object_get(object, "text"));
	char *key = json_object_size(own) ? json_dumps(own, JSON_COMPACT | JSON_SORT_KEYS)
					  : strdup("");
	struct row *row = NULL;

	if (!is_labels(own) || !is_labels(labels)) {
		free(key);
		return 0;
	}
	if (key)
		row = check_add_row(check, key);
	free(key);
	if (!row)
		return -ENOMEM;
	row->own = json_incref(own);
	row->labels = json_incref(labels);
	read_figure(value, text, &row->figure);
	read_track(json_object_get(object, "track"), &row->track);
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp((*(struct row *const *)a)->key, (*(struct row *const *)b)->key);
}

int saved_read(struct check *check, const char *text)
{
	json_t *object = json_loads(text, 0, NULL), *rows = json_object_get(object, "rows"), *item;
	size_t i;
	int rc = 0;

	check->paused = json_is_true(json_object_get(object, "paused"));
	check->by_row = json_is_true(json_object_get(object, "by_row"));
	check->until_ms = json_integer_value(json_object_get(object, "until"));
	json_array_foreach(rows, i, item)
	{
		rc = read_row(check, item);
		if (rc)
			break;
	}
	for (i = 0; i < check->n; i++)
		check->row[i]->fresh = false;
	if (check->n > 1)
		qsort(check->row, check->n, sizeof(*check->row), compare_rows);
	if (check->config)
		options_limits(check->config, check->by_row, &check->limits);
	json_decref(object);
	return rc;
}
