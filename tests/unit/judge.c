/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One code point of valid UTF-8; the assertions are the definition (RFC 3629). */
static uint32_t decode(const unsigned char **at)
{
	const unsigned char *c = *at;
	uint32_t point;
	int more;

	if (c[0] < 0x80) {
		*at += 1;
		return c[0];
	}
	assert(c[0] >= 0xc2 && c[0] <= 0xf4);
	more = c[0] < 0xe0 ? 1 : c[0] < 0xf0 ? 2 : 3;
	point = c[0] & (0x3fu >> more);
	for (int i = 1; i <= more; i++) {
		assert((c[i] & 0xc0) == 0x80);
		point = point << 6 | (c[i] & 0x3fu);
	}
	assert(more != 2 || (point >= 0x800 && (point < 0xd800 || point > 0xdfff)));
	assert(more != 3 || (point >= 0x10000 && point <= 0x10ffff));
	*at += more + 1;
	return point;
}

size_t judge_units(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t units = 0;

	while (*at)
		units += decode(&at) > 0xffff ? 2 : 1;
	return units;
}

void judge_clean(const char *text, const char *but)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		uint32_t point = decode(&at);

		if (point < 0x20)
			assert(strchr(but, (int)point));
		assert(point < 0x7f || point > 0x9f);
		assert(point != 0x2028 && point != 0x2029);
		assert(!(point >= 0x202a && point <= 0x202e) &&
		       !(point >= 0x2066 && point <= 0x2069));
	}
}

/* The length of what makes a list or a heading of a line. */
static bool begins_a_block(const char *line)
{
	size_t digits = strspn(line, "0123456789");

	if (*line == ' ' || *line == '\t')
		return true; /* code, in its fourth column */
	if (*line && strchr("#>-+=*~`|", *line))
		return true;
	return digits > 0 && (line[digits] == '.' || line[digits] == ')');
}

void judge_inert_markdown(const char *text)
{
	bool line_begins = true;

	judge_clean(text, "\n\t");
	for (const char *c = text; *c; c++) {
		assert(!line_begins || !begins_a_block(c));
		/* a space that is none for Markdown leaves us where we were */
		line_begins = *c == '\n' ||
			      (line_begins && ((*c == '\xc2' && c[1] == '\xa0') ||
					       (*c == '\xa0' && c > text && c[-1] == '\xc2')));
		if (*c == '\\') {
			assert(c[1] > ' ' && c[1] < 0x7f && !strchr("0123456789", c[1]));
			c++;
			continue;
		}
		assert(!strchr("*_~`|<>[]@&{}", *c));
		assert(*c != ':' || c[1] != '/');
	}
}

void judge_slack_text(const char *text)
{
	judge_clean(text, "\n\t");
	for (const char *c = text; *c; c++) {
		assert(*c != '<' && *c != '>');
		assert(*c != '&' || strncmp(c, "&amp;", 5) == 0 || strncmp(c, "&lt;", 4) == 0 ||
		       strncmp(c, "&gt;", 4) == 0);
	}
}

void judge_url(const char *url, size_t most)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   "-._~:/?#[]@!$&'()*+,;=%";
	size_t scheme = strncasecmp(url, "https://", 8) == 0 ? 8 : 7;

	assert(strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0);
	assert(strlen(url) <= most);
	assert(url[strspn(url, safe)] == '\0');
	/* the host is the host: nobody's name stands before it */
	assert(strcspn(url + scheme, "/?#") > 0);
	assert(!memchr(url + scheme, '@', strcspn(url + scheme, "/?#")));
}

void judge_keys(const json_t *object, const char *keys)
{
	const char *key;
	json_t *value;
	char wanted[64];

	assert(json_is_object(object));
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		snprintf(wanted, sizeof(wanted), "|%.60s|", key);
		assert(strstr(keys, wanted));
		assert(value);
	}
}

const char *judge_text(const json_t *object, const char *key, size_t most)
{
	const char *text = json_string_value(json_object_get(object, key));

	assert(text && *text);
	assert(judge_units(text) <= most);
	return text;
}

json_t *judge_json(const char *body)
{
	json_t *object = json_loads(body, JSON_REJECT_DUPLICATES, NULL);

	assert(json_is_object(object));
	return object;
}
