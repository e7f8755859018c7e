/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp.h"

#include <string.h>

#define LINE_MAX_BODY 76

void smtp_put_base64_word(FILE *out, const void *data, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = data;

	for (; length > 0; in += 3) {
		unsigned int group = (unsigned int)in[0] << 16 |
				     (length > 1 ? (unsigned int)in[1] << 8 : 0) |
				     (length > 2 ? in[2] : 0u);

		fputc(digits[group >> 18], out);
		fputc(digits[group >> 12 & 63], out);
		fputc(length > 1 ? digits[group >> 6 & 63] : '=', out);
		fputc(length > 2 ? digits[group & 63] : '=', out);
		length -= length < 3 ? length : 3;
	}
}

void smtp_put_base64(FILE *out, const char *data, size_t length)
{
	while (length > 0) {
		size_t n = length < LINE_MAX_BODY / 4 * 3 ? length : LINE_MAX_BODY / 4 * 3;

		smtp_put_base64_word(out, data, n);
		fputs("\r\n", out);
		data += n;
		length -= n;
	}
}

/* Whether the byte must be written as =XX. A dot that starts a line would need doubling, a
 * space that ends one gets lost on the way. */
static bool needs_quoting(unsigned char byte, bool line_start, bool line_end)
{
	if (byte == ' ' || byte == '\t')
		return line_end;
	return byte < 33 || byte > 126 || byte == '=' || (byte == '.' && line_start);
}

static bool is_line_end(const char *text, size_t length)
{
	return length >= 2 && text[0] == '\r' && text[1] == '\n';
}

/* How many bytes can be written as they are before the line is full. */
static size_t plain_run(const char *text, size_t length, size_t column)
{
	size_t n = 0;

	while (n < length && column + n <= LINE_MAX_BODY - 4 &&
	       !is_line_end(text + n, length - n) &&
	       !needs_quoting((unsigned char)text[n], column + n == 0,
			      n + 1 == length || is_line_end(text + n + 1, length - n - 1)))
		n++;
	return n;
}

void smtp_put_quoted(FILE *out, const char *text, size_t length)
{
	size_t column = 0;

	while (length > 0) {
		size_t n = plain_run(text, length, column);

		if (n > 0) {
			fwrite(text, 1, n, out);
			column += n;
		} else if (is_line_end(text, length)) {
			fputs("\r\n", out);
			n = 2, column = 0;
		} else if (column > LINE_MAX_BODY - 4) {
			fputs("=\r\n", out);
			column = 0;
		} else {
			fprintf(out, "=%02X", (unsigned int)(unsigned char)*text);
			n = 1, column += 3;
		}
		text += n, length -= n;
	}
	if (column > 0)
		fputs("\r\n", out);
}

/*
 * The last gate before the server. Messages built here have CRLF line ends and no leading
 * dots anyway; whatever comes, there is no bare CR or LF in it and no line with a lone dot,
 * so nothing in it can end the message early.
 */
void smtp_put_wire(FILE *out, const char *message, size_t length)
{
	const char *at = message, *end = message + length;
	bool start = true;

	while (at < end) {
		const char *line = at;

		while (at < end && *at != '\r' && *at != '\n')
			at++;
		if (start && at > line && *line == '.')
			fputc('.', out);
		fwrite(line, 1, (size_t)(at - line), out);
		start = at < end;
		if (start) {
			at += *at == '\r' && at + 1 < end && at[1] == '\n' ? 2 : 1;
			fputs("\r\n", out);
		}
	}
	fputs(start ? ".\r\n" : "\r\n.\r\n", out);
}
