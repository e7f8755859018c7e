/* SPDX-License-Identifier: Apache-2.0 */
#include "mail_judge.h"

#undef NDEBUG
#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LINE 78
#define LONGEST_PATH 270 /* a line may be longer for one address, which cannot be folded */

/* The CRLF that ends the line, of a text that has one. Not strstr: the address sanitizer's measures
 * all that follows, at each line. */
static const char *line_end(const char *line)
{
	const char *end = strpbrk(line, "\r\n");

	assert(end && end[0] == '\r' && end[1] == '\n');
	return end;
}

/* Valid UTF-8 and no controls but tabs and line ends. */
static void judge_utf8(const char *text)
{
	json_t *valid = json_string(text);

	assert(valid);
	json_decref(valid);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		assert((*c >= 0x20 && *c != 0x7f) || *c == '\t' || *c == '\r' || *c == '\n');
		assert(*c != 0xc2 || c[1] >= 0xa0);
		assert(*c != '\r' || c[1] == '\n');
		assert(*c != '\n' || c[-1] == '\r');
	}
}

/* Appends what base64 of this length stands for. */
static char *decode_base64(const char *text, size_t length, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	assert(length % 4 == 0);
	for (size_t i = 0; i < length; i += 4) {
		uint32_t group = 0;
		int padding = 0;

		for (size_t n = 0; n < 4; n++) {
			const char *digit = strchr(digits, text[i + n]);

			if (text[i + n] == '=') {
				assert(i + 4 == length && n >= 2);
				padding++;
			} else {
				assert(digit && padding == 0);
			}
			group = group << 6 | (text[i + n] == '=' ? 0 : (uint32_t)(digit - digits));
		}
		for (int n = 0; n < 3 - padding; n++)
			*out++ = (char)(group >> (16 - 8 * n));
	}
	*out = '\0';
	return out;
}

/* An unfolded value: encoded words of at most 75 characters, each whole UTF-8; the space between
 * two of them does not count. */
static void decode_value(const char *value, char *out, size_t size)
{
	const char *limit = out + size;
	bool after_word = false;

	while (*value) {
		const char *end = strncmp(value, "=?", 2) == 0 ? strstr(value + 10, "?=") : NULL;

		assert(out + strlen(value) < limit);
		if (end) {
			char *start = out;

			assert(strncmp(value, "=?UTF-8?B?", 10) == 0 && end + 2 - value <= 75);
			out = decode_base64(value + 10, (size_t)(end - value - 10), out);
			judge_utf8(start);
			value = end + 2;
			assert(*value == '\0' || *value == ' ');
			after_word = true;
		} else if (*value == ' ' && after_word && strncmp(value + 1, "=?", 2) == 0) {
			value++;
		} else {
			after_word = false;
			*out++ = *value++;
		}
	}
	*out = '\0';
}

static void judge_header(struct judged_mail *mail, const char *line, const char *end)
{
	static char value[8192];
	size_t name = strcspn(line, ":"), used = 0;

	assert(name > 0 && line + name < end && line[name + 1] == ' ');
	for (size_t i = 0; i < name; i++)
		assert(isalnum((unsigned char)line[i]) || line[i] == '-');
	assert(strlen(mail->names) + name + 2 < sizeof(mail->names));
	strncat(mail->names, line, name);
	strcat(mail->names, "\n");
	for (const char *c = line + name + 2; c < end; c++) {
		assert(used + 1 < sizeof(value));
		if (*c != '\r' && *c != '\n')
			value[used++] = *c;
	}
	value[used] = '\0';
	assert(used > 0);
	if (strncmp(line, "Subject:", 8) == 0)
		decode_value(value, mail->subject, sizeof(mail->subject));
	else if (strncmp(line, "From:", 5) != 0)
		assert(!strstr(value, "=?"));
}

/* Returns the body. */
static const char *judge_headers(struct judged_mail *mail, const char *message)
{
	const char *line = message, *next;

	while (strncmp(line, "\r\n", 2) != 0) {
		const char *end = line;

		do {
			next = line_end(end);
			assert(next - end <= LINE || (next - end <= LONGEST_PATH &&
						      memchr(end, '@', (size_t)(next - end))));
			for (; end < next; end++)
				assert(*end >= 0x20 && *end <= 0x7e);
			assert(end[-1] != ' ');
			end += 2;
		} while (*end == ' ');
		judge_header(mail, line, end - 2);
		line = end;
	}
	return line + 2;
}

static char *decode_quoted(const char *text, const char *end)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = malloc((size_t)(end - text) + 1), *at = out;

	for (; text < end; text++) {
		if (*text != '=') {
			*at++ = *text;
		} else if (text[1] == '\r' && text[2] == '\n') {
			text += 2;
		} else {
			const char *high = strchr(digits, text[1]);
			const char *low = strchr(digits, text[2]);

			assert(text[1] && text[2] && high && low);
			*at++ = (char)((high - digits) << 4 | (low - digits));
			text += 2;
		}
	}
	*at = '\0';
	return out;
}

static char *decode_lines(const char *text, const char *end)
{
	char *out = malloc((size_t)(end - text) + 1), *at = out;

	*at = '\0';
	while (text < end) {
		const char *next = line_end(text);

		at = decode_base64(text, (size_t)(next - text), at);
		text = next + 2;
	}
	return out;
}

/* One part from its headers on; lines of at most 76, in ASCII, none that begins with a dot. */
static char *judge_part(const char *part, const char *end, const char *type)
{
	static const char encoding[] = "\r\nContent-Transfer-Encoding: ";
	const char *at = part, *body = strstr(part, "\r\n\r\n") + 4;
	char *text;

	assert(body <= end && strncmp(at, "Content-Type: ", 14) == 0);
	assert(strncmp(at + 14, type, strlen(type)) == 0);
	at = strstr(at, "\r\n");
	assert(strncmp(at, encoding, strlen(encoding)) == 0);
	at += strlen(encoding);
	for (const char *line = body, *next; line < end; line = next + 2) {
		next = line_end(line);
		assert(next - line <= 76 && *line != '.');
		assert(next == line || (next[-1] != ' ' && next[-1] != '\t'));
		for (; line < next; line++)
			assert((*line >= 0x20 && *line <= 0x7e) || *line == '\t');
	}
	if (strncmp(at, "base64\r\n\r\n", 10) == 0) {
		text = decode_lines(body, end);
	} else {
		assert(strncmp(at, "quoted-printable\r\n\r\n", 20) == 0);
		text = decode_quoted(body, end);
	}
	judge_utf8(text);
	return text;
}

static const char *const elements[] = {
	"html", "head", "meta", "title", "style", "body", "table", "tr",
	"td",   "span", "h1",   "p",     "a",     "b",    "br",
};

static size_t element(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		if (strlen(elements[i]) == length && strncmp(elements[i], name, length) == 0)
			return i;
	}
	assert(!"an element that is not ours");
	return 0;
}

/* Attributes in double quotes; returns what follows the tag. */
static const char *judge_attributes(const char *at, bool anchor)
{
	static const char *const names[] = {
		"align",   "bgcolor", "border", "cellpadding", "cellspacing", "charset", "class",
		"content", "name",    "role",   "style",       "valign",      "width",
	};

	while (*at == ' ') {
		size_t length = strcspn(++at, "=> ");
		const char *value = at + length + 2, *end = strchr(value, '"');
		bool known = anchor && length == 4 && strncmp(at, "href", 4) == 0;

		assert(at[length] == '=' && at[length + 1] == '"' && end);
		if (known)
			assert(strncasecmp(value, "http://", 7) == 0 ||
			       strncasecmp(value, "https://", 8) == 0);
		else
			assert(strcspn(value, "<>&\r\n\\(") >= (size_t)(end - value));
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			known |= strlen(names[i]) == length && strncmp(names[i], at, length) == 0;
		assert(known);
		at = end + 1;
	}
	assert(*at == '>');
	return at + 1;
}

/* Every element is ours, closed where it belongs. */
static void judge_html(struct judged_mail *mail)
{
	size_t open[64], depth = 0;
	const char *at = mail->html;

	assert(strncmp(at, "<!DOCTYPE html>", 15) == 0);
	for (at = strchr(at + 1, '<'); at; at = strchr(at, '<')) {
		bool closes = at[1] == '/';
		const char *name = at + 1 + closes;
		size_t length = strcspn(name, " >"), which = element(name, length);

		if (closes) {
			assert(depth > 0 && open[--depth] == which && name[length] == '>');
			at = name + length + 1;
			continue;
		}
		mail->tags[which]++;
		mail->buttons += strcmp(elements[which], "a") == 0;
		at = judge_attributes(name + length, strcmp(elements[which], "a") == 0);
		if (strcmp(elements[which], "br") != 0 && strcmp(elements[which], "meta") != 0) {
			assert(depth < 64);
			open[depth++] = which;
		}
	}
	assert(depth == 0);
}

void judge_mail(struct judged_mail *mail, const char *message)
{
	static const char boundary[] = "\r\n--=_tocsin_alternative\r\n";
	static const char last[] = "\r\n--=_tocsin_alternative--\r\n";
	const char *body, *parts[2], *end;

	memset(mail, 0, sizeof(*mail));
	body = judge_headers(mail, message);
	assert(strstr(mail->names, "MIME-Version\nContent-Type\n"));
	if (strstr(mail->names, "Content-Transfer-Encoding\n")) {
		for (parts[0] = message; strncmp(parts[0], "Content-Type: ", 14) != 0;)
			parts[0] = strstr(parts[0], "\r\n") + 2;
		mail->text = judge_part(parts[0], message + strlen(message),
					"text/plain; charset=utf-8");
		return;
	}
	assert(strncmp(body, boundary + 2, strlen(boundary) - 2) == 0);
	parts[0] = body + strlen(boundary) - 2;
	parts[1] = strstr(parts[0], boundary);
	assert(parts[1]);
	end = strstr(parts[1], last);
	assert(end && end[strlen(last)] == '\0');
	mail->text = judge_part(parts[0], parts[1], "text/plain; charset=utf-8");
	mail->html = judge_part(parts[1] + strlen(boundary), end, "text/html; charset=utf-8");
	judge_html(mail);
}

void judged_mail_done(struct judged_mail *mail)
{
	free(mail->text);
	free(mail->html);
}

void judge_same_shape(const struct judged_mail *mail, const struct judged_mail *other)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		assert(strcmp(elements[i], "br") == 0 || mail->tags[i] == other->tags[i]);
}
