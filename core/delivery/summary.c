/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"

#define LIST_MAX (32 * 1024) /* bytes of the lines; of more alerts only their number is said */
#define LINE_MAX_BYTES 240   /* of what one alert says */

static const char *value_of(const struct tocsin_map *map, const char *name)
{
	const char *value = alert_get(map, name);

	return value && *value ? value : NULL;
}

static const char *words_of(const struct tocsin_alert *alert)
{
	static const char *const name[] = {"summary", "title", "description", "message"};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		const char *words = value_of(&alert->annotations, name[i]);

		if (words)
			return words;
	}
	return value_of(&alert->labels, "alertname");
}

/* "12 alerts: 3 critical, 9 warning" */
static void count_all(const struct tocsin_alert *const alerts[], size_t n, struct buffer *out)
{
	size_t of[SEVERITY_COUNT] = {0}, resolved = 0;
	const char *before = ": ";

	for (size_t i = 0; i < n; i++) {
		if (alerts[i]->status == TOCSIN_RESOLVED)
			resolved++;
		else
			of[alerts[i]->severity]++;
	}
	buffer_printf(out, "%zu alerts", n);
	for (int severity = SEVERITY_COUNT; severity-- > 0;) {
		if (of[severity] == 0)
			continue;
		buffer_printf(out, "%s%zu %s", before, of[severity],
			      severity_name((enum tocsin_severity)severity));
		before = ", ";
	}
	if (resolved > 0)
		buffer_printf(out, "%s%zu resolved", before, resolved);
}

/* What an alert says becomes one line: a message of many lines would look like many alerts. */
static void add_line(const struct tocsin_alert *alert, struct buffer *out)
{
	const char *words = words_of(alert), *subject = alert_subject(alert);
	size_t length;

	buffer_printf(out, "%s %s",
		      alert->status == TOCSIN_RESOLVED ? "resolved"
						       : severity_name(alert->severity),
		      subject);
	if (words && strcmp(words, subject) != 0) {
		length = strcspn(words, "\r\n");
		if (length > LINE_MAX_BYTES) {
			length = text_prefix(words, length, LINE_MAX_BYTES);
			buffer_printf(out, ": %.*s…", (int)length, words);
		} else {
			buffer_printf(out, ": %.*s", (int)length, words);
		}
	}
	buffer_putc(out, '\n');
}

static void list_all(const struct tocsin_alert *const alerts[], size_t n, struct buffer *out)
{
	size_t i;

	for (i = 0; i < n && out->length < LIST_MAX; i++)
		add_line(alerts[i], out);
	if (i < n)
		buffer_printf(out, "and %zu more\n", n - i);
	if (out->data && !out->failed)
		out->data[--out->length] = '\0'; /* the last line break */
}

static const struct tocsin_map *labels_of(const struct tocsin_alert *alert)
{
	return &alert->labels;
}

static const struct tocsin_map *annotations_of(const struct tocsin_alert *alert)
{
	return &alert->annotations;
}

/* Copies to `common` what all have with the same value; room for as many as the first has. */
static size_t find_common(const struct tocsin_alert *const alerts[], size_t n,
			  const struct tocsin_map *(*map_of)(const struct tocsin_alert *),
			  struct tocsin_pair *common)
{
	const struct tocsin_map *first = map_of(alerts[0]);
	size_t found = 0;

	for (size_t i = 0; i < first->n; i++) {
		const struct tocsin_pair *pair = &first->pair[i];
		bool same = true;

		for (size_t k = 1; k < n && same; k++) {
			const char *value = alert_get(map_of(alerts[k]), pair->name);

			same = value && strcmp(value, pair->value) == 0;
		}
		if (same)
			common[found++] = *pair;
	}
	return found;
}

/* The words that the summary has of its own. */
static bool is_own(const char *name)
{
	static const char *const own[] = {"summary", "title", "description", "message",
					  "metric_value"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	return false;
}

static size_t without_own(struct tocsin_pair *pair, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_own(pair[i].name))
			pair[kept++] = pair[i];
	return kept;
}

/* What is neither words nor maps. */
static void sum_up(const struct tocsin_alert *const alerts[], size_t n, struct tocsin_alert *sum)
{
	bool all_resolved = true, all_events = true;

	sum->link = alerts[0]->link;
	sum->severity = TOCSIN_DEBUG;
	for (size_t i = 0; i < n; i++) {
		const struct tocsin_alert *alert = alerts[i];

		all_resolved &= alert->status == TOCSIN_RESOLVED;
		all_events &= alert->status == TOCSIN_EVENT;
		if (alert->severity > sum->severity)
			sum->severity = alert->severity;
		if (i == 0 || alert->starts_at_ms < sum->starts_at_ms)
			sum->starts_at_ms = alert->starts_at_ms;
		if (alert->ends_at_ms > sum->ends_at_ms)
			sum->ends_at_ms = alert->ends_at_ms;
		if (!sum->link || !alert->link || strcmp(sum->link, alert->link) != 0)
			sum->link = NULL;
	}
	sum->severity_name = severity_name(sum->severity);
	sum->status = all_resolved ? TOCSIN_RESOLVED : all_events ? TOCSIN_EVENT : TOCSIN_FIRING;
	if (!all_resolved)
		sum->ends_at_ms = 0;
}

static const char *source_of(const struct tocsin_alert *const alerts[], size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(alerts[i]->source, alerts[0]->source) != 0)
			return "several";
	return alerts[0]->source;
}

int summary_new(const struct tocsin_alert *const alerts[], size_t n, struct alert **summary)
{
	const struct tocsin_alert *first = alerts[0];
	struct tocsin_pair *label = calloc(first->labels.n + 1, sizeof(*label));
	struct tocsin_pair *note = calloc(first->annotations.n + 2, sizeof(*note));
	struct tocsin_alert sum = {.size = sizeof(sum)};
	struct buffer title = {0}, list = {0};
	struct error err;
	int result = -ENOMEM;

	count_all(alerts, n, &title);
	list_all(alerts, n, &list);
	if (label && note && !title.failed && !list.failed) {
		sum_up(alerts, n, &sum);
		sum.labels.pair = label;
		sum.labels.n = find_common(alerts, n, labels_of, label);
		if (sum.labels.n == 0) /* an alert has at least one */
			label[sum.labels.n++] = (struct tocsin_pair){"alertname", "digest"};
		sum.annotations.pair = note;
		sum.annotations.n = without_own(note, find_common(alerts, n, annotations_of, note));
		note[sum.annotations.n++] = (struct tocsin_pair){"summary", title.data};
		note[sum.annotations.n++] = (struct tocsin_pair){"description", list.data};
		result = alert_new(&sum, source_of(alerts, n), sum.starts_at_ms, NULL, summary,
				   &err);
	}
	buffer_done(&title);
	buffer_done(&list);
	free(label);
	free(note);
	return result;
}
