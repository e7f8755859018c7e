/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/alerts */
#include <errno.h>
#include <string.h>

#include "serve/api_json.h"
#include "serve/call.h"

static int add_alert(const struct tocsin_stored_alert *alert, void *data)
{
	struct call *call = data;
	json_t *row = api_json_alert(alert);

	return row ? call_add_row(call, row, alert->body ? strlen(alert->body) : 0) : -ENOMEM;
}

static int list_alerts(struct store_request *request, const struct transaction *transaction)
{
	struct call *call = call_of(request);
	int result = call_reset_rows(call);

	if (result < 0)
		return result;
	return transaction->ops->alerts(transaction->state, &call->query, add_alert, call);
}

void api_alerts_list(struct call *call)
{
	if (call_query(call, API_ALERTS))
		call_store(call, list_alerts);
}

void api_alerts_listed(struct call *call)
{
	json_t *alerts = json_array(), *next = call_next(call, "number");
	size_t i;
	json_t *row;

	json_array_foreach(call->rows, i, row)
	{
		if (json_array_append_new(alerts, api_json_alert_done(row)) < 0) {
			json_decref(alerts);
			alerts = NULL; /* better none than a part */
		}
	}
	call_answer(call, MHD_HTTP_OK, json_pack("{so so}", "alerts", alerts, "next", next));
}
