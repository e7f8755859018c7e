/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "delivery/pause.h"
#include "engine/fallen.h"
#include "engine/intake.h"
#include "engine/orphans.h"
#include "engine/source.h"
#include "store/values.h"

#define EXIT_STORE_LOST 75 /* EX_TEMPFAIL: whoever supervises us starts us again */

/* --- generations of the configuration --- */

struct generation *generation_new(struct settings *settings)
{
	struct generation *generation = calloc(1, sizeof(*generation));

	if (generation)
		*generation = (struct generation){.settings = settings, .users = 1};
	return generation;
}

struct generation *generation_use(struct generation *generation)
{
	generation->users++;
	return generation;
}

void generation_drop(struct generation *generation)
{
	if (generation && --generation->users == 0) {
		settings_free(generation->settings);
		free(generation);
	}
}

/* --- what the deliveries tell --- */

static void on_begun(void *data, const struct delivery *delivery)
{
	struct engine *engine = data;
	int64_t number, of;

	if (!engine->options.once || deaths_is_own(delivery->pub.alert->source) ||
	    !tally_begin(&engine->tally, delivery->alert_number, &number, &of))
		return;
	log_write(engine->log, TOCSIN_LOG_INFO, delivery->pub.channel,
		  "processing alert %lld/%lld for %s", (long long)number, (long long)of,
		  alert_subject(delivery->pub.alert));
}

void engine_progress(struct engine *engine)
{
	int64_t expected, sent, failed;

	if (!engine->options.progress)
		return;
	tally_read(&engine->tally, &expected, &sent, &failed);
	engine->options.progress(sent + failed, expected, engine->options.progress_data);
}

static void on_settled(void *data, const struct delivery *delivery)
{
	struct engine *engine = data;
	const char *source = delivery->pub.alert->source;
	bool told = false;

	if (delivery->attempt.state == TOCSIN_STATE_DEAD && !delivery->result.stale)
		deaths_note(engine, delivery->pub.channel, source, delivery->pub.id,
			    delivery->detail);
	if (deaths_is_own(source)) /* which no run has to bring anywhere */
		return;
	if (delivery->attempt.state != TOCSIN_STATE_DELIVERED && !delivery->handed_over)
		tally_failed(&engine->tally, delivery->alert_number);
	if (!delivery->result.alert_settled)
		return;
	pthread_mutex_lock(&engine->sources_lock);
	for (size_t i = 0; i < engine->n_sources; i++) {
		if (strcmp(engine->source[i]->settings->name, source) != 0)
			continue;
		source_wake(engine->source[i], true);
		/* counted when it was told, which also counts what an earlier run delivered */
		told = engine->source[i]->settings->common.settle_on == SETTLE_ON_DELIVERED;
	}
	pthread_mutex_unlock(&engine->sources_lock);
	if (!told)
		tally_settled(&engine->tally, delivery->alert_number);
	engine_progress(engine);
}

void engine_wake_sources(struct engine *engine, bool tell)
{
	pthread_mutex_lock(&engine->sources_lock);
	for (size_t i = 0; i < engine->n_sources; i++)
		source_wake(engine->source[i], tell);
	pthread_mutex_unlock(&engine->sources_lock);
}

static void on_died(void *data, const struct tocsin_stored_delivery *delivery, const char *why)
{
	struct engine *engine = data;

	deaths_note(engine, delivery->channel, delivery->source, delivery->id, why);
	if (!deaths_is_own(delivery->source))
		tally_failed(&engine->tally, delivery->alert);
}

static void on_buried(void *data)
{
	engine_wake_sources(data, true);
}

static void on_idle(void *data)
{
	struct engine *engine = data;

	if (engine->options.once)
		engine_wake_sources(engine, false);
}

/* The commit's fate is unknown: only a fresh start that reads the files again may go on. */
static void on_store_lost(void *data, const char *why)
{
	(void)data;
	(void)why;
	_exit(EXIT_STORE_LOST);
}

/* --- channels --- */

static void channel_freed(void *owner)
{
	generation_drop(owner);
}

/* What was collected is folded from the second one on. */
static size_t fold_over(const struct channel_common *common)
{
	if (common->fold.over == 0 && common->fold.every > 0)
		return 1;
	return (size_t)common->fold.over;
}

int engine_open_channel(struct engine *engine, struct generation *generation,
			const struct channel_settings *settings, struct channel **channel,
			struct error *err)
{
	const struct channel_common *common = &settings->common;
	struct channel_spec spec = {.name = settings->name,
				    .plugin = settings->plugin,
				    .config = settings->config,
				    .rate = common->rate,
				    .burst = common->burst,
				    .concurrency = (size_t)common->concurrency,
				    .workers = (size_t)common->workers,
				    .timeout_ms = common->timeout,
				    .digest = {.over = fold_over(common),
					       .most = (size_t)common->fold.most,
					       .every_ms = engine->options.once
								   ? 0 /* it cannot wait */
								   : common->fold.every},
				    .at_once = {.label = common->at_once_per.label,
						.most = (size_t)common->at_once_per.most},
				    .fallback = common->fallback,
				    .fallback_after_ms = common->fallback_after,
				    .retry = {.first_ms = common->retry.first,
					      .max_ms = common->retry.max,
					      .give_up_after_ms = common->retry.give_up_after,
					      .attempts = common->retry.attempts},
				    .templates = settings->templates,
				    .freed = channel_freed,
				    .owner = generation};

	int result;

	generation_use(generation); /* dropped when the channel is freed, also by a failed open */
	result = dispatch_open(engine->dispatch, &spec, channel, err);
	if (result < 0 || dispatch_find(engine->dispatch, settings->name))
		return result; /* one that takes another's place inherits its pause when it does */
	result = pause_recall(*channel);
	if (result < 0) {
		dispatch_discard(engine->dispatch, *channel);
		return error_set(err, result, "the store cannot be read: %s", strerror(-result));
	}
	return 0;
}

const struct channel_settings *engine_channel_settings(const struct channel *channel)
{
	struct generation *generation = channel->spec.owner;

	return settings_channel(generation->settings, channel->spec.name);
}

static int open_channels(struct engine *engine, struct error *err)
{
	struct settings *settings = engine->current->settings;

	for (size_t i = 0; i < settings->n_channels; i++) {
		struct channel *channel;
		int result;

		if (!settings->channel[i].common.enabled)
			continue;
		result = engine_open_channel(engine, engine->current, &settings->channel[i],
					     &channel, err);
		if (result < 0)
			return result;
		dispatch_add(engine->dispatch, channel);
	}
	return 0;
}

static void close_channels(struct engine *engine)
{
	struct channel **list;
	size_t n = dispatch_channels(engine->dispatch, &list);

	for (size_t i = 0; i < n; i++)
		channel_stop(list[i]); /* all at once, then wait for each */
	while (dispatch_channels(engine->dispatch, &list) > 0) {
		struct channel *channel = list[0];

		dispatch_remove(engine->dispatch, channel);
		dispatch_discard(engine->dispatch, channel);
	}
}

/* --- start and stop --- */

static const struct tocsin_host *store_host(void)
{
	static const struct tocsin_host host = {
		.size = sizeof(host), .log = self_log, .count = self_count};

	return &host;
}

static int start(struct engine *engine, struct error *err)
{
	const struct settings *settings = engine->current->settings;
	struct dispatch_hooks hooks = {.settled = on_settled,
				       .fallback = fallen_instead,
				       .died = on_died,
				       .buried = on_buried,
				       .begun = on_begun,
				       .idle = on_idle,
				       .data = engine};
	struct store_hooks store_hooks = {.failed = on_store_lost};
	int result;

	engine->opened = generation_use(engine->current);
	self_init(&engine->store_self, "store", engine->log, NULL, engine);
	result = store_open(&settings->store.plugin->it, &engine->store_self, store_host(),
			    settings->store.config, engine->log, &engine->store, err);
	if (result < 0)
		return result; /* the plugin has said more in the log */
	FAULT_POINT("start.store");
	store_start(engine->store, &store_hooks); /* it may be lost while it is recovered */
	result = dispatch_new(engine->log, engine->store, engine->options.once, &hooks,
			      &engine->dispatch, err);
	if (result < 0)
		return result;
	result = engine_recover(engine, err);
	if (result < 0)
		return result;
	result = open_channels(engine, err);
	if (result < 0)
		return result;
	FAULT_POINT("start.channels");
	dispatch_store_hooks(engine->dispatch, &store_hooks);
	store_start(engine->store, &store_hooks);
	orphans_look(engine);
	return 0;
}

int engine_start(const struct engine_options *options, struct settings *settings,
		 struct engine **result, struct error *err)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	int code;

	if (engine)
		engine->current = generation_new(settings);
	if (!engine || !engine->current) {
		free(engine);
		settings_free(settings);
		return error_set(err, -ENOMEM, "out of memory");
	}
	engine->options = *options;
	engine->log = options->log;
	engine->started_ms = clock_wall_ms();
	engine->changing = true; /* until the sources are there */
	pthread_rwlock_init(&engine->lock, NULL);
	pthread_mutex_init(&engine->sources_lock, NULL);
	tally_init(&engine->tally, options->once);
	deaths_init(engine);
	code = start(engine, err);
	if (code < 0) {
		engine_stop(engine, NULL);
		return code;
	}
	*result = engine;
	return 0;
}

int engine_add_source(struct engine *engine, struct source *source)
{
	struct source **list;

	pthread_mutex_lock(&engine->sources_lock);
	list = realloc(engine->source, (engine->n_sources + 1) * sizeof(struct source *));
	if (list) {
		engine->source = list;
		list[engine->n_sources++] = source;
	}
	pthread_mutex_unlock(&engine->sources_lock);
	return list ? 0 : -ENOMEM;
}

void engine_set_changing(struct engine *engine, bool changing)
{
	pthread_mutex_lock(&engine->sources_lock);
	engine->changing = changing;
	pthread_mutex_unlock(&engine->sources_lock);
}

int engine_start_sources(struct engine *engine, struct error *err)
{
	const struct settings *settings = engine->current->settings;

	for (size_t i = 0; i < settings->n_sources; i++) {
		struct source *source;
		int result;

		if (!settings->source[i].common.enabled)
			continue;
		result = source_new(engine, engine->current, &settings->source[i], &source, err);
		if (result < 0)
			return result;
		if (engine_add_source(engine, source) < 0) {
			source_free(source);
			return error_set(err, -ENOMEM, "out of memory");
		}
	}
	FAULT_POINT("start.sources");
	for (size_t i = 0; i < engine->n_sources; i++)
		source_run(engine->source[i]);
	engine_set_changing(engine, false);
	return 0;
}

/* Ends the runs of all sources; their plugins stay open. */
static void stop_sources(struct engine *engine)
{
	for (size_t i = 0; i < engine->n_sources; i++)
		source_stop(engine->source[i]); /* all at once, then wait for each */
	for (size_t i = 0; i < engine->n_sources; i++)
		source_join(engine->source[i]);
}

static void free_sources(struct engine *engine)
{
	struct source **list;
	size_t n;

	pthread_mutex_lock(&engine->sources_lock);
	list = engine->source;
	n = engine->n_sources;
	engine->source = NULL;
	engine->n_sources = 0;
	pthread_mutex_unlock(&engine->sources_lock);
	for (size_t i = 0; i < n; i++)
		source_free(list[i]);
	free(list);
}

static int nothing(struct store_request *request, const struct transaction *t)
{
	(void)request;
	(void)t;
	return 0;
}

/* Every settlement submitted before is in the store afterwards, and counted. */
static void flush(struct engine *engine)
{
	struct store_request request = {.apply = nothing};

	(void)store_call(engine->store, &request);
}

static void sum_up(struct engine *engine, struct engine_summary *summary)
{
	int64_t expected;

	tally_read(&engine->tally, &expected, &summary->sent, &summary->failed);
	summary->fatal = engine->fatal;
	if (expected > summary->sent + summary->failed)
		summary->untried = expected - summary->sent - summary->failed;
}

void engine_stop(struct engine *engine, struct engine_summary *summary)
{
	if (!engine)
		return;
	FAULT_POINT("stop.begin");
	atomic_store(&engine->stopping, true);
	stop_sources(engine);
	FAULT_POINT("stop.sources");
	if (engine->store)
		store_stop(engine->store);
	if (engine->dispatch) {
		close_channels(engine);
		FAULT_POINT("stop.channels");
		flush(engine);
	}
	FAULT_POINT("stop.flushed");
	free_sources(engine);
	FAULT_POINT("stop.told");
	if (summary)
		sum_up(engine, summary);
	store_close(engine->store);
	FAULT_POINT("stop.store");
	dispatch_free(engine->dispatch);
	self_done(&engine->store_self);
	generation_drop(engine->opened);
	generation_drop(engine->current);
	deaths_done(engine);
	tally_done(&engine->tally);
	json_decref(engine->orphans);
	pthread_mutex_destroy(&engine->sources_lock);
	pthread_rwlock_destroy(&engine->lock);
	free(engine);
}

void engine_interrupt(struct engine *engine)
{
	atomic_store(&engine->interrupted, true);
	pthread_mutex_lock(&engine->sources_lock);
	for (size_t i = 0; i < engine->n_sources; i++)
		source_stop(engine->source[i]);
	pthread_mutex_unlock(&engine->sources_lock);
}

void engine_once(struct engine *engine)
{
	for (size_t i = 0; i < engine->n_sources; i++)
		if (source_join(engine->source[i]) < 0)
			engine->fatal = true;
	/* alerts that no source of this run waits for */
	while (!dispatch_is_idle(engine->dispatch) && !atomic_load(&engine->interrupted))
		usleep(5000);
}
