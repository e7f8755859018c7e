/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/dead/replay and /api/v1/dead/drop */
#include <string.h>

#include "base/clock.h"
#include "serve/api_json.h"
#include "serve/call.h"

/* {"id": N}, {"channel": "x"} or {"all": true}: exactly one, so that nobody drops everything by a
 * slip. Returns false after answering. */
static bool read_choice(struct call *call)
{
	json_t *choice = call_json(call), *id, *channel, *all;
	bool good;

	if (!choice)
		return false;
	id = json_object_get(choice, "id");
	channel = json_object_get(choice, "channel");
	all = json_object_get(choice, "all");
	good = json_object_size(choice) == 1 &&
	       ((json_is_integer(id) && json_integer_value(id) > 0) ||
		(json_is_string(channel) && json_string_length(channel) > 0) || json_is_true(all));
	call->query.states = 1U << TOCSIN_STATE_DEAD;
	call->query.id = json_integer_value(id);
	/* The name must outlive the JSON; the segment is free, as these paths have none. */
	if (good && channel && json_string_length(channel) < sizeof(call->match.segment[0])) {
		memcpy(call->match.segment[0], json_string_value(channel),
		       json_string_length(channel) + 1);
		call->query.channel = call->match.segment[0];
	} else if (channel) {
		good = false;
	}
	json_decref(choice);
	if (!good)
		call_fail(call, MHD_HTTP_BAD_REQUEST,
			  "say which: {\"id\": 7}, {\"channel\": \"name\"} or {\"all\": true}");
	return good;
}

static int replay(struct store_request *request, const struct transaction *transaction)
{
	struct call *call = call_of(request);

	call->count = 0;
	engine_look_again(call->options->engine);
	return transaction->ops->replay(transaction->state, &call->query,
					store_now_ms(engine_store(call->options->engine)),
					&call->count);
}

static int drop(struct store_request *request, const struct transaction *transaction)
{
	struct call *call = call_of(request);

	call->count = 0;
	engine_wake_sources(call->options->engine, true); /* what they ask comes after this */
	return transaction->ops->drop(transaction->state, &call->query, "dropped by an operator",
				      clock_wall_ms(), &call->count);
}

static void answer(struct call *call, const char *verb)
{
	struct error what;

	if (call->count == 0 && call->query.id > 0) {
		call_fail(call, MHD_HTTP_NOT_FOUND, "there is no dead delivery %lld",
			  (long long)call->query.id);
		return;
	}
	if (call->count == 0 && call->query.channel &&
	    !engine_has_channel(call->options->engine, call->query.channel)) {
		call_fail(call, MHD_HTTP_NOT_FOUND, "there is no channel '%s'",
			  call->query.channel);
		return;
	}
	error_set(&what, 0, "%lld dead deliveries %s", (long long)call->count, verb);
	call_audit(call, what.text);
	call_answer(call, MHD_HTTP_OK, json_pack("{sI}", verb, (json_int_t)call->count));
}

void api_dead_replay(struct call *call)
{
	if (read_choice(call))
		call_store(call, replay);
}

void api_dead_replayed(struct call *call)
{
	answer(call, "replayed");
}

void api_dead_drop(struct call *call)
{
	if (read_choice(call))
		call_store(call, drop);
}

void api_dead_dropped(struct call *call)
{
	answer(call, "dropped");
}
