/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "engine/rows.h"

#define RESTART_MS 5000 /* after a source's run ended by itself */
#define FULL_MS 1000    /* after the store had no room */

static void set_trouble(struct source *source, const char *text)
{
	pthread_mutex_lock(&source->lock);
	snprintf(source->trouble, sizeof(source->trouble), "%s", text);
	pthread_mutex_unlock(&source->lock);
}

static bool open_source(struct source *source)
{
	int result = source->settings->plugin->source.open(
		&source->self, source_host(), source->settings->config, &source->state);
	bool run;

	FAULT_POINT("source.open");
	pthread_mutex_lock(&source->lock);
	source->open_result = result;
	source->opened = true;
	pthread_cond_broadcast(&source->changed);
	while (result == 0 && !source->may_run && !atomic_load(&source->stopping))
		pthread_cond_wait(&source->changed, &source->lock);
	run = source->may_run;
	pthread_mutex_unlock(&source->lock);
	return result == 0 && run;
}

/* Waits before what failed is tried again, unless the source is to stop. */
static void rest(struct source *source, int64_t ms)
{
	int64_t until = clock_boot_ms() + ms;

	pthread_mutex_lock(&source->lock);
	while (!atomic_load(&source->stopping) && clock_boot_ms() < until)
		clock_cond_wait(&source->changed, &source->lock, until);
	pthread_mutex_unlock(&source->lock);
}

int source_call(struct source *source, struct store_request *request)
{
	int result;

	while ((result = store_call(source->engine->store, request)) == -ENOSPC &&
	       !atomic_load(&source->stopping))
		rest(source, FULL_MS);
	return result;
}

static void run_source(struct source *source)
{
	int result;

	for (;;) {
		result = source->settings->plugin->source.run(source->state);
		if (atomic_load(&source->stopping) || source->engine->options.once)
			break;
		set_trouble(source, result < 0 ? strerror(-result) : "its run ended");
		log_write(source->engine->log, TOCSIN_LOG_ERROR, source->settings->name,
			  "the source stopped by itself (%s); it starts again in %d seconds",
			  result < 0 ? strerror(-result) : "without an error", RESTART_MS / 1000);
		rest(source, RESTART_MS);
		if (atomic_load(&source->stopping))
			break;
		kept_clear(&source->kept); /* of what it had in mind it knows nothing any more */
		set_trouble(source, "");
	}
	pthread_mutex_lock(&source->lock);
	source->run_result = result;
	pthread_mutex_unlock(&source->lock);
}

static void *thread(void *data)
{
	struct source *source = data;
	bool ran = open_source(source);

	if (ran) {
		rows_own(source);
		run_source(source);
	}
	pthread_mutex_lock(&source->lock);
	source->ended = true;
	pthread_cond_broadcast(&source->changed);
	/* its locks guard the deliveries that are still under way */
	source_await_close(source, ran);
	pthread_mutex_unlock(&source->lock);
	if (source->open_result == 0) {
		/* what ended while the channels were closing; one that never ran has no say yet */
		source->tell_again_ms = 0;
		if (source->later_ms > 0)
			atomic_store(&source->tell_due, true);
		if (ran) {
			(void)source_tell(source);
			rows_leave(source);
		}
		FAULT_POINT("source.close");
		source->settings->plugin->source.close(source->state);
	}
	return NULL;
}

static void dispose(struct source *source)
{
	while (source->accepted) {
		struct accepted *noted = source->accepted;

		source->accepted = noted->next;
		free(noted->mark);
		free(noted);
	}
	if (source->event_fd >= 0)
		close(source->event_fd);
	words_done(&source->words);
	names_free(source->items);
	kept_clear(&source->kept);
	pthread_cond_destroy(&source->changed);
	pthread_mutex_destroy(&source->lock);
	self_done(&source->self);
	generation_drop(source->generation);
	free(source);
}

int source_new(struct engine *engine, struct generation *generation,
	       const struct source_settings *settings, struct source **result, struct error *err)
{
	struct source *source = calloc(1, sizeof(*source));
	int code;

	if (!source)
		return error_set(err, -ENOMEM, "out of memory");
	source->engine = engine;
	source->settings = settings;
	source->generation = generation_use(generation);
	source->watched = -1;
	source->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_init(&source->tell_due, true); /* what an earlier process could not tell any more */
	self_init(&source->self, settings->name, engine->log, engine->store, source);
	words_init(&source->words);
	pthread_mutex_init(&source->lock, NULL);
	clock_cond_init(&source->changed);
	if (source->event_fd < 0 || pthread_create(&source->thread, NULL, thread, source) != 0) {
		dispose(source);
		return error_set(err, -EAGAIN, "source '%s': no thread or descriptor left",
				 settings->name);
	}
	pthread_mutex_lock(&source->lock);
	while (!source->opened)
		pthread_cond_wait(&source->changed, &source->lock);
	code = source->open_result;
	pthread_mutex_unlock(&source->lock);
	if (code < 0) {
		pthread_join(source->thread, NULL);
		self_open_failed(&source->self, code, "source", err);
		dispose(source);
		return code;
	}
	*result = source;
	return 0;
}

void source_run(struct source *source)
{
	pthread_mutex_lock(&source->lock);
	source->may_run = true;
	pthread_cond_broadcast(&source->changed);
	pthread_mutex_unlock(&source->lock);
}

void source_wake(struct source *source, bool tell)
{
	static const uint64_t one = 1;

	/* One that has not taken note of the last time is awake, or waits to try again. */
	if (tell && atomic_exchange(&source->tell_due, true))
		return;
	if (write(source->event_fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: it is awake anyway */
}

void source_stop(struct source *source)
{
	pthread_mutex_lock(&source->lock);
	if (!atomic_load(&source->stopping))
		source->last_ms = clock_boot_ms() + SOURCE_LAST_MS;
	atomic_store(&source->stopping, true);
	pthread_cond_broadcast(&source->changed);
	pthread_mutex_unlock(&source->lock);
	words_close(&source->words, "the source is stopping; try again later");
	source_wake(source, false);
	backlogs_wake(dispatch_backlogs(source->engine->dispatch));
}

void source_free(struct source *source)
{
	if (!source)
		return;
	source_stop(source);
	pthread_mutex_lock(&source->lock);
	source->may_close = true;
	pthread_cond_broadcast(&source->changed);
	pthread_mutex_unlock(&source->lock);
	pthread_join(source->thread, NULL);
	dispose(source);
}

int source_join(struct source *source)
{
	int result;

	pthread_mutex_lock(&source->lock);
	while (!source->ended)
		pthread_cond_wait(&source->changed, &source->lock);
	result = source->run_result;
	pthread_mutex_unlock(&source->lock);
	return result;
}

/* With the source locked. */
static const char *state_of(const struct source *source)
{
	if (*source->trouble)
		return "restarting";
	if (source->ended)
		return "ended";
	return source->settings->plugin->it.items && !source->items ? "starting" : "running";
}

json_t *source_status(struct source *source)
{
	json_t *counters = json_object(), *object;
	char trouble[256];

	self_trouble(&source->self, trouble, sizeof(trouble));
	if (self_add_counters(&source->self, counters) < 0) {
		json_decref(counters);
		return NULL;
	}
	pthread_mutex_lock(&source->lock);
	object = json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", source->settings->name, "type",
			   source->settings->plugin->it.name, "state", state_of(source), "trouble",
			   *source->trouble ? source->trouble : trouble, "counters", counters);
	if (object && source->items && source->settings->plugin->it.items &&
	    json_object_set_new(object, engine_items_name(source->settings->plugin->it.items),
				json_integer((json_int_t)names_count(source->items))) < 0) {
		json_decref(object);
		object = NULL;
	}
	pthread_mutex_unlock(&source->lock);
	return object;
}
