/* SPDX-License-Identifier: Apache-2.0 */
/* The layout before Block Kit, which services that understand the same messages show best. */
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/clip.h"
#include "../../common/notice.h"

static json_t *string_of(char *text)
{
	json_t *string = json_string(text);

	free(text);
	return string;
}

/* A second delimiter would make some readers of <url|text> take the wrong half for the text. */
static char *without_delimiters(const char *text)
{
	char *copy = malloc(2 * strlen(text) + 1), *at = copy;

	for (; copy && *text; text++)
		at = *text == '|' ? stpcpy(at, "¦") : (*at = *text, at + 1);
	if (copy)
		*at = '\0';
	return copy;
}

/* <url|text>, in one piece: what was cut in its middle would be none. */
static void put_link(struct clip *clip, const struct notice_link *link, const char *title)
{
	char *text = without_delimiters(title), *whole;
	struct clip piece;

	clip_begin(&piece, SLACK_TEXT, "");
	clip_mark(&piece, "<");
	clip_line(&piece, link->url, CLIP_ENTITIES);
	clip_mark(&piece, "|");
	clip_line(&piece, text ? text : "", CLIP_ENTITIES);
	clip_mark(&piece, ">");
	whole = text ? clip_end(&piece) : (free(clip_end(&piece)), NULL);
	clip_mark(clip, whole ? whole : "");
	clip->failed |= !whole;
	free(whole);
	free(text);
}

static void put_title(struct clip *clip, const struct tocsin_alert *alert)
{
	struct notice_link links[NOTICE_LINKS];
	size_t n = notice_links(alert, links);
	const char *title = notice_title(alert);

	if (n > 0 && strcmp(links[0].title, "Open") == 0 &&
	    clip_length(title) * 5 + strlen(links[0].url) * 5 < SLACK_TEXT / 2)
		put_link(clip, &links[0], title);
	else
		clip_line(clip, title, CLIP_ENTITIES);
}

static void put_heading(struct clip *clip, const struct tocsin_alert *alert)
{
	if (notice_headline(alert)) {
		clip_mark(clip, "*");
		clip_line(clip, notice_headline(alert), CLIP_ENTITIES);
	} else {
		clip_mark(clip, notice_emoji(alert));
		clip_mark(clip, " *");
		clip_mark(clip, notice_heading(alert));
		clip_mark(clip, ": ");
		put_title(clip, alert);
	}
	clip_mark(clip, "*");
}

json_t *slack_classic_text(const struct tocsin_alert *alert, const struct slack_texts *texts)
{
	const char *message = texts->message ? texts->message : notice_message(alert);
	struct clip clip;

	clip_begin(&clip, SLACK_TEXT, " … (cut here; the alert is longer)");
	if (texts->title && *texts->title) {
		clip_markup(&clip, texts->title, false);
	} else {
		put_heading(&clip, alert);
	}
	if (message && *message)
		clip_mark(&clip, "\n");
	if (message && texts->message)
		clip_markup(&clip, message, true);
	else if (message)
		clip_lines(&clip, message, CLIP_ENTITIES);
	return string_of(clip_end(&clip));
}

static json_t *field_text(const char *value, size_t most)
{
	struct clip clip;

	clip_begin(&clip, most, "…");
	clip_lines(&clip, value ? value : "", CLIP_ENTITIES);
	return string_of(clip_end(&clip));
}

/* False when memory is short. */
static bool add_field(json_t *fields, const char *title, const char *value)
{
	bool is_short = value && strlen(value) <= 40;

	if (json_array_size(fields) >= SLACK_FIELDS)
		return true;
	return json_array_append_new(fields, json_pack("{so so sb}", "title",
						       field_text(title, SLACK_FIELD_NAME), "value",
						       field_text(value, SLACK_FIELD_VALUE),
						       "short", (int)is_short)) == 0;
}

static json_t *fields_of(const struct tocsin_alert *alert)
{
	const char *metric = notice_metric(alert);
	json_t *fields = json_array();
	bool good = !metric || add_field(fields, "Metric value", metric);
	struct notice_field own[NOTICE_FIELDS];
	size_t n = notice_fields(alert, own);

	for (size_t i = 0; good && i < n; i++)
		good = add_field(fields, own[i].title, own[i].value);
	for (size_t i = 0; good && n == 0 && i < alert->labels.n; i++) {
		const struct tocsin_pair *label = &alert->labels.pair[i];

		if (strcmp(label->name, "metric_value") != 0)
			good = add_field(fields, label->name, label->value);
	}
	for (size_t i = 0; good && n == 0 && i < alert->annotations.n; i++) {
		const struct tocsin_pair *annotation = &alert->annotations.pair[i];

		if (notice_is_detail(alert, annotation))
			good = add_field(fields, annotation->name, annotation->value);
	}
	if (good)
		return fields;
	json_decref(fields);
	return NULL;
}

json_t *slack_classic_attachment(const struct tocsin_alert *alert)
{
	char color[8];

	snprintf(color, sizeof(color), "#%s", notice_color(alert));
	return json_pack("{ss so so sI}", "color", color, "fields", fields_of(alert), "footer",
			 field_text(alert->source, SLACK_FIELD_NAME), "ts",
			 (json_int_t)(notice_time_ms(alert) / 1000));
}
