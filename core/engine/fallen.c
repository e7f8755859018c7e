/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of an alert that a channel could not deliver. */
#include <errno.h>

#include "base/id.h"
#include "engine/decide.h"
#include "engine/internal.h"

/* The keys depend on the one that fell, so that the same fall has the same key again. */
static int fill(struct instead *instead, const struct decisions *decisions,
		const struct delivery *delivery, int64_t due_ms)
{
	instead->delivery = arena_alloc(instead->arena, decisions->n * sizeof(*instead->delivery));
	if (!instead->delivery)
		return -ENOMEM;
	for (size_t i = 0; i < decisions->n; i++) {
		const struct decision *decision = &decisions->item[i];
		char *key = arena_alloc(instead->arena, ID_TEXT);

		if (!key || id_derive((const char *const[]){delivery->pub.key, "fallback",
							    decision->channel, decision->recipient},
				      4, key) < 0)
			return -ENOMEM;
		instead->delivery[instead->n++] =
			(struct tocsin_new_delivery){.channel = decision->channel,
						     .recipient = decision->recipient,
						     .route = decision->route,
						     .key = key,
						     .state = decision->state,
						     .reason = decision->reason,
						     .due_ms = due_ms};
	}
	return 0;
}

int engine_fallback(void *data, const char *channel, const struct delivery *delivery,
		    struct instead **result)
{
	struct engine *engine = data;
	struct arena *arena = arena_new();
	struct instead *instead = arena ? arena_alloc(arena, sizeof(*instead)) : NULL;
	struct decisions decisions;
	int code = -ENOMEM;

	if (instead) {
		instead->arena = arena;
		pthread_rwlock_rdlock(&engine->lock);
		code = decide_fallback(engine->current->settings, delivery->pub.alert, channel,
				       delivery->pub.recipient, delivery->pub.route, arena,
				       &decisions);
		pthread_rwlock_unlock(&engine->lock);
	}
	if (code == 0)
		code = fill(instead, &decisions, delivery, dispatch_now_ms(engine->dispatch));
	if (code < 0) {
		arena_free(arena);
		return code;
	}
	if (instead->n == 0)
		log_write(engine->log, TOCSIN_LOG_WARNING, delivery->pub.channel,
			  "its fallback '%s' is not there any more", channel);
	*result = instead;
	return 0;
}
