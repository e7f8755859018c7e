/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/orphans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/internal.h"

struct look {
	struct store_request request;
	const char **known;
	size_t n_known;
	json_t *found; /* name: count */
};

static int on_waiting(const char *channel, int64_t n, void *data)
{
	struct look *look = data;

	/* what memory does not hold now is found by the next look */
	(void)json_object_set_new(look->found, channel, json_integer((json_int_t)n));
	return 0;
}

static int find(struct store_request *request, const struct transaction *t)
{
	struct look *look = (struct look *)request;

	json_object_clear(look->found);
	return t->ops->waiting(t->state, look->known, look->n_known, on_waiting, look);
}

static void warn_of_new(struct engine *engine, json_t *found)
{
	const char *name;
	json_t *count;

	json_object_foreach(found, name, count)
	{
		long long n = json_integer_value(count);

		if (json_object_get(engine->orphans, name))
			continue;
		log_write(
			engine->log, TOCSIN_LOG_WARNING, name,
			"%lld %s for this channel, which is not configured or is disabled; they go "
			"out when it is back",
			n, n == 1 ? "delivery waits" : "deliveries wait");
	}
}

static void replace(struct engine *engine, json_t *found)
{
	pthread_mutex_lock(&engine->sources_lock);
	json_decref(engine->orphans);
	engine->orphans = json_incref(found);
	pthread_mutex_unlock(&engine->sources_lock);
}

void orphans_look(struct engine *engine)
{
	const struct settings *settings = engine->current->settings;
	struct look look = {.request = {.apply = find}, .found = json_object()};

	look.known = calloc(settings->n_channels + 1, sizeof(*look.known));
	for (size_t i = 0; look.known && i < settings->n_channels; i++)
		if (settings->channel[i].common.enabled)
			look.known[look.n_known++] = settings->channel[i].name;
	if (look.known && look.found && store_call(engine->store, &look.request) == 0) {
		warn_of_new(engine, look.found);
		replace(engine, look.found);
	}
	json_decref(look.found);
	free(look.known);
}

int orphans_status(struct engine *engine, json_t *channels)
{
	const char *name;
	json_t *count;
	int result = 0;

	pthread_mutex_lock(&engine->sources_lock);
	json_object_foreach(engine->orphans, name, count)
	{
		if (json_array_append_new(channels,
					  json_pack("{s:s, s:s, s:s, s:I, s:s}", "name", name,
						    "type", "", "state", "not configured", "queued",
						    json_integer_value(count), "breaker", "")) < 0)
			result = -ENOMEM;
	}
	pthread_mutex_unlock(&engine->sources_lock);
	return result;
}
