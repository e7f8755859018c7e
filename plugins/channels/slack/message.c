/* SPDX-License-Identifier: Apache-2.0 */
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../common/draft.h"
#include "../../common/notice.h"
#include "../../common/text.h"

/* A text under construction that never grows over its limit. */
struct mrkdwn {
	struct draft draft;
	size_t room; /* bytes that may still be written */
	bool cut;    /* something did not fit: the rest is left out */
};

/* One piece that must not be split, such as an entity. */
static void put_piece(struct mrkdwn *text, const char *piece, size_t length)
{
	if (length > text->room)
		text->cut = true;
	if (text->cut)
		return;
	text->room -= length;
	fwrite(piece, 1, length, text->draft.out);
}

static void put_mark(struct mrkdwn *text, const char *mark)
{
	put_piece(text, mark, strlen(mark));
}

/* Only & < > mean something to Slack everywhere; as entities they start no mention or link. */
static void put_point(struct mrkdwn *text, uint32_t point)
{
	char bytes[4];

	if (point == '&')
		put_mark(text, "&amp;");
	else if (point == '<')
		put_mark(text, "&lt;");
	else if (point == '>')
		put_mark(text, "&gt;");
	else
		put_piece(text, bytes, text_encode(point, bytes));
}

/* Alert text of one line, or of several; other controls become spaces. */
static void put_text(struct mrkdwn *text, const char *value, bool lines)
{
	uint32_t point;

	while ((point = text_next(&value)) != 0 && !text->cut) {
		if (lines && (point == '\n' || point == '\t'))
			put_point(text, point);
		else
			put_point(text, text_is_control(point) ? ' ' : point);
	}
}

/* <url|text> cannot be broken by a url in which the delimiters are percent-encoded. */
static void put_link(struct mrkdwn *text, const char *url, const char *title)
{
	uint32_t point;
	char hex[4];

	/* A link that was cut in its middle would be none; the factor is that of "&amp;". */
	if ((strlen(url) + strlen(title)) * 5 + strlen("<|>") > text->room) {
		put_text(text, title, false);
		return;
	}
	put_mark(text, "<");
	for (; *url; url++) {
		if ((unsigned char)*url >= 0x80 || strchr("|<>\"`", *url)) {
			snprintf(hex, sizeof(hex), "%%%02X", (unsigned int)(unsigned char)*url);
			put_mark(text, hex);
		} else if (*url == '&') {
			put_mark(text, "&amp;");
		} else {
			put_piece(text, url, 1);
		}
	}
	put_mark(text, "|");
	/* A second delimiter would make some readers take the wrong half for the text. */
	while ((point = text_next(&title)) != 0)
		put_point(text, text_is_control(point) ? ' ' : point == '|' ? 0xa6 : point);
	put_mark(text, ">");
}

static bool mrkdwn_begin(struct mrkdwn *text, size_t room)
{
	*text = (struct mrkdwn){.room = room};
	return draft_begin(&text->draft);
}

/* Ends the text, with the note when something was left out. NULL when memory is short. */
static json_t *mrkdwn_end(struct mrkdwn *text, const char *note)
{
	json_t *value;
	char *data;

	if (text->cut)
		fputs(note, text->draft.out);
	data = draft_end(&text->draft, NULL);
	value = json_string(data);
	free(data);
	return value;
}

static json_t *main_text(const struct tocsin_alert *alert)
{
	static const char note[] = " … (cut here; the alert is longer)";
	const char *message = notice_message(alert), *link = notice_link(alert);
	const char *title = notice_title(alert);
	struct mrkdwn text;

	if (!mrkdwn_begin(&text, SLACK_TEXT_MAX - sizeof(note)))
		return NULL;
	put_mark(&text, notice_emoji(alert));
	put_mark(&text, " *");
	put_mark(&text, notice_heading(alert));
	put_mark(&text, ": ");
	if (link)
		put_link(&text, link, title);
	else
		put_text(&text, title, false);
	put_mark(&text, "*");
	if (message) {
		put_mark(&text, "\n");
		put_text(&text, message, true);
	}
	return mrkdwn_end(&text, note);
}

static json_t *field_text(const char *value)
{
	struct mrkdwn text;

	if (!mrkdwn_begin(&text, SLACK_FIELD_MAX))
		return NULL;
	put_text(&text, value ? value : "", true);
	return mrkdwn_end(&text, " …");
}

/* Adds to the list; without memory the list is no more, for nobody wants a part of it. */
static void add_field(json_t **fields, const char *title, const char *value)
{
	bool is_short = value && strlen(value) <= 40;

	if (json_array_size(*fields) >= SLACK_FIELDS_MAX)
		return;
	if (json_array_append_new(*fields,
				  json_pack("{so so sb}", "title", field_text(title), "value",
					    field_text(value), "short", (int)is_short)) == 0)
		return;
	json_decref(*fields);
	*fields = NULL;
}

/* NULL when memory is short. */
static json_t *fields_of(const struct tocsin_alert *alert)
{
	const char *metric = notice_metric(alert);
	json_t *fields = json_array();
	size_t i;

	if (metric)
		add_field(&fields, "Metric value", metric);
	for (i = 0; i < alert->labels.n; i++) {
		if (strcmp(alert->labels.pair[i].name, "metric_value") != 0)
			add_field(&fields, alert->labels.pair[i].name, alert->labels.pair[i].value);
	}
	for (i = 0; i < alert->annotations.n; i++) {
		const struct tocsin_pair *pair = &alert->annotations.pair[i];

		if (notice_is_detail(alert, pair))
			add_field(&fields, pair->name, pair->value);
	}
	return fields;
}

static json_t *attachment_of(const struct tocsin_alert *alert)
{
	char color[8];

	snprintf(color, sizeof(color), "#%s", notice_color(alert));
	return json_pack("{ss so so sI}", "color", color, "fields", fields_of(alert), "footer",
			 field_text(alert->source), "ts",
			 (json_int_t)(notice_time_ms(alert) / 1000));
}

static bool set_optional(json_t *message, const char *key, const char *value)
{
	return !value || !*value || json_object_set_new(message, key, json_string(value)) == 0;
}

char *slack_message(const struct slack_config *config, const struct tocsin_delivery *delivery)
{
	/* Unfurling would fetch what alert text links to. */
	json_t *message = json_pack("{so s[o] sb sb}", "text", main_text(delivery->alert),
				    "attachments", attachment_of(delivery->alert), "unfurl_links",
				    0, "unfurl_media", 0);
	struct draft draft;
	char *body = NULL;

	if (message && set_optional(message, "channel", config->channel) &&
	    set_optional(message, "username", config->username) &&
	    set_optional(message, "icon_emoji", config->icon_emoji) && draft_begin(&draft)) {
		draft.failed |= json_dumpf(message, draft.out, JSON_COMPACT) != 0;
		body = draft_end(&draft, NULL);
	}
	json_decref(message);
	return body;
}
