/* SPDX-License-Identifier: Apache-2.0 */
/* A new configuration in place of the old one, whole or not at all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "delivery/pause.h"
#include "engine/orphans.h"
#include "engine/source.h"

/* What is opened for the new configuration and not yet in use. */
struct change {
	struct channel **channel;
	size_t n_channels;
	struct source **source; /* NULL: started */
	size_t n_sources;
};

static bool keeps_channel(struct engine *engine, const struct channel_settings *fresh)
{
	struct channel *channel = dispatch_find(engine->dispatch, fresh->name);

	return channel && strcmp(engine_channel_settings(channel)->digest, fresh->digest) == 0;
}

static bool keeps_source(const struct engine *engine, const struct source_settings *fresh)
{
	for (size_t i = 0; i < engine->n_sources; i++)
		if (strcmp(engine->source[i]->settings->name, fresh->name) == 0)
			return strcmp(engine->source[i]->settings->digest, fresh->digest) == 0;
	return false;
}

static int open_changed(struct engine *engine, struct generation *fresh, struct change *change,
			struct error *err)
{
	const struct settings *settings = fresh->settings;
	int result = 0;

	for (size_t i = 0; i < settings->n_channels && result == 0; i++) {
		const struct channel_settings *channel = &settings->channel[i];

		if (!channel->common.enabled || keeps_channel(engine, channel))
			continue;
		result = engine_open_channel(engine, fresh, channel,
					     &change->channel[change->n_channels], err);
		change->n_channels += result == 0;
	}
	for (size_t i = 0; i < settings->n_sources && result == 0; i++) {
		const struct source_settings *source = &settings->source[i];

		if (!source->common.enabled || keeps_source(engine, source))
			continue;
		result = source_new(engine, fresh, source, &change->source[change->n_sources], err);
		change->n_sources += result == 0;
	}
	return result;
}

static void discard(struct engine *engine, struct change *change)
{
	for (size_t i = 0; i < change->n_channels; i++)
		dispatch_discard(engine->dispatch, change->channel[i]);
	for (size_t i = 0; i < change->n_sources; i++)
		source_free(change->source[i]);
}

/* Is this channel or source in use as the new settings want it? */
static bool channel_stays(const struct settings *settings, const struct channel *channel)
{
	const struct channel_settings *fresh = settings_channel(settings, channel->spec.name);

	return fresh && fresh->common.enabled &&
	       strcmp(fresh->digest, engine_channel_settings(channel)->digest) == 0;
}

static bool source_stays(const struct settings *settings, const struct source *source)
{
	for (size_t i = 0; i < settings->n_sources; i++)
		if (strcmp(settings->source[i].name, source->settings->name) == 0)
			return settings->source[i].common.enabled &&
			       strcmp(settings->source[i].digest, source->settings->digest) == 0;
	return false;
}

static void pass_pause(const struct change *change, struct channel *outdated)
{
	for (size_t i = 0; i < change->n_channels; i++)
		if (strcmp(change->channel[i]->spec.name, outdated->spec.name) == 0)
			pause_inherit(change->channel[i], outdated);
}

static void swap_channels(struct engine *engine, const struct settings *settings,
			  struct change *change)
{
	struct channel **list;
	size_t n = dispatch_channels(engine->dispatch, &list), n_old = 0;
	struct channel **old = calloc(n + 1, sizeof(struct channel *));

	for (size_t i = n; i-- > 0;) {
		struct channel *channel = list[i];

		if (channel_stays(settings, channel)) {
			channel_reopen(channel);
			continue;
		}
		dispatch_remove(engine->dispatch, channel);
		pass_pause(change, channel);
		if (old)
			old[n_old++] = channel;
		else
			dispatch_discard(engine->dispatch, channel);
	}
	for (size_t i = 0; i < change->n_channels; i++)
		dispatch_add(engine->dispatch, change->channel[i]);
	FAULT_POINT("reload.added");
	/* the new ones work already while the old ones finish */
	for (size_t i = 0; i < n_old; i++)
		dispatch_discard(engine->dispatch, old[i]);
	free(old);
}

/* One that ends what it has begun before it closes, which may take as long as that does. */
static bool ends_slowly(const struct source *source)
{
	return source->settings->plugin->source.ending;
}

static struct source *take_outdated(struct engine *engine, const struct settings *settings,
				    bool slow)
{
	struct source *outdated = NULL;

	pthread_mutex_lock(&engine->sources_lock);
	for (size_t i = 0; i < engine->n_sources && !outdated; i++) {
		if (source_stays(settings, engine->source[i]) ||
		    ends_slowly(engine->source[i]) != slow)
			continue;
		outdated = engine->source[i];
		memmove(&engine->source[i], &engine->source[i + 1],
			(engine->n_sources - i - 1) * sizeof(struct source *));
		engine->n_sources--;
	}
	pthread_mutex_unlock(&engine->sources_lock);
	return outdated;
}

static struct source *take_successor(struct change *change, const char *name)
{
	for (size_t i = 0; i < change->n_sources; i++) {
		struct source *source = change->source[i];

		if (source && strcmp(source->settings->name, name) == 0) {
			change->source[i] = NULL;
			return source;
		}
	}
	return NULL;
}

static void start_source(struct engine *engine, struct source *source)
{
	if (engine_add_source(engine, source) == 0) {
		source_run(source);
		return;
	}
	log_write(engine->log, TOCSIN_LOG_ERROR, source->settings->name,
		  "not started: out of memory; reload again");
	source_free(source);
}

static bool name_is_taken(const struct engine *engine, const char *name)
{
	for (size_t i = 0; i < engine->n_sources; i++)
		if (strcmp(engine->source[i]->settings->name, name) == 0)
			return true;
	return false;
}

static void exchange(struct engine *engine, const struct settings *settings, struct change *change,
		     bool slow)
{
	struct source *outdated;

	while ((outdated = take_outdated(engine, settings, slow))) {
		struct source *successor = take_successor(change, outdated->settings->name);

		/* who has what is uncertain only while something that outsiders speak of is missing */
		engine_set_changing(engine,
				    !slow || (successor && successor->settings->plugin->it.items));
		source_free(outdated);
		if (successor)
			start_source(engine, successor);
	}
	for (size_t i = 0; i < change->n_sources; i++) {
		struct source *fresh = change->source[i];

		if (!fresh || ends_slowly(fresh) != slow ||
		    name_is_taken(engine, fresh->settings->name))
			continue;
		change->source[i] = NULL;
		start_source(engine, fresh);
	}
	engine_set_changing(engine, false);
}

/* Those that take their time to end come last, so that nobody waits for them but their successors, and
 * new ones of their kind: what has another name now may read what they hold. */
static void swap_sources(struct engine *engine, const struct settings *settings,
			 struct change *change)
{
	engine_set_changing(engine, true);
	exchange(engine, settings, change, false);
	exchange(engine, settings, change, true);
}

static void use(struct engine *engine, struct generation *fresh, struct change *change)
{
	struct generation *old = engine->current;

	pthread_rwlock_wrlock(&engine->lock);
	engine->current = fresh;
	pthread_rwlock_unlock(&engine->lock);
	FAULT_POINT("reload.swapped");
	log_set_level(engine->log, (enum tocsin_level)fresh->settings->log.level);
	log_set_format(engine->log, (enum log_format)fresh->settings->log.format);
	swap_channels(engine, fresh->settings, change);
	FAULT_POINT("reload.channels");
	swap_sources(engine, fresh->settings, change);
	FAULT_POINT("reload.sources");
	generation_drop(old);
	orphans_look(engine);
}

static int check_fixed(const struct settings *now, const struct settings *fresh, struct error *err)
{
	if (strcmp(now->store.digest, fresh->store.digest) != 0)
		return error_set(err, -EINVAL,
				 "the section 'store' changed, which a reload cannot "
				 "apply; restart tocsind, or undo the change");
	if (strcmp(now->api.socket ? now->api.socket : "",
		   fresh->api.socket ? fresh->api.socket : "") != 0)
		return error_set(err, -EINVAL,
				 "'api.socket' changed, which a reload cannot apply; "
				 "restart tocsind, or undo the change");
	if (strcmp(now->api.spool, fresh->api.spool) != 0)
		return error_set(err, -EINVAL,
				 "'api.spool' changed, which a reload cannot apply; "
				 "restart tocsind, or undo the change");
	if (now->api.socket_mode != fresh->api.socket_mode)
		return error_set(err, -EINVAL,
				 "'api.mode' changed, which a reload cannot apply; "
				 "restart tocsind, or undo the change");
	return 0;
}

int engine_reload(struct engine *engine, struct settings *settings, struct error *err)
{
	struct generation *fresh = generation_new(settings);
	struct change change = {0};
	int result;

	if (!fresh) {
		settings_free(settings);
		return error_set(err, -ENOMEM, "out of memory");
	}
	change.channel = calloc(settings->n_channels + 1, sizeof(struct channel *));
	change.source = calloc(settings->n_sources + 1, sizeof(struct source *));
	if (!change.channel || !change.source)
		result = error_set(err, -ENOMEM, "out of memory");
	else
		result = check_fixed(engine->current->settings, settings, err);
	if (result == 0) {
		result = open_changed(engine, fresh, &change, err);
		FAULT_POINT("reload.opened");
		if (result == 0)
			use(engine, fresh, &change);
		else
			discard(engine, &change);
	}
	if (result < 0)
		generation_drop(fresh);
	free(change.channel);
	free(change.source);
	return result;
}
