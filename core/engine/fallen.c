/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of an alert that a channel could not deliver. */
#include "engine/fallen.h"

#include <errno.h>
#include <string.h>

#include "base/id.h"
#include "engine/decide.h"

/* Deliveries as the store takes them; all of it is in the arena. */
struct list {
	struct arena *arena;
	struct tocsin_new_delivery *item;
	size_t n, room;
};

static int grow(struct list *list, size_t n)
{
	size_t room = 2 * list->room + n;
	struct tocsin_new_delivery *item;

	if (list->n + n <= list->room)
		return 0;
	item = arena_alloc(list->arena, room * sizeof(*item));
	if (!item)
		return -ENOMEM;
	if (list->n)
		memcpy(item, list->item, list->n * sizeof(*item));
	list->item = item;
	list->room = room;
	return 0;
}

/* Their keys depend on the one that fell, so that the same fall has the same keys again. */
static int add_stand_ins(struct list *list, const struct decisions *decisions, const char *fallen,
			 int64_t due_ms)
{
	int result = grow(list, decisions->n);

	for (size_t i = 0; i < decisions->n && result == 0; i++) {
		const struct decision *decision = &decisions->item[i];
		char *key = arena_alloc(list->arena, ID_TEXT);

		if (!key)
			return -ENOMEM;
		result = id_derive((const char *const[]){fallen, "fallback", decision->channel,
							 decision->recipient},
				   4, key);
		list->item[list->n++] =
			(struct tocsin_new_delivery){.channel = decision->channel,
						     .recipient = decision->recipient,
						     .route = decision->route,
						     .key = key,
						     .state = decision->state,
						     .reason = decision->reason,
						     .due_ms = due_ms,
						     .stand_in = true};
	}
	return result;
}

int fallen_instead(void *data, const char *channel, const struct delivery *delivery,
		   struct instead **result)
{
	struct engine *engine = data;
	struct list list = {.arena = arena_new()};
	struct instead *instead = list.arena ? arena_alloc(list.arena, sizeof(*instead)) : NULL;
	struct decisions decisions;
	int code = -ENOMEM;

	if (instead) {
		pthread_rwlock_rdlock(&engine->lock);
		code = decide_fallback(engine->current->settings, delivery->pub.alert, channel,
				       delivery->pub.recipient, delivery->pub.route, list.arena,
				       &decisions);
		pthread_rwlock_unlock(&engine->lock);
	}
	if (code == 0)
		code = add_stand_ins(&list, &decisions, delivery->pub.key,
				     dispatch_now_ms(engine->dispatch));
	if (code < 0) {
		arena_free(list.arena);
		return code;
	}
	if (list.n == 0 && !delivery->handed_over) /* else nothing is lost: its channel keeps it */
		log_write(engine->log, TOCSIN_LOG_WARNING, delivery->pub.channel,
			  "its fallback '%s' is not there any more", channel);
	*instead = (struct instead){.arena = list.arena, .delivery = list.item, .n = list.n};
	*result = instead;
	return 0;
}

/* Called with the engine's lock held. */
static int add_all(const struct settings *settings, const struct tocsin_alert *alert,
		   struct list *list)
{
	int result = 0;

	/* the list grows meanwhile: one that stands in may have a fallback, too */
	for (size_t i = 0; i < list->n && result == 0; i++) {
		const struct tocsin_new_delivery fallen = list->item[i];
		const struct channel_settings *channel = settings_channel(settings, fallen.channel);
		struct decisions decisions;

		if (!channel || !channel->common.fallback)
			continue;
		result = decide_fallback(settings, alert, channel->common.fallback,
					 fallen.recipient, fallen.route, list->arena, &decisions);
		if (result == 0)
			result = add_stand_ins(list, &decisions, fallen.key, fallen.due_ms);
	}
	return result;
}

int fallen_add_all(struct engine *engine, const struct tocsin_alert *alert, struct arena *arena,
		   const struct tocsin_new_delivery **delivery, size_t *n)
{
	struct list list = {.arena = arena};
	int result = grow(&list, *n);

	if (result < 0)
		return result;
	if (*n)
		memcpy(list.item, *delivery, *n * sizeof(**delivery));
	list.n = *n;
	pthread_rwlock_rdlock(&engine->lock);
	result = add_all(engine->current->settings, alert, &list);
	pthread_rwlock_unlock(&engine->lock);
	*delivery = list.item;
	*n = list.n;
	return result;
}
