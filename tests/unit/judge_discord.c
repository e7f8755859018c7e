/* SPDX-License-Identifier: Apache-2.0 */
/* After https://discord.com/developers/docs/resources/webhook and .../message#embed-object-embed-limits */
#include "judge.h"

#include <string.h>

/* Discord trims before it counts; what is nothing but space is missing. */
static size_t counted(const json_t *object, const char *key, size_t most)
{
	const char *text = judge_text(object, key, most);

	assert(*text != ' ' && *text != '\n' && *text != '\t');
	assert(text[strlen(text) - 1] != ' ' && text[strlen(text) - 1] != '\n');
	assert(strncmp(text, "\xc2\xa0", 2) != 0 && strncmp(text, "\xe3\x80\x80", 3) != 0);
	return judge_units(text);
}

static size_t marked_text(const json_t *object, const char *key, size_t most, bool marked)
{
	size_t units = counted(object, key, most);

	if (marked)
		judge_clean(judge_text(object, key, most), "\n\t");
	else
		judge_inert_markdown(judge_text(object, key, most));
	return units;
}

/* "[Open](https://example.com) · [Runbook](https://...)": our own links, in our own field. */
static bool are_links(const char *text)
{
	static const char *const titles[] = {"[Open](", "[Runbook](", "[Dashboard](", "[Source]("};
	char url[2100];

	for (;;) {
		const char *end = strchr(text, ')'), *title = NULL;

		for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
			if (strncmp(text, titles[i], strlen(titles[i])) == 0)
				title = titles[i];
		}
		if (!end || !title)
			return false;
		text += strlen(title);
		assert((size_t)(end - text) < sizeof(url));
		memcpy(url, text, (size_t)(end - text));
		url[end - text] = '\0';
		assert(!strchr(url, '('));
		judge_url(url, 2048);
		text = end + 1;
		if (!*text)
			return true;
		assert(strncmp(text, " · ", 4) == 0);
		text += 4;
	}
}

static size_t check_field(const json_t *field)
{
	size_t units = marked_text(field, "name", 256, false);

	judge_keys(field, "|name|value|inline|");
	assert(json_is_boolean(json_object_get(field, "inline")));
	if (are_links(judge_text(field, "value", 1024)))
		return units + counted(field, "value", 1024);
	return units + marked_text(field, "value", 1024, false);
}

static void check_time(const char *time)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	assert(strlen(time) == strlen(form));
	for (size_t i = 0; form[i]; i++)
		assert(form[i] == 'd' ? time[i] >= '0' && time[i] <= '9' : time[i] == form[i]);
}

static void check_embed(const json_t *embed, bool marked)
{
	const json_t *fields = json_object_get(embed, "fields"), *field;
	size_t total = marked_text(embed, "title", 256, marked), i;

	judge_keys(embed, "|title|url|description|color|fields|footer|timestamp|");
	if (json_object_get(embed, "description"))
		total += marked_text(embed, "description", 4096, marked);
	if (json_object_get(embed, "url"))
		judge_url(judge_text(embed, "url", 2048), 2048);
	if (json_object_get(embed, "timestamp"))
		check_time(judge_text(embed, "timestamp", 40));
	assert(json_integer_value(json_object_get(embed, "color")) > 0);
	assert(json_integer_value(json_object_get(embed, "color")) <= 0xffffff);
	assert(json_is_array(fields) && json_array_size(fields) <= 25);
	json_array_foreach(fields, i, field) total += check_field(field);
	judge_keys(json_object_get(embed, "footer"), "|text|");
	total += counted(json_object_get(embed, "footer"), "text", 2048);
	judge_clean(judge_text(json_object_get(embed, "footer"), "text", 2048), "");
	assert(total <= 6000);
}

/* Only who is configured can be mentioned, and content is nothing but these. */
static void check_mentions(const json_t *message, size_t mentions)
{
	const json_t *allowed = json_object_get(message, "allowed_mentions");
	const json_t *parse = json_object_get(allowed, "parse");

	judge_keys(allowed, "|parse|users|roles|");
	assert(json_is_array(parse));
	if (mentions > 0) {
		assert(json_array_size(parse) + json_array_size(json_object_get(allowed, "users")) +
			       json_array_size(json_object_get(allowed, "roles")) <=
		       mentions);
		return;
	}
	assert(json_array_size(parse) == 0 && json_object_size(allowed) == 1);
	assert(!json_object_get(message, "content"));
}

void judge_discord(const char *body, size_t mentions, bool marked)
{
	json_t *message = judge_json(body);
	const json_t *embeds = json_object_get(message, "embeds");

	judge_keys(message, "|content|username|avatar_url|embeds|allowed_mentions|");
	check_mentions(message, mentions);
	assert(json_array_size(embeds) == 1);
	check_embed(json_array_get(embeds, 0), marked);
	json_decref(message);
}
