/* SPDX-License-Identifier: Apache-2.0 */
#include "syslog_parser.h"

#include <string.h>

struct reader {
	const char *at, *end;
};

/* One code point of valid UTF-8, or -1. */
static long next_point(struct reader *reader)
{
	const unsigned char *byte = (const unsigned char *)reader->at;
	int more = *byte < 0x80 ? 0 : *byte < 0xc2 ? -1 : *byte < 0xe0 ? 1 : *byte < 0xf0 ? 2 : 3;
	long point = more == 0   ? *byte
		     : more == 1 ? *byte & 0x1f
		     : more == 2 ? *byte & 0xf
				 : *byte & 7;

	if (more < 0 || *byte > 0xf4 || reader->end - reader->at <= more)
		return -1;
	for (int i = 1; i <= more; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return -1;
		point = point << 6 | (byte[i] & 0x3f);
	}
	reader->at += more + 1;
	if ((more == 2 && point < 0x800) || (more == 3 && (point < 0x10000 || point > 0x10ffff)) ||
	    (point >= 0xd800 && point <= 0xdfff))
		return -1;
	return point;
}

bool syslog_is_clean(const char *text, size_t length)
{
	struct reader reader = {text, text + length};

	while (reader.at < reader.end) {
		long point = next_point(&reader);

		if (point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x61c ||
		    point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
		    (point >= 0x2066 && point <= 0x2069))
			return false;
	}
	return true;
}

static bool take(struct reader *reader, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, text, length) != 0)
		return false;
	reader->at += length;
	return true;
}

/* 1 to most printable ASCII characters that are none of `but`; how many. */
static size_t take_word(struct reader *reader, size_t most, const char *but)
{
	const char *begin = reader->at;

	while (reader->at < reader->end && (size_t)(reader->at - begin) < most &&
	       *reader->at > ' ' && *reader->at <= '~' && !strchr(but, *reader->at))
		reader->at++;
	return (size_t)(reader->at - begin);
}

static bool take_priority(struct reader *reader, int *priority)
{
	size_t digits = 0;

	if (!take(reader, "<"))
		return false;
	for (*priority = 0; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
	     reader->at++, digits++)
		*priority = *priority * 10 + (*reader->at - '0');
	return digits > 0 && digits < 4 && *priority <= 191 && take(reader, ">1 ");
}

static bool take_time(struct reader *reader)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";

	if (take(reader, "- "))
		return true;
	for (const char *c = form; *c; c++, reader->at++) {
		if (reader->at >= reader->end ||
		    (*c == 'd' ? *reader->at < '0' || *reader->at > '9' : *reader->at != *c))
			return false;
	}
	return true;
}

static bool take_value(struct reader *reader)
{
	if (!take(reader, "=\""))
		return false;
	while (reader->at < reader->end && *reader->at != '"') {
		if (*reader->at == ']')
			return false;
		if (*reader->at == '\\') {
			reader->at++;
			if (reader->at == reader->end || !strchr("\"\\]", *reader->at))
				return false;
		}
		reader->at++;
	}
	return take(reader, "\"");
}

static const char *take_element(struct reader *reader, struct syslog_parsed *parsed)
{
	const char *name = reader->at;
	size_t length = take_word(reader, 32, "=]\"");

	if (length == 0)
		return "an element has no name";
	if (parsed->n_elements < 2) {
		memcpy(parsed->element[parsed->n_elements], name, length);
		parsed->element[parsed->n_elements][length] = '\0';
	}
	parsed->n_elements++;
	while (take(reader, " ")) {
		if (take_word(reader, 32, "=]\"") == 0 || !take_value(reader))
			return "a parameter is none";
		parsed->n_parameters++;
	}
	return take(reader, "]") ? NULL : "an element does not end";
}

const char *syslog_parse(struct syslog_parsed *parsed, const char *text, size_t length)
{
	static const size_t most[] = {255, 48, 128, 32};
	struct reader reader = {text, text + length};
	const char *wrong = NULL;

	*parsed = (struct syslog_parsed){0};
	if (!syslog_is_clean(text, length))
		return "it has controls or is not UTF-8";
	if (!take_priority(&reader, &parsed->priority))
		return "the priority is none";
	if (!take_time(&reader))
		return "the time is none";
	for (size_t i = 0; i < 4; i++) {
		if (take_word(&reader, most[i], "") == 0 || !take(&reader, " "))
			return "a field of the header is none";
	}
	if (!take(&reader, "-")) {
		if (!take(&reader, "["))
			return "there is no structured data";
		do
			wrong = take_element(&reader, parsed);
		while (!wrong && take(&reader, "["));
	}
	if (!wrong && reader.at < reader.end && !take(&reader, " "))
		wrong = "something stands behind the structured data";
	parsed->words = reader.at;
	return wrong;
}
