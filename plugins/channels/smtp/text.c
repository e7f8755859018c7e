/* SPDX-License-Identifier: Apache-2.0 */
/* The text/plain part. */
#include "content.h"

static void put_pair(struct sheet *out, const char *indent, const char *name, const char *value)
{
	sheet_text(out, indent);
	sheet_line(out, name);
	sheet_put(out, ": ", 2);
	sheet_line(out, value);
	sheet_put(out, "\r\n", 2);
}

static void put_details(struct sheet *out, const struct smtp_content *content)
{
	const struct tocsin_map *maps[] = {&content->alert->labels, &content->alert->annotations};
	struct notice_field own[NOTICE_FIELDS];
	size_t n = notice_fields(content->alert, own);

	sheet_text(out, "\r\nDetails:\r\n");
	for (size_t i = 0; i < n; i++)
		put_pair(out, "  ", own[i].title, own[i].value);
	for (size_t map = 0; n == 0 && map < TOCSIN_COUNT(maps); map++) {
		for (size_t i = 0; i < maps[map]->n; i++) {
			const struct tocsin_pair *pair = &maps[map]->pair[i];

			if (smtp_is_detail(content, pair))
				put_pair(out, "  ", pair->name, pair->value);
		}
	}
}

static void put_paragraph(struct sheet *out, const char *text)
{
	if (text) {
		sheet_lines(out, text, "");
		sheet_text(out, "\r\n");
	}
}

static void put_heading(struct sheet *out, const struct tocsin_alert *alert, const char *title)
{
	if (title != notice_headline(alert))
		sheet_texts(out, notice_emoji(alert), " ", notice_heading(alert), ": ");
	sheet_line(out, title);
	sheet_text(out, "\r\n");
}

static void put_links(struct sheet *out, const struct smtp_content *content)
{
	for (size_t i = 0; i < content->n_links; i++)
		put_pair(out, "", i == 0 && content->has_link ? "Link" : content->link[i].title,
			 content->link[i].url);
}

/* One of the alerts of a digest. */
static void put_item(struct sheet *out, const struct tocsin_alert *alert)
{
	char time[NOTICE_TIME_SIZE], brief[SMTP_BRIEF_SIZE];
	const char *message = smtp_brief(alert, brief);
	struct notice_link link;

	sheet_text(out, "\r\n");
	put_heading(out, alert, notice_title(alert));
	put_pair(out, "  ", "Time", notice_local_time(notice_time_ms(alert), time));
	if (smtp_own_link(alert, &link))
		put_pair(out, "  ", "Link", link.url);
	if (message)
		sheet_lines(out, message, "  ");
}

/* To a person: what to do, and where. */
static void put_letter(struct sheet *out, const struct smtp_content *content)
{
	sheet_line(out, content->title);
	sheet_text(out, "\r\n\r\nHello ");
	sheet_line(out, content->recipient);
	sheet_text(out, ",\r\n\r\n");
	put_paragraph(out, content->message);
	put_paragraph(out, content->instructions);
	for (size_t i = 0; i < content->n_links; i++)
		put_pair(out, "", content->link[i].title, content->link[i].url);
}

static void put_alert(struct sheet *out, const struct smtp_content *content)
{
	const struct tocsin_alert *alert = content->alert;

	put_heading(out, alert, content->title);
	sheet_text(out, "\r\n");
	put_paragraph(out, content->message);
	put_paragraph(out, content->instructions);
	sheet_texts(out, "Time: ", content->time,
		    "\r\nSeverity: ", notice_severity(alert->severity), " (",
		    notice_status(alert->status), ")\r\n");
	if (content->metric)
		put_pair(out, "", "Metric value", content->metric);
	put_links(out, content);
	if (content->n_folded == 0)
		put_details(out, content);
	for (size_t i = 0; i < content->n_folded; i++)
		put_item(out, content->folded[i]);
}

void smtp_put_text(struct sheet *out, const struct smtp_content *content)
{
	if (content->recipient && content->n_folded == 0)
		put_letter(out, content);
	else
		put_alert(out, content);
}
