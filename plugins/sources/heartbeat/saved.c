/* SPDX-License-Identifier: Apache-2.0 */
#include "saved.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/tojson.h"

static const char *const words[] = {"new", "up", "down", "paused"};

char *saved_name(const char *prefix, const char *name)
{
	static const char digit[] = "0123456789abcdef";
	char *key = malloc(strlen(prefix) + 3 * strlen(name) + 1), *out;

	if (!key)
		return NULL;
	out = stpcpy(key, prefix);
	for (; *name; name++) {
		unsigned char byte = (unsigned char)*name;

		if (byte == '/' || byte == '%' || byte <= ' ') {
			*out++ = '%';
			*out++ = digit[byte >> 4];
			*out++ = digit[byte & 15];
		} else {
			*out++ = *name;
		}
	}
	*out = '\0';
	return key;
}

char *saved_named(const char *key, const char *prefix)
{
	char *name = strdup(key + strlen(prefix)), *in = name, *out = name;

	if (!name)
		return NULL;
	while (*in) {
		if (*in == '%' && isxdigit((unsigned char)in[1]) &&
		    isxdigit((unsigned char)in[2])) {
			const char digits[] = {in[1], in[2], '\0'};

			*out++ = (char)strtoul(digits, NULL, 16);
			in += 3;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
	return name;
}

char *saved_ping_name(const char *name, int64_t number)
{
	char *prefix = saved_name("ping/", name), *key = NULL;

	/* As wide as any number: the order of names is the order of numbers. */
	if (prefix && asprintf(&key, "%s/%016" PRId64, prefix, number) < 0)
		key = NULL;
	free(prefix);
	return key;
}

/* A JSON object that is whole or not at all. */
struct sheet {
	json_t *object;
	bool failed;
};

static void set(struct sheet *sheet, const char *name, json_t *value)
{
	sheet->failed |= json_object_set_new(sheet->object, name, value) != 0;
}

static void set_number(struct sheet *sheet, const char *name, int64_t number)
{
	if (number != 0)
		set(sheet, name, json_integer(number));
}

static int64_t get_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void set_moment(struct sheet *sheet, const char *name, const struct moment *moment)
{
	if (moment->own_ms != 0)
		set(sheet, name,
		    json_pack("[I, I]", (json_int_t)moment->own_ms, (json_int_t)moment->wall_ms));
}

static void get_moment(const json_t *object, const char *name, struct moment *moment)
{
	const json_t *pair = json_object_get(object, name);

	moment->own_ms = json_integer_value(json_array_get(pair, 0));
	moment->wall_ms = json_integer_value(json_array_get(pair, 1));
}

static void set_text(struct sheet *sheet, const char *name, const char *text)
{
	if (*text)
		set(sheet, name, tojson_text(text));
}

static void get_text(const json_t *object, const char *name, char *text, size_t size)
{
	const char *value = json_string_value(json_object_get(object, name));

	snprintf(text, size, "%s", value ? value : "");
}

static void set_lists(struct sheet *sheet, const struct beat_state *state)
{
	json_t *starts = json_array(), *handed = json_array();

	for (size_t i = 0; i < state->n_starts; i++)
		sheet->failed |= json_array_append_new(starts, json_integer(state->start_ms[i])) !=
				 0;
	for (size_t i = 0; i < state->n_handed; i++)
		sheet->failed |= json_array_append_new(handed, json_integer(state->handed[i])) != 0;
	set(sheet, "starts", starts);
	set(sheet, "handed", handed);
}

static void get_lists(const json_t *object, struct beat_state *state)
{
	const json_t *list = json_object_get(object, "starts");

	for (size_t i = 0; i < json_array_size(list) && i < BEAT_STARTS; i++)
		state->start_ms[state->n_starts++] = json_integer_value(json_array_get(list, i));
	list = json_object_get(object, "handed");
	for (size_t i = 0; i < json_array_size(list) && i < BEAT_HANDED; i++)
		state->handed[state->n_handed++] =
			(uint32_t)json_integer_value(json_array_get(list, i));
}

static char *write_sheet(struct sheet *sheet)
{
	char *text = sheet->failed ? NULL : json_dumps(sheet->object, JSON_COMPACT);

	json_decref(sheet->object);
	return text;
}

char *saved_beat(const struct beat_state *state, bool made, json_t *labels)
{
	struct sheet sheet = {.object = json_object()};

	set(&sheet, "status", json_string(words[state->status]));
	set_moment(&sheet, "since", &state->since);
	set_moment(&sheet, "anchor", &state->anchor);
	set_moment(&sheet, "last_ping", &state->last_ping);
	set_moment(&sheet, "last_start", &state->last_start);
	set_number(&sheet, "running", state->running);
	set_text(&sheet, "rid", state->rid);
	set(&sheet, "duration", json_integer(state->last_duration_ms));
	set_number(&sheet, "missed", state->missed);
	set_number(&sheet, "restless", state->restless);
	set_moment(&sheet, "restless_since", &state->restless_since);
	set_number(&sheet, "pings", state->pings);
	set_number(&sheet, "seen", state->seen_ms);
	set_number(&sheet, "seen_start", state->seen_start_ms);
	set_number(&sheet, "absent", state->absent);
	set_number(&sheet, "unwell", state->unwell);
	set_text(&sheet, "text", state->text);
	set_text(&sheet, "reason", state->reason);
	set_number(&sheet, "made", made);
	set_lists(&sheet, state);
	if (labels)
		set(&sheet, "labels", json_incref(labels));
	return write_sheet(&sheet);
}

bool saved_read_beat(const char *text, struct beat_state *state, bool *made, json_t **labels)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *word = json_string_value(json_object_get(object, "status"));
	size_t i = 0;

	*labels = NULL;
	beat_init(state);
	while (word && i < TOCSIN_COUNT(words) && strcmp(word, words[i]) != 0)
		i++;
	if (!word || i == TOCSIN_COUNT(words)) {
		json_decref(object);
		return false;
	}
	state->status = (enum beat_status)i;
	get_moment(object, "since", &state->since);
	get_moment(object, "anchor", &state->anchor);
	get_moment(object, "last_ping", &state->last_ping);
	get_moment(object, "last_start", &state->last_start);
	get_moment(object, "restless_since", &state->restless_since);
	state->running = get_number(object, "running") != 0;
	get_text(object, "rid", state->rid, sizeof(state->rid));
	state->last_duration_ms = get_number(object, "duration");
	state->missed = get_number(object, "missed");
	state->restless = get_number(object, "restless") != 0;
	state->pings = get_number(object, "pings");
	state->seen_ms = get_number(object, "seen");
	state->seen_start_ms = get_number(object, "seen_start");
	state->absent = get_number(object, "absent") != 0;
	state->unwell = get_number(object, "unwell") != 0;
	get_text(object, "text", state->text, sizeof(state->text));
	get_text(object, "reason", state->reason, sizeof(state->reason));
	*made = get_number(object, "made") != 0;
	get_lists(object, state);
	if (json_is_object(json_object_get(object, "labels")))
		*labels = json_incref(json_object_get(object, "labels"));
	json_decref(object);
	return true;
}

char *saved_clock(const struct steady_kept *kept)
{
	struct sheet sheet = {.object = json_object()};

	set_text(&sheet, "boot", kept->boot);
	set(&sheet, "boot_ms", json_integer(kept->boot_ms));
	set_moment(&sheet, "at", &kept->at);
	set_number(&sheet, "outer", kept->outer.outer_ms);
	set_number(&sheet, "outer_own", kept->outer.own_ms);
	return write_sheet(&sheet);
}

bool saved_read_clock(const char *text, struct steady_kept *kept)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	get_text(object, "boot", kept->boot, sizeof(kept->boot));
	kept->boot_ms = get_number(object, "boot_ms");
	get_moment(object, "at", &kept->at);
	kept->outer.outer_ms = get_number(object, "outer");
	kept->outer.own_ms = get_number(object, "outer_own");
	json_decref(object);
	return kept->at.own_ms > 0 && kept->at.wall_ms > 0;
}
