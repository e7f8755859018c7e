/* SPDX-License-Identifier: Apache-2.0 */
/* What the process before left in the store. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "engine/internal.h"
#include "engine/rows.h"

/* What was under way when a process died waits that long in the next one. It may be to blame, and others
 * get their turn before it; and what merely was there is not met again by the next death at once. */
#define AGAIN_MS 500

/* What a former process left: nobody else holds the store, so every claim in it is void. */
struct recovery {
	struct store_request request;
	struct engine *engine;
	struct underway_memory *memory;
	int64_t suspect[UNDERWAY_SLOTS];
	size_t n_suspects;
	int64_t n;
};

static int recover(struct store_request *request, const struct transaction *t)
{
	struct recovery *recovery = (struct recovery *)request;
	struct engine *engine = recovery->engine;
	int result;

	if (!recovery->memory && t->ops->scratch) {
		recovery->memory = t->ops->scratch(t->state, sizeof(*recovery->memory));
		/* Taken before they are counted: one that dies here too often would count the same
		 * death again and again, and accuse what it never touched. */
		if (recovery->memory)
			recovery->n_suspects = underway_take_over(
				recovery->memory, store_boot(engine->store), recovery->suspect);
		dispatch_note_underway(engine->dispatch, recovery->memory);
	}
	FAULT_POINT("start.scratch");
	result = t->ops->recover(t->state, TOCSIN_PARKED, recovery->suspect, recovery->n_suspects,
				 dispatch_now_ms(engine->dispatch) + AGAIN_MS, &recovery->n);
	if (result == 0)
		result = rows_recover(engine, t);
	if (result == 0 && engine->options.once)
		result = t->ops->hasten(t->state, dispatch_now_ms(engine->dispatch));
	FAULT_POINT("start.recover");
	return result;
}

int engine_recover(struct engine *engine, struct error *err)
{
	struct recovery *recovery = calloc(1, sizeof(*recovery));
	int result;

	if (!recovery)
		return error_set(err, -ENOMEM, "out of memory");
	recovery->request.apply = recover;
	recovery->engine = engine;
	result = store_call(engine->store, &recovery->request);
	if (result == -ENOSPC) /* after which it may have given back room that it had kept */
		result = store_call(engine->store, &recovery->request);
	FAULT_POINT("start.recovered");
	if (result < 0)
		error_set(err, result, "the store cannot be read: %s", strerror(-result));
	else if (recovery->n > 0)
		log_write(engine->log, TOCSIN_LOG_WARNING, "store",
			  "%lld deliveries were under way when the last process ended; they are "
			  "tried again with the same keys",
			  (long long)recovery->n);
	free(recovery);
	return result;
}
