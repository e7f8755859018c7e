/* SPDX-License-Identifier: Apache-2.0 */
#include "discord.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../common/body.h"
#include "../../common/clip.h"
#include "../../common/headline.h"
#include "../../common/notice.h"
#include "../../common/text.h"

#define FOOTER 200 /* units that are kept for the footer */
#define TITLE_URL 2048
#define LAST_DATE_MS INT64_C(253402300799999) /* the end of the year 9999 */

/* An embed that grows; total counts what Discord counts. */
struct embed {
	json_t *object, *fields;
	size_t total;
	size_t left_out; /* fields that had no room */
	bool failed;     /* memory was short */
};

/* What Discord takes away at both ends before it counts. */
static bool is_space(uint32_t point)
{
	return point <= 0x20 || point == 0x85 || point == 0xa0 || point == 0x1680 ||
	       (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 ||
	       point == 0x202f || point == 0x205f || point == 0x3000;
}

static void trim(char *text)
{
	const char *at = text, *begin = NULL, *end = text;
	uint32_t point;

	for (const char *here = at; (point = text_next(&at)) != 0; here = at) {
		if (is_space(point))
			continue;
		if (!begin)
			begin = here;
		end = at;
	}
	if (!begin)
		begin = end;
	memmove(text, begin, (size_t)(end - begin));
	text[end - begin] = '\0';
}

/* Ends a text of the embed; one of nothing but spaces becomes `blank`. */
static char *end_text(struct clip *clip, const char *blank)
{
	char *text = clip_end(clip);

	if (!text)
		return NULL;
	trim(text);
	if (*text || !*blank)
		return text;
	free(text);
	return strdup(blank);
}

static void set(struct embed *embed, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		embed->failed = true;
}

/* Takes the text. */
static void set_text(struct embed *embed, json_t *object, const char *key, char *text)
{
	if (text)
		embed->total += clip_length(text);
	set(embed, object, key, json_string(text));
	free(text);
}

static char *title_text(const struct tocsin_alert *alert, const char *template)
{
	struct clip clip;
	char *title;

	if (template) {
		clip_begin(&clip, DISCORD_TITLE, "…");
		clip_markup(&clip, template, false);
		title = end_text(&clip, "");
		if (!title || *title)
			return title;
		free(title);
	}
	clip_begin(&clip, DISCORD_TITLE, "…");
	headline_put(&clip, alert, CLIP_MARKDOWN);
	return end_text(&clip, "");
}

static void add_description(struct embed *embed, const struct tocsin_alert *alert,
			    const char *template)
{
	const char *message = template ? template : notice_message(alert);
	struct clip clip;
	char *text;

	if (!message)
		return;
	clip_begin(&clip, DISCORD_DESCRIPTION, "\n… (cut here; the alert is longer)");
	if (template)
		clip_markup(&clip, message, true);
	else
		clip_lines(&clip, message, CLIP_MARKDOWN);
	text = end_text(&clip, "");
	if (text && !*text)
		free(text);
	else
		set_text(embed, embed->object, "description", text);
}

static char *clipped(const char *value, size_t most, bool lines)
{
	struct clip clip;

	clip_begin(&clip, most, "…");
	if (lines)
		clip_lines(&clip, value ? value : "", CLIP_MARKDOWN);
	else
		clip_line(&clip, value ? value : "", CLIP_MARKDOWN);
	return end_text(&clip, "–");
}

static void append_field(struct embed *embed, char *name, char *value, bool is_inline)
{
	json_t *field = json_object();

	set_text(embed, field, "name", name);
	set_text(embed, field, "value", value);
	set(embed, field, "inline", json_boolean(is_inline));
	if (json_array_append_new(embed->fields, field) < 0)
		embed->failed = true;
}

/* A field gets the room that is left; one that would be hardly more than its name is left out. */
static void add_field(struct embed *embed, const char *title, const char *text, size_t most_fields)
{
	size_t room = DISCORD_TOTAL - FOOTER - embed->total, least;
	char *name = clipped(title, DISCORD_FIELD_NAME, false), *value;

	if (!name) {
		embed->failed = true;
		return;
	}
	least = clip_length(name) + 16;
	if (json_array_size(embed->fields) >= most_fields || room < least) {
		embed->left_out++;
		free(name);
		return;
	}
	room -= clip_length(name);
	value = clipped(text, room < DISCORD_FIELD_VALUE ? room : DISCORD_FIELD_VALUE, true);
	append_field(embed, name, value, value && clip_length(value) <= 40);
}

/* A bracket would end the address of a link. */
static void put_link(struct clip *clip, const struct notice_link *link)
{
	char address[3 * NOTICE_URL_SIZE];
	size_t length = 0;

	for (const char *c = link->url; *c; c++)
		length += (size_t)snprintf(address + length, 4,
					   *c == '(' || *c == ')' ? "%%%02X" : "%c",
					   (unsigned int)(unsigned char)*c);
	if (!clip_has_room(clip, length + strlen(link->title) + strlen(" · []()")))
		return;
	if (clip->units > 0)
		clip_mark(clip, " · ");
	clip_mark(clip, "[");
	clip_mark(clip, link->title);
	clip_mark(clip, "](");
	clip_mark(clip, address);
	clip_mark(clip, ")");
}

/* Discord refuses a message whose title links to a host that no other machine could know. */
static bool is_public_name(const char *url)
{
	const char *host = strstr(url, "://") + 3, *dot = NULL;
	size_t length = strcspn(host, "/?#:");

	for (size_t i = 0; i < length; i++) {
		if (host[i] == '_' || host[i] == '[' ||
		    (host[i] == '.' && (i + 1 == length || host[i + 1] == '.')))
			return false;
		if (host[i] == '.')
			dot = host + i;
	}
	return dot && strspn(dot + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
			      (size_t)(host + length - dot - 1);
}

/* The first link is the title's; the text with the others, "" when there are none. */
static char *add_links(struct embed *embed, const struct tocsin_alert *alert)
{
	struct notice_link links[NOTICE_LINKS];
	size_t n = notice_links(alert, links), i = 0;
	struct clip clip;

	if (n > 0 && strcmp(links[0].title, "Open") == 0 && is_public_name(links[0].url)) {
		set(embed, embed->object, "url", json_string(links[0].url));
		i = 1;
	}
	clip_begin(&clip, DISCORD_FIELD_VALUE, "");
	for (; i < n; i++)
		put_link(&clip, &links[i]);
	return clip_end(&clip);
}

static void add_pairs(struct embed *embed, const struct tocsin_alert *alert, size_t most)
{
	for (size_t i = 0; i < alert->labels.n; i++) {
		const struct tocsin_pair *label = &alert->labels.pair[i];

		if (strcmp(label->name, "metric_value") != 0 && !notice_is_link(alert, label))
			add_field(embed, label->name, label->value, most);
	}
	for (size_t i = 0; i < alert->annotations.n; i++) {
		const struct tocsin_pair *annotation = &alert->annotations.pair[i];

		if (notice_is_detail(alert, annotation) && !notice_is_link(alert, annotation))
			add_field(embed, annotation->name, annotation->value, most);
	}
}

static void add_fields(struct embed *embed, const struct tocsin_alert *alert)
{
	const char *metric = notice_metric(alert);
	char *links = add_links(embed, alert);
	size_t most = DISCORD_FIELDS, room = 0, n;
	struct notice_field own[NOTICE_FIELDS];

	if (!links)
		embed->failed = true;
	if (links && *links) {
		most--;
		room = clip_length(links) + strlen("Links");
		embed->total += room; /* kept for the last field */
	}
	if (metric)
		add_field(embed, "Metric value", metric, most);
	n = notice_fields(alert, own);
	for (size_t i = 0; i < n; i++)
		add_field(embed, own[i].title, own[i].value, most);
	if (n == 0)
		add_pairs(embed, alert, most);
	embed->total -= room;
	if (links && *links)
		append_field(embed, strdup("Links"), links, false);
	else
		free(links);
}

static void add_footer(struct embed *embed, const struct tocsin_alert *alert)
{
	json_t *footer = json_object();
	char more[64] = "";
	struct clip clip;

	if (embed->left_out > 0)
		snprintf(more, sizeof(more), " · %zu more details left out", embed->left_out);
	clip_begin(&clip, FOOTER - clip_length(more), "…");
	clip_line(&clip, alert->source ? alert->source : "", CLIP_PLAIN);
	if (!clip.cut)
		clip_mark(&clip, more);
	set_text(embed, footer, "text", end_text(&clip, "tocsin"));
	set(embed, embed->object, "footer", footer);
}

static void fill(struct embed *embed, const struct tocsin_alert *alert,
		 const struct discord_texts *texts)
{
	int64_t time_ms = notice_time_ms(alert);
	char time[NOTICE_TIME_SIZE];

	set_text(embed, embed->object, "title", title_text(alert, texts->title));
	add_description(embed, alert, texts->message);
	set(embed, embed->object, "color",
	    json_integer((json_int_t)strtoul(notice_color(alert), NULL, 16)));
	add_fields(embed, alert);
	add_footer(embed, alert);
	if (time_ms > 0 && time_ms <= LAST_DATE_MS)
		set(embed, embed->object, "timestamp", json_string(notice_iso_time(time_ms, time)));
	set(embed, embed->object, "fields", json_incref(embed->fields));
}

static bool is_number(const char *text)
{
	size_t length = strspn(text, "0123456789");

	return length > 0 && length <= 20 && text[length] == '\0';
}

bool discord_is_mention(const char *entry)
{
	if (strncmp(entry, "user:", 5) == 0 || strncmp(entry, "role:", 5) == 0)
		return is_number(entry + 5);
	return strcmp(entry, "everyone") == 0 || strcmp(entry, "here") == 0;
}

/* <@1>, <@&1> or @everyone, and its permission. False when memory is short. */
static bool add_mention(const char *entry, struct clip *content, json_t *parse, json_t *users,
			json_t *roles)
{
	bool user = strncmp(entry, "user:", 5) == 0, role = strncmp(entry, "role:", 5) == 0;

	clip_mark(content, content->units > 0 ? " " : "");
	clip_mark(content, user ? "<@" : role ? "<@&" : "@");
	clip_mark(content, user || role ? entry + 5 : entry);
	clip_mark(content, user || role ? ">" : "");
	if (user)
		return json_array_append_new(users, json_string(entry + 5)) == 0;
	if (role)
		return json_array_append_new(roles, json_string(entry + 5)) == 0;
	return json_array_size(parse) > 0 ||
	       json_array_append_new(parse, json_string("everyone")) == 0;
}

/* "parse" is always there: what it does not name, no text of a message can mention. */
static void set_mentions(struct embed *embed, json_t *message,
			 const struct tocsin_strings *mentions)
{
	json_t *parse = json_array(), *users = json_array(), *roles = json_array();
	struct clip clip;
	char *content;

	clip_begin(&clip, 2000, "");
	for (size_t i = 0; i < mentions->n; i++) {
		if (!add_mention(mentions->item[i], &clip, parse, users, roles))
			embed->failed = true;
	}
	set(embed, message, "allowed_mentions",
	    mentions->n > 0
		    ? json_pack("{sO sO sO}", "parse", parse, "users", users, "roles", roles)
		    : json_pack("{sO}", "parse", parse));
	json_decref(parse);
	json_decref(users);
	json_decref(roles);
	content = clip_end(&clip);
	if (!content || *content)
		set(embed, message, "content", json_string(content));
	free(content);
}

static json_t *message_of(const struct discord_config *config, struct embed *embed,
			  const struct tocsin_alert *alert)
{
	static const struct tocsin_strings nobody;
	json_t *message = json_object();

	/* Good news wakes nobody. */
	set_mentions(embed, message,
		     alert->status == TOCSIN_RESOLVED ? &nobody : &config->mentions);
	set(embed, message, "embeds", json_pack("[O]", embed->object));
	if (config->username)
		set(embed, message, "username", json_string(config->username));
	if (config->avatar_url)
		set(embed, message, "avatar_url", json_string(config->avatar_url));
	return message;
}

char *discord_message(const struct discord_config *config, const struct tocsin_delivery *delivery,
		      const struct discord_texts *texts)
{
	struct embed embed = {.object = json_object(), .fields = json_array()};
	json_t *message;
	char *body = NULL;

	fill(&embed, delivery->alert, texts);
	message = message_of(config, &embed, delivery->alert);
	if (!embed.failed)
		body = body_of(message);
	json_decref(message);
	json_decref(embed.fields);
	json_decref(embed.object);
	return body;
}
