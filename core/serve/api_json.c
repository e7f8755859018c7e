/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api_json.h"

#include <errno.h>
#include <string.h>

#include "alert/alert.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"
#include "serve/api_query.h"

/* How deep arrays and objects nest in text. Counted before parsing, because the parser recurses. */
static size_t nesting(const char *text, size_t length)
{
	size_t depth = 0, deepest = 0;
	bool quoted = false;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '[' || c == '{') {
			if (++depth > deepest)
				deepest = depth;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return deepest;
}

json_t *api_json_read(const char *text, size_t length, struct error *err)
{
	json_error_t mistake;
	json_t *root;

	if (length == 0) {
		error_set(err, -EINVAL, "the body is empty; send a JSON object");
		return NULL;
	}
	if (nesting(text, length) > API_DEPTH) {
		error_set(err, -EINVAL, "the JSON nests deeper than %d levels", API_DEPTH);
		return NULL;
	}
	root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &mistake);
	if (!root)
		error_set(err, -EINVAL, "the body is not valid JSON: line %d, column %d: %s",
			  mistake.line, mistake.column, mistake.text);
	return root;
}

json_t *api_json_text(const char *text)
{
	struct buffer valid = {0};
	json_t *json;

	if (!text)
		return json_null();
	json = json_string(text);
	if (json)
		return json;
	text_add_valid(&valid, text, strlen(text));
	json = json_string(buffer_text(&valid));
	buffer_done(&valid);
	return json;
}

json_t *api_json_time(int64_t wall_ms)
{
	char text[CLOCK_TEXT];

	if (wall_ms == 0 || wall_ms == TOCSIN_PARKED)
		return json_null();
	clock_format_utc(wall_ms, text);
	return json_string(text);
}

/* clang-format off: a key and its value a line */
json_t *api_json_delivery(const struct tocsin_stored_delivery *delivery)
{
	return json_pack(
		"{sI so so so so so so ss sb si so so so so so*}", "id", (json_int_t)delivery->id,
		"alert", api_json_text(delivery->alert_id), "source",
		api_json_text(delivery->source), "channel", api_json_text(delivery->channel),
		"recipient", api_json_text(delivery->recipient), "route",
		api_json_text(delivery->route), "key", api_json_text(delivery->key), "state",
		api_state_name(delivery->state), "parked",
		delivery->state == TOCSIN_STATE_PENDING && delivery->due_ms == TOCSIN_PARKED,
		"attempts", delivery->attempt, "created_at", api_json_time(delivery->created_ms),
		"due_at", api_json_time(delivery->due_ms), "done_at",
		api_json_time(delivery->done_ms), "reason", api_json_text(delivery->reason), "body",
		delivery->body ? api_json_text(delivery->body) : NULL);
}

json_t *api_json_alert(const struct tocsin_stored_alert *alert)
{
	return json_pack("{sI so so s{sI sI sI sI} so*}", "number", (json_int_t)alert->number,
			 "mark", api_json_text(alert->mark), "received_at",
			 api_json_time(alert->received_ms), "deliveries", "pending",
			 (json_int_t)alert->pending, "delivered", (json_int_t)alert->delivered,
			 "dead", (json_int_t)alert->dead, "suppressed",
			 (json_int_t)alert->suppressed, "body",
			 alert->body ? api_json_text(alert->body) : NULL);
}

json_t *api_json_attempt(const struct tocsin_attempt *attempt)
{
	/* An attempt that leaves its delivery pending is one that will be tried again. */
	const char *outcome =
		attempt->state == TOCSIN_STATE_PENDING ? "retry" : api_state_name(attempt->state);

	return json_pack("{si so so ss so}", "number", attempt->number, "started_at",
			 api_json_time(attempt->started_ms), "ended_at",
			 api_json_time(attempt->ended_ms), "outcome", outcome, "detail",
			 api_json_text(attempt->detail));
}
/* clang-format on */

void api_json_delivery_done(json_t *delivery, bool whole)
{
	const char *body = json_string_value(json_object_get(delivery, "body"));
	struct alert *alert = NULL;

	if (body && alert_from_json(body, &alert, NULL) == 0) {
		json_object_set_new(delivery, "severity",
				    json_string(severity_name(alert->pub.severity)));
		json_object_set_new(delivery, "subject", api_json_text(alert_subject(&alert->pub)));
		alert_free(alert);
	}
	if (whole && body)
		json_object_set_new(delivery, "alert", json_loads(body, 0, NULL));
	json_object_del(delivery, "body");
}

json_t *api_json_alert_done(json_t *row)
{
	const char *body = json_string_value(json_object_get(row, "body"));
	json_t *alert = body ? json_loads(body, 0, NULL) : NULL;

	if (!json_is_object(alert)) {
		json_decref(alert);
		alert = json_object();
	}
	json_object_update(alert, row);
	json_object_del(alert, "body");
	return alert;
}
