/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api_json.h"

#include <errno.h>
#include <string.h>

#include "alert/alert.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/json.h"
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

int api_json_read(const char *text, size_t length, json_t **root, struct error *err)
{
	json_error_t mistake;
	int result;

	*root = NULL;
	if (length == 0)
		return error_set(err, -EINVAL, "the body is empty; send a JSON object");
	if (nesting(text, length) > API_DEPTH)
		return error_set(err, -EINVAL, "the JSON nests deeper than %d levels", API_DEPTH);
	result = json_read(text, length, JSON_REJECT_DUPLICATES, root, &mistake);
	if (result == -EINVAL)
		error_set(err, -EINVAL, "the body is not valid JSON: line %d, column %d: %s",
			  mistake.line, mistake.column, mistake.text);
	return result;
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
	if (!valid.failed)
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
		"attempts", delivery->attempt, "created_at", api_json_time(delivery->received_ms),
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

	return json_pack("{si so so ss so so*}", "number", attempt->number, "started_at",
			 api_json_time(attempt->started_ms), "ended_at",
			 api_json_time(attempt->ended_ms), "outcome", outcome, "detail",
			 api_json_text(attempt->detail), "output",
			 attempt->output ? api_json_text(attempt->output) : NULL);
}
/* clang-format on */

/* Adds what the alert says of itself; a damaged one says nothing. */
static int add_subject(json_t *delivery, const char *body)
{
	struct alert *alert;
	int result = alert_from_json(body, &alert, NULL);

	if (result < 0)
		return result == -ENOMEM ? result : 0;
	if (json_object_set_new(delivery, "severity",
				json_string(severity_name(alert->pub.severity))) < 0 ||
	    json_object_set_new(delivery, "subject", api_json_text(alert_subject(&alert->pub))) < 0)
		result = -ENOMEM;
	alert_free(alert);
	return result;
}

int api_json_delivery_done(json_t *delivery, bool whole)
{
	const char *body = json_string_value(json_object_get(delivery, "body"));
	int result = body ? add_subject(delivery, body) : 0;
	json_error_t mistake;
	json_t *alert;

	if (result == 0 && whole && body) {
		result = json_read(body, strlen(body), 0, &alert, &mistake);
		if (result == 0 && json_object_set_new(delivery, "alert", alert) < 0)
			result = -ENOMEM;
	}
	json_object_del(delivery, "body");
	return result == -ENOMEM ? result : 0;
}

json_t *api_json_alert_done(json_t *row)
{
	const char *body = json_string_value(json_object_get(row, "body"));
	json_t *alert = NULL;
	json_error_t mistake;

	if (body && json_read(body, strlen(body), 0, &alert, &mistake) == -ENOMEM)
		return NULL;
	if (!json_is_object(alert)) {
		json_decref(alert);
		alert = json_object();
	}
	if (json_object_update(alert, row) < 0) {
		json_decref(alert);
		return NULL;
	}
	json_object_del(alert, "body");
	return alert;
}
