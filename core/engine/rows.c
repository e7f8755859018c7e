/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "delivery/withdraw.h"
#include "store/store.h"

#define PREFIX "rows/"   /* of the values that remember the names */
#define LEAVING_MS 10000 /* so long it waits at most for what is under way, ... */
#define LOOK_MS 20       /* ... and looks so often */
#define REMOVED "its source is not configured any more; its row is as it was"

enum fate { GOES_ON, WAITS, ENDS };

static enum fate fate_of(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->n_sources; i++) {
		const struct source_settings *source = &settings->source[i];

		if (strcmp(source->name, name) == 0 && source->plugin->it.rereads)
			return source->common.enabled ? GOES_ON : WAITS;
	}
	return ENDS;
}

struct owner {
	struct store_request request;
	struct source *source;
	size_t held; /* deliveries that are in memory still */
};

static int remember(const struct transaction *t, const char *name, bool owns)
{
	char key[sizeof(PREFIX) + 256];

	snprintf(key, sizeof(key), PREFIX "%s", name);
	return t->ops->save(t->state, STORE_CORE, key, owns ? "1" : NULL);
}

static int apply_own(struct store_request *request, const struct transaction *t)
{
	return remember(t, ((struct owner *)request)->source->settings->name, true);
}

void rows_own(struct source *source)
{
	struct owner owner = {.request = {.apply = apply_own}, .source = source};

	if (source->settings->plugin->it.rereads)
		(void)source_call(source, &owner.request);
}

static int on_waiting(const struct tocsin_stored_delivery *delivery, void *data)
{
	bool *any = data;

	*any |= delivery->due_ms == TOCSIN_PARKED;
	return 0;
}

static int say_waiting(struct engine *engine, const struct transaction *t, const char *name)
{
	const struct tocsin_query query = {
		.source = name, .states = 1U << TOCSIN_STATE_PENDING, .limit = 1};
	bool any = false;
	int result = t->ops->deliveries(t->state, &query, on_waiting, &any);

	if (any)
		log_write(engine->log, TOCSIN_LOG_WARNING, name,
			  "deliveries of this source wait: it is disabled; they go on when it is "
			  "enabled, and are dropped when it is removed from the configuration");
	return result;
}

static int end(struct engine *engine, const struct transaction *t, const char *name)
{
	int64_t n = 0;
	int result = t->ops->unwanted(t->state, name, REMOVED, false, clock_wall_ms(), &n);

	if (n > 0)
		log_write(engine->log, TOCSIN_LOG_WARNING, name,
			  "%lld %s dropped: this source is not configured any more, and its rows "
			  "are as they were",
			  (long long)n, n == 1 ? "delivery is" : "deliveries are");
	return result ? result : remember(t, name, false);
}

static int decide(struct engine *engine, const struct transaction *t, const char *name,
		  enum fate fate)
{
	int result = t->ops->park(t->state, name);

	if (result == 0 && fate == WAITS)
		result = say_waiting(engine, t, name);
	if (result == 0 && fate == ENDS)
		result = end(engine, t, name);
	return result;
}

static int apply_hold_back(struct store_request *request, const struct transaction *t)
{
	struct owner *owner = (struct owner *)request;
	const char *name = owner->source->settings->name;
	int result = dispatch_let_go(owner->source->engine->dispatch, name, t, &owner->held);

	return result ? result : t->ops->park(t->state, name);
}

static int apply_leave(struct store_request *request, const struct transaction *t)
{
	struct owner *owner = (struct owner *)request;
	struct engine *engine = owner->source->engine;
	const char *name = owner->source->settings->name;
	enum fate fate;

	pthread_rwlock_rdlock(&engine->lock);
	fate = fate_of(engine->current->settings, name);
	pthread_rwlock_unlock(&engine->lock);
	return decide(engine, t, name, fate);
}

/* What is under way ends, and is told; when it would be tried again, it is held back, too. */
static int hold_back(struct source *source)
{
	struct owner owner = {.request = {.apply = apply_hold_back}, .source = source};
	int64_t until = clock_boot_ms() + LEAVING_MS;
	int result;

	while ((result = store_call(source->engine->store, &owner.request)) == 0 &&
	       owner.held > 0 && clock_boot_ms() < until)
		usleep(LOOK_MS * 1000);
	return result;
}

void rows_leave(struct source *source)
{
	struct engine *engine = source->engine;
	struct owner owner = {.request = {.apply = apply_leave}, .source = source};
	int result;

	if (!source->settings->plugin->it.rereads || atomic_load(&engine->stopping))
		return; /* its channels are closed, and the next start looks */
	FAULT_POINT("source.leave.before");
	result = hold_back(source);
	/* Nobody wakes one that the engine does not list any more. */
	atomic_store(&source->tell_due, true);
	source->tell_again_ms = 0;
	(void)source_tell(source);
	if (result == 0)
		result = store_call(engine->store, &owner.request);
	FAULT_POINT("source.leave.after");
	if (result < 0)
		log_write(engine->log, TOCSIN_LOG_ERROR, source->settings->name,
			  "its deliveries could not be held back, and may go out beside those of "
			  "whoever reads its rows now: %s",
			  strerror(-result));
}

static int add_name(const char *name, const char *value, void *data)
{
	(void)value;
	return json_array_append_new(data, json_string(name + strlen(PREFIX))) < 0 ? -ENOMEM : 0;
}

static int decide_all(struct engine *engine, const struct transaction *t, const json_t *names)
{
	const struct settings *settings = engine->current->settings;
	int result = 0;

	for (size_t i = 0; i < json_array_size(names) && result == 0; i++) {
		const char *name = json_string_value(json_array_get(names, i));
		enum fate fate = fate_of(settings, name);

		if (fate != GOES_ON)
			result = decide(engine, t, name, fate);
	}
	/* whether the store remembers them or not */
	for (size_t i = 0; i < settings->n_sources && result == 0; i++)
		if (fate_of(settings, settings->source[i].name) == GOES_ON)
			result = decide(engine, t, settings->source[i].name, GOES_ON);
	return result;
}

int rows_recover(struct engine *engine, const struct transaction *t)
{
	json_t *names = json_array();
	int result = names ? 0 : -ENOMEM;

	if (result == 0 && t->ops->each)
		result = t->ops->each(t->state, STORE_CORE, PREFIX, false, 0, add_name, names);
	if (result == 0)
		result = decide_all(engine, t, names);
	json_decref(names);
	return result;
}
