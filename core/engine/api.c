/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine offers to the threads of the API. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/intake.h"
#include "engine/orphans.h"
#include "engine/source.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

void engine_accept(struct engine *engine, struct alert **alerts, size_t n, const char *channel,
		   engine_accepted_fn *done, void *data)
{
	struct intake *intake;
	int result = intake_new(engine, alerts, NULL, n, channel, &intake);

	if (result < 0) {
		done(result == -ENOMEM ? -EAGAIN : result, data);
		return;
	}
	intake_submit(intake, done, data);
}

struct store *engine_store(struct engine *engine)
{
	return engine->store;
}

void engine_look_again(struct engine *engine)
{
	dispatch_look_again(engine->dispatch);
}

int engine_severity(struct engine *engine, const char *text, enum tocsin_severity *severity)
{
	int result;

	pthread_rwlock_rdlock(&engine->lock);
	result = severity_parse(text, &engine->current->settings->aliases, severity);
	pthread_rwlock_unlock(&engine->lock);
	return result;
}

int engine_parse_alert(struct engine *engine, const json_t *object, const char *source,
		       struct alert **alert, struct error *err)
{
	int result;

	pthread_rwlock_rdlock(&engine->lock);
	result = alert_from_client(object, source, clock_wall_ms(),
				   &engine->current->settings->aliases, alert, err);
	pthread_rwlock_unlock(&engine->lock);
	return result;
}

bool engine_has_channel(struct engine *engine, const char *name)
{
	bool found;

	pthread_rwlock_rdlock(&engine->lock);
	found = settings_channel(engine->current->settings, name) != NULL;
	pthread_rwlock_unlock(&engine->lock);
	return found;
}

json_t *engine_status(struct engine *engine)
{
	char started[CLOCK_TEXT];
	json_t *object, *sources = json_array(), *channels = dispatch_status(engine->dispatch);
	bool whole = true, changing;

	clock_format_utc(engine->started_ms, started);
	pthread_mutex_lock(&engine->sources_lock);
	changing = engine->changing;
	for (size_t i = 0; i < engine->n_sources; i++)
		whole &= json_array_append_new(sources, source_status(engine->source[i])) == 0;
	pthread_mutex_unlock(&engine->sources_lock);
	whole &= orphans_status(engine, channels) == 0;
	pthread_rwlock_rdlock(&engine->lock);
	object = json_pack("{s:s, s:i, s:s, s:s, s:{s:b}, s:b, s:o, s:o}", "version",
			   PACKAGE_VERSION, "pid", (int)getpid(), "started_at", started, "config",
			   engine->current->settings->directory, "store", "full",
			   store_is_full(engine->store), "changing", changing, "channels", channels,
			   "sources", sources);
	pthread_rwlock_unlock(&engine->lock);
	if (whole)
		return object;
	json_decref(object);
	return NULL;
}
