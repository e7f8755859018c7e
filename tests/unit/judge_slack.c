/* SPDX-License-Identifier: Apache-2.0 */
/* After https://docs.slack.dev/reference/block-kit and .../messaging/formatting-message-text */
#include "judge.h"

#include <string.h>

#define MESSAGE \
	"|text|blocks|attachments|channel|username|icon_emoji|unfurl_links|unfurl_media|" \
	"thread_ts|reply_broadcast|ts|"

static void is(const json_t *object, const char *key, const char *expected)
{
	const char *text = json_string_value(json_object_get(object, key));

	assert(text && strcmp(text, expected) == 0);
}

/* Slack would refuse a text of nothing but spaces. */
static void not_blank(const char *text)
{
	assert(text[strspn(text, " \t\n")]);
}

static size_t check_plain(const json_t *object, size_t most)
{
	const char *text = judge_text(object, "text", most);

	judge_keys(object, "|type|text|emoji|");
	is(object, "type", "plain_text");
	assert(json_is_false(json_object_get(object, "emoji")));
	not_blank(text);
	judge_slack_text(text);
	return judge_units(text);
}

/* <!date^1763476245^{date_num} {time_secs}|2025-11-18T14:30:45.123Z> */
static bool is_time(const char *text)
{
	static const char begin[] = "<!date^", middle[] = "^{date_num} {time_secs}|";
	size_t digits;

	if (strncmp(text, begin, strlen(begin)) != 0)
		return false;
	text += strlen(begin);
	digits = strspn(text, "0123456789");
	assert(digits > 0);
	text += digits;
	assert(strncmp(text, middle, strlen(middle)) == 0);
	text += strlen(middle);
	assert(strspn(text, "0123456789-:.TZ") == strlen("2025-11-18T14:30:45.123Z"));
	assert(strcmp(text + strlen("2025-11-18T14:30:45.123Z"), ">") == 0);
	return true;
}

static size_t count(const char *text, char mark)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == mark;
	return n;
}

/* "*name*\nvalue", in which only the name can be bold, and nothing else is anything. */
static void check_field_marks(const char *text)
{
	const char *value = strchr(text, '\n');
	size_t name = value ? (size_t)(value - text) : 0;

	judge_slack_text(text);
	assert(value && name > 2 && text[0] == '*' && value[-1] == '*');
	for (size_t i = 1; i + 1 < name; i++)
		assert(!strchr("*_~` \t", text[i]));
	for (const char *mark = "*_~`"; *mark; mark++)
		assert(count(value, *mark) < 2);
	for (const char *line = value; line; line = strchr(line, '\n')) {
		line += strspn(line, " \t\n");
		assert(strncmp(line, "&gt;", 4) != 0);
	}
}

static size_t check_mrkdwn(const json_t *object, size_t most, bool marked)
{
	const char *text = judge_text(object, "text", most);

	judge_keys(object, "|type|text|verbatim|");
	is(object, "type", "mrkdwn");
	assert(json_is_true(json_object_get(object, "verbatim")));
	not_blank(text);
	judge_clean(text, "\n\t");
	if (!marked && !is_time(text))
		check_field_marks(text);
	return judge_units(text);
}

static size_t check_text(const json_t *object, size_t most, bool marked)
{
	if (strcmp(judge_text(object, "type", 20), "plain_text") == 0)
		return check_plain(object, most);
	return check_mrkdwn(object, most, marked);
}

static size_t check_section(const json_t *block, bool marked)
{
	const json_t *fields = json_object_get(block, "fields"), *field;
	size_t total = 0, i;

	judge_keys(block, "|type|text|fields|");
	assert(!fields != !json_object_get(block, "text"));
	if (!fields)
		return check_text(json_object_get(block, "text"), 3000, marked);
	assert(json_array_size(fields) >= 1 && json_array_size(fields) <= 10);
	json_array_foreach(fields, i, field) total += check_text(field, 2000, false);
	return total;
}

static size_t check_actions(const json_t *block)
{
	const json_t *button;
	size_t i, total = 0;

	judge_keys(block, "|type|elements|");
	assert(json_array_size(json_object_get(block, "elements")) >= 1);
	assert(json_array_size(json_object_get(block, "elements")) <= 25);
	json_array_foreach(json_object_get(block, "elements"), i, button)
	{
		judge_keys(button, "|type|action_id|url|text|");
		is(button, "type", "button");
		judge_url(judge_text(button, "url", 3000), 3000);
		judge_text(button, "action_id", 255);
		total += check_plain(json_object_get(button, "text"), 75);
	}
	return total;
}

static size_t check_context(const json_t *block)
{
	const json_t *element;
	size_t i, total = 0;

	judge_keys(block, "|type|elements|");
	assert(json_array_size(json_object_get(block, "elements")) >= 1);
	assert(json_array_size(json_object_get(block, "elements")) <= 10);
	json_array_foreach(json_object_get(block, "elements"), i, element)
	{
		total += check_text(element, 2000, false);
	}
	return total;
}

static size_t check_blocks(const json_t *blocks, bool marked)
{
	const json_t *block;
	size_t i, total = 0;

	assert(json_is_array(blocks));
	assert(json_array_size(blocks) >= 1 && json_array_size(blocks) <= 50);
	json_array_foreach(blocks, i, block)
	{
		const char *type = judge_text(block, "type", 20);

		if (strcmp(type, "header") == 0)
			total += check_plain(json_object_get(block, "text"), 150);
		else if (strcmp(type, "section") == 0)
			total += check_section(block, marked);
		else if (strcmp(type, "actions") == 0)
			total += check_actions(block);
		else if (strcmp(type, "context") == 0)
			total += check_context(block);
		else
			assert(!"a block that we do not use");
	}
	return total;
}

static json_t *message_of(const char *body, const json_t **attachment)
{
	json_t *message = judge_json(body);
	const json_t *attachments = json_object_get(message, "attachments");

	judge_keys(message, MESSAGE);
	assert(json_array_size(attachments) == 1);
	*attachment = json_array_get(attachments, 0);
	if (!json_object_get(message, "ts")) {
		assert(json_is_false(json_object_get(message, "unfurl_links")));
		assert(json_is_false(json_object_get(message, "unfurl_media")));
	}
	return message;
}

static void check_color(const json_t *attachment)
{
	const char *color = judge_text(attachment, "color", 7);

	assert(color[0] == '#' && strspn(color + 1, "0123456789abcdef") == 6 && !color[7]);
}

void judge_slack(const char *body, bool marked)
{
	const json_t *attachment;
	json_t *message = message_of(body, &attachment);
	const char *text = judge_text(message, "text", 500);

	if (marked)
		judge_clean(text, "");
	else
		judge_slack_text(text);
	judge_keys(attachment, "|color|blocks|");
	check_color(attachment);
	assert(check_blocks(json_object_get(message, "blocks"), marked) +
		       check_blocks(json_object_get(attachment, "blocks"), marked) <=
	       13200);
	json_decref(message);
}

/* Behind the one link that we make ourselves. */
static const char *behind_link(const char *text)
{
	const char *link = strchr(text, '<'), *bar, *end;
	char url[3000];
	size_t length = 0;

	if (!link)
		return text;
	bar = strchr(link, '|');
	end = strchr(link, '>');
	assert(bar && end && bar < end && !memchr(bar + 1, '|', (size_t)(end - bar - 1)));
	for (const char *c = link + 1; c < bar; c++) {
		assert(length + 1 < sizeof(url));
		url[length++] = *c;
		if (*c == '&') {
			assert(strncmp(c, "&amp;", 5) == 0);
			c += 4;
		}
	}
	url[length] = '\0';
	judge_url(url, 2048);
	return end + 1;
}

void judge_slack_classic(const char *body, bool marked)
{
	const json_t *attachment, *fields, *field;
	json_t *message = message_of(body, &attachment);
	const char *text = judge_text(message, "text", 4000);
	size_t i;

	judge_clean(text, "\n\t");
	if (!marked)
		judge_slack_text(behind_link(text));
	judge_keys(attachment, "|color|fields|footer|ts|");
	check_color(attachment);
	fields = json_object_get(attachment, "fields");
	assert(json_is_array(fields) && json_array_size(fields) <= 20);
	json_array_foreach(fields, i, field)
	{
		judge_keys(field, "|title|value|short|");
		judge_slack_text(json_string_value(json_object_get(field, "title")));
		judge_slack_text(json_string_value(json_object_get(field, "value")));
	}
	judge_slack_text(json_string_value(json_object_get(attachment, "footer")));
	json_decref(message);
}
