/* SPDX-License-Identifier: Apache-2.0 */
#include "judge_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char rule[] = "============================================================\n";

/* As it was; what is no UTF-8 has become some. */
static void judge_value(const json_t *map, const char *name, const char *text)
{
	const char *found = json_string_value(json_object_get(map, name));

	assert(found && (strcmp(found, text) == 0 || !text_is_valid(text, strlen(text))));
}

static void judge_map(const json_t *object, const char *key, const struct tocsin_map *map)
{
	const json_t *found = json_object_get(object, key);

	assert(json_is_object(found) && json_object_size(found) <= map->n);
	for (size_t i = 0; i < map->n; i++)
		if (text_is_valid(map->pair[i].name, strlen(map->pair[i].name)))
			judge_value(found, map->pair[i].name, map->pair[i].value);
}

void judge_record_json(const char *text, const struct fake_alert *fake)
{
	json_t *object;

	judge_clean(text, "\n");
	assert(strchr(text, '\n') == text + strlen(text) - 1);
	object = judge_json(text);
	judge_keys(object, "|id|key|timestamp|priority|category|message|metric_value|status|labels|"
			   "annotations|source|link|");
	judge_map(object, "labels", &fake->alert.labels);
	judge_map(object, "annotations", &fake->alert.annotations);
	judge_value(object, "source", fake->alert.source);
	judge_value(object, "link", fake->alert.link);
	json_decref(object);
}

/* Past a text that must stand here. */
static const char *pass(const char *text, const char *wanted)
{
	assert(strncmp(text, wanted, strlen(wanted)) == 0);
	return text + strlen(wanted);
}

static const char *pass_line(const char *text)
{
	const char *end = strchr(text, '\n');

	assert(end);
	return end + 1;
}

static const char *pass_indented(const char *text)
{
	while (strncmp(text, "  ", 2) == 0)
		text = pass_line(text);
	return text;
}

/* Free of controls but for the two paints, which are where they belong. */
static void judge_paint(const char *text, const char *before, const char *on, const char *off,
			const char *but)
{
	char *plain = strdup(text), *at = strstr(plain, before), *end;

	assert(at);
	at += strlen(before);
	assert(strncmp(at, on, strlen(on)) == 0);
	memmove(at, at + strlen(on), strlen(at + strlen(on)) + 1);
	end = strstr(at, off);
	assert(end);
	memmove(end, end + strlen(off), strlen(end + strlen(off)) + 1);
	judge_clean(plain, but);
	free(plain);
}

void judge_record_text(const char *text, const char *on, const char *off)
{
	judge_paint(text, rule, on, off, "\n\t"); /* there may be a table in a message */
	text = pass_line(pass(pass(text, rule), on));
	if (*off) /* behind the title */
		assert(strncmp(text - 1 - strlen(off), off, strlen(off)) == 0);
	text = pass(pass_line(pass(pass(text, rule), "Time: ")), "Message:\n");
	text = pass(pass_indented(text), "Details:\n");
	text = pass(pass(pass_indented(text), rule), "\n");
	assert(*text == '\0');
}

void judge_record_line(const char *text, const char *on, const char *off)
{
	judge_paint(text, "2025-11-18 14:30:45 ", on, off, "\n");
	assert(strchr(text, '\n') == text + strlen(text) - 1);
	text = pass(pass(pass(text, "2025-11-18 14:30:45 "), on), "CRITICAL ");
	(void)pass(pass(text, off), " ");
}
