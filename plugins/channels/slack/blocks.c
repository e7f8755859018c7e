/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of Block Kit: a header; beside a bar in the severity's colour the text, the fields, buttons
 * for the links, and where and when. What comes from the alert is plain text, in which nothing is
 * formatted; only what cannot be formatting stands in mrkdwn, so that names of fields can be bold.
 */
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/clip.h"
#include "../../common/headline.h"
#include "../../common/notice.h"
#include "../../common/text.h"

#define LAST_DATE_MS INT64_C(253402300799999) /* the end of the year 9999 */

/* A list of blocks; failed when memory was short. */
struct list {
	json_t *blocks;
	bool failed;
};

static void append(struct list *list, json_t *block)
{
	if (json_array_append_new(list->blocks, block) < 0)
		list->failed = true;
}

static json_t *list_end(struct list *list)
{
	if (!list->failed)
		return list->blocks;
	json_decref(list->blocks);
	return NULL;
}

/* Takes the text. One of nothing but spaces would be refused. */
static json_t *text_object(const char *kind, const char *key, bool value, char *text)
{
	bool blank = text && !text[strspn(text, " \n\t")];
	json_t *object = NULL;

	if (text)
		object = json_pack("{ss ss sb}", "type", kind, "text", blank ? "–" : text, key,
				   (int)value);
	free(text);
	return object;
}

static json_t *plain_text(char *text)
{
	return text_object("plain_text", "emoji", false, text);
}

/* verbatim: addresses in it are no links, and names no mentions. */
static json_t *mrkdwn(char *text)
{
	return text_object("mrkdwn", "verbatim", true, text);
}

static json_t *section(json_t *text)
{
	return json_pack("{ss so}", "type", "section", "text", text);
}

static char *built_in_title(const struct tocsin_alert *alert, size_t most, bool *cut)
{
	struct clip clip;

	clip_begin(&clip, most, "…");
	headline_put(&clip, alert, CLIP_ENTITIES);
	clip_mark(&clip, ""); /* what waits for accents is counted */
	*cut = clip.cut;
	return clip_end(&clip);
}

static char *markup(const char *text, bool lines)
{
	struct clip clip;

	clip_begin(&clip, SLACK_SECTION, " … (cut here; the alert is longer)");
	clip_markup(&clip, text, lines);
	return clip_end(&clip);
}

static char *escaped(const char *text, size_t most, const char *note)
{
	struct clip clip;

	clip_begin(&clip, most, note);
	clip_lines(&clip, text ? text : "", CLIP_ENTITIES);
	return clip_end(&clip);
}

static bool is_blank(const char *text)
{
	return !text || !text[strspn(text, " \t\r\n")];
}

json_t *slack_heading_blocks(const struct tocsin_alert *alert, const char *title)
{
	struct list list = {.blocks = json_array()};
	bool cut;

	if (!is_blank(title))
		append(&list, section(mrkdwn(markup(title, false))));
	else
		append(&list, json_pack("{ss so}", "type", "header", "text",
					plain_text(built_in_title(alert, SLACK_HEADER, &cut))));
	return list_end(&list);
}

/* A header is short: what was cut off there is said in full. */
static void append_long_title(struct list *list, const struct tocsin_alert *alert)
{
	bool cut = false;

	free(built_in_title(alert, SLACK_HEADER, &cut));
	if (cut)
		append(list, section(plain_text(escaped(notice_title(alert), SLACK_TITLE, "…"))));
}

static void append_text(struct list *list, const struct tocsin_alert *alert, const char *template)
{
	const char *message = notice_message(alert);

	if (template && !is_blank(template))
		append(list, section(mrkdwn(markup(template, true))));
	else if (!template && !is_blank(message))
		append(list, section(plain_text(escaped(message, SLACK_SECTION,
							"\n… (cut here; the alert is longer)"))));
}

/* Formatting needs a pair of the same mark, and a quotation the beginning of a line. */
static bool is_harmless(const char *text, size_t most)
{
	static const char marks[] = "*_~`";
	const char *line = text;

	for (size_t i = 0; marks[i]; i++) {
		size_t n = 0;

		for (const char *c = text; (c = strchr(c, marks[i])); c++)
			n++;
		if (n > most)
			return false;
	}
	while (line) {
		line += strspn(line, " \t\n");
		if (strncmp(line, "&gt;", 4) == 0)
			return false;
		line = strchr(line, '\n');
	}
	return true;
}

struct fields {
	json_t *list;
	size_t units, left_out;
	bool failed;
};

/* "*name*\nvalue" in mrkdwn, or the same in plain text. */
static char *field_text(const char *name, const char *value, bool *bold)
{
	struct clip clip;
	char *shown = escaped(name, SLACK_FIELD_NAME, "…");
	char *said = escaped(value, SLACK_FIELD_VALUE, "…");

	*bold = shown && said && !strpbrk(shown, " \t\n") && *shown && is_harmless(shown, 0) &&
		is_harmless(said, 1);
	clip_begin(&clip, SLACK_FIELD_NAME + SLACK_FIELD_VALUE + 8, "");
	clip_mark(&clip, *bold ? "*" : "");
	clip_mark(&clip, shown ? shown : "");
	clip_mark(&clip, *bold ? "*\n" : "\n");
	clip_mark(&clip, said && *said ? said : "–");
	clip.failed |= !shown || !said;
	free(shown);
	free(said);
	return clip_end(&clip);
}

static void add_field(struct fields *fields, const char *name, const char *value)
{
	size_t units;
	bool bold;
	char *text;

	if (json_array_size(fields->list) >= SLACK_FIELDS) {
		fields->left_out++;
		return;
	}
	text = field_text(name, value, &bold);
	units = text ? clip_length(text) : 0;
	if (text && fields->units + units > SLACK_FIELDS_TOTAL) {
		fields->left_out++;
		free(text);
		return;
	}
	fields->units += units;
	if (json_array_append_new(fields->list, bold ? mrkdwn(text) : plain_text(text)) < 0)
		fields->failed = true;
}

static void add_fields(struct fields *fields, const struct tocsin_alert *alert)
{
	const char *metric = notice_metric(alert);
	struct notice_field own[NOTICE_FIELDS];
	size_t n = notice_fields(alert, own);

	if (metric)
		add_field(fields, "Metric", metric);
	for (size_t i = 0; i < n; i++)
		add_field(fields, own[i].title, own[i].value);
	if (n > 0)
		return;
	for (size_t i = 0; i < alert->labels.n; i++) {
		const struct tocsin_pair *label = &alert->labels.pair[i];

		if (strcmp(label->name, "metric_value") != 0 && !notice_is_link(alert, label))
			add_field(fields, label->name, label->value);
	}
	for (size_t i = 0; i < alert->annotations.n; i++) {
		const struct tocsin_pair *annotation = &alert->annotations.pair[i];

		if (notice_is_detail(alert, annotation) && !notice_is_link(alert, annotation))
			add_field(fields, annotation->name, annotation->value);
	}
}

/* A section takes ten of them. */
static void append_fields(struct list *list, const struct fields *fields)
{
	json_t *some = NULL;

	for (size_t i = 0; i < json_array_size(fields->list); i++) {
		if (i % SLACK_SECTION_FIELDS == 0) {
			some = json_array();
			append(list, json_pack("{ss so}", "type", "section", "fields", some));
		}
		if (json_array_append(some, json_array_get(fields->list, i)) < 0)
			list->failed = true;
	}
	list->failed |= fields->failed;
}

static void append_buttons(struct list *list, const struct tocsin_alert *alert)
{
	struct notice_link links[NOTICE_LINKS];
	size_t n = notice_links(alert, links);
	struct list buttons = {.blocks = n > 0 ? json_array() : NULL};
	char id[32];

	for (size_t i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "link_%zu", i);
		append(&buttons,
		       json_pack("{ss ss ss so}", "type", "button", "action_id", id, "url",
				 links[i].url, "text", plain_text(strdup(links[i].title))));
	}
	if (n > 0)
		append(list,
		       json_pack("{ss so}", "type", "actions", "elements", list_end(&buttons)));
}

/* Slack shows the time in the reader's own zone. */
static char *time_text(int64_t time_ms)
{
	char iso[NOTICE_TIME_SIZE], *text;

	notice_iso_time(time_ms, iso);
	if (asprintf(&text, "<!date^%lld^{date_num} {time_secs}|%s>", (long long)(time_ms / 1000),
		     iso) < 0)
		return NULL;
	return text;
}

static char *left_out_text(size_t left_out)
{
	char *text;

	return asprintf(&text, "%zu more details left out", left_out) < 0 ? NULL : text;
}

static void append_context(struct list *list, const struct tocsin_alert *alert, size_t left_out)
{
	struct list elements = {.blocks = json_array()};
	int64_t time_ms = notice_time_ms(alert);

	append(&elements, plain_text(escaped(alert->source, SLACK_FIELD_NAME, "…")));
	if (time_ms > 0 && time_ms <= LAST_DATE_MS)
		append(&elements, mrkdwn(time_text(time_ms)));
	if (left_out > 0)
		append(&elements, plain_text(left_out_text(left_out)));
	append(list, json_pack("{ss so}", "type", "context", "elements", list_end(&elements)));
}

json_t *slack_blocks_attachment(const struct tocsin_alert *alert, const struct slack_texts *texts)
{
	struct list list = {.blocks = json_array()};
	struct fields fields = {.list = json_array()};
	char color[8];

	snprintf(color, sizeof(color), "#%s", notice_color(alert));
	if (is_blank(texts->title))
		append_long_title(&list, alert);
	append_text(&list, alert, texts->message);
	add_fields(&fields, alert);
	append_fields(&list, &fields);
	append_buttons(&list, alert);
	append_context(&list, alert, fields.left_out);
	json_decref(fields.list);
	return json_pack("{ss so}", "color", color, "blocks", list_end(&list));
}
