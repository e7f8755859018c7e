/* SPDX-License-Identifier: Apache-2.0 */
#include "alertmanager.h"

#include <stdbool.h>
#include <string.h>

#include "../../common/notice.h"

#define NEVER "0001-01-01T00:00:00Z" /* how Go writes a time that is none */

/* What is sent of an alert: its own maps with a few values in other words. */
struct view {
	const struct tocsin_alert *alert;
	struct tocsin_pair replaced[2];
	size_t n_replaced;
};

/* A part of the text that stands in it more than once. */
struct part {
	size_t from, length;
};

/* Notes that the part reaches to here. */
static void end_part(const struct writer *out, struct part *part)
{
	part->length = out->failed ? 0 : out->length - part->from;
}

static void put_member(struct writer *out, const char *name, const char *value)
{
	writer_puts(out, name);
	writer_json(out, value ? value : "");
}

static const char *replacement(const struct view *view, const char *name)
{
	for (size_t i = 0; i < view->n_replaced; i++)
		if (strcmp(view->replaced[i].name, name) == 0)
			return view->replaced[i].value;
	return NULL;
}

static void put_pair(struct writer *out, const char *name, const char *value, bool *first)
{
	writer_add(out, ",", *first ? 0 : 1);
	*first = false;
	writer_json(out, name);
	writer_add(out, ":", 1);
	writer_json(out, value);
}

static bool has(const struct tocsin_map *map, const char *name)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->pair[i].name, name) == 0)
			return true;
	return false;
}

static const struct tocsin_map *map_of(const struct tocsin_alert *alert, bool labels)
{
	return labels ? &alert->labels : &alert->annotations;
}

/* True if every alert has this pair of the first one among its labels, or annotations. */
static bool is_common(const struct tocsin_alert *const *alerts, size_t n, bool labels,
		      const struct tocsin_pair *pair)
{
	for (size_t i = 1; i < n; i++) {
		const struct tocsin_map *other = map_of(alerts[i], labels);
		bool found = false;

		for (size_t j = 0; j < other->n && !found; j++)
			found = strcmp(other->pair[j].name, pair->name) == 0 &&
				strcmp(other->pair[j].value, pair->value) == 0;
		if (!found)
			return false;
	}
	return true;
}

static bool same_severity(const struct tocsin_alert *const *alerts, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (alerts[i]->severity != alerts[0]->severity)
			return false;
	return true;
}

/* Labels of one alert, or those that n alerts share. Alertmanager's users look for the severity
 * among them. */
static struct part put_labels(struct writer *out, const struct tocsin_alert *const *alerts,
			      size_t n)
{
	const struct tocsin_map *labels = &alerts[0]->labels;
	struct part part = {.from = out->length};
	bool first = true;

	writer_add(out, "{", 1);
	for (size_t i = 0; i < labels->n; i++)
		if (is_common(alerts, n, true, &labels->pair[i]))
			put_pair(out, labels->pair[i].name, labels->pair[i].value, &first);
	if (!has(labels, "severity") && same_severity(alerts, n))
		put_pair(out, "severity", notice_severity(alerts[0]->severity), &first);
	writer_add(out, "}", 1);
	end_part(out, &part);
	return part;
}

static struct part put_annotations(struct writer *out, const struct view *view,
				   const struct tocsin_alert *const *alerts, size_t n)
{
	const struct tocsin_map *map = &view->alert->annotations;
	struct part part = {.from = out->length};
	bool first = true;

	writer_add(out, "{", 1);
	for (size_t i = 0; i < map->n; i++)
		if (!replacement(view, map->pair[i].name) &&
		    is_common(alerts, n, false, &map->pair[i]))
			put_pair(out, map->pair[i].name, map->pair[i].value, &first);
	for (size_t i = 0; i < view->n_replaced; i++)
		put_pair(out, view->replaced[i].name, view->replaced[i].value, &first);
	writer_add(out, "}", 1);
	end_part(out, &part);
	return part;
}

static void put_again(struct writer *out, const char *name, struct part part)
{
	writer_puts(out, name);
	writer_again(out, part.from, part.length);
}

/* What an alert has of its own, or what all have in common. */
struct maps {
	struct part labels, annotations;
};

static const char *status_of(const struct tocsin_alert *alert)
{
	return alert->status == TOCSIN_RESOLVED ? "resolved" : "firing";
}

/* common: when there is no other alert, what is in common is its own; else NULL. */
static void put_maps(struct writer *out, const struct view *view, const struct maps *common)
{
	if (common) {
		put_again(out, ",\"labels\":", common->labels);
		put_again(out, ",\"annotations\":", common->annotations);
		return;
	}
	writer_puts(out, ",\"labels\":");
	put_labels(out, &view->alert, 1);
	writer_puts(out, ",\"annotations\":");
	put_annotations(out, view, &view->alert, 1);
}

static void put_alert(struct writer *out, const struct view *view, const struct maps *common)
{
	const struct tocsin_alert *alert = view->alert;
	const char *generator = notice_value(&alert->annotations, "generator_url");
	char time[NOTICE_TIME_SIZE];

	put_member(out, "{\"status\":", status_of(alert));
	put_maps(out, view, common);
	put_member(out, ",\"startsAt\":",
		   alert->starts_at_ms ? notice_iso_time(alert->starts_at_ms, time) : NEVER);
	put_member(out, ",\"endsAt\":",
		   alert->status == TOCSIN_RESOLVED ? notice_iso_time(notice_time_ms(alert), time)
						    : NEVER);
	put_member(out, ",\"generatorURL\":", generator ? generator : alert->link);
	put_member(out, ",\"fingerprint\":", alert->fingerprint);
	writer_add(out, "}", 1);
}

static const char *overall(const struct tocsin_alert *const *alerts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (alerts[i]->status != TOCSIN_RESOLVED)
			return "firing";
	return "resolved";
}

/* The words of the configuration are about the delivery: with several alerts, about all. */
static struct view view_of(const struct tocsin_alert *alert, const char *title, const char *message)
{
	struct view view = {.alert = alert};

	if (title)
		view.replaced[view.n_replaced++] = (struct tocsin_pair){"summary", title};
	if (message)
		view.replaced[view.n_replaced++] = (struct tocsin_pair){"description", message};
	return view;
}

void webhook_alertmanager(struct writer *out, const struct tocsin_delivery *delivery,
			  const char *title, const char *message)
{
	const struct tocsin_alert *const *alerts = delivery->folded ? delivery->folded
								    : &delivery->alert;
	size_t n = delivery->folded ? delivery->n_folded : 1;
	struct view whole = view_of(alerts[0], title, message);
	struct maps common;

	put_member(out, "{\"version\":\"4\",\"groupKey\":", delivery->alert->fingerprint);
	writer_puts(out, ",\"truncatedAlerts\":0");
	put_member(out, ",\"status\":", overall(alerts, n));
	put_member(out, ",\"receiver\":", delivery->channel);
	writer_puts(out, ",\"groupLabels\":");
	common.labels = put_labels(out, alerts, n);
	put_again(out, ",\"commonLabels\":", common.labels);
	writer_puts(out, ",\"commonAnnotations\":");
	common.annotations = put_annotations(out, &whole, alerts, n);
	writer_puts(out, ",\"externalURL\":\"\",\"alerts\":[");
	for (size_t i = 0; i < n; i++) {
		struct view view = n == 1 ? whole : view_of(alerts[i], NULL, NULL);

		writer_add(out, ",", i ? 1 : 0);
		put_alert(out, &view, n == 1 ? &common : NULL);
	}
	writer_puts(out, "]}");
}
