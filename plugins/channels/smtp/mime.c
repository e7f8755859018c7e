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

void smtp_put_quoted(FILE *out, const char *text, size_t length)
{
	size_t column = 0;

	while (length > 0) {
		unsigned char byte = (unsigned char)*text;
		bool quoted;

		if (is_line_end(text, length)) {
			fputs("\r\n", out);
			text += 2, length -= 2, column = 0;
			continue;
		}
		if (column > LINE_MAX_BODY - 4) {
			fputs("=\r\n", out);
			column = 0;
		}
		quoted = needs_quoting(byte, column == 0,
				       length == 1 || is_line_end(text + 1, length - 1));
		fprintf(out, quoted ? "=%02X" : "%c", byte);
		column += quoted ? 3 : 1;
		text++, length--;
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
	bool start = true;

	for (size_t i = 0; i < length; i++) {
		bool ends = message[i] == '\r' || message[i] == '\n';

		if (message[i] == '\r' && i + 1 < length && message[i + 1] == '\n')
			i++;
		if (ends) {
			fputs("\r\n", out);
		} else {
			if (start && message[i] == '.')
				fputc('.', out);
			fputc(message[i], out);
		}
		start = ends;
	}
	fputs(start ? ".\r\n" : "\r\n.\r\n", out);
}
