/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "notice.h"
#include "text.h"
#include "tojson.h"

static const char rule[] = "============================================================\n";

static void put_pair(FILE *out, const struct tocsin_pair *pair)
{
	fputs("  ", out);
	text_put_line(out, pair->name);
	if (pair->value && strchr(pair->value, '\n')) {
		/* A table, for instance. Indented further, so that no line poses as a detail. */
		fputs(":\n", out);
		text_put_lines(out, pair->value, "    ", "\n");
		return;
	}
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

static const char *title_of(const struct tocsin_alert *alert, const struct record_words *words)
{
	return words && words->title ? words->title : notice_title(alert);
}

static const char *message_of(const struct tocsin_alert *alert, const struct record_words *words)
{
	const char *message = words ? words->message : NULL;

	if (!message)
		message = notice_message(alert);
	return message && *message ? message : title_of(alert, words);
}

void record_put_text(FILE *out, const struct tocsin_delivery *delivery,
		     const struct record_words *words, const struct record_paint *paint)
{
	const struct tocsin_alert *alert = delivery->alert;
	const char *metric = notice_metric(alert);
	char time[NOTICE_TIME_SIZE];

	fprintf(out, "%s%s%s %s%s - ", rule, paint->on, notice_emoji(alert), notice_heading(alert),
		alert->status == TOCSIN_RESOLVED ? "" : " ALERT");
	text_put_line(out, title_of(alert, words));
	fprintf(out, "%s\n%sTime: %s\nMessage:\n", paint->off, rule,
		notice_local_time(notice_time_ms(alert), time));
	/* Indented, so that no message can pose as the start of another record. */
	text_put_lines(out, message_of(alert, words), "  ", "\n");
	if (metric) {
		fputs("Metric Value: ", out);
		text_put_line(out, metric);
		fputc('\n', out);
	}
	put_details(out, alert);
	fprintf(out, "%s\n", rule);
}

static const char *category(const struct tocsin_alert *alert)
{
	const char *name = notice_value(&alert->labels, "category");

	if (!name)
		name = notice_value(&alert->labels, "alertname");
	return name ? name : notice_title(alert);
}

static json_t *json_record(const struct tocsin_delivery *delivery, const struct record_words *words)
{
	const struct tocsin_alert *alert = delivery->alert;
	char time[NOTICE_TIME_SIZE];
	json_t *object = json_pack(
		"{so so so so so so so so so so so}", "id", tojson_text(alert->id ? alert->id : ""),
		"key", tojson_text(delivery->key ? delivery->key : ""), "timestamp",
		tojson_text(notice_iso_time(notice_time_ms(alert), time)), "priority",
		tojson_text(notice_severity(alert->severity)), "category",
		tojson_text(category(alert)), "message", tojson_text(message_of(alert, words)),
		"metric_value", tojson_metric(notice_metric(alert)), "status",
		tojson_text(notice_status(alert->status)), "labels", tojson_map(&alert->labels),
		"annotations", tojson_map(&alert->annotations), "source",
		tojson_text(alert->source ? alert->source : ""));

	if ((alert->link && !tojson_set(object, "link", alert->link)) ||
	    (alert->recipients.n > 0 &&
	     json_object_set_new(object, "recipients", tojson_strings(&alert->recipients)) != 0)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

void record_put_json(struct draft *draft, const struct tocsin_delivery *delivery,
		     const struct record_words *words)
{
	tojson_put(draft, json_record(delivery, words));
}
