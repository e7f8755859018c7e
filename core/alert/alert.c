/* SPDX-License-Identifier: Apache-2.0 */
/* alert/alert: makes complete alerts, and answers small questions about them. */
#include "alert/alert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alert/pack.h"
#include "base/id.h"
#include "base/text.h"

/* 9999-12-31T23:59:59.999Z: RFC 3339 has four digits for the year. */
#define LATEST_MS INT64_C(253402300799999)

uint64_t alert_fingerprint(const struct tocsin_map *labels)
{
	static const unsigned char end = 0xff;
	uint64_t hash = FNV_START;

	for (size_t i = 0; i < labels->n; i++) {
		hash = fnv1a(hash, labels->pair[i].name, strlen(labels->pair[i].name));
		hash = fnv1a(hash, &end, 1);
		hash = fnv1a(hash, labels->pair[i].value, strlen(labels->pair[i].value));
		hash = fnv1a(hash, &end, 1);
	}
	return hash;
}

const char *alert_get(const struct tocsin_map *map, const char *name)
{
	for (size_t i = 0; i < map->n; i++) {
		if (strcmp(map->pair[i].name, name) == 0)
			return map->pair[i].value;
	}
	return NULL;
}

const char *alert_status_name(enum tocsin_status status)
{
	switch (status) {
	case TOCSIN_RESOLVED:
		return "resolved";
	case TOCSIN_EVENT:
		return "event";
	case TOCSIN_FIRING:
	default:
		return "firing";
	}
}

const char *alert_subject(const struct tocsin_alert *alert)
{
	static const char *const telling[] = {"site", "instance", "host", "job", "alertname"};

	for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
		const char *value = alert_get(&alert->labels, telling[i]);

		if (value)
			return value;
	}
	return alert->labels.n > 0 ? alert->labels.pair[0].value : "";
}

/* Bytes of a text inside the quotes of JSON. */
static size_t json_length(const char *text)
{
	size_t length = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		length += c == '"' || c == '\\' ? 2 : c < 0x20 ? 6 : 1;
	}
	return length;
}

/* Bytes of the alert as JSON, never too few. */
static size_t body_length(const struct tocsin_alert *alert)
{
	size_t length = 512 + json_length(alert->source);

	for (size_t i = 0; i < alert->labels.n; i++)
		length += json_length(alert->labels.pair[i].name) +
			  json_length(alert->labels.pair[i].value) + 6;
	for (size_t i = 0; i < alert->annotations.n; i++)
		length += json_length(alert->annotations.pair[i].name) +
			  json_length(alert->annotations.pair[i].value) + 6;
	for (size_t i = 0; i < alert->recipients.n; i++)
		length += json_length(alert->recipients.item[i]) + 3;
	return length + (alert->link ? json_length(alert->link) : 0);
}

/* The most bytes of a text to quote in a sentence, for %.*s. */
static int cut(const char *text, size_t max)
{
	return (int)text_prefix(text, strlen(text), max);
}

/* Names and values of labels or annotations; they are sorted, so equal names are neighbours. */
static int check_map(const struct tocsin_map *map, const char *what, size_t longest_value,
		     struct error *err)
{
	for (size_t i = 0; i < map->n; i++) {
		const char *name = map->pair[i].name;
		size_t length = strlen(map->pair[i].value);

		if (*name == '\0')
			return error_set(err, -EINVAL, "%s name is empty; give it a name", what);
		if (strlen(name) > ALERT_NAME)
			return error_set(err, -EINVAL,
					 "%s name '%.*s...' has %zu bytes; %d is the most", what,
					 cut(name, 40), name, strlen(name), ALERT_NAME);
		if (length > longest_value)
			return error_set(err, -EINVAL,
					 "the value of %s '%s' has %zu bytes; %zu is the most",
					 what, name, length, longest_value);
		if (i > 0 && strcmp(name, map->pair[i - 1].name) == 0)
			return error_set(err, -EINVAL, "%s '%s' is given twice; give it once", what,
					 name);
	}
	return 0;
}

static int check_recipients(const struct tocsin_strings *recipients, struct error *err)
{
	for (size_t i = 0; i < recipients->n; i++) {
		if (strlen(recipients->item[i]) > ALERT_NAME)
			return error_set(err, -EINVAL,
					 "recipient '%.*s...' has %zu bytes; %d is the most",
					 cut(recipients->item[i], 40), recipients->item[i],
					 strlen(recipients->item[i]), ALERT_NAME);
	}
	return 0;
}

int alert_check_link(const char *link, struct error *err)
{
	if (!link)
		return 0;
	if (strncasecmp(link, "http://", 7) != 0 && strncasecmp(link, "https://", 8) != 0)
		return error_set(err, -EINVAL,
				 "the link '%.*s' is no web address; write one that begins with "
				 "http:// or https://, or leave it out",
				 cut(link, 80), link);
	if (strlen(link) > ALERT_VALUE)
		return error_set(err, -EINVAL, "the link has %zu bytes; %d is the most",
				 strlen(link), ALERT_VALUE);
	for (const char *c = link; *c; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return error_set(err, -EINVAL,
					 "the link contains a space or control character; write it "
					 "as %%20 and the like");
	}
	return 0;
}

static int check_times(const struct tocsin_alert *alert, struct error *err)
{
	if (alert->starts_at_ms < 0 || alert->starts_at_ms > LATEST_MS || alert->ends_at_ms < 0 ||
	    alert->ends_at_ms > LATEST_MS)
		return error_set(err, -EINVAL,
				 "a time of the alert is not between the years 1970 and 9999");
	if (alert->ends_at_ms != 0 && alert->ends_at_ms < alert->starts_at_ms)
		return error_set(err, -EINVAL,
				 "the alert ends before it starts; correct ends_at or starts_at");
	return 0;
}

static int check(const struct tocsin_alert *alert, struct error *err)
{
	int rc = 0;

	if (alert->labels.n == 0)
		return error_set(err, -EINVAL,
				 "the alert has no label; give it at least one with "
				 "a value, such as alertname");
	rc = check_map(&alert->labels, "label", ALERT_VALUE, err);
	if (rc == 0)
		rc = check_map(&alert->annotations, "annotation", ALERT_TEXT, err);
	if (rc == 0)
		rc = check_recipients(&alert->recipients, err);
	if (rc == 0)
		rc = alert_check_link(alert->link, err);
	if (rc == 0)
		rc = check_times(alert, err);
	if (rc == 0 && body_length(alert) > ALERT_BODY)
		rc = error_set(err, -EINVAL, "the alert has about %zu bytes; %d is the most",
			       body_length(alert), ALERT_BODY);
	return rc;
}

/* Bounds that must hold before anything is copied. */
static int check_counts(const struct tocsin_alert *from, struct error *err)
{
	if (from->labels.n > ALERT_LABELS)
		return error_set(err, -EINVAL, "the alert has %zu labels; %d is the most",
				 from->labels.n, ALERT_LABELS);
	if (from->annotations.n > ALERT_LABELS)
		return error_set(err, -EINVAL, "the alert has %zu annotations; %d is the most",
				 from->annotations.n, ALERT_LABELS);
	if (from->recipients.n > ALERT_RECIPIENTS)
		return error_set(err, -EINVAL, "the alert has %zu recipients; %d is the most",
				 from->recipients.n, ALERT_RECIPIENTS);
	if (from->severity < TOCSIN_DEBUG || from->severity > TOCSIN_EMERGENCY)
		return error_set(err, -EINVAL, "the alert has the impossible severity %d",
				 (int)from->severity);
	if (from->status < TOCSIN_FIRING || from->status > TOCSIN_EVENT)
		return error_set(err, -EINVAL, "the alert has the impossible status %d",
				 (int)from->status);
	return 0;
}

/* A label `severity` that is no severity stays a label: people use it for their own words too. */
static int resolve_severity(struct tocsin_alert *alert, const struct severity_aliases *aliases,
			    struct error *err)
{
	const char *word = alert->severity_name;
	const char *const *words = severity_words();
	const char *meant;
	size_t n = 0;

	if (!word || *word == '\0') {
		word = alert_get(&alert->labels, "severity");
		if (word)
			severity_parse(word, aliases, &alert->severity);
		return 0;
	}
	if (severity_parse(word, aliases, &alert->severity) == 0)
		return 0;
	while (words[n])
		n++;
	meant = text_closest(word, words, n);
	return error_set(err, -EINVAL,
			 "severity '%.*s' is not known; %s%s%swrite debug, info, notice, warning, "
			 "error, critical or emergency",
			 cut(word, 64), word, meant ? "did you mean '" : "", meant ? meant : "",
			 meant ? "'? Else " : "");
}

static void complete_times(struct tocsin_alert *alert, int64_t now_ms)
{
	/* A beginning by a clock that is ahead of ours is no reason to refuse an end. */
	if (alert->status == TOCSIN_RESOLVED && alert->ends_at_ms == 0)
		alert->ends_at_ms = alert->starts_at_ms > now_ms ? alert->starts_at_ms : now_ms;
	if (alert->starts_at_ms == 0) {
		/* An end in the past is the best guess for the beginning, too. */
		alert->starts_at_ms = now_ms;
		if (alert->ends_at_ms > 0 && alert->ends_at_ms < now_ms)
			alert->starts_at_ms = alert->ends_at_ms;
	}
}

int alert_new(const struct tocsin_alert *from, const char *source, int64_t now_ms,
	      const struct severity_aliases *aliases, struct alert **alert, struct error *err)
{
	struct tocsin_alert given = {0};
	char id[ID_TEXT], fingerprint[17] = "";
	int rc;

	if (from->size == 0 || from->size > 2 * sizeof(given))
		return error_set(err, -EINVAL,
				 "the alert does not say its size; set .size to "
				 "sizeof(struct tocsin_alert)");
	/* Whoever was built with an older header knows fewer fields. */
	memcpy(&given, from, from->size < sizeof(given) ? from->size : sizeof(given));
	rc = check_counts(&given, err);
	if (rc < 0)
		return rc;
	id_new(id);
	given.size = sizeof(given);
	given.id = id;
	given.source = source;
	given.fingerprint = "0123456789abcdef"; /* its place; written below */
	complete_times(&given, now_ms);
	rc = alert_pack(&given, alert);
	if (rc == -E2BIG)
		return error_set(err, -EINVAL, "the alert is too long; %d bytes are the most",
				 ALERT_BODY);
	if (rc < 0)
		return error_set(err, rc, "out of memory");
	rc = check(&(*alert)->pub, err);
	if (rc == 0)
		rc = resolve_severity(&(*alert)->pub, aliases, err);
	if (rc < 0) {
		alert_free(*alert);
		*alert = NULL;
		return rc;
	}
	(*alert)->pub.severity_name = severity_name((*alert)->pub.severity);
	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64,
		 alert_fingerprint(&(*alert)->pub.labels));
	alert_pack_fingerprint(*alert, fingerprint);
	return 0;
}

struct alert *alert_hold(struct alert *alert)
{
	atomic_fetch_add_explicit(&alert->holders, 1, memory_order_relaxed);
	return alert;
}

void alert_free(struct alert *alert)
{
	if (alert && atomic_fetch_sub(&alert->holders, 1) == 1)
		free(alert);
}
