/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <errno.h>
#include <stdlib.h>

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

static json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	char *valid = NULL;
	size_t size = 0;
	uint32_t point;
	FILE *out;

	if (value)
		return value;
	/* Not UTF-8: once more, with every invalid byte replaced. */
	out = open_memstream(&valid, &size);
	if (!out)
		return NULL;
	while ((point = text_next(&text)) != 0)
		text_put(out, point);
	if (fclose(out) == 0)
		value = json_string(valid);
	free(valid);
	return value;
}

static json_t *json_map(const struct tocsin_map *map)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < map->n; i++) {
		/* Names are ASCII by the rules of intake; one that is not is left out. */
		(void)json_object_set_new(object, map->pair[i].name,
					  json_text(map->pair[i].value ? map->pair[i].value : ""));
	}
	return object;
}

static json_t *json_strings(const struct tocsin_strings *strings)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < strings->n; i++)
		(void)json_array_append_new(array, json_text(strings->item[i]));
	return array;
}

/* A figure stays a number; 3 and 65.2 are figures, "65 %" is text. */
static json_t *json_metric(const char *metric)
{
	json_t *value = metric ? json_loads(metric, JSON_DECODE_ANY, NULL) : json_null();

	if (value && (!metric || json_is_number(value)))
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

	if (object && alert->link)
		(void)json_object_set_new(object, "link", json_text(alert->link));
	if (object && alert->recipients.n > 0)
		(void)json_object_set_new(object, "recipients", json_strings(&alert->recipients));
	return object;
}

int record_put_json(FILE *out, const struct tocsin_delivery *delivery)
{
	json_t *object = json_record(delivery);
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	const char *cursor = text;
	uint32_t point;

	json_decref(object);
	if (!text)
		return -ENOMEM;
	/* Outside of strings JSON is plain ASCII, so a control can only stand in a string. */
	while ((point = text_next(&cursor)) != 0) {
		if (text_is_control(point))
			fprintf(out, "\\u%04x", (unsigned int)point);
		else
			text_put(out, point);
	}
	fputc('\n', out);
	free(text);
	return 0;
}
