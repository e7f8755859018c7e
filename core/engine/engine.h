/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/engine: the running notifier: store, channels, sources and routes of
 * one configuration, started, reloaded and stopped in the right order.
 *
 * The main thread calls start, reload, once and stop. Other threads use the
 * functions marked "any thread".
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "alert/alert.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/settings.h"
#include "plugin/loader.h"
#include "store/store.h"

struct engine;

struct engine_options {
	struct loader *loader;       /* borrowed; outlives the engine */
	struct log *log;             /* borrowed */
	bool once;                   /* --once: one sweep, one attempt each */
	/* Progress of a run: after each alert, from any thread; returns soon. May be NULL. */
	void (*progress)(int64_t settled, int64_t expected, void *data);
	void *progress_data;
};

/* Opens the store and every channel; takes the settings over (also when it fails). */
int engine_start(const struct engine_options *options, struct settings *settings,
		 struct engine **engine, struct error *err);
/* Starts the sources; until then only alerts from the API come in. */
int engine_start_sources(struct engine *engine, struct error *err);
/* Swaps to the new settings (taken over), or changes nothing and says why. Also tells channels to
 * reopen their files. */
int engine_reload(struct engine *engine, struct settings *settings, struct error *err);

/* Runs every source once and delivers what is due; returns when nothing is left to do. */
void engine_once(struct engine *engine);
/* Ends engine_once early: sources stop, what is under way ends, the rest stays pending. Any thread. */
void engine_interrupt(struct engine *engine);
/* Removes a little of the history that is older than the settings keep. Call it every minute or so. */
void engine_upkeep(struct engine *engine);

/* How a run that is once went, by alerts. */
struct engine_summary {
	int64_t sent, failed;
	int64_t untried;             /* pending alerts whose channel was not available */
	bool fatal;                  /* a source could not do its work */
};
/* Stops sources, lets deliveries under way end (bounded by their timeout), gives the others back,
 * closes everything. summary may be NULL. */
void engine_stop(struct engine *engine, struct engine_summary *summary);

/* An alert from the API: any thread. The alerts are taken over. done is called on the store's
 * thread after the commit (0) or the failure (-ENOSPC, -EAGAIN: later; -EIO), then the alerts are freed.
 * channel: deliver only there, past the routes (a test), or NULL. */
typedef void engine_accepted_fn(int result, void *data);
void engine_accept(struct engine *engine, struct alert **alerts, size_t n, const char *channel,
		   engine_accepted_fn *done, void *data);

/* A word from outside to a source, about one of its items (tocsin-calls(7)): any thread. */
struct engine_call {
	enum tocsin_items kind;
	const char *source;          /* NULL: whichever has the item */
	const char *item;            /* NULL: all sources of the kind are asked */
	const char *verb;
	const char *body;            /* a JSON object, or NULL */
};
/* Everything is copied. done is called once, now or later, on any thread: with a status as in HTTP and
 * JSON, or, from 400 on, a sentence; it is taken over, and NULL for want of memory. It must not call the
 * engine. What a status below 400 acknowledges is committed. */
typedef void engine_called_fn(int status, char *answer, void *data);
void engine_call(struct engine *engine, const struct engine_call *call, engine_called_fn *done,
		 void *data);
/* Answers 503 to all that still wait: the daemon is about to stop. Any thread. */
void engine_refuse_calls(struct engine *engine);
/* "heartbeats", "jobs", "checks" */
const char *engine_items_name(enum tocsin_items kind);

/* Any thread: the store, for queries through store_submit. */
struct store *engine_store(struct engine *engine);
/* On the store's thread, inside a transaction: deliveries were replayed. */
void engine_look_again(struct engine *engine);
/* Any thread: something may have changed for sources. tell: what became of their alerts. */
void engine_wake_sources(struct engine *engine, bool tell);
/* Any thread: the aliases of the current settings, copied values only through severity_parse. */
int engine_severity(struct engine *engine, const char *text, enum tocsin_severity *severity);
/* As alert_from_client with the current aliases. Any thread. */
int engine_parse_alert(struct engine *engine, const json_t *object, const char *source,
		       struct alert **alert, struct error *err);
/* Any thread: the names and live state of channels and sources, without counters of the store:
 * {"version","started_at","channels":[{"name","type","state","in_flight","queued","breaker",...}],
 *  "sources":[{"name","type","state",...}]}; a new reference, NULL when memory is short. */
json_t *engine_status(struct engine *engine);
/* Any thread: does the current configuration have that channel? */
bool engine_has_channel(struct engine *engine, const char *name);

#endif
