/* SPDX-License-Identifier: Apache-2.0 */
#include "tojson.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

json_t *tojson_text(const char *text)
{
	json_t *value = json_string(text);
	struct draft draft;
	uint32_t point;
	char *valid;

	if (value)
		return value;
	/* Not UTF-8: once more, with every invalid byte replaced. */
	if (!draft_begin(&draft))
		return NULL;
	while ((point = text_next(&text)) != 0)
		text_put(draft.out, point);
	valid = draft_end(&draft, NULL);
	value = json_string(valid);
	free(valid);
	return value;
}

bool tojson_set(json_t *object, const char *name, const char *text)
{
	json_t *valid = tojson_text(name);
	int rc = json_object_set_new(object, json_string_value(valid),
				     tojson_text(text ? text : ""));

	json_decref(valid);
	return rc == 0;
}

json_t *tojson_map(const struct tocsin_map *map)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < map->n; i++) {
		if (!tojson_set(object, map->pair[i].name, map->pair[i].value)) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

json_t *tojson_strings(const struct tocsin_strings *strings)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < strings->n; i++) {
		if (json_array_append_new(array, tojson_text(strings->item[i])) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* A number as JSON has it. */
static bool is_number(const char *text)
{
	text += *text == '-';
	if (digits(text) == 0 || (*text == '0' && digits(text) > 1))
		return false;
	text += digits(text);
	if (*text == '.' && digits(text + 1) == 0)
		return false;
	if (*text == '.')
		text += 1 + digits(text + 1);
	if (*text != 'e' && *text != 'E')
		return *text == '\0';
	text += 1 + (text[1] == '+' || text[1] == '-');
	return digits(text) > 0 && text[digits(text)] == '\0';
}

/* A figure stays a number; 3 and 65.2 are figures, "65 %" is text, and so is what no number holds.
 * json_loads would leave out digits that memory does not hold. */
json_t *tojson_metric(const char *metric)
{
	json_t *value = NULL;

	if (!metric)
		return json_null();
	errno = 0;
	if (is_number(metric))
		value = strpbrk(metric, ".eE") ? json_real(strtod(metric, NULL))
					       : json_integer(strtoll(metric, NULL, 10));
	if (is_number(metric) && errno != ERANGE)
		return value;
	json_decref(value);
	return tojson_text(metric);
}

static char *one_line(const json_t *object)
{
	struct draft draft;

	if (!object || !draft_begin(&draft))
		return NULL;
	/* json_dumps would leave out a key that memory does not hold. */
	draft.failed |= json_dumpf(object, draft.out, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0;
	return draft_end(&draft, NULL);
}

void tojson_put(struct draft *draft, json_t *object)
{
	char *text = one_line(object);
	const char *cursor = text ? text : "", *begin = cursor, *at = cursor;
	uint32_t point;

	json_decref(object);
	draft->failed |= !text;
	/* Outside of strings JSON is plain ASCII, so a control can only stand in a string. All else
	 * is written as it is, in runs. */
	for (; (point = text_next(&cursor)) != 0; at = cursor) {
		if (!text_is_control(point))
			continue;
		fwrite(begin, 1, (size_t)(at - begin), draft->out);
		fprintf(draft->out, "\\u%04x", (unsigned int)point);
		begin = cursor;
	}
	fwrite(begin, 1, (size_t)(at - begin), draft->out);
	fputc('\n', draft->out);
	free(text);
}
