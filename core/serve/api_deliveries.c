/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/deliveries and /api/v1/deliveries/ID */
#include <errno.h>
#include <string.h>

#include "serve/api_json.h"
#include "serve/call.h"

static int add_delivery(const struct tocsin_stored_delivery *delivery, void *data)
{
	struct call *call = data;
	struct tocsin_stored_delivery shown = *delivery;
	json_t *row;

	shown.due_ms = store_to_wall_ms(engine_store(call->options->engine), delivery->due_ms);
	row = api_json_delivery(&shown);
	if (!row)
		return -ENOMEM;
	return call_add_row(call, row, delivery->body ? strlen(delivery->body) : 0);
}

static int list_deliveries(struct store_request *request, const struct transaction *transaction)
{
	struct call *call = call_of(request);
	int result = call_reset_rows(call);

	if (result < 0)
		return result;
	return transaction->ops->deliveries(transaction->state, &call->query, add_delivery, call);
}

void api_deliveries_list(struct call *call)
{
	if (!call_query(call, API_DELIVERIES))
		return;
	if (call->query.since_ms) /* deliveries are created in the store's time */
		call->query.since_ms = store_from_wall_ms(engine_store(call->options->engine),
							  call->query.since_ms);
	call_store(call, list_deliveries);
}

void api_deliveries_listed(struct call *call)
{
	json_t *next = call_next(call, "id"), *row;
	int result = 0;
	size_t i;

	json_array_foreach(call->rows, i, row)
	{
		if (result == 0)
			result = api_json_delivery_done(row, false);
	}
	if (result < 0) {
		json_decref(next);
		call_fail_memory(call);
		return;
	}
	call_answer(call, MHD_HTTP_OK,
		    json_pack("{sO so}", "deliveries", call->rows, "next", next));
}

static int add_attempt(const struct tocsin_attempt *attempt, void *data)
{
	json_t *history = data;

	return json_array_append_new(history, api_json_attempt(attempt)) < 0 ? -ENOMEM : 0;
}

static int find_delivery(struct store_request *request, const struct transaction *transaction)
{
	struct call *call = call_of(request);
	int result = list_deliveries(request, transaction);
	json_t *history;

	if (result < 0)
		return result;
	if (json_array_size(call->rows) == 0)
		return -ENOENT;
	history = json_array();
	if (json_object_set_new(json_array_get(call->rows, 0), "history", history) < 0)
		return -ENOMEM;
	return transaction->ops->attempts(transaction->state, call->query.id, add_attempt, history);
}

void api_delivery_show(struct call *call)
{
	if (api_parse_number(call->match.segment[0], &call->query.id) < 0) {
		call_fail(call, MHD_HTTP_NOT_FOUND, "'%.40s' is not the number of a delivery",
			  call->match.segment[0]);
		return;
	}
	call->query.limit = 1;
	call_store(call, find_delivery);
}

void api_delivery_shown(struct call *call)
{
	json_t *row = json_incref(json_array_get(call->rows, 0));

	if (api_json_delivery_done(row, true) < 0) {
		json_decref(row);
		row = NULL;
	}
	call_answer(call, MHD_HTTP_OK, row);
}
