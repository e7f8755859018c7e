/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: old history goes in small slices, so that nothing else waits for it. */
#include <stdlib.h>

#include "base/fault.h"
#include "delivery/note.h"
#include "engine/internal.h"
#include "engine/orphans.h"

#define SLICE 500 /* alerts removed in one transaction */

struct pruning {
	struct store_request request;
	struct engine *engine;
	int64_t settled_before_ms, dead_before_ms, unused_since_ms;
	size_t removed, forgotten;
};

static int prune(struct store_request *request, const struct transaction *t)
{
	struct pruning *pruning = (struct pruning *)request;

	int result = t->ops->prune(t->state, pruning->settled_before_ms, pruning->dead_before_ms,
				   SLICE, &pruning->removed);

	pruning->forgotten = 0;
	if (result == 0 && t->ops->forget)
		result = t->ops->forget(t->state, pruning->unused_since_ms, SLICE,
					&pruning->forgotten);
	FAULT_POINT("prune.slice");
	return result;
}

static void pruned(struct store_request *request, int result)
{
	struct pruning *pruning = (struct pruning *)request;

	bool more = pruning->removed >= SLICE || pruning->forgotten >= SLICE;

	FAULT_POINT("prune.done");
	deaths_look(pruning->engine);
	if (result == 0 && more && !atomic_load(&pruning->engine->stopping))
		store_submit(pruning->engine->store, request); /* there is more */
	else
		free(pruning);
}

void engine_upkeep(struct engine *engine)
{
	const struct settings *settings = engine->current->settings;
	struct pruning *pruning = calloc(1, sizeof(*pruning));
	int64_t now = store_now_ms(engine->store);

	orphans_look(engine);
	calls_expire(engine);
	if (!pruning)
		return; /* the next call does it */
	pruning->request = (struct store_request){.apply = prune, .done = pruned};
	pruning->engine = engine;
	pruning->settled_before_ms = now - settings->history.keep;
	pruning->dead_before_ms = now - settings->history.keep_dead;
	pruning->unused_since_ms = now - NOTE_KEEP_MS;
	store_submit(engine->store, &pruning->request);
}
