/* SPDX-License-Identifier: Apache-2.0 */
#include "template/document.h"

#include <string.h>
#include <strings.h>

#include "../../plugins/common/notice.h"
#include "base/clock.h"
#include "template/wire.h"

static void add_kind(struct buffer *out, enum wire_value kind)
{
	buffer_putc(out, (char)kind);
}

static void add_count(struct buffer *out, size_t n)
{
	uint32_t count = (uint32_t)n;

	buffer_add(out, &count, sizeof(count));
}

static void add_name(struct buffer *out, const char *name)
{
	size_t length = strlen(name);

	add_count(out, length);
	buffer_add(out, name, length);
}

/* NULL and what is empty are null, so that // finds the next. */
static void add_text(struct buffer *out, const char *text)
{
	if (!text || !*text) {
		add_kind(out, WIRE_NULL);
		return;
	}
	add_kind(out, WIRE_TEXT);
	add_name(out, text);
}

static void add_number(struct buffer *out, int64_t number)
{
	add_kind(out, WIRE_NUMBER);
	buffer_add(out, &number, sizeof(number));
}

static void add_time(struct buffer *out, int64_t time_ms)
{
	char text[CLOCK_TEXT];

	if (time_ms <= 0) {
		add_kind(out, WIRE_NULL);
		return;
	}
	clock_format_utc(time_ms, text);
	add_text(out, text);
}

static void add_map(struct buffer *out, const struct tocsin_map *map)
{
	add_kind(out, WIRE_MAP);
	add_count(out, map->n);
	for (size_t i = 0; i < map->n; i++) {
		add_name(out, map->pair[i].name);
		add_kind(out, WIRE_TEXT);
		add_name(out, map->pair[i].value ? map->pair[i].value : "");
	}
}

static void add_details(struct buffer *out, const struct tocsin_alert *alert)
{
	size_t at;
	uint32_t n = 0;

	add_kind(out, WIRE_MAP);
	at = out->length;
	add_count(out, 0);
	for (size_t i = 0; i < alert->annotations.n; i++) {
		const struct tocsin_pair *pair = &alert->annotations.pair[i];

		if (!notice_is_detail(alert, pair))
			continue;
		add_name(out, pair->name);
		add_kind(out, WIRE_TEXT);
		add_name(out, pair->value ? pair->value : "");
		n++;
	}
	if (!out->failed)
		memcpy(out->data + at, &n, sizeof(n));
}

/* A link by its name, if it is safe to offer as one. */
static void add_link(struct buffer *out, const struct tocsin_alert *alert, const char *name)
{
	struct tocsin_alert linked = {.link = notice_value(&alert->annotations, name)};

	if (!linked.link)
		linked.link = notice_value(&alert->labels, name);
	add_text(out, notice_link(&linked));
}

enum member {
	ID,
	KEY,
	STATUS,
	SEVERITY,
	TITLE,
	MESSAGE,
	HEADING,
	EMOJI,
	COLOR,
	LABELS,
	ANNOTATIONS,
	DETAILS,
	STARTS_AT,
	ENDS_AT,
	STARTS_AT_MS,
	ENDS_AT_MS,
	TIME,
	NOW,
	LINK,
	RUNBOOK_URL,
	DASHBOARD_URL,
	GENERATOR_URL,
	METRIC_VALUE,
	SOURCE,
	FINGERPRINT,
	CHANNEL,
	ROUTE,
	RECIPIENT,
	ATTEMPT,
	ALERTS,
	OPTIONS,
	MEMBERS
};

static const struct {
	const char *name, *help;
} members[MEMBERS] = {
	[ID] = {"id", "Number of the alert: 32 hexadecimal digits, the same on every channel."},
	[KEY] = {"key", "Idempotency key of the delivery: the same at every attempt."},
	[STATUS] = {"status", "firing, resolved or event."},
	[SEVERITY] = {"severity", "debug, info, notice, warning, error, critical or emergency."},
	[TITLE] = {"title", "What it is about in one line: the summary, else the alertname, else a "
			    "label such as site; or what the template title says."},
	[MESSAGE] = {"message", "The description or message of the alert, or null; or what the "
				"template message says."},
	[HEADING] = {"heading", "The severity in capitals, or RESOLVED."},
	[EMOJI] = {"emoji", "One emoji for the severity, or for good news."},
	[COLOR] = {"color", "A colour for the severity as six hexadecimal digits."},
	[LABELS] = {"labels", "The labels: names and texts."},
	[ANNOTATIONS] = {"annotations", "The annotations: names and texts."},
	[DETAILS] = {"details", "The annotations that title, message and metric_value do not "
				"say already."},
	[STARTS_AT] = {"starts_at", "When it began: RFC 3339, UTC."},
	[ENDS_AT] = {"ends_at", "When a resolved alert ended, else null."},
	[STARTS_AT_MS] = {"starts_at_ms", "The same in milliseconds since 1970."},
	[ENDS_AT_MS] = {"ends_at_ms",
			"The same in milliseconds since 1970; 0 when it did not end."},
	[TIME] = {"time", "When it happened: the end of a resolved alert, else the start."},
	[NOW] = {"now", "When this is rendered: RFC 3339, UTC."},
	[LINK] = {"link", "The alert's link, when it is an http or https URL, else null."},
	[RUNBOOK_URL] = {"runbook_url", "The annotation or label of that name, when it is an http "
					"or https URL, else null."},
	[DASHBOARD_URL] = {"dashboard_url", "The same."},
	[GENERATOR_URL] = {"generator_url", "The same."},
	[METRIC_VALUE] = {"metric_value", "The figure that raised it, as text, or null."},
	[SOURCE] = {"source", "Name of the source instance."},
	[FINGERPRINT] = {"fingerprint", "16 hexadecimal digits over the labels: the same for the "
					"same thing."},
	[CHANNEL] = {"channel", "Name of the channel."},
	[ROUTE] = {"route", "Name of the route that chose the channel."},
	[RECIPIENT] = {"recipient", "The recipient, or null when the channel has none."},
	[ATTEMPT] = {"attempt", "1 for the first attempt."},
	[ALERTS] = {"alerts", "The alerts that a digest folds into one message, else this one: id, "
			      "status, severity, title, message, labels, annotations, starts_at, "
			      "ends_at, link, source and fingerprint of each."},
	[OPTIONS] = {"options", "What a service's user has set, without secrets."},
};

const char *document_member(size_t index, const char **help)
{
	if (index >= MEMBERS)
		return NULL;
	*help = members[index].help;
	return members[index].name;
}

static void add_alert_member(struct buffer *out, const struct tocsin_alert *alert,
			     enum member member)
{
	switch (member) {
	case ID:
		add_text(out, alert->id);
		break;
	case STATUS:
		add_text(out, notice_status(alert->status));
		break;
	case SEVERITY:
		add_text(out, notice_severity(alert->severity));
		break;
	case TITLE:
		add_text(out, notice_title(alert));
		break;
	case MESSAGE:
		add_text(out, notice_message(alert));
		break;
	case HEADING:
		add_text(out, notice_heading(alert));
		break;
	case EMOJI:
		add_text(out, notice_emoji(alert));
		break;
	case COLOR:
		add_text(out, notice_color(alert));
		break;
	case LABELS:
		add_map(out, &alert->labels);
		break;
	case ANNOTATIONS:
		add_map(out, &alert->annotations);
		break;
	case DETAILS:
		add_details(out, alert);
		break;
	case STARTS_AT:
		add_time(out, alert->starts_at_ms);
		break;
	case ENDS_AT:
		add_time(out, alert->ends_at_ms);
		break;
	case STARTS_AT_MS:
		add_number(out, alert->starts_at_ms);
		break;
	case ENDS_AT_MS:
		add_number(out, alert->ends_at_ms);
		break;
	case TIME:
		add_time(out, notice_time_ms(alert));
		break;
	case LINK:
		add_text(out, notice_link(alert));
		break;
	case RUNBOOK_URL:
	case DASHBOARD_URL:
	case GENERATOR_URL:
		add_link(out, alert, members[member].name);
		break;
	case METRIC_VALUE:
		add_text(out, notice_metric(alert));
		break;
	case SOURCE:
		add_text(out, alert->source);
		break;
	default:
		add_text(out, alert->fingerprint);
		break;
	}
}

static void add_alert(struct buffer *out, const struct tocsin_alert *alert)
{
	static const enum member of_each[] = {ID,      STATUS, SEVERITY,    TITLE,
					      MESSAGE, LABELS, ANNOTATIONS, STARTS_AT,
					      ENDS_AT, LINK,   SOURCE,      FINGERPRINT};
	const size_t n = sizeof(of_each) / sizeof(of_each[0]);

	add_kind(out, WIRE_MAP);
	add_count(out, n);
	for (size_t i = 0; i < n; i++) {
		add_name(out, members[of_each[i]].name);
		add_alert_member(out, alert, of_each[i]);
	}
}

static void add_alerts(struct buffer *out, const struct tocsin_delivery *delivery)
{
	size_t n = delivery->folded ? delivery->n_folded : 1;

	add_kind(out, WIRE_LIST);
	add_count(out, n);
	for (size_t i = 0; i < n; i++)
		add_alert(out, delivery->folded ? delivery->folded[i] : delivery->alert);
}

static void add_options(struct buffer *out, const struct document_context *context)
{
	if (context->options) {
		buffer_add(out, context->options, context->options_length);
		return;
	}
	add_kind(out, WIRE_MAP);
	add_count(out, 0);
}

static void add_member(struct buffer *out, const struct tocsin_delivery *delivery,
		       enum member member, const struct document_context *context)
{
	switch (member) {
	case KEY:
		add_text(out, delivery->key);
		break;
	case NOW:
		add_time(out, context->now_ms);
		break;
	case CHANNEL:
		add_text(out, delivery->channel);
		break;
	case ROUTE:
		add_text(out, delivery->route);
		break;
	case RECIPIENT:
		add_text(out, delivery->recipient);
		break;
	case ATTEMPT:
		add_number(out, delivery->attempt);
		break;
	case ALERTS:
		add_alerts(out, delivery);
		break;
	case OPTIONS:
		add_options(out, context);
		break;
	default:
		add_alert_member(out, delivery->alert, member);
	}
}

void document_add(struct buffer *out, const struct tocsin_delivery *delivery,
		  const struct document_context *context)
{
	uint64_t wanted = context->members & ((UINT64_C(1) << MEMBERS) - 1);

	add_kind(out, WIRE_MAP);
	add_count(out, (size_t)__builtin_popcountll(wanted));
	for (size_t i = 0; i < MEMBERS; i++) {
		if (!(wanted >> i & 1))
			continue;
		add_name(out, members[i].name);
		add_member(out, delivery, (enum member)i, context);
	}
}

static void add_json_children(struct buffer *out, const json_t *json)
{
	const char *name;
	json_t *item;
	size_t i;

	if (json_is_array(json)) {
		add_kind(out, WIRE_LIST);
		add_count(out, json_array_size(json));
		json_array_foreach(json, i, item) document_add_json(out, item);
		return;
	}
	add_kind(out, WIRE_MAP);
	add_count(out, json_object_size(json));
	json_object_foreach((json_t *)json, name, item)
	{
		add_name(out, name);
		document_add_json(out, item);
	}
}

void document_add_json(struct buffer *out, const json_t *json)
{
	if (json_is_array(json) || json_is_object(json))
		add_json_children(out, json);
	else if (json_is_string(json)) {
		add_kind(out, WIRE_TEXT);
		add_name(out, json_string_value(json));
	} else if (json_is_number(json))
		add_number(out, (int64_t)json_number_value(json));
	else
		add_kind(out, json_is_true(json)    ? WIRE_TRUE
			      : json_is_false(json) ? WIRE_FALSE
						    : WIRE_NULL);
}
