/* SPDX-License-Identifier: Apache-2.0 */
/* POST and GET /api/v1/alerts, POST /api/v1/channels/NAME/test */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serve/api_json.h"
#include "serve/call.h"

#define MOST_ALERTS 10000 /* in one request: one transaction must stay short */
#define MOST_ERRORS 100   /* told of one request */
#define SOURCE_API "api"
#define SOURCE_TEST "test"

static void free_alerts(struct alert **alerts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		alert_free(alerts[i]);
	free(alerts);
}

/* Which of the items are no alerts, and why. */
struct refusals {
	json_t *list;
	size_t n;
	struct error last;
};

/* Makes alerts of all items. 0, -EINVAL with refusals, or -ENOMEM. */
static int make_alerts(struct call *call, json_t *const items[], size_t n, struct alert **alerts,
		       struct refusals *refusals)
{
	for (size_t i = 0; i < n; i++) {
		int result = engine_parse_alert(call->options->engine, items[i], SOURCE_API,
						&alerts[i], &refusals->last);

		if (result == 0)
			continue;
		alerts[i] = NULL;
		if (result == -ENOMEM)
			return result;
		if (refusals->n++ < MOST_ERRORS &&
		    json_array_append_new(refusals->list,
					  json_pack("{sI so}", "index", (json_int_t)i, "error",
						    api_json_text(refusals->last.text))) < 0)
			return -ENOMEM;
	}
	return refusals->n > 0 ? -EINVAL : 0;
}

/* The alerts of all items, or NULL after answering which of them are wrong. */
static struct alert **parse_alerts(struct call *call, json_t *const items[], size_t n)
{
	struct alert **alerts = calloc(n, sizeof(struct alert *));
	struct refusals refusals = {.list = json_array()};
	int result = -ENOMEM;

	if (alerts)
		result = make_alerts(call, items, n, alerts, &refusals);
	if (result < 0) {
		free_alerts(alerts, alerts ? n : 0);
		alerts = NULL;
	}
	if (result == -EINVAL) {
		if (n > 1)
			error_set(&refusals.last, 0,
				  "%zu of %zu alerts are not valid; none was accepted", refusals.n,
				  n);
		call_answer(call, MHD_HTTP_BAD_REQUEST,
			    json_pack("{so sO}", "error", api_json_text(refusals.last.text),
				      "errors", refusals.list));
	} else if (result < 0) {
		call_fail_memory(call);
	}
	json_decref(refusals.list);
	return alerts;
}

/* The answer is made before the alerts are handed over, because they are gone when it is due. */
static char *accepted_text(struct alert *const alerts[], size_t n)
{
	struct buffer text = {0};

	buffer_printf(&text, "{\"accepted\":%zu,\"ids\":[", n);
	for (size_t i = 0; i < n; i++)
		buffer_printf(&text, "%s\"%s\"", i ? "," : "", alerts[i]->pub.id);
	buffer_puts(&text, "]}");
	return buffer_take(&text);
}

static void accepted(int result, void *data)
{
	call_resume(data, result);
}

/* Takes alerts over (the engine does so with each of them). The answer waits in call->text until the commit. */
static void accept_alerts(struct call *call, struct alert **alerts, size_t n, const char *channel,
			  char *answer)
{
	if (!answer) {
		call_fail_memory(call);
		free_alerts(alerts, n);
	} else if (!call_suspend(call)) {
		free(answer);
		free_alerts(alerts, n);
	} else {
		call->text = answer;
		engine_accept(call->options->engine, alerts, n, channel, accepted, call);
		free(alerts);
	}
}

void api_alerts_posted(struct call *call)
{
	call_answer_text(call, MHD_HTTP_OK, call->text);
}

/* One object counts as an array of one. */
static json_t **items_of(json_t *root, size_t *n)
{
	json_t **items;

	*n = json_is_array(root) ? json_array_size(root) : 1;
	items = calloc(*n ? *n : 1, sizeof(*items));
	if (!items)
		return NULL;
	items[0] = root;
	for (size_t i = 0; json_is_array(root) && i < *n; i++)
		items[i] = json_array_get(root, i);
	return items;
}

void api_alerts_post(struct call *call)
{
	json_t *root = call_json(call), **items;
	struct alert **alerts = NULL;
	size_t n;

	if (!root)
		return;
	items = items_of(root, &n);
	if (!items)
		call_fail_memory(call);
	else if (n == 0)
		call_answer(call, MHD_HTTP_OK, json_pack("{si s[]}", "accepted", 0, "ids"));
	else if (n > MOST_ALERTS)
		call_fail(call, MHD_HTTP_CONTENT_TOO_LARGE,
			  "%zu alerts at once are too many; send at most %d in one request", n,
			  MOST_ALERTS);
	else
		alerts = parse_alerts(call, items, n);
	free(items);
	json_decref(root);
	if (alerts)
		accept_alerts(call, alerts, n, NULL, accepted_text(alerts, n));
}

static bool choose(json_t *object, const char *key, json_t *value)
{
	return !value || json_object_set(object, key, value) == 0;
}

/* An alert that says what it is, from the few things that a tester may choose. NULL when memory is
 * short. */
static json_t *test_alert(const char *channel, const json_t *wish)
{
	const json_t *recipient = json_object_get(wish, "recipient");
	bool whole;
	json_t *alert = json_pack("{s{ss so} s{ss} ss ss}", "labels", "alertname", "TocsinTest",
				  "channel", api_json_text(channel), "annotations", "summary",
				  "Test of a channel; nothing has happened.", "severity", "info",
				  "status", "event");

	whole = alert && choose(alert, "severity", json_object_get(wish, "severity")) &&
		choose(json_object_get(alert, "annotations"), "summary",
		       json_object_get(wish, "summary")) &&
		(!recipient ||
		 json_object_set_new(alert, "recipients", json_pack("[O]", recipient)) == 0);
	if (whole)
		return alert;
	json_decref(alert);
	return NULL;
}

/* NULL after answering what is wrong with the wish. */
static struct alert *make_test(struct call *call)
{
	json_t *wish = call->body.length > 0 ? call_json(call) : json_object(), *object;
	struct alert *alert = NULL;
	const char *name;
	json_t *value;
	struct error err;
	int result;

	if (!wish && !call->status)
		call_fail_memory(call);
	if (!wish)
		return NULL;
	if (!json_is_object(wish)) {
		call_fail(call, MHD_HTTP_BAD_REQUEST, "the body must be a JSON object");
		json_decref(wish);
		return NULL;
	}
	json_object_foreach(wish, name, value)
	{
		if (strcmp(name, "severity") == 0 || strcmp(name, "summary") == 0 ||
		    strcmp(name, "recipient") == 0)
			continue;
		call_fail(call, MHD_HTTP_BAD_REQUEST,
			  "unknown key '%.40s'; a test knows severity, summary and recipient",
			  name);
		json_decref(wish);
		return NULL;
	}
	object = test_alert(call->match.segment[0], wish);
	result = object ? engine_parse_alert(call->options->engine, object, SOURCE_TEST, &alert,
					     &err)
			: -ENOMEM;
	if (result < 0)
		alert = NULL;
	if (result == -ENOMEM)
		call_fail_memory(call);
	else if (result < 0)
		call_fail(call, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	json_decref(object);
	json_decref(wish);
	return alert;
}

void api_channel_test(struct call *call)
{
	struct buffer text = {0};
	struct alert **alerts, *alert;

	if (!engine_has_channel(call->options->engine, call->match.segment[0])) {
		call_fail(call, MHD_HTTP_NOT_FOUND, "there is no channel '%.64s'",
			  call->match.segment[0]);
		return;
	}
	alert = make_test(call);
	if (!alert)
		return;
	alerts = calloc(1, sizeof(struct alert *));
	if (!alerts) {
		alert_free(alert);
		call_fail_memory(call);
		return;
	}
	alerts[0] = alert;
	buffer_printf(&text, "{\"alert\":\"%s\"}", alert->pub.id);
	accept_alerts(call, alerts, 1, call->match.segment[0], buffer_take(&text));
}
