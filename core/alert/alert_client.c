/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert/alert_client: an alert as a client writes it, in our words or in
 * Alertmanager's, read strictly: a key that nobody knows is a typing mistake
 * that would else lose part of the alert in silence.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "alert/alert.h"
#include "base/clock.h"
#include "base/text.h"

static const char *const keys[] = {
	"labels",  "annotations", "severity",   "status", "starts_at",    "startsAt",
	"ends_at", "endsAt",      "recipients", "link",   "generatorURL",
};

/* What we hand out and do not take in. */
static const char *const given_by_core[] = {"id", "source", "fingerprint"};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

struct reading {
	const json_t *object;
	struct tocsin_alert alert;
	struct tocsin_pair label[ALERT_LABELS];
	struct tocsin_pair annotation[ALERT_LABELS];
	const char *recipient[ALERT_RECIPIENTS];
	struct error *err;
};

static bool is_one_of(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(word, list[i]) == 0)
			return true;
	}
	return false;
}

static int check_key(const char *key, struct error *err)
{
	int shown = (int)text_prefix(key, strlen(key), 64);
	const char *meant;

	if (is_one_of(key, keys, N_KEYS))
		return 0;
	if (is_one_of(key, given_by_core, sizeof(given_by_core) / sizeof(given_by_core[0])))
		return error_set(err, -EINVAL, "'%s' is given by tocsin; leave it out", key);
	meant = text_closest(key, keys, N_KEYS);
	if (meant)
		return error_set(err, -EINVAL, "unknown key '%.*s'; did you mean '%s'?", shown, key,
				 meant);
	return error_set(err, -EINVAL,
			 "unknown key '%.*s'; put your own values into labels or annotations",
			 shown, key);
}

static int check_keys(const struct reading *reading)
{
	static const char *const twin[][2] = {
		{"starts_at", "startsAt"},
		{"ends_at", "endsAt"},
		{"link", "generatorURL"},
	};
	json_t *object = (json_t *)reading->object; /* jansson iterates over no const */
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		int rc = check_key(key, reading->err);

		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < sizeof(twin) / sizeof(twin[0]); i++) {
		if (json_object_get(object, twin[i][0]) && json_object_get(object, twin[i][1]))
			return error_set(reading->err, -EINVAL,
					 "'%s' and '%s' mean the same; write one", twin[i][0],
					 twin[i][1]);
	}
	return 0;
}

/* A text without NUL; *text is NULL when the value is absent or null. what: "severity". */
static int get_text(const struct reading *reading, const char *what, const json_t *value,
		    const char **text)
{
	*text = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return error_set(reading->err, -EINVAL, "%.*s must be a text in quotes",
				 (int)text_prefix(what, strlen(what), 300), what);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return error_set(reading->err, -EINVAL,
				 "%.*s contains a NUL character; leave it out",
				 (int)text_prefix(what, strlen(what), 300), what);
	*text = json_string_value(value);
	return 0;
}

static int get_key(const struct reading *reading, const char *key, const char **text)
{
	return get_text(reading, key, json_object_get(reading->object, key), text);
}

static int get_map(const struct reading *reading, const char *key, struct tocsin_pair *pair,
		   struct tocsin_map *map)
{
	json_t *members = json_object_get(reading->object, key);
	const char *name;
	json_t *value;

	*map = (struct tocsin_map){.pair = pair};
	if (!members || json_is_null(members))
		return 0;
	if (!json_is_object(members))
		return error_set(
			reading->err, -EINVAL,
			"%s must be an object of texts, such as {\"site\":\"example.com\"}", key);
	if (json_object_size(members) > ALERT_LABELS)
		return error_set(reading->err, -EINVAL, "the alert has %zu %s; %d is the most",
				 json_object_size(members), key, ALERT_LABELS);
	json_object_foreach(members, name, value)
	{
		int rc;

		pair[map->n].name = name;
		rc = get_text(reading, name, value, &pair[map->n].value);
		if (rc < 0)
			return rc;
		map->n++;
	}
	return 0;
}

static int get_recipients(struct reading *reading)
{
	const json_t *list = json_object_get(reading->object, "recipients");
	struct tocsin_strings *recipients = &reading->alert.recipients;

	recipients->item = reading->recipient;
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return error_set(reading->err, -EINVAL,
				 "recipients must be a list, such as [\"ops@example.com\"]");
	if (json_array_size(list) > ALERT_RECIPIENTS)
		return error_set(reading->err, -EINVAL,
				 "the alert has %zu recipients; %d is the most",
				 json_array_size(list), ALERT_RECIPIENTS);
	for (; recipients->n < json_array_size(list); recipients->n++) {
		int rc = get_text(reading, "each of recipients",
				  json_array_get(list, recipients->n),
				  &reading->recipient[recipients->n]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* One of two spellings of a time. Absent, null, "" and the zero time of Go give 0. */
static int get_time(const struct reading *reading, const char *ours, const char *theirs,
		    int64_t *wall_ms)
{
	const char *key = json_object_get(reading->object, theirs) ? theirs : ours;
	const char *text;
	int rc = get_key(reading, key, &text);

	*wall_ms = 0;
	if (rc < 0 || !text || *text == '\0')
		return rc;
	if (clock_parse(text, wall_ms) < 0)
		return error_set(reading->err, -EINVAL,
				 "%s '%.*s' is no time; write it like 2025-11-18T14:30:45Z", key,
				 (int)text_prefix(text, strlen(text), 64), text);
	return 0;
}

static int get_status(struct reading *reading, int64_t now_ms)
{
	static const char *const words[] = {"firing", "resolved", "event"};
	struct tocsin_alert *alert = &reading->alert;
	const char *text;
	const char *meant;
	int rc = get_key(reading, "status", &text);

	if (rc < 0)
		return rc;
	alert->status = TOCSIN_FIRING;
	if (text) {
		size_t i = 0;

		while (i < 3 && strcasecmp(text, words[i]) != 0)
			i++;
		if (i == 3) {
			meant = text_closest(text, words, 3);
			return error_set(reading->err, -EINVAL,
					 "status '%.*s' is not known; write firing, resolved or "
					 "event%s%s%s",
					 (int)text_prefix(text, strlen(text), 64), text,
					 meant ? " (did you mean '" : "", meant ? meant : "",
					 meant ? "'?)" : "");
		}
		alert->status = (enum tocsin_status)i;
	}
	/* Alertmanager's clients say that an alert is over by nothing but its end. */
	if (alert->status == TOCSIN_FIRING && alert->ends_at_ms > 0 && alert->ends_at_ms <= now_ms)
		alert->status = TOCSIN_RESOLVED;
	return 0;
}

static int get_link(struct reading *reading)
{
	const char *generator = NULL;
	struct error why;
	int rc = get_key(reading, "link", &reading->alert.link);

	if (rc == 0)
		rc = get_key(reading, "generatorURL", &generator);
	if (rc < 0 || !generator)
		return rc;
	/* Alertmanager takes any URI here, and its clients never send a refused alert again: what
	 * is no web address is left out instead. */
	if (alert_check_link(generator, &why) == 0)
		reading->alert.link = generator;
	return 0;
}

static int read_object(struct reading *reading, int64_t now_ms)
{
	struct tocsin_alert *alert = &reading->alert;
	int rc = check_keys(reading);

	if (rc == 0)
		rc = get_map(reading, "labels", reading->label, &alert->labels);
	if (rc == 0)
		rc = get_map(reading, "annotations", reading->annotation, &alert->annotations);
	if (rc == 0)
		rc = get_recipients(reading);
	if (rc == 0)
		rc = get_key(reading, "severity", &alert->severity_name);
	if (rc == 0)
		rc = get_time(reading, "starts_at", "startsAt", &alert->starts_at_ms);
	if (rc == 0)
		rc = get_time(reading, "ends_at", "endsAt", &alert->ends_at_ms);
	if (rc == 0)
		rc = get_status(reading, now_ms);
	if (rc == 0)
		rc = get_link(reading);
	return rc;
}

int alert_from_client(const json_t *object, const char *source, int64_t now_ms,
		      const struct severity_aliases *aliases, struct alert **alert,
		      struct error *err)
{
	struct reading reading = {.object = object, .err = err};
	int rc;

	if (!json_is_object(object))
		return error_set(err, -EINVAL,
				 "an alert must be an object, such as {\"labels\":{\"alertname\":"
				 "\"disk full\"},\"severity\":\"critical\"}");
	reading.alert.size = sizeof(reading.alert);
	/* Who names no severity wants somebody to look, but nobody to be woken. */
	reading.alert.severity = TOCSIN_WARNING;
	rc = read_object(&reading, now_ms);
	if (rc < 0)
		return rc;
	return alert_new(&reading.alert, source, now_ms, aliases, alert, err);
}
