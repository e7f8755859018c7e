/* SPDX-License-Identifier: Apache-2.0 */
/* A ping: what it says, what it changes, and the list of the latest ones. */
#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heartbeat.h"

#include "../../common/instant.h"
#include "../../common/notice.h"
#include "../../common/text.h"
#include "../../common/tojson.h"

#define LISTED 20 /* pings that are remembered */

/* As it was said; texts belong to the JSON. */
struct said {
	struct ping ping;
	const char *kind, *body;
	int64_t happened_ms; /* wall time of a spooled one; 0: now */
};

static bool is_rid(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (!isxdigit((unsigned char)text[i]) && text[i] != '-')
			return false;
	return length > 0 && length < BEAT_RID;
}

static const char *read_kind(const json_t *body, struct said *said)
{
	static const struct {
		const char *name;
		enum ping_kind kind;
	} kinds[] = {{"success", PING_SUCCESS},
		     {"fail", PING_FAIL},
		     {"start", PING_START},
		     {"log", PING_LOG},
		     {"exit", PING_SUCCESS}};
	const json_t *exit = json_object_get(body, "exit");
	const json_t *said_kind = json_object_get(body, "kind");
	const char *kind = said_kind ? json_string_value(said_kind) : "success";
	size_t i = 0;

	kind = kind ? kind : "";
	while (i < TOCSIN_COUNT(kinds) && strcmp(kind, kinds[i].name) != 0)
		i++;
	if (i == TOCSIN_COUNT(kinds))
		return "\"kind\" must be success, fail, start, log or exit";
	said->kind = kinds[i].name;
	said->ping.kind = kinds[i].kind;
	said->ping.exit = -1;
	if (strcmp(kind, "exit") != 0)
		return NULL;
	if (!json_is_integer(exit) || json_integer_value(exit) < 0 ||
	    json_integer_value(exit) > 255)
		return "\"exit\" must be a whole number from 0 to 255";
	said->ping.exit = (int)json_integer_value(exit);
	if (said->ping.exit > 0)
		said->ping.kind = PING_FAIL;
	return NULL;
}

/* NULL, or the sentence of a 400. */
static const char *read_ping(const json_t *body, struct said *said)
{
	const json_t *rid = json_object_get(body, "rid"), *text = json_object_get(body, "body"),
		     *at = json_object_get(body, "at");
	const char *wrong = read_kind(body, said);

	if (wrong)
		return wrong;
	said->ping.rid = rid && !json_is_null(rid) ? json_string_value(rid) : "";
	if (!said->ping.rid || (*said->ping.rid && !is_rid(said->ping.rid)))
		return "\"rid\" must be a UUID";
	said->body = text && !json_is_null(text) ? json_string_value(text) : "";
	if (!said->body)
		return "\"body\" must be a text";
	if (at && !json_is_null(at) &&
	    (!json_is_string(at) || !instant_read(json_string_value(at), &said->happened_ms)))
		return "\"at\" must be a time such as 2026-01-31T12:00:00.000Z";
	return NULL;
}

static uint32_t fingerprint(const struct said *said)
{
	uint32_t hash = 2166136261U;
	char text[120];

	snprintf(text, sizeof(text), "%" PRId64 " %s %d %s", said->happened_ms, said->kind,
		 said->ping.exit, said->ping.rid);
	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	return hash;
}

/* A spooled ping comes again when tocsin died between its commit and the end of its file. */
static bool was_handed_in(struct beat_state *state, const struct said *said)
{
	uint32_t hash = fingerprint(said);

	for (size_t i = 0; i < state->n_handed; i++)
		if (state->handed[i] == hash)
			return true;
	if (state->n_handed == BEAT_HANDED)
		memmove(state->handed, state->handed + 1,
			--state->n_handed * sizeof(*state->handed));
	state->handed[state->n_handed++] = hash;
	return false;
}

/* When a spooled ping happened, in our time: by the clock of then if it lies before the return. */
static struct moment when(const struct heartbeat *h, int64_t wall_ms, const struct moment *now)
{
	const struct moment *left = &h->kept.at;
	struct reading before = {left->wall_ms, left->own_ms},
		       reading = {now->wall_ms, now->own_ms};

	return (struct moment){sighting_own_ms(wall_ms, &before, &reading), wall_ms};
}

static void set(json_t *object, bool *failed, const char *name, json_t *value)
{
	*failed |= json_object_set_new(object, name, value) != 0;
}

/* Remembers the ping, and forgets the one that is too many. */
static bool note(struct heartbeat *h, const struct beat *beat, const struct said *said,
		 int64_t duration_ms)
{
	int64_t number = beat->state.pings;
	char time[NOTICE_TIME_SIZE], *key = saved_ping_name(beat->name, number), *value = NULL;
	json_t *ping = json_object(),
	       *body = json_stringn_nocheck(said->body,
					    text_prefix(said->body, (size_t)h->config->body_limit));
	bool failed = false;

	set(ping, &failed, "at", json_string(notice_iso_time(said->ping.at.wall_ms, time)));
	set(ping, &failed, "kind", json_string(said->kind));
	set(ping, &failed, "exit",
	    said->ping.exit >= 0 ? json_integer(said->ping.exit) : json_null());
	set(ping, &failed, "duration_ms",
	    duration_ms >= 0 ? json_integer(duration_ms) : json_null());
	set(ping, &failed, "rid", *said->ping.rid ? json_string(said->ping.rid) : json_null());
	set(ping, &failed, "body", *said->body ? body : json_null());
	if (!*said->body)
		json_decref(body);
	if (!failed)
		value = json_dumps(ping, JSON_COMPACT);
	json_decref(ping);
	failed = !key || !value || h->host->keep(h->self, key, value) != 0;
	free(key);
	free(value);
	if (number <= LISTED)
		return !failed;
	key = saved_ping_name(beat->name, number - LISTED);
	failed |= !key || h->host->keep(h->self, key, NULL) != 0;
	free(key);
	return !failed;
}

static struct beat *find_or_make(struct heartbeat *h, struct tocsin_call *call)
{
	struct beat *beat = beats_find(h, call->item);
	char *sentence;

	if (beat || h->config->create) {
		beat = beat ? beat : beats_add(h, call->item, NULL);
		if (!beat)
			call_answer(call, 503, strdup("out of memory"));
		return beat;
	}
	if (asprintf(&sentence, "there is no heartbeat '%.200s'", call->item) < 0)
		sentence = NULL;
	call_answer(call, 404, sentence);
	return NULL;
}

static void take(struct heartbeat *h, struct beat *beat, struct said *said,
		 struct tocsin_call *call, const struct moment *now)
{
	struct beat_state before = beat->state;
	bool fresh = beat->fresh && !beat->config, ends;
	unsigned news;

	said->ping.at = said->happened_ms > 0 ? when(h, said->happened_ms, now) : *now;
	beat->state.pings++;
	if (said->happened_ms > 0 && was_handed_in(&beat->state, said)) {
		beat->state = before;
		call_answer_json(call, item_json(h, beat, now));
		return;
	}
	news = beat_ping(&beat->state, &beat->expect, h->host, &said->ping);
	ends = said->ping.kind == PING_SUCCESS || said->ping.kind == PING_FAIL;
	if (!note(h, beat, said, ends ? beat->state.last_duration_ms : -1))
		h->commit.failed = true;
	commit_change(h, beat, &before, news, said->body, now);
	call_answer_json(call, item_json(h, beat, now));
	if (fresh && call->status == 200)
		call->status = 201;
}

bool ping_take(struct heartbeat *h, struct tocsin_call *call, const struct moment *now)
{
	json_t *body = json_loads(call->body ? call->body : "{}", JSON_REJECT_DUPLICATES, NULL);
	struct said said = {0};
	const char *wrong = json_is_object(body) ? read_ping(body, &said)
						 : "the body must be a JSON object";
	struct beat *beat = NULL;

	if (wrong)
		call_answer(call, 400, strdup(wrong));
	else
		beat = find_or_make(h, call);
	if (beat)
		take(h, beat, &said, call, now);
	json_decref(body);
	return beat != NULL;
}

static int add_ping(const char *name, const char *value, void *data)
{
	json_t *ping = json_loads(value, 0, NULL);

	(void)name;
	/* One that cannot be read is not worth the others. */
	if (!ping)
		return 0;
	return json_array_append_new(data, ping) == 0 ? 0 : -1;
}

json_t *ping_list(struct heartbeat *h, const struct beat *beat)
{
	char *prefix = saved_name("ping/", beat->name), *with_slash = NULL;
	json_t *list = json_array();

	if (!prefix || asprintf(&with_slash, "%s/", prefix) < 0)
		with_slash = NULL;
	if (!with_slash || !list ||
	    h->host->each(h->self, with_slash, true, LISTED, add_ping, list) != 0) {
		json_decref(list);
		list = NULL;
	}
	free(with_slash);
	free(prefix);
	return list;
}

void ping_forget(struct heartbeat *h, const struct beat *beat)
{
	int64_t last = beat->state.pings, n = last > LISTED ? last - LISTED + 1 : 1;

	for (; n <= last; n++) {
		char *key = saved_ping_name(beat->name, n);

		if (!key || h->host->keep(h->self, key, NULL) != 0)
			h->commit.failed = true;
		free(key);
	}
}
