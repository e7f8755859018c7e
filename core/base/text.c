/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* The bounds of the second byte keep overlong forms, surrogates and code points beyond U+10FFFF
 * out (table 3-7 of the Unicode standard). */
struct form {
	unsigned char first_low, first_high;
	unsigned char second_low, second_high;
	unsigned char length;
};

static const struct form forms[] = {
	{0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
	{0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
	{0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static const struct form *form_of(unsigned char first)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (first >= forms[i].first_low && first <= forms[i].first_high)
			return &forms[i];
	}
	return NULL;
}

/*
 * Takes one code point off the front of text (length > 0). Returns the bytes it
 * takes; for an invalid sequence the bytes that belong together, and *valid is false.
 */
static size_t decode(const char *text, size_t length, uint32_t *point, bool *valid)
{
	const unsigned char *byte = (const unsigned char *)text;
	const struct form *form = form_of(byte[0]);
	size_t i;

	*valid = false;
	*point = 0;
	if (form == NULL)
		return 1;
	*point = form->length == 1 ? byte[0] : byte[0] & (0x7FU >> form->length);
	for (i = 1; i < form->length; i++) {
		unsigned char low = i == 1 ? form->second_low : 0x80;
		unsigned char high = i == 1 ? form->second_high : 0xBF;

		if (i >= length || byte[i] < low || byte[i] > high)
			return i;
		*point = *point << 6 | (byte[i] & 0x3FU);
	}
	*valid = true;
	return form->length;
}

/* How many bytes from there on are ASCII and not NUL, as those of most texts all are. Eight at a time: in
 * a byte of others the high bit is set, or becomes so when one is taken from 0. */
static size_t ascii_prefix(const char *text, size_t length)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word;
	size_t n = 0;

	for (; length - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, text + n, sizeof(word));
		if ((word | (word - ones)) & (ones << 7))
			break;
	}
	while (n < length && text[n] != '\0' && (unsigned char)text[n] < 0x80)
		n++;
	return n;
}

void text_add_valid(struct buffer *out, const char *text, size_t length)
{
	while (length > 0) {
		uint32_t point;
		bool valid;
		size_t n = ascii_prefix(text, length);

		buffer_add(out, text, n);
		text += n;
		length -= n;
		if (length == 0)
			break;
		n = decode(text, length, &point, &valid);
		if (!valid)
			buffer_puts(out, REPLACEMENT);
		else if (point != 0)
			buffer_add(out, text, n);
		text += n;
		length -= n;
	}
}

size_t text_valid_prefix(const char *text, size_t length)
{
	size_t good = 0;

	while (good < length) {
		uint32_t point;
		bool valid;
		size_t n = decode(text + good, length - good, &point, &valid);

		if (!valid || point == 0)
			break;
		good += n;
	}
	return good;
}

bool text_is_valid(const char *text, size_t length)
{
	/* The full check of all of it would cost more than all the rest of taking an alert. */
	size_t n = ascii_prefix(text, length);

	return n == length || text_valid_prefix(text + n, length - n) == length - n;
}

bool text_is_plain(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return text_is_valid(text, strlen(text));
}

/* Code points that steer a terminal, break a line, or reorder what a person reads. */
static bool is_unsafe(uint32_t point)
{
	return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x061C ||
	       point == 0x200E || point == 0x200F || (point >= 0x2028 && point <= 0x202E) ||
	       (point >= 0x2066 && point <= 0x2069);
}

/* The letter of the short escape of a control character, or 0. */
static char short_escape(uint32_t point)
{
	switch (point) {
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

static void add_escape(struct buffer *out, uint32_t point)
{
	char letter = short_escape(point);

	if (letter != 0)
		buffer_printf(out, "\\%c", letter);
	else if (point < 0x80)
		buffer_printf(out, "\\x%02x", (unsigned int)point);
	else
		buffer_printf(out, "\\u%04x", (unsigned int)point);
}

/* How many bytes from here on anybody can read as they are. */
static size_t plain_run(const char *text)
{
	size_t n = 0;

	while (text[n] >= ' ' && text[n] <= '~')
		n++;
	return n;
}

void text_add_safe(struct buffer *out, const char *text, bool keep_newlines)
{
	size_t length = strlen(text);

	while (length > 0) {
		size_t plain = plain_run(text);
		uint32_t point;
		bool valid;
		size_t n;

		buffer_add(out, text, plain);
		text += plain;
		length -= plain;
		if (length == 0)
			break;
		n = decode(text, length, &point, &valid);
		if (!valid) {
			for (size_t i = 0; i < n; i++)
				buffer_printf(out, "\\x%02x", (unsigned char)text[i]);
		} else if (is_unsafe(point) &&
			   !(keep_newlines && (point == '\n' || point == '\t'))) {
			add_escape(out, point);
		} else {
			buffer_add(out, text, n);
		}
		text += n;
		length -= n;
	}
}

void text_add_json(struct buffer *out, const char *text)
{
	size_t length = strlen(text);

	while (length > 0) {
		uint32_t point;
		bool valid;
		size_t n = decode(text, length, &point, &valid);

		if (!valid)
			buffer_puts(out, REPLACEMENT);
		else if (point == '"' || point == '\\')
			buffer_printf(out, "\\%c", text[0]);
		else if (is_unsafe(point))
			buffer_printf(out, "\\u%04x", (unsigned int)point);
		else
			buffer_add(out, text, n);
		text += n;
		length -= n;
	}
}

size_t text_prefix(const char *text, size_t length, size_t max)
{
	size_t end = max;

	if (length <= max)
		return length;
	/* A code point has at most three continuation bytes; more is not UTF-8 anyway. */
	while (end > 0 && max - end < 3 && ((unsigned char)text[end] & 0xC0) == 0x80)
		end--;
	return end;
}
