/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that hold what they emit for a time only: the services for them, and their end. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "delivery/withdraw.h"
#include "engine/source.h"

#define ENDING_MS 100 /* between two looks at a source whose deliveries are ending */

void source_lease(struct tocsin_self *self, int64_t until_boot_ms)
{
	struct source *source = self->owner;

	source->leases = true;
	source->lease_ms = until_boot_ms;
	(void)source_note_lease(source); /* what is emitted waits until it is noted */
}

int source_note_lease(struct source *source)
{
	int result = backlogs_lease(dispatch_backlogs(source->engine->dispatch),
				    source->settings->name, source->lease_ms);

	source->lease_noted = result == 0;
	return result;
}

struct withdrawal {
	struct store_request request;
	struct source *source;
	const char *const *mark;
	const char *reason;
	int64_t *alert;
	size_t n;
};

static int apply_withdraw(struct store_request *request, const struct transaction *t)
{
	struct withdrawal *call = (struct withdrawal *)request;
	int result = 0;

	for (size_t i = 0; i < call->n && result == 0; i++)
		result = t->ops->withdraw(t->state, call->source->settings->name, call->mark[i],
					  call->reason, clock_wall_ms(), &call->alert[i]);
	if (result == 0)
		dispatch_withdraw(call->source->engine->dispatch, call->alert, call->n,
				  call->reason);
	return result;
}

int source_withdraw(struct tocsin_self *self, const char *const mark[], size_t n,
		    const char *reason)
{
	struct source *source = self->owner;
	struct withdrawal call = {.request = {.apply = apply_withdraw},
				  .source = source,
				  .mark = mark,
				  .reason = reason,
				  .n = n};
	int result;

	if (n == 0)
		return 0;
	call.alert = calloc(n, sizeof(*call.alert));
	if (!call.alert)
		return -ENOMEM;
	result = store_call(source->engine->store, &call.request);
	free(call.alert);
	/* what was suppressed has nobody else to tell of it */
	if (result == 0)
		source_wake(source, true);
	return result;
}

void source_await_close(struct source *source, bool ran)
{
	bool (*ending)(void *state) = source->settings->plugin->source.ending;
	bool busy = ran && ending;

	if (source->open_result < 0)
		return;
	while (!source->may_close || busy) {
		if (!ran || !ending) {
			pthread_cond_wait(&source->changed, &source->lock);
			continue;
		}
		pthread_mutex_unlock(&source->lock);
		busy = ending(source->state);
		(void)source_tell(source);
		pthread_mutex_lock(&source->lock);
		if (!source->may_close || busy)
			clock_cond_wait(&source->changed, &source->lock,
					clock_boot_ms() + ENDING_MS);
	}
}
