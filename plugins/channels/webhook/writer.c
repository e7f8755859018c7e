/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/text.h"

#define FIRST_ROOM 1024

void writer_clear(struct writer *writer)
{
	writer->length = 0;
	writer->failed = false;
}

void writer_done(struct writer *writer)
{
	if (writer->data)
		explicit_bzero(writer->data, writer->room);
	free(writer->data);
	*writer = (struct writer){0};
}

static bool make_room(struct writer *writer, size_t more)
{
	size_t room = writer->room ? writer->room : FIRST_ROOM;
	char *data;

	if (more > SIZE_MAX / 4 - writer->length) {
		writer->failed = true;
		return false;
	}
	while (room < writer->length + more)
		room *= 2;
	if (room == writer->room)
		return true;
	data = realloc(writer->data, room);
	if (!data) {
		writer->failed = true;
		return false;
	}
	writer->data = data;
	writer->room = room;
	return true;
}

void writer_add(struct writer *writer, const char *data, size_t length)
{
	if (length == 0 || writer->failed)
		return;
	if (length > writer->room - writer->length && !make_room(writer, length))
		return;
	memcpy(writer->data + writer->length, data, length);
	writer->length += length;
}

void writer_again(struct writer *writer, size_t from, size_t length)
{
	/* First the room: what is copied moves with the rest. */
	if (!writer->failed && make_room(writer, length))
		writer_add(writer, writer->data + from, length);
}

void writer_puts(struct writer *writer, const char *text)
{
	writer_add(writer, text, strlen(text));
}

const char *writer_text(struct writer *writer)
{
	if (writer->failed || !make_room(writer, 1))
		return "";
	writer->data[writer->length] = '\0';
	return writer->data;
}

static void add_escaped(struct writer *writer, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	const char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

	if (c == '"' || c == '\\')
		writer_add(writer, (const char[]){'\\', (char)c}, 2);
	else if (c == '\n')
		writer_add(writer, "\\n", 2);
	else
		writer_add(writer, escape, sizeof(escape));
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* The same of eight bytes at once. What is subtracted borrows the upper bit of the first byte that is
 * smaller; the others do not matter then. */
static bool are_plain(const char *text)
{
	const uint64_t one = UINT64_C(0x0101010101010101), upper = one << 7;
	uint64_t bytes;

	memcpy(&bytes, text, sizeof(bytes));
	return ((bytes | (bytes - one * 0x20) | ((bytes ^ one * 0x7f) - one) |
		 ((bytes ^ one * '"') - one) | ((bytes ^ one * '\\') - one)) &
		upper) == 0;
}

/* How many bytes from there on stand in a JSON string as they are. */
static size_t plain_bytes(const char *text, size_t length)
{
	size_t n = 0;

	while (n + 8 <= length && are_plain(text + n))
		n += 8;
	while (n < length && is_plain(text[n]))
		n++;
	return n;
}

/* One character that is not plain; returns what follows it. */
static const char *add_character(struct writer *writer, const char *text)
{
	char bytes[4];
	uint32_t point = text_next(&text);

	if (point < 0x80)
		add_escaped(writer, (unsigned char)point);
	else
		writer_add(writer, bytes, text_encode(point, bytes));
	return text;
}

static void add_quoted(struct writer *writer, const char *text, size_t length)
{
	char *at;

	if (writer->failed ||
	    (length + 2 > writer->room - writer->length && !make_room(writer, length + 2)))
		return;
	at = writer->data + writer->length;
	at[0] = '"';
	memcpy(at + 1, text, length);
	at[length + 1] = '"';
	writer->length += length + 2;
}

void writer_json(struct writer *writer, const char *text)
{
	const char *end = text + strlen(text);
	size_t plain = plain_bytes(text, (size_t)(end - text));

	if (text + plain == end) { /* as most are */
		add_quoted(writer, text, plain);
		return;
	}
	writer_add(writer, "\"", 1);
	while (text < end) {
		writer_add(writer, text, plain);
		text += plain;
		if (text < end)
			text = add_character(writer, text);
		plain = plain_bytes(text, (size_t)(end - text));
	}
	writer_add(writer, "\"", 1);
}

static bool is_unreserved(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void writer_uri(struct writer *writer, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		char coded[3] = {'%', digits[c >> 4], digits[c & 15]};

		if (is_unreserved(c))
			writer_add(writer, text, 1);
		else
			writer_add(writer, coded, 3);
	}
}

void writer_line(struct writer *writer, const char *text)
{
	char bytes[4];
	uint32_t point;

	while ((point = text_next(&text)) != 0) {
		if (text_is_control(point))
			writer_add(writer, " ", 1);
		else
			writer_add(writer, bytes, text_encode(point, bytes));
	}
}

void writer_base64(struct writer *writer, const unsigned char *data, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t bits = (uint32_t)data[i] << 16;
		char four[4] = {'=', '=', '=', '='};

		if (left > 1)
			bits |= (uint32_t)data[i + 1] << 8;
		if (left > 2)
			bits |= data[i + 2];
		for (size_t j = 0; j < 4 && j <= left; j++)
			four[j] = digits[bits >> (18 - 6 * j) & 63];
		writer_add(writer, four, 4);
	}
}

void writer_hex(struct writer *writer, const unsigned char *data, size_t length)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++)
		writer_add(writer, (const char[]){digits[data[i] >> 4], digits[data[i] & 15]}, 2);
}
