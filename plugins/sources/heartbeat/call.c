/* SPDX-License-Identifier: Apache-2.0 */
/* Words from outside. All that wait are taken together, and answered after one commit. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heartbeat.h"

void call_answer(struct tocsin_call *call, int status, char *text)
{
	free(call->answer);
	call->status = text ? status : 503;
	call->answer = text;
}

void call_answer_json(struct tocsin_call *call, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	call_answer(call, 200, text);
}

static void list(struct heartbeat *h, struct tocsin_call *call, const struct moment *now)
{
	json_t *items = json_array(), *answer = json_object();
	bool failed = !items;

	for (size_t i = 0; i < h->n; i++)
		failed |= json_array_append_new(items, item_json(h, h->beat[i], now)) != 0;
	failed |= json_object_set_new(answer, "heartbeats", items) != 0;
	if (failed) {
		json_decref(answer);
		answer = NULL;
	}
	call_answer_json(call, answer);
}

static void show(struct heartbeat *h, struct beat *beat, struct tocsin_call *call,
		 const struct moment *now)
{
	json_t *item = item_json(h, beat, now), *pings = ping_list(h, beat);

	if (json_object_set_new(item, "pings", pings) != 0) {
		json_decref(item);
		item = NULL;
	}
	call_answer_json(call, item);
}

/* A question about what is, or may be, in the table is answered by the table as it is now. True when it
 * was read since; else the call is answered with why not, or put off until it is. */
static bool read_table(struct heartbeat *h, struct tocsin_call *call, const struct moment *now)
{
	const char *why = NULL;

	if (!h->running) {
		if (table_read(h, now, &why) == 0)
			why = NULL;
	} else if (call->status < TOCSIN_CALL_LATER) {
		call->status = TOCSIN_CALL_LATER + (int)table_ask(h);
		return false;
	} else if (!table_answers(h, (unsigned)(call->status - TOCSIN_CALL_LATER), &why)) {
		return false;
	}
	if (why)
		call_answer(call, 503, strdup(why));
	return !why;
}

static bool is_in_table(const struct heartbeat *h, const char *item)
{
	const struct beat *beat = beats_find(h, item);

	return h->config->query && (!beat || beat->feed == FEED_QUERY);
}

static void check(struct heartbeat *h, struct beat *beat, struct tocsin_call *call,
		  const struct moment *now)
{
	files_look(h, now);
	call_answer_json(call, item_checked(h, beat, now));
}

static void pause_or_resume(struct heartbeat *h, struct beat *beat, struct tocsin_call *call,
			    const struct moment *now)
{
	bool pauses = strcmp(call->verb, "pause") == 0;
	struct beat_state before = beat->state;
	unsigned news = pauses ? beat_pause(&beat->state, now) : beat_resume(&beat->state, now);

	if (news)
		commit_change(h, beat, &before, news, NULL, now);
	call_answer_json(call, item_json(h, beat, now));
}

static struct beat *find(struct heartbeat *h, struct tocsin_call *call)
{
	struct beat *beat = call->item ? beats_find(h, call->item) : NULL;
	char *sentence;

	if (beat)
		return beat;
	if (!call->item)
		sentence = strdup("say which heartbeat");
	else if (asprintf(&sentence, "there is no heartbeat '%.200s'", call->item) < 0)
		sentence = NULL;
	call_answer(call, call->item ? 404 : 400, sentence);
	return NULL;
}

/* Answers one. True when the answer depends on the commit. */
static bool hear(struct heartbeat *h, struct tocsin_call *call, const struct moment *now)
{
	const char *verb = call->verb;
	struct beat *beat;
	char *sentence;

	if (strcmp(verb, "list") == 0) {
		list(h, call, now);
		return false;
	}
	if (strcmp(verb, "ping") == 0 && call->item)
		return ping_take(h, call, now);
	if (strcmp(verb, "check") == 0 && call->item && is_in_table(h, call->item) &&
	    !read_table(h, call, now))
		return false;
	beat = find(h, call);
	if (!beat)
		return false;
	if (strcmp(verb, "show") == 0) {
		show(h, beat, call, now);
	} else if (strcmp(verb, "check") == 0) {
		check(h, beat, call, now);
	} else if (strcmp(verb, "pause") == 0 || strcmp(verb, "resume") == 0) {
		pause_or_resume(h, beat, call, now);
		return true;
	} else {
		if (asprintf(&sentence,
			     "a heartbeat takes ping, pause, resume, check and show, not '%.40s'",
			     verb) < 0)
			sentence = NULL;
		call_answer(call, 404, sentence);
	}
	return false;
}

void call_source(void *state, struct tocsin_call *const call[], size_t n)
{
	struct heartbeat *h = state;
	struct moment now;
	int rc = start_source(h);
	bool *writes = calloc(n, sizeof(*writes));

	now = heartbeat_now(h);
	for (size_t i = 0; i < n; i++) {
		if (rc || !writes)
			call_answer(call[i], 503, strdup("the store cannot be read; try again"));
		else
			writes[i] = hear(h, call[i], &now);
		/* What cannot be answered is not done. */
		if (!rc && writes && writes[i] && !call[i]->answer)
			h->commit.failed = true;
	}
	if (!rc && writes)
		rc = commit_all(h);
	for (size_t i = 0; rc && writes && i < n; i++)
		if (writes[i] && call[i]->status < 400)
			call_answer(call[i], 503, strdup("nothing can be kept now; try again"));
	free(writes);
}
