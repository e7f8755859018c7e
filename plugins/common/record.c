/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "notice.h"
#include "text.h"

static const char rule[] = "============================================================\n";

static void put_pair(FILE *out, const struct tocsin_pair *pair)
{
	fputs("  ", out);
	text_put_line(out, pair->name);
	fputs(": ", out);
	text_put_line(out, pair->value ? pair->value : "");
	fputc('\n', out);
}

static void put_details(FILE *out, const struct tocsin_alert *alert)
{
	size_t i;

	fputs("Details:\n", out);
	for (i = 0; i < alert->labels.n; i++)
		put_pair(out, &alert->labels.pair[i]);
	for (i = 0; i < alert->annotations.n; i++) {
		if (notice_is_detail(alert, &alert->annotations.pair[i]))
			put_pair(out, &alert->annotations.pair[i]);
	}
	if (alert->link && *alert->link)
		put_pair(out, &(struct tocsin_pair){"link", alert->link});
}

void record_put_text(FILE *out, const struct tocsin_delivery *delivery,
		     const struct record_paint *paint)
{
	const struct tocsin_alert *alert = delivery->alert;
	const char *message = notice_message(alert), *metric = notice_metric(alert);
	char time[NOTICE_TIME_SIZE];

	fprintf(out, "%s%s%s %s%s - ", rule, paint->on, notice_emoji(alert), notice_heading(alert),
		alert->status == TOCSIN_RESOLVED ? "" : " ALERT");
	text_put_line(out, notice_title(alert));
	fprintf(out, "%s\n%sTime: %s\nMessage:\n", paint->off, rule,
		notice_local_time(notice_time_ms(alert), time));
	/* Indented, so that no message can pose as the start of another record. */
	text_put_lines(out, message ? message : notice_title(alert), "  ", "\n");
	if (metric) {
		fputs("Metric Value: ", out);
		text_put_line(out, metric);
		fputc('\n', out);
	}
	put_details(out, alert);
	fprintf(out, "%s\n", rule);
}

/* This and what follows: NULL when memory is short, and never a part of the value. */
static json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	struct draft draft;
	uint32_t point;
	char *valid;

	if (value)
		return value;
	/* Not UTF-8: once more, with every invalid byte replaced. */
	if (!draft_begin(&draft))
		return NULL;
	while ((point = text_next(&text)) != 0)
		text_put(draft.out, point);
	valid = draft_end(&draft, NULL);
	value = json_string(valid);
	free(valid);
	return value;
}

static bool set_text(json_t *object, const char *name, const char *text)
{
	json_t *valid = json_text(name);
	int rc = json_object_set_new(object, json_string_value(valid), json_text(text ? text : ""));

	json_decref(valid);
	return rc == 0;
}

static json_t *json_map(const struct tocsin_map *map)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < map->n; i++) {
		if (!set_text(object, map->pair[i].name, map->pair[i].value)) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

static json_t *json_strings(const struct tocsin_strings *strings)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < strings->n; i++) {
		if (json_array_append_new(array, json_text(strings->item[i])) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* A number as JSON has it. */
static bool is_number(const char *text)
{
	text += *text == '-';
	if (digits(text) == 0 || (*text == '0' && digits(text) > 1))
		return false;
	text += digits(text);
	if (*text == '.' && digits(text + 1) == 0)
		return false;
	if (*text == '.')
		text += 1 + digits(text + 1);
	if (*text != 'e' && *text != 'E')
		return *text == '\0';
	text += 1 + (text[1] == '+' || text[1] == '-');
	return digits(text) > 0 && text[digits(text)] == '\0';
}

/* A figure stays a number; 3 and 65.2 are figures, "65 %" is text, and so is what no number holds.
 * json_loads would leave out digits that memory does not hold. */
static json_t *json_metric(const char *metric)
{
	json_t *value = NULL;

	if (!metric)
		return json_null();
	errno = 0;
	if (is_number(metric))
		value = strpbrk(metric, ".eE") ? json_real(strtod(metric, NULL))
					       : json_integer(strtoll(metric, NULL, 10));
	if (is_number(metric) && errno != ERANGE)
		return value;
	json_decref(value);
	return json_text(metric);
}

static const char *category(const struct tocsin_alert *alert)
{
	const char *name = notice_value(&alert->labels, "category");

	if (!name)
		name = notice_value(&alert->labels, "alertname");
	return name ? name : notice_title(alert);
}

static json_t *json_record(const struct tocsin_delivery *delivery)
{
	const struct tocsin_alert *alert = delivery->alert;
	const char *message = notice_message(alert);
	char time[NOTICE_TIME_SIZE];
	json_t *object = json_pack(
		"{so so so so so so so so so so so}", "id", json_text(alert->id ? alert->id : ""),
		"key", json_text(delivery->key ? delivery->key : ""), "timestamp",
		json_text(notice_iso_time(notice_time_ms(alert), time)), "priority",
		json_text(notice_severity(alert->severity)), "category", json_text(category(alert)),
		"message", json_text(message ? message : notice_title(alert)), "metric_value",
		json_metric(notice_metric(alert)), "status",
		json_text(notice_status(alert->status)), "labels", json_map(&alert->labels),
		"annotations", json_map(&alert->annotations), "source",
		json_text(alert->source ? alert->source : ""));

	if ((alert->link && !set_text(object, "link", alert->link)) ||
	    (alert->recipients.n > 0 &&
	     json_object_set_new(object, "recipients", json_strings(&alert->recipients)) != 0)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static char *json_line(const json_t *object)
{
	struct draft draft;

	if (!object || !draft_begin(&draft))
		return NULL;
	/* json_dumps would leave out a key that memory does not hold. */
	draft.failed |= json_dumpf(object, draft.out, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0;
	return draft_end(&draft, NULL);
}

void record_put_json(struct draft *draft, const struct tocsin_delivery *delivery)
{
	json_t *object = json_record(delivery);
	char *text = json_line(object);
	const char *cursor = text ? text : "";
	uint32_t point;

	json_decref(object);
	draft->failed |= !text;
	/* Outside of strings JSON is plain ASCII, so a control can only stand in a string. */
	while ((point = text_next(&cursor)) != 0) {
		if (text_is_control(point))
			fprintf(draft->out, "\\u%04x", (unsigned int)point);
		else
			text_put(draft->out, point);
	}
	fputc('\n', draft->out);
	free(text);
}
