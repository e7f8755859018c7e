/* SPDX-License-Identifier: Apache-2.0 */
/* An alert as an Adaptive Card, version 1.4, which Teams renders everywhere. */
#include "teams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../common/body.h"
#include "../../common/clip.h"
#include "../../common/headline.h"
#include "../../common/notice.h"

#define LAST_DATE_MS INT64_C(253402300799999) /* the end of the year 9999 */
#define SMALL_TEXT 400                        /* shorter than this it is no use to cut the text */

/* How much of an alert is shown: less of a large one, until the whole fits. */
struct size {
	size_t text; /* UTF-16 units */
	size_t facts;
};

/* Takes the text; NULL when memory is, or was, short. */
static json_t *string_of(char *text)
{
	json_t *string = json_string(text);

	free(text);
	return string;
}

static char *or_dash(char *text)
{
	if (!text || text[strspn(text, " \n\t")])
		return text;
	free(text);
	return strdup("–");
}

static char *built_in_title(const struct tocsin_alert *alert, enum clip_escape escape)
{
	struct clip clip;

	clip_begin(&clip, TEAMS_TITLE, "…");
	headline_put(&clip, alert, escape);
	return clip_end(&clip);
}

static char *title_text(const struct tocsin_alert *alert, const char *template)
{
	struct clip clip;

	if (!template || !template[strspn(template, " \t\r\n")])
		return built_in_title(alert, CLIP_MARKDOWN);
	clip_begin(&clip, TEAMS_TITLE, "…");
	clip_markup(&clip, template, false);
	return or_dash(clip_end(&clip));
}

/* Markdown makes one line of two; an empty one between them keeps them apart. */
static char *apart(char *lines)
{
	char *text = lines ? malloc(2 * strlen(lines) + 1) : NULL, *at = text;

	for (const char *c = lines; text && *c; c++) {
		*at++ = *c;
		if (*c != '\n')
			continue;
		*at++ = '\n';
		c += strspn(c, "\n") - 1;
	}
	if (text)
		*at = '\0';
	free(lines);
	return text;
}

static char *message_text(const char *message, bool markup, size_t most)
{
	struct clip clip;

	clip_begin(&clip, most, "\n\n… (cut here; the alert is longer)");
	if (!markup)
		clip_lines(&clip, message, CLIP_MARKDOWN);
	else
		clip_markup(&clip, message, true);
	return markup ? clip_end(&clip) : apart(clip_end(&clip));
}

/* The names of Teams for its colours, of text and of boxes. */
static const char *style_of(const struct tocsin_alert *alert)
{
	if (alert->status == TOCSIN_RESOLVED)
		return "good";
	if (alert->severity >= TOCSIN_ERROR)
		return "attention";
	if (alert->severity == TOCSIN_WARNING)
		return "warning";
	return alert->severity == TOCSIN_DEBUG ? "default" : "accent";
}

static json_t *heading(const struct tocsin_alert *alert, const char *template)
{
	return json_pack("{ss ss sb s[{ss so ss ss ss sb}]}", "type", "Container", "style",
			 style_of(alert), "bleed", 1, "items", "type", "TextBlock", "text",
			 string_of(title_text(alert, template)), "weight", "Bolder", "size",
			 "Medium", "color", style_of(alert), "wrap", 1);
}

static json_t *text_block(char *text)
{
	return json_pack("{ss so sb}", "type", "TextBlock", "text", string_of(text), "wrap", 1);
}

static json_t *small_block(char *text)
{
	return json_pack("{ss so ss sb sb}", "type", "TextBlock", "text", string_of(text), "size",
			 "Small", "isSubtle", 1, "wrap", 1);
}

static json_t *fact_text(const char *value, size_t most)
{
	struct clip clip;

	clip_begin(&clip, most, "…");
	clip_line(&clip, value ? value : "", CLIP_MARKDOWN);
	return string_of(or_dash(clip_end(&clip)));
}

struct facts {
	json_t *list;
	size_t most, left_out;
	bool failed; /* memory was short */
};

static void add_fact(struct facts *facts, const char *name, const char *value)
{
	if (json_array_size(facts->list) >= facts->most) {
		facts->left_out++;
		return;
	}
	if (json_array_append_new(facts->list,
				  json_pack("{so so}", "title", fact_text(name, TEAMS_FACT_NAME),
					    "value", fact_text(value, TEAMS_FACT_VALUE))) < 0)
		facts->failed = true;
}

static void add_facts(struct facts *facts, const struct tocsin_alert *alert)
{
	const char *metric = notice_metric(alert);
	struct notice_field own[NOTICE_FIELDS];
	size_t n = notice_fields(alert, own);

	if (metric)
		add_fact(facts, "Metric value", metric);
	for (size_t i = 0; i < n; i++)
		add_fact(facts, own[i].title, own[i].value);
	if (n > 0)
		return;
	for (size_t i = 0; i < alert->labels.n; i++) {
		const struct tocsin_pair *label = &alert->labels.pair[i];

		if (strcmp(label->name, "metric_value") != 0 && !notice_is_link(alert, label))
			add_fact(facts, label->name, label->value);
	}
	for (size_t i = 0; i < alert->annotations.n; i++) {
		const struct tocsin_pair *annotation = &alert->annotations.pair[i];

		if (notice_is_detail(alert, annotation) && !notice_is_link(alert, annotation))
			add_fact(facts, annotation->name, annotation->value);
	}
}

/* The source and, in the reader's own time zone, the time. */
static char *footer_text(const struct tocsin_alert *alert, size_t left_out)
{
	char iso[NOTICE_TIME_SIZE], mark[200];
	int64_t time_ms = notice_time_ms(alert);
	struct clip clip;

	clip_begin(&clip, 600, "…");
	clip_line(&clip, alert->source ? alert->source : "", CLIP_MARKDOWN);
	if (time_ms > 0 && time_ms <= LAST_DATE_MS) {
		notice_iso_time(time_ms, iso);
		iso[strcspn(iso, ".")] =
			'\0'; /* without the milliseconds, which Teams would not read */
		snprintf(mark, sizeof(mark), " · {{DATE(%sZ, SHORT)}} {{TIME(%sZ)}}", iso, iso);
		clip_mark(&clip, mark);
	}
	if (left_out > 0) {
		snprintf(mark, sizeof(mark), " · %zu more details left out", left_out);
		clip_mark(&clip, mark);
	}
	return clip_end(&clip);
}

/* "<at>Ann</at> <at>Bob</at>", which the entities of the card make mentions. */
static char *mention_text(const struct tocsin_map *mentions)
{
	struct clip clip;

	clip_begin(&clip, 4000, "");
	for (size_t i = 0; i < mentions->n; i++) {
		clip_mark(&clip, i > 0 ? " <at>" : "<at>");
		clip_mark(&clip, mentions->pair[i].name);
		clip_mark(&clip, "</at>");
	}
	return clip_end(&clip);
}

static json_t *entities_of(const struct tocsin_map *mentions)
{
	json_t *list = json_array();

	for (size_t i = 0; i < mentions->n; i++) {
		const struct tocsin_pair one = mentions->pair[i];
		const struct tocsin_map alone = {&one, 1};

		if (json_array_append_new(list,
					  json_pack("{ss so s{ss ss}}", "type", "mention", "text",
						    string_of(mention_text(&alone)), "mentioned",
						    "id", one.value, "name", one.name)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *actions_of(const struct tocsin_alert *alert)
{
	struct notice_link links[NOTICE_LINKS];
	size_t n = notice_links(alert, links);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(list,
					  json_pack("{ss ss ss}", "type", "Action.OpenUrl", "title",
						    links[i].title, "url", links[i].url)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Puts the parts into the body of the card; a part that is NULL had no memory. */
static bool append(json_t *body, json_t *part)
{
	return json_array_append_new(body, part) == 0;
}

static json_t *body_of_card(const struct teams_config *config, const struct tocsin_alert *alert,
			    const struct teams_texts *texts, const struct size *size)
{
	const char *message = texts->message ? texts->message : notice_message(alert);
	struct facts facts = {.list = json_array(), .most = size->facts};
	json_t *body = json_array();
	bool good = append(body, heading(alert, texts->title));

	if (config->mentions.n > 0 && alert->status != TOCSIN_RESOLVED)
		good = good && append(body, text_block(mention_text(&config->mentions)));
	if (message && message[strspn(message, " \t\r\n")])
		good = good && append(body, text_block(message_text(message, texts->message != NULL,
								    size->text)));
	add_facts(&facts, alert);
	if (json_array_size(facts.list) > 0)
		good = good &&
		       append(body, json_pack("{ss sO}", "type", "FactSet", "facts", facts.list));
	good = good && !facts.failed &&
	       append(body, small_block(footer_text(alert, facts.left_out)));
	json_decref(facts.list);
	if (good)
		return body;
	json_decref(body);
	return NULL;
}

static json_t *card_of(const struct teams_config *config, const struct tocsin_alert *alert,
		       const struct teams_texts *texts, const struct size *size)
{
	static const struct tocsin_map nobody;
	const struct tocsin_map *mentions = alert->status == TOCSIN_RESOLVED ? &nobody
									     : &config->mentions;

	return json_pack("{ss ss ss so so so s{ss so}}", "type", "AdaptiveCard", "$schema",
			 "http://adaptivecards.io/schemas/adaptive-card.json", "version", "1.4",
			 "fallbackText", string_of(built_in_title(alert, CLIP_PLAIN)), "body",
			 body_of_card(config, alert, texts, size), "actions", actions_of(alert),
			 "msteams", "width", "Full", "entities", entities_of(mentions));
}

static char *in_envelope(const struct teams_config *config, json_t *card)
{
	json_t *message = card;
	char *body;

	if (config->envelope == TEAMS_MESSAGE)
		message = json_pack("{ss s[{ss sn so}]}", "type", "message", "attachments",
				    "contentType", "application/vnd.microsoft.card.adaptive",
				    "contentUrl", "content", card);
	body = body_of(message);
	json_decref(message);
	return body;
}

char *teams_message(const struct teams_config *config, const struct tocsin_delivery *delivery,
		    const struct teams_texts *texts)
{
	struct size size = {TEAMS_TEXT, TEAMS_FACTS};

	for (;;) {
		char *body = in_envelope(config, card_of(config, delivery->alert, texts, &size));

		if (!body || strlen(body) <= TEAMS_BODY || size.facts == 0)
			return body;
		free(body);
		/* The text first: what it says at length is behind a link, what is in facts is not. */
		if (size.text > SMALL_TEXT)
			size.text = size.text * 3 / 4;
		else
			size.facts /= 2;
	}
}
