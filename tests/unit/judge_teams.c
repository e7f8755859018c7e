/* SPDX-License-Identifier: Apache-2.0 */
/* After https://adaptivecards.io/explorer/ (1.4) and Microsoft's pages about cards in Teams. */
#include "judge.h"

#include <string.h>

static void check_words(const json_t *object, const char *key, size_t most, bool marked)
{
	const char *text = judge_text(object, key, most);

	if (marked)
		judge_clean(text, "\n\t");
	else
		judge_inert_markdown(text);
}

static void is(const json_t *object, const char *key, const char *expected)
{
	const char *text = json_string_value(json_object_get(object, key));

	assert(text && strcmp(text, expected) == 0);
}

static void is_one_of(const json_t *object, const char *key, const char *words)
{
	char wanted[40] = "|";

	strncat(wanted, judge_text(object, key, 30), 32);
	strncat(wanted, "|", 2);
	assert(strstr(words, wanted));
}

static void check_heading(const json_t *box, bool marked)
{
	const json_t *items = json_object_get(box, "items"), *text = json_array_get(items, 0);

	judge_keys(box, "|type|style|bleed|items|");
	is(box, "type", "Container");
	is_one_of(box, "style", "|default|emphasis|good|attention|warning|accent|");
	assert(json_array_size(items) == 1);
	judge_keys(text, "|type|text|weight|size|color|wrap|");
	is(text, "type", "TextBlock");
	is_one_of(text, "color", "|default|dark|light|accent|good|warning|attention|");
	check_words(text, "text", 250, marked);
	assert(!strchr(judge_text(text, "text", 250), '\n'));
}

static void check_facts(const json_t *set)
{
	const json_t *facts = json_object_get(set, "facts"), *fact;
	size_t i;

	judge_keys(set, "|type|facts|");
	assert(json_array_size(facts) > 0);
	json_array_foreach(facts, i, fact)
	{
		judge_keys(fact, "|title|value|");
		check_words(fact, "title", 1000, false);
		check_words(fact, "value", 1000, false);
	}
}

/* The one place with functions of the card, all of which are ours. */
static void check_footer(const json_t *block)
{
	static const char form[] = "{{DATE(dddd-dd-ddTdd:dd:ddZ, SHORT)}} "
				   "{{TIME(dddd-dd-ddTdd:dd:ddZ)}}";
	const char *text = judge_text(block, "text", 800), *date = strstr(text, " · {{");
	char before[4000];

	judge_keys(block, "|type|text|size|isSubtle|wrap|");
	assert(strlen(text) < sizeof(before));
	strcpy(before, text);
	if (date) {
		before[date - text] = '\0';
		date += strlen(" · ");
		assert(strlen(date) >= strlen(form));
		for (size_t i = 0; form[i]; i++)
			assert(form[i] == 'd' ? date[i] >= '0' && date[i] <= '9'
					      : date[i] == form[i]);
		strcat(before, date + strlen(form));
	}
	judge_inert_markdown(before);
}

/* <at> is only where the configuration wants it, and only as often. */
static void check_mentions(const json_t *card, const json_t *block, size_t mentions)
{
	const json_t *entities = json_object_get(json_object_get(card, "msteams"), "entities"),
		     *one;
	const char *at = judge_text(block, "text", 4000);
	size_t i;

	judge_keys(block, "|type|text|wrap|");
	assert(json_array_size(entities) == mentions);
	json_array_foreach(entities, i, one)
	{
		const char *text = judge_text(one, "text", 300);

		judge_keys(one, "|type|text|mentioned|");
		judge_keys(json_object_get(one, "mentioned"), "|id|name|");
		assert(strncmp(at, text, strlen(text)) == 0);
		at += strlen(text);
		at += *at == ' ';
	}
	assert(!*at);
}

static void check_body(const json_t *card, size_t mentions, bool marked)
{
	const json_t *body = json_object_get(card, "body"), *block;
	size_t n = json_array_size(body), i = 1;

	assert(n >= 2);
	check_heading(json_array_get(body, 0), marked);
	if (mentions > 0)
		check_mentions(card, json_array_get(body, i++), mentions);
	for (; i + 1 < n; i++) {
		block = json_array_get(body, i);
		if (strcmp(judge_text(block, "type", 20), "FactSet") == 0) {
			check_facts(block);
			continue;
		}
		judge_keys(block, "|type|text|wrap|");
		is(block, "type", "TextBlock");
		check_words(block, "text", 20000, marked);
	}
	check_footer(json_array_get(body, n - 1));
}

static void check_actions(const json_t *actions)
{
	const json_t *action;
	size_t i;

	assert(json_is_array(actions) && json_array_size(actions) <= 6);
	json_array_foreach(actions, i, action)
	{
		judge_keys(action, "|type|title|url|");
		is(action, "type", "Action.OpenUrl");
		is_one_of(action, "title", "|Open|Runbook|Dashboard|Source|");
		judge_url(judge_text(action, "url", 2048), 2048);
	}
}

static void check_card(const json_t *card, size_t mentions, bool marked)
{
	judge_keys(card, "|type|$schema|version|fallbackText|body|actions|msteams|");
	is(card, "type", "AdaptiveCard");
	is(card, "version", "1.4");
	is(card, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
	judge_clean(judge_text(card, "fallbackText", 250), "");
	judge_keys(json_object_get(card, "msteams"), "|width|entities|");
	assert(json_array_size(json_object_get(json_object_get(card, "msteams"), "entities")) ==
	       mentions);
	check_body(card, mentions, marked);
	check_actions(json_object_get(card, "actions"));
}

void judge_teams(const char *body, bool card, size_t mentions, bool marked)
{
	json_t *message = judge_json(body);
	const json_t *attachment = json_array_get(json_object_get(message, "attachments"), 0);

	assert(strlen(body) <= 28 * 1024);
	if (card) {
		check_card(message, mentions, marked);
	} else {
		judge_keys(message, "|type|attachments|");
		is(message, "type", "message");
		assert(json_array_size(json_object_get(message, "attachments")) == 1);
		judge_keys(attachment, "|contentType|contentUrl|content|");
		is(attachment, "contentType", "application/vnd.microsoft.card.adaptive");
		assert(json_is_null(json_object_get(attachment, "contentUrl")));
		check_card(json_object_get(attachment, "content"), mentions, marked);
	}
	json_decref(message);
}
