/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/text: UTF-8 as the plugins of this tree need it. Alert text is hostile:
 * everything that leaves through a channel passes one of these.
 *
 * Inline, so that no plugin exports a symbol that another one also has.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TEXT_REPLACEMENT 0xfffdu

/* The next code point, or 0 at the end of the text. An invalid byte reads as U+FFFD. */
static inline uint32_t text_next(const char **cursor)
{
	const unsigned char *byte = (const unsigned char *)*cursor;
	uint32_t point, least;
	int more, i;

	if (*byte == '\0')
		return 0;
	*cursor += 1;
	if (*byte < 0x80)
		return *byte;
	if ((*byte & 0xe0) == 0xc0) {
		point = *byte & 0x1fu, more = 1, least = 0x80;
	} else if ((*byte & 0xf0) == 0xe0) {
		point = *byte & 0x0fu, more = 2, least = 0x800;
	} else if ((*byte & 0xf8) == 0xf0) {
		point = *byte & 0x07u, more = 3, least = 0x10000;
	} else {
		return TEXT_REPLACEMENT;
	}
	for (i = 1; i <= more; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return TEXT_REPLACEMENT;
		point = point << 6 | (byte[i] & 0x3fu);
	}
	if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return TEXT_REPLACEMENT;
	*cursor += more;
	return point;
}

/* Number of bytes that text_encode writes for a code point. */
static inline size_t text_size(uint32_t point)
{
	return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/* Writes the code point as UTF-8 and returns the number of bytes, 1 to 4. */
static inline size_t text_encode(uint32_t point, char out[4])
{
	size_t size = text_size(point), i;

	if (size == 1) {
		out[0] = (char)point;
		return 1;
	}
	for (i = size - 1; i > 0; i--, point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3f));
	out[0] = (char)(((0xf00u >> size) & 0xf0) | point);
	return size;
}

/* The stream is the caller's alone. */
static inline void text_put(FILE *out, uint32_t point)
{
	char bytes[4] = {0};

	if (point < 0x80)
		putc_unlocked((int)point, out);
	else
		fwrite(bytes, 1, text_encode(point, bytes), out);
}

/* C0, DEL, C1, line separators and the controls that reorder what a reader sees. */
static inline bool text_is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x61c ||
	       point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

/* Writes a control as a reader can see it: \n, \t, \x1b, \u202e. */
static inline void text_put_escaped(FILE *out, uint32_t point)
{
	if (point == '\n')
		fputs("\\n", out);
	else if (point == '\t')
		fputs("\\t", out);
	else if (point == '\r')
		fputs("\\r", out);
	else
		fprintf(out, point < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned int)point);
}

/* One line: every control is escaped. */
static inline void text_put_line(FILE *out, const char *text)
{
	uint32_t point;

	while ((point = text_next(&text)) != 0) {
		if (text_is_control(point))
			text_put_escaped(out, point);
		else
			text_put(out, point);
	}
}

/*
 * Several lines, each behind the indent; CR LF and lone CR end a line too. The last
 * line is ended. The indent keeps text from posing as structure around it.
 */
static inline void text_put_lines(FILE *out, const char *text, const char *indent,
				  const char *newline)
{
	bool start = true;
	uint32_t point;

	while ((point = text_next(&text)) != 0) {
		if (point == '\r' && *text == '\n')
			continue;
		if (start)
			fputs(indent, out);
		start = point == '\n' || point == '\r';
		if (start)
			fputs(newline, out);
		else if (text_is_control(point) && point != '\t')
			text_put_escaped(out, point);
		else
			text_put(out, point);
	}
	if (!start)
		fputs(newline, out);
}

/* Length of the longest prefix of at most max bytes that ends on a code point. */
static inline size_t text_prefix(const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);

	if (length <= max)
		return length;
	for (length = max; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80; length--)
		;
	return length;
}

/* The end of the text, at most so many bytes of it, from a code point on. */
static inline const char *text_last(const char *text, size_t max)
{
	size_t length = strlen(text);

	if (length <= max)
		return text;
	text += length - max;
	while (((unsigned char)*text & 0xc0) == 0x80)
		text++;
	return text;
}

#endif
