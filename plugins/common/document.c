/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include <string.h>

#include "notice.h"
#include "tojson.h"

static json_t *text_or_null(const char *text)
{
	return text && *text ? tojson_text(text) : json_null();
}

static json_t *time_or_null(int64_t time_ms)
{
	char text[NOTICE_TIME_SIZE];

	return time_ms > 0 ? tojson_text(notice_iso_time(time_ms, text)) : json_null();
}

static json_t *milliseconds(int64_t time_ms)
{
	return time_ms > 0 ? json_integer(time_ms) : json_null();
}

/* A link beside the alert's own, as monitoring systems name them. */
static json_t *further_link(const struct tocsin_alert *alert, const char *name)
{
	const char *link = notice_value(&alert->annotations, name);

	return text_or_null(link ? link : notice_value(&alert->labels, name));
}

/* The annotations that title, message and metric have not said already. */
static json_t *details(const struct tocsin_alert *alert)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < alert->annotations.n; i++) {
		const struct tocsin_pair *pair = &alert->annotations.pair[i];

		if (notice_is_detail(alert, pair) && !tojson_set(object, pair->name, pair->value)) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

/* Takes value; false when there is none, or no memory for it. */
static bool put(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value) == 0;
}

static bool put_words(json_t *object, const struct tocsin_alert *alert, const char *title,
		      const char *message)
{
	if (!title)
		title = notice_title(alert);
	if (!message)
		message = notice_message(alert);
	return put(object, "status", json_string(notice_status(alert->status))) &&
	       put(object, "severity", json_string(notice_severity(alert->severity))) &&
	       put(object, "title", tojson_text(title)) &&
	       put(object, "message", text_or_null(message)) &&
	       put(object, "heading", json_string(notice_heading(alert))) &&
	       put(object, "emoji", json_string(notice_emoji(alert))) &&
	       put(object, "color", json_string(notice_color(alert))) &&
	       put(object, "labels", tojson_map(&alert->labels)) &&
	       put(object, "annotations", tojson_map(&alert->annotations)) &&
	       put(object, "details", details(alert));
}

static bool put_times(json_t *object, const struct tocsin_alert *alert)
{
	return put(object, "starts_at", time_or_null(alert->starts_at_ms)) &&
	       put(object, "ends_at", time_or_null(alert->ends_at_ms)) &&
	       put(object, "starts_at_ms", milliseconds(alert->starts_at_ms)) &&
	       put(object, "ends_at_ms", milliseconds(alert->ends_at_ms)) &&
	       put(object, "time", time_or_null(notice_time_ms(alert)));
}

static bool put_alert(json_t *object, const struct tocsin_alert *alert, const char *title,
		      const char *message)
{
	return put_words(object, alert, title, message) && put_times(object, alert) &&
	       put(object, "link", text_or_null(notice_link(alert))) &&
	       put(object, "runbook_url", further_link(alert, "runbook_url")) &&
	       put(object, "dashboard_url", further_link(alert, "dashboard_url")) &&
	       put(object, "generator_url", further_link(alert, "generator_url")) &&
	       put(object, "metric_value", tojson_metric(notice_metric(alert))) &&
	       put(object, "source", text_or_null(alert->source)) &&
	       put(object, "fingerprint", text_or_null(alert->fingerprint)) &&
	       put(object, "recipients", tojson_strings(&alert->recipients));
}

static json_t *element(const struct tocsin_alert *alert, const char *title, const char *message)
{
	json_t *object = json_object();

	if (object && put(object, "id", text_or_null(alert->id)) &&
	    put_alert(object, alert, title, message))
		return object;
	json_decref(object);
	return NULL;
}

static json_t *alerts(const struct tocsin_delivery *delivery, const char *title,
		      const char *message)
{
	json_t *array = json_array();
	int rc = 0;

	if (delivery->n_folded == 0)
		rc = json_array_append_new(array, element(delivery->alert, title, message));
	for (size_t i = 0; array && rc == 0 && i < delivery->n_folded; i++)
		rc = json_array_append_new(array, element(delivery->folded[i], NULL, NULL));
	if (array && rc == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *document(const struct tocsin_delivery *delivery, const char *title,
			const char *message)
{
	json_t *object = json_object();

	if (object && put(object, "id", text_or_null(delivery->alert->id)) &&
	    put(object, "key", text_or_null(delivery->key)) &&
	    put_alert(object, delivery->alert, title, message) &&
	    put(object, "channel", text_or_null(delivery->channel)) &&
	    put(object, "route", text_or_null(delivery->route)) &&
	    put(object, "recipient", text_or_null(delivery->recipient)) &&
	    put(object, "attempt", json_integer(delivery->attempt)) &&
	    put(object, "alerts", alerts(delivery, title, message)))
		return object;
	json_decref(object);
	return NULL;
}

void document_put(struct draft *draft, const struct tocsin_delivery *delivery, const char *title,
		  const char *message)
{
	tojson_put(draft, document(delivery, title, message));
}
