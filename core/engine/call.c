/* SPDX-License-Identifier: Apache-2.0 */
/* Words from outside: which source they are for, and what is said when there is none. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "engine/gather.h"
#include "engine/source.h"

#define PATIENCE_MS 30000 /* engine_upkeep looks every minute */

enum { NOT_FOUND = 404, CONFLICT = 409, LATER = 503 };

const char *engine_items_name(enum tocsin_items kind)
{
	static const char *const name[] = {[TOCSIN_HEARTBEATS] = "heartbeats",
					   [TOCSIN_JOBS] = "jobs",
					   [TOCSIN_CHECKS] = "checks"};

	return name[kind];
}

/* The same of one of them, for sentences. */
static const char *item_name(enum tocsin_items kind)
{
	static const char *const name[] = {[TOCSIN_HEARTBEATS] = "heartbeat",
					   [TOCSIN_JOBS] = "job",
					   [TOCSIN_CHECKS] = "check"};

	return name[kind];
}

static bool is_of(const struct source *source, enum tocsin_items kind)
{
	return source->settings->plugin->it.items == kind;
}

/* What stands in the way of a call: the answer to it. */
struct refusal {
	int status;
	struct buffer sentence;
};

__attribute__((format(printf, 3, 4))) static struct source *
refuse(struct refusal *refusal, int status, const char *format, ...)
{
	va_list args;

	refusal->status = status;
	va_start(args, format);
	buffer_vprintf(&refusal->sentence, format, args);
	va_end(args);
	return NULL;
}

/* What the sources of a kind know of an item. */
struct finding {
	struct source *any, *owner; /* the last one of the kind; that has the item */
	size_t n, n_owners;
	bool early;           /* one has not said yet what it has */
	char closest[256];    /* "" */
	struct buffer owners; /* their names */
};

static void look_into(struct finding *finding, struct source *source, const char *item)
{
	const char *closest;

	finding->any = source;
	finding->n++;
	pthread_mutex_lock(&source->lock);
	if (!source->items) {
		finding->early = true;
	} else if (names_has(source->items, item)) {
		finding->owner = source;
		buffer_printf(&finding->owners, "%s%s", finding->n_owners++ ? ", " : "",
			      source->settings->name);
	} else if ((closest = names_closest(source->items, item))) {
		/* of several the one that is most like it */
		const char *both[] = {finding->closest, closest};
		const char *best = *finding->closest ? text_closest(item, both, 2) : closest;

		if (best && best != finding->closest)
			(void)snprintf(finding->closest, sizeof(finding->closest), "%s", best);
	}
	pthread_mutex_unlock(&source->lock);
}

static struct source *choose(const struct finding *finding, const struct engine *engine,
			     const struct engine_call *call, struct refusal *refusal)
{
	const char *one = item_name(call->kind);

	if (finding->n_owners == 1)
		return finding->owner;
	if (finding->n_owners > 1)
		return refuse(refusal, CONFLICT,
			      "the %s '%.200s' is in several sources (%s); say which with "
			      "source=NAME",
			      one, call->item, buffer_text(&finding->owners));
	if (engine->changing || (finding->early && finding->n > 1))
		return refuse(refusal, LATER, "the sources are starting; try again");
	if (finding->n == 1)
		return finding->any; /* it may take on new ones, or says itself that it does not */
	if (finding->n == 0)
		return refuse(refusal, NOT_FOUND, "no source here has %s",
			      engine_items_name(call->kind));
	return refuse(refusal, NOT_FOUND, "there is no %s '%.200s'%s%s%s", one, call->item,
		      *finding->closest ? "; did you mean '" : "", finding->closest,
		      *finding->closest ? "'?" : "");
}

/* With the sources locked. NULL: see the refusal. */
static struct source *find_by_item(struct engine *engine, const struct engine_call *call,
				   struct refusal *refusal)
{
	struct finding finding = {0};
	struct source *found;

	for (size_t i = 0; i < engine->n_sources; i++)
		if (is_of(engine->source[i], call->kind))
			look_into(&finding, engine->source[i], call->item);
	found = choose(&finding, engine, call, refusal);
	buffer_done(&finding.owners);
	return found;
}

static struct source *find_by_name(struct engine *engine, const struct engine_call *call,
				   struct refusal *refusal)
{
	for (size_t i = 0; i < engine->n_sources; i++)
		if (is_of(engine->source[i], call->kind) &&
		    strcmp(engine->source[i]->settings->name, call->source) == 0)
			return engine->source[i];
	if (engine->changing)
		return refuse(refusal, LATER, "the sources are starting; try again");
	return refuse(refusal, NOT_FOUND, "there is no source '%.200s' with %s", call->source,
		      engine_items_name(call->kind));
}

/* Puts the word into the source's queue, or leaves it with the reason. */
static bool hand_over(struct source *source, struct word *word, struct refusal *refusal)
{
	int result = words_add(&source->words, word);

	if (result == 0) {
		source_wake(source, false);
		return true;
	}
	if (result == -ESHUTDOWN)
		refuse(refusal, LATER, "the source '%s' is stopping; try again",
		       source->settings->name);
	else
		refuse(refusal, LATER, "too much waits for the source '%s'; try again later",
		       source->settings->name);
	return false;
}

static void call_one(struct engine *engine, const struct engine_call *call, struct word *word)
{
	struct refusal refusal = {0};
	struct source *source;

	pthread_mutex_lock(&engine->sources_lock);
	source = call->source ? find_by_name(engine, call, &refusal)
			      : find_by_item(engine, call, &refusal);
	if (source && hand_over(source, word, &refusal))
		word = NULL;
	pthread_mutex_unlock(&engine->sources_lock);
	if (word)
		word_end(word, refusal.status, buffer_take(&refusal.sentence));
	buffer_done(&refusal.sentence);
}

/* Asks every source of the kind, or the one that is named. */
static void call_all(struct engine *engine, const struct engine_call *call, engine_called_fn *done,
		     void *data)
{
	struct gathering *gathering = gathering_new(engine_items_name(call->kind), done, data);
	struct refusal refusal = {0};

	if (!gathering) {
		done(LATER, NULL, data);
		return;
	}
	pthread_mutex_lock(&engine->sources_lock);
	if (call->source)
		(void)find_by_name(engine, call, &refusal);
	else if (engine->changing)
		refuse(&refusal, LATER, "the sources are starting; try again");
	for (size_t i = 0; i < engine->n_sources && !refusal.status; i++) {
		struct source *source = engine->source[i];
		const char *name = source->settings->name;
		struct refusal why = {0};
		struct word *word;

		if (!is_of(source, call->kind) || (call->source && strcmp(call->source, name) != 0))
			continue;
		word = gathering_word(gathering, name, call->verb, call->body);
		if (word && !hand_over(source, word, &why))
			word_end(word, why.status, buffer_take(&why.sentence));
		buffer_done(&why.sentence);
	}
	pthread_mutex_unlock(&engine->sources_lock);
	if (refusal.status)
		gathering_refuse(gathering, refusal.status, buffer_take(&refusal.sentence));
	else
		gathering_ready(gathering);
	buffer_done(&refusal.sentence);
}

void engine_call(struct engine *engine, const struct engine_call *call, engine_called_fn *done,
		 void *data)
{
	struct word *word;

	if (!call->item) {
		call_all(engine, call, done, data);
		return;
	}
	word = word_new(call->item, call->verb, call->body, done, data);
	if (word)
		call_one(engine, call, word);
	else
		done(LATER, NULL, data);
}

void calls_expire(struct engine *engine)
{
	int64_t asked_ms = clock_boot_ms() - PATIENCE_MS;
	struct error why;

	pthread_mutex_lock(&engine->sources_lock);
	for (size_t i = 0; i < engine->n_sources; i++) {
		error_set(&why, 0, "the source '%s' is too busy to answer; try again later",
			  engine->source[i]->settings->name);
		words_answer(&engine->source[i]->words, asked_ms, why.text);
	}
	pthread_mutex_unlock(&engine->sources_lock);
}

void engine_refuse_calls(struct engine *engine)
{
	pthread_mutex_lock(&engine->sources_lock);
	for (size_t i = 0; i < engine->n_sources; i++)
		words_answer(&engine->source[i]->words, INT64_MAX,
			     "the daemon is stopping; try again later");
	pthread_mutex_unlock(&engine->sources_lock);
}
