/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to values on their way into a text. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "template/compose.h"

/* Appends whole runs of what stays as it is, and whatever `other` makes of the rest. */
static void add_runs(struct buffer *out, const char *text, size_t length, const char *marks,
		     void (*other)(struct buffer *out, char c))
{
	const char *end = text + length;

	while (text < end) {
		const char *run = text;

		while (text < end && !(*text && strchr(marks, *text)))
			text++;
		buffer_add(out, run, (size_t)(text - run));
		if (text < end)
			other(out, *text++);
	}
}

static void add_entity(struct buffer *out, char c)
{
	switch (c) {
	case '&':
		buffer_puts(out, "&amp;");
		break;
	case '<':
		buffer_puts(out, "&lt;");
		break;
	case '>':
		buffer_puts(out, "&gt;");
		break;
	case '"':
		buffer_puts(out, "&#34;");
		break;
	default:
		buffer_puts(out, "&#39;");
	}
}

static void add_backslashed(struct buffer *out, char c)
{
	buffer_putc(out, '\\');
	buffer_putc(out, c);
}

static void add_uri(struct buffer *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x80 && isalnum(c)) || (c && strchr("-._~", c)))
			buffer_putc(out, (char)c);
		else
			buffer_printf(out, "%%%02X", c);
	}
}

/* C0, DEL, C1 and the two separators of Unicode become spaces. */
static void add_line(struct buffer *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const unsigned char *c = (const unsigned char *)text + i;
		size_t left = length - i;

		if (*c < 0x20 || *c == 0x7f) {
			buffer_putc(out, ' ');
		} else if (left > 1 && c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) {
			buffer_putc(out, ' ');
			i++;
		} else if (left > 2 && c[0] == 0xe2 && c[1] == 0x80 &&
			   (c[2] == 0xa8 || c[2] == 0xa9)) {
			buffer_putc(out, ' ');
			i += 2;
		} else {
			buffer_putc(out, (char)*c);
		}
	}
}

void compose_escape(struct buffer *out, enum tocsin_escape escape, const char *text, size_t length)
{
	switch (escape) {
	case TOCSIN_ESCAPE_NONE:
		buffer_add(out, text, length);
		break;
	case TOCSIN_ESCAPE_LINE:
		add_line(out, text, length);
		break;
	case TOCSIN_ESCAPE_HTML:
		add_runs(out, text, length, "&<>\"'", add_entity);
		break;
	case TOCSIN_ESCAPE_URI:
		add_uri(out, text, length);
		break;
	case TOCSIN_ESCAPE_MRKDWN:
		add_runs(out, text, length, "&<>", add_entity);
		break;
	case TOCSIN_ESCAPE_MARKDOWN:
		add_runs(out, text, length, "\\`*_{}[]()<>#+-.!|~&@", add_backslashed);
		break;
	}
}
