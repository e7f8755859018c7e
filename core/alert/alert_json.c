/* SPDX-License-Identifier: Apache-2.0 */
/* alert/alert_json: the form in which the store, the API and the exec channel see an alert. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "alert/pack.h"
#include "alert/stored.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/json.h"

/* Inside an alert all text is valid UTF-8, so bytes can be copied in runs. */
static void add_text(struct buffer *out, const char *text)
{
	buffer_putc(out, '"');
	while (*text) {
		size_t run = 0;

		while ((unsigned char)text[run] >= 0x20 && text[run] != '"' && text[run] != '\\')
			run++;
		buffer_add(out, text, run);
		text += run;
		if (*text == '\n') {
			buffer_add(out, "\\n", 2);
			text++;
		} else if (*text == '"' || *text == '\\') {
			buffer_putc(out, '\\');
			buffer_putc(out, *text++);
		} else if (*text) {
			buffer_printf(out, "\\u%04x", (unsigned int)(unsigned char)*text++);
		}
	}
	buffer_putc(out, '"');
}

/* name comes with its quotes and colon: "\"id\":" */
static void add_member(struct buffer *out, const char *name, const char *text)
{
	buffer_putc(out, out->length > 1 ? ',' : '{');
	buffer_puts(out, name);
	add_text(out, text);
}

static void add_time(struct buffer *out, const char *name, int64_t wall_ms)
{
	char text[CLOCK_TEXT];

	if (wall_ms == 0)
		return;
	clock_format_utc(wall_ms, text);
	add_member(out, name, text);
}

static void add_map(struct buffer *out, const char *name, const struct tocsin_map *map)
{
	buffer_puts(out, name);
	for (size_t i = 0; i < map->n; i++) {
		buffer_putc(out, i > 0 ? ',' : '{');
		add_text(out, map->pair[i].name);
		buffer_putc(out, ':');
		add_text(out, map->pair[i].value);
	}
	buffer_puts(out, map->n > 0 ? "}" : "{}");
}

static void add_list(struct buffer *out, const char *name, const struct tocsin_strings *list)
{
	buffer_puts(out, name);
	for (size_t i = 0; i < list->n; i++) {
		buffer_putc(out, i > 0 ? ',' : '[');
		add_text(out, list->item[i]);
	}
	buffer_puts(out, list->n > 0 ? "]" : "[]");
}

char *alert_to_json(const struct tocsin_alert *alert)
{
	struct buffer out = {0};

	add_member(&out, "\"id\":", alert->id ? alert->id : "");
	add_member(&out, "\"source\":", alert->source ? alert->source : "");
	add_member(&out, "\"fingerprint\":", alert->fingerprint ? alert->fingerprint : "");
	add_member(&out, "\"status\":", alert_status_name(alert->status));
	add_member(&out, "\"severity\":", severity_name(alert->severity));
	add_time(&out, "\"starts_at\":", alert->starts_at_ms);
	add_time(&out, "\"ends_at\":", alert->ends_at_ms);
	add_map(&out, ",\"labels\":", &alert->labels);
	add_map(&out, ",\"annotations\":", &alert->annotations);
	add_list(&out, ",\"recipients\":", &alert->recipients);
	if (alert->link)
		add_member(&out, "\"link\":", alert->link);
	buffer_putc(&out, '}');
	return buffer_take(&out);
}

/* The store wrote these rows itself, so a row of another form is damage, not a user's mistake. */
static int damaged(struct error *err, const char *what)
{
	return error_set(err, -EINVAL, "a stored alert is damaged: %s", what);
}

static int get_text(const json_t *object, const char *name, const char **text, struct error *err)
{
	*text = json_string_value(json_object_get(object, name));
	return *text ? 0 : damaged(err, name);
}

static int get_time(const json_t *object, const char *name, int64_t *wall_ms, struct error *err)
{
	const json_t *value = json_object_get(object, name);

	*wall_ms = 0;
	if (!value)
		return 0;
	if (!json_is_string(value) || clock_parse(json_string_value(value), wall_ms) < 0)
		return damaged(err, name);
	return 0;
}

static int get_map(const json_t *object, const char *name, struct tocsin_map *map,
		   struct tocsin_pair *pair, struct error *err)
{
	json_t *members = json_object_get(object, name);
	const char *key;
	json_t *value;

	*map = (struct tocsin_map){.pair = pair};
	if (!json_is_object(members) || json_object_size(members) > ALERT_LABELS)
		return damaged(err, name);
	json_object_foreach(members, key, value)
	{
		if (!json_is_string(value))
			return damaged(err, name);
		pair[map->n++] = (struct tocsin_pair){key, json_string_value(value)};
	}
	return 0;
}

static int get_list(const json_t *object, const char *name, struct tocsin_strings *list,
		    const char **item, struct error *err)
{
	const json_t *members = json_object_get(object, name);

	*list = (struct tocsin_strings){.item = item};
	if (!json_is_array(members) || json_array_size(members) > ALERT_RECIPIENTS)
		return damaged(err, name);
	for (; list->n < json_array_size(members); list->n++) {
		item[list->n] = json_string_value(json_array_get(members, list->n));
		if (!item[list->n])
			return damaged(err, name);
	}
	return 0;
}

static int get_words(const json_t *object, struct tocsin_alert *alert, struct error *err)
{
	const char *status = "", *severity = "";
	int rc = get_text(object, "status", &status, err);

	if (rc == 0)
		rc = get_text(object, "severity", &severity, err);
	if (rc < 0)
		return rc;
	if (severity_parse(severity, NULL, &alert->severity) < 0)
		return damaged(err, "severity");
	alert->severity_name = severity_name(alert->severity);
	for (int i = TOCSIN_FIRING; i <= TOCSIN_EVENT; i++) {
		if (strcmp(status, alert_status_name((enum tocsin_status)i)) == 0) {
			alert->status = (enum tocsin_status)i;
			return 0;
		}
	}
	return damaged(err, "status");
}

/* The arrays that a tocsin_alert points to while it is read. */
struct scratch {
	struct tocsin_pair label[ALERT_LABELS];
	struct tocsin_pair annotation[ALERT_LABELS];
	const char *recipient[ALERT_RECIPIENTS];
};

static int read_alert(const json_t *object, struct tocsin_alert *alert, struct scratch *scratch,
		      struct error *err)
{
	int rc = get_text(object, "id", &alert->id, err);

	if (rc == 0)
		rc = get_text(object, "source", &alert->source, err);
	if (rc == 0)
		rc = get_text(object, "fingerprint", &alert->fingerprint, err);
	if (rc == 0)
		rc = get_words(object, alert, err);
	if (rc == 0)
		rc = get_time(object, "starts_at", &alert->starts_at_ms, err);
	if (rc == 0)
		rc = get_time(object, "ends_at", &alert->ends_at_ms, err);
	if (rc == 0)
		rc = get_map(object, "labels", &alert->labels, scratch->label, err);
	if (rc == 0)
		rc = get_map(object, "annotations", &alert->annotations, scratch->annotation, err);
	if (rc == 0)
		rc = get_list(object, "recipients", &alert->recipients, scratch->recipient, err);
	alert->link = json_string_value(json_object_get(object, "link"));
	return rc;
}

/* For text that alert_to_json did not write in this very form: what is wrong with it? */
static int read_any_form(const char *text, struct alert **alert, struct error *err)
{
	struct tocsin_alert read = {.size = sizeof(read)};
	json_error_t mistake;
	struct scratch scratch;
	json_t *object;
	int rc = json_read(text, strlen(text), JSON_REJECT_DUPLICATES, &object, &mistake);

	if (rc == 0)
		rc = json_is_object(object) ? read_alert(object, &read, &scratch, err)
					    : damaged(err, "it is no object");
	else if (rc == -EINVAL)
		rc = damaged(err, mistake.text);
	if (rc == 0) {
		rc = alert_pack(&read, alert);
		if (rc == -E2BIG)
			rc = damaged(err, "it is too long");
	}
	/* Not damaged: whoever takes it for that gives the delivery up. */
	if (rc == -ENOMEM)
		error_set(err, rc, "out of memory");
	json_decref(object);
	return rc;
}

int alert_from_json(const char *text, struct alert **alert, struct error *err)
{
	int rc = alert_read_stored(text, alert);

	if (rc == -ENOMEM)
		return error_set(err, rc, "out of memory");
	return rc == 0 ? 0 : read_any_form(text, alert, err);
}
