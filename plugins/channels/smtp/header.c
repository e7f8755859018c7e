/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp.h"

#include <string.h>
#include <time.h>

#include "../../common/text.h"

#define LINE_MAX_HEADER 76
#define VALUE_MAX 900

/* Around the base64 of an encoded word. */
static const char word_open[] = "=?UTF-8?B?", word_close[] = "?=";
#define WORD_FRAME (sizeof(word_open) - 1 + sizeof(word_close) - 1)

/* A header under construction; column counts the current line. */
struct line {
	struct sheet *out;
	size_t column;
};

static void put_bytes(struct line *line, const char *text, size_t length)
{
	sheet_put(line->out, text, length);
	line->column += length;
}

static void put(struct line *line, const char *text)
{
	put_bytes(line, text, strlen(text));
}

static void fold(struct line *line)
{
	sheet_put(line->out, "\r\n", 2);
	line->column = 0;
}

/*
 * The value as header text: valid UTF-8, controls as spaces, without what reorders the
 * reader's line, no spaces around, not longer than a header may sensibly be. Returns where
 * in text it begins.
 */
static const char *clean(const char *value, char text[VALUE_MAX + 1])
{
	size_t size = 0;
	uint32_t point;

	/* most have nothing to be cleaned of */
	for (; size < VALUE_MAX && *value >= ' ' && *value <= '~'; value++)
		text[size++] = *value;
	while ((point = text_next(&value)) != 0) {
		if (point < 0x20 || (point >= 0x7f && point <= 0x9f))
			point = ' ';
		if (text_is_control(point))
			continue;
		if (size + text_size(point) > VALUE_MAX)
			break;
		size += text_encode(point, text + size);
	}
	while (size > 0 && text[size - 1] == ' ')
		size--;
	text[size] = '\0';
	return text + strspn(text, " ");
}

/* True when the text reads the same after folding at its spaces and cannot be mistaken for
 * an encoded word. Its first word must fit behind the column: a header that begins with an empty
 * line is legal, and an oddity that filters hold against a mail. */
static bool is_plain(const char *text, size_t column)
{
	size_t word = column - 1;

	for (const char *c = text; *c; c++) {
		word = *c == ' ' ? 0 : word + 1;
		if ((unsigned char)*c >= 0x7f || word > LINE_MAX_HEADER - 2 ||
		    (c[0] == '=' && c[1] == '?') || (c[0] == ' ' && c[1] == ' '))
			return false;
	}
	return true;
}

static void put_plain(struct line *line, const char *text)
{
	size_t length;

	for (; *text; text += length) {
		text += strspn(text, " ");
		length = strcspn(text, " ");
		if (line->column + 1 + length > LINE_MAX_HEADER)
			fold(line);
		put_bytes(line, " ", 1);
		put_bytes(line, text, length);
	}
}

/* Bytes of text that fit in an encoded word of this width, whole characters only. */
static size_t word_prefix(const char *text, size_t width)
{
	return text_prefix(text, (width - WORD_FRAME) / 4 * 3);
}

static void put_encoded(struct line *line, const char *text)
{
	char word[LINE_MAX_HEADER];
	size_t length;

	for (; *text; text += length) {
		if (line->column + 1 + WORD_FRAME + 12 > LINE_MAX_HEADER)
			fold(line);
		length = word_prefix(text, LINE_MAX_HEADER - 1 - line->column);
		put(line, " ");
		put(line, word_open);
		put_bytes(line, word, smtp_base64(word, text, length));
		put(line, word_close);
	}
}

static void put_value(struct line *line, const char *text)
{
	if (is_plain(text, line->column))
		put_plain(line, text);
	else
		put_encoded(line, text);
}

/* Header names come from this program or were checked with the configuration. */
static struct line begin(struct sheet *out, const char *name)
{
	struct line line = {.out = out};

	put(&line, name);
	put(&line, ":");
	return line;
}

void smtp_put_header(struct sheet *out, const char *name, const char *value)
{
	char room[VALUE_MAX + 1];
	const char *text = clean(value, room);
	struct line line;

	/* A header without a value is legal in none of the places where it matters. */
	if (*text) {
		line = begin(out, name);
		put_value(&line, text);
		sheet_put(out, "\r\n", 2);
	}
}

/* Of the name between quotes, with the backslashes that it needs. */
static size_t quoted_length(const char *name)
{
	size_t length = 2;

	for (; *name; name++)
		length += *name == '"' || *name == '\\' ? 2 : 1;
	return length;
}

/* A display name: atoms as they are, other ASCII quoted, the rest as encoded words. */
static void put_name(struct line *line, const char *name)
{
	if (!is_plain(name, line->column) || quoted_length(name) > LINE_MAX_HEADER - 20) {
		put_encoded(line, name);
	} else if (!strpbrk(name, "()<>[]:;@\\,.\"")) {
		put_plain(line, name);
	} else {
		put(line, " \"");
		for (; *name; name++) {
			if (*name == '"' || *name == '\\')
				put(line, "\\");
			put_bytes(line, name, 1);
		}
		put(line, "\"");
	}
}

void smtp_put_address_header(struct sheet *out, const char *name,
			     const struct smtp_address *address)
{
	struct line line = begin(out, name);
	char room[VALUE_MAX + 1];
	const char *text = clean(address->name, room);

	if (*text) {
		put_name(&line, text);
		if (line.column + strlen(address->address) + 3 > LINE_MAX_HEADER)
			fold(&line);
		sheet_texts(out, " <", address->address, ">\r\n");
	} else {
		sheet_texts(out, " ", address->address, "\r\n");
	}
}

/* In UTC, and with names of its own: those of strftime depend on the locale. */
void smtp_put_date_header(struct sheet *out, int64_t now_ms)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(now_ms / 1000);
	char date[64];
	struct tm tm;

	if (gmtime_r(&seconds, &tm)) {
		snprintf(date, sizeof(date), "Date: %.3s, %d %.3s %04d %02d:%02d:%02d +0000\r\n",
			 days + (ptrdiff_t)tm.tm_wday * 3, tm.tm_mday,
			 months + (ptrdiff_t)tm.tm_mon * 3, tm.tm_year + 1900, tm.tm_hour,
			 tm.tm_min, tm.tm_sec);
		sheet_text(out, date);
	}
}
