/* SPDX-License-Identifier: Apache-2.0 */
/* An alert as people read it in a mail: as text, and as HTML. */
#include "smtp.h"

#include "../../common/notice.h"
#include "../../common/text.h"

/* text/plain */

static void put_text_pair(FILE *out, const char *name, const char *value)
{
	fputs("  ", out);
	text_put_line(out, name);
	fputs(": ", out);
	text_put_line(out, value);
	fputs("\r\n", out);
}

static void put_text_details(FILE *out, const struct tocsin_alert *alert)
{
	size_t i;

	fputs("Details:\r\n", out);
	for (i = 0; i < alert->labels.n; i++)
		put_text_pair(out, alert->labels.pair[i].name, alert->labels.pair[i].value);
	for (i = 0; i < alert->annotations.n; i++) {
		const struct tocsin_pair *pair = &alert->annotations.pair[i];

		if (notice_is_detail(alert, pair))
			put_text_pair(out, pair->name, pair->value);
	}
}

void smtp_put_text_body(FILE *out, const struct tocsin_delivery *delivery)
{
	const struct tocsin_alert *alert = delivery->alert;
	const char *message = notice_message(alert), *metric = notice_metric(alert);
	const char *link = notice_link(alert);
	char time[NOTICE_TIME_SIZE];

	fprintf(out, "%s %s: ", notice_emoji(alert), notice_heading(alert));
	text_put_line(out, notice_title(alert));
	fputs("\r\n\r\n", out);
	if (message) {
		text_put_lines(out, message, "", "\r\n");
		fputs("\r\n", out);
	}
	fprintf(out, "Time: %s\r\n", notice_local_time(notice_time_ms(alert), time));
	fprintf(out, "Severity: %s (%s)\r\n", notice_severity(alert->severity),
		notice_status(alert->status));
	if (metric) {
		fputs("Metric value: ", out);
		text_put_line(out, metric);
		fputs("\r\n", out);
	}
	if (link)
		fprintf(out, "Link: %s\r\n", link);
	fputs("\r\n", out);
	put_text_details(out, alert);
}

/* text/html */

static const char *entity(uint32_t point)
{
	switch (point) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* Alert text in HTML, between tags or in a quoted attribute. */
static void put_escaped(FILE *out, const char *text)
{
	uint32_t point;

	while ((point = text_next(&text)) != 0) {
		if (entity(point))
			fputs(entity(point), out);
		else if (point == '\n' || (point == '\r' && *text != '\n'))
			fputs("\r\n", out);
		else if (point == '\r')
			continue;
		else if (text_is_control(point) && point != '\t')
			text_put_escaped(out, point);
		else
			text_put(out, point);
	}
}

static void put_row(FILE *out, const char *name, const char *value)
{
	fputs("<tr><td style=\"padding:2px 12px 2px 0;color:#666;vertical-align:top\">", out);
	put_escaped(out, name);
	fputs("</td><td style=\"white-space:pre-wrap\">", out);
	put_escaped(out, value);
	fputs("</td></tr>\r\n", out);
}

static void put_rows(FILE *out, const struct tocsin_alert *alert)
{
	const char *metric = notice_metric(alert);
	char time[NOTICE_TIME_SIZE];
	size_t i;

	fputs("<table style=\"border-collapse:collapse;font-size:14px\">\r\n", out);
	put_row(out, "Time", notice_local_time(notice_time_ms(alert), time));
	put_row(out, "Severity", notice_severity(alert->severity));
	if (metric)
		put_row(out, "Metric value", metric);
	for (i = 0; i < alert->labels.n; i++)
		put_row(out, alert->labels.pair[i].name, alert->labels.pair[i].value);
	for (i = 0; i < alert->annotations.n; i++) {
		const struct tocsin_pair *pair = &alert->annotations.pair[i];

		if (notice_is_detail(alert, pair))
			put_row(out, pair->name, pair->value);
	}
	fputs("</table>\r\n", out);
}

void smtp_put_html_body(FILE *out, const struct tocsin_delivery *delivery)
{
	const struct tocsin_alert *alert = delivery->alert;
	const char *message = notice_message(alert), *link = notice_link(alert);

	fprintf(out,
		"<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"></head>\r\n"
		"<body style=\"font-family:sans-serif;color:#222\">\r\n"
		"<div style=\"border-left:6px solid #%s;padding:4px 16px\">\r\n"
		"<h2 style=\"margin:8px 0\">%s %s: ",
		notice_color(alert), notice_emoji(alert), notice_heading(alert));
	put_escaped(out, notice_title(alert));
	fputs("</h2>\r\n", out);
	if (message) {
		fputs("<p style=\"white-space:pre-wrap\">", out);
		put_escaped(out, message);
		fputs("</p>\r\n", out);
	}
	if (link) {
		fputs("<p><a href=\"", out);
		put_escaped(out, link);
		fputs("\">Open</a></p>\r\n", out);
	}
	put_rows(out, alert);
	fputs("</div>\r\n</body></html>\r\n", out);
}
