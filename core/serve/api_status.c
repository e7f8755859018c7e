/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/status and /api/v1/health */
#include "serve/api_json.h"
#include "serve/call.h"

static int count(struct store_request *request, const struct transaction *transaction)
{
	struct call *call = call_of(request);

	return transaction->ops->counters(transaction->state, &call->counters);
}

void api_status(struct call *call)
{
	call_store(call, count);
}

/* clang-format off: a key and its value a line */
static json_t *counters_json(const struct tocsin_counters *counters)
{
	return json_pack("{sI sI sI sI sI sI sI sI}", "accepted", (json_int_t)counters->accepted,
			 "delivered", (json_int_t)counters->delivered, "dead",
			 (json_int_t)counters->dead, "suppressed", (json_int_t)counters->suppressed,
			 "pending", (json_int_t)counters->pending, "alerts",
			 (json_int_t)counters->alerts, "known", (json_int_t)counters->known,
			 "stale", (json_int_t)counters->stale);
}
/* clang-format on */

void api_status_counted(struct call *call)
{
	struct engine *engine = call->options->engine;
	const char *config = call->options->config;
	json_t *status = engine_status(engine), *more;

	/* A store that is full may refuse even to count; the rest is known all the same. */
	more = json_pack("{so s{sb sI}}", "counters",
			 call->result < 0 ? json_null() : counters_json(&call->counters), "store",
			 "full", store_is_full(engine_store(engine)), "waiting",
			 (json_int_t)store_backlog(engine_store(engine)));
	if (json_object_update(status, more) < 0 ||
	    (config && json_object_set_new(status, "config", api_json_text(config)) < 0)) {
		json_decref(status);
		status = NULL;
	}
	json_decref(more);
	call_answer(call, MHD_HTTP_OK, status);
}

void api_health(struct call *call)
{
	if (store_is_full(engine_store(call->options->engine)))
		call_fail(call, MHD_HTTP_SERVICE_UNAVAILABLE, "the store has no room now");
	else
		call_answer(call, MHD_HTTP_OK, json_pack("{ss}", "status", "ok"));
}
