/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp.h"

#include <stdint.h>
#include <string.h>

#define LINE_MAX_BODY 76
#define LINE_BYTES (LINE_MAX_BODY / 4 * 3)

size_t smtp_base64(char *out, const void *data, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = data;
	char *at = out;

	for (; length > 0; in += 3, at += 4) {
		unsigned int group = (unsigned int)in[0] << 16 |
				     (length > 1 ? (unsigned int)in[1] << 8 : 0) |
				     (length > 2 ? in[2] : 0u);

		at[0] = digits[group >> 18];
		at[1] = digits[group >> 12 & 63];
		at[2] = length > 1 ? digits[group >> 6 & 63] : '=';
		at[3] = length > 2 ? digits[group & 63] : '=';
		length -= length < 3 ? length : 3;
	}
	return (size_t)(at - out);
}

void smtp_put_base64(struct sheet *out, const char *data, size_t length)
{
	char line[LINE_MAX_BODY + 2];

	while (length > 0) {
		size_t n = length < LINE_BYTES ? length : LINE_BYTES;
		size_t size = smtp_base64(line, data, n);

		line[size] = '\r';
		line[size + 1] = '\n';
		sheet_put(out, line, size + 2);
		data += n;
		length -= n;
	}
}

/* Whether a byte must be written as =XX wherever it stands. */
static bool is_special(unsigned char byte)
{
	return byte > 126 || byte == '=' || (byte < 32 && byte != '\t');
}

/* Whether there is none among eight bytes; also false when one is a tab. */
static bool are_plain(const char *text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t bytes, equals, below, above;

	memcpy(&bytes, text, sizeof(bytes));
	equals = bytes ^ ones * '=';
	equals = (equals - ones) & ~equals;
	below = (bytes - ones * ' ') & ~bytes;
	above = (bytes + ones) | bytes; /* 126 */
	return ((equals | below | above) & tops) == 0;
}

/* How many bytes of a line can be written as they are, from this column on. A dot that starts a
 * line would need doubling on the way, a space that ends one gets lost. */
static size_t plain_run(const char *text, size_t length, size_t column)
{
	size_t room = LINE_MAX_BODY - 3 - column, most = length < room ? length : room, n = 0;

	if (column == 0 && *text == '.')
		return 0;
	while (n + sizeof(uint64_t) <= most && are_plain(text + n))
		n += sizeof(uint64_t);
	while (n < most && !is_special((unsigned char)text[n]))
		n++;
	if (n == length && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	return n;
}

/* One line, without its end. */
static void put_quoted_line(struct sheet *out, const char *text, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t column = 0;

	while (length > 0) {
		unsigned char byte;
		size_t n;

		if (column >= LINE_MAX_BODY - 3) {
			sheet_put(out, "=\r\n", 3);
			column = 0;
		}
		n = plain_run(text, length, column);
		sheet_put(out, text, n);
		column += n, text += n, length -= n;
		if (length == 0 || column >= LINE_MAX_BODY - 3)
			continue;
		byte = (unsigned char)*text++;
		sheet_put(out, (char[]){'=', digits[byte >> 4], digits[byte & 15]}, 3);
		column += 3, length--;
	}
}

/* The end of the line that begins here: its CR, or the end of the text. */
static const char *line_end(const char *text, const char *end)
{
	const char *at = text;

	while ((at = memchr(at, '\r', (size_t)(end - at))) && at + 1 < end && at[1] != '\n')
		at++;
	return at && at + 1 < end ? at : end;
}

void smtp_put_quoted(struct sheet *out, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *stop = line_end(text, end);

		put_quoted_line(out, text, (size_t)(stop - text));
		sheet_put(out, "\r\n", 2);
		text = stop < end ? stop + 2 : end;
	}
}

/* The line that begins here, without its end, and where the next one begins. */
static const char *next_line(const char *line, const char *end, size_t *length)
{
	const char *lf = memchr(line, '\n', (size_t)(end - line)), *stop = lf ? lf : end;
	const char *cr = memchr(line, '\r', (size_t)(stop - line));

	*length = (size_t)((cr ? cr : stop) - line);
	if (cr && cr + 1 != lf)
		return cr + 1;
	return lf ? lf + 1 : end;
}

/*
 * The last gate before the server. Messages built here have CRLF line ends and no leading
 * dots anyway; whatever comes, there is no bare CR or LF in it and no line with a lone dot,
 * so nothing in it can end the message early.
 */
void smtp_put_wire(struct sheet *out, const char *message, size_t length)
{
	const char *end = message + length;
	bool ended = true;

	(void)sheet_has_room(out, length + 8);
	while (message < end) {
		size_t size;
		const char *next = next_line(message, end, &size);

		if (size > 0 && *message == '.')
			sheet_char(out, '.');
		sheet_put(out, message, size);
		ended = message + size < end;
		if (ended)
			sheet_put(out, "\r\n", 2);
		message = next;
	}
	sheet_text(out, ended ? ".\r\n" : "\r\n.\r\n");
}
