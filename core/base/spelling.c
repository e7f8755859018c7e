/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spelling.h"

#include <ctype.h>
#include <string.h>

#define NONE (-1) /* no escape begins here */
#define CUT (-2)  /* text ends within it */

/* Reads a text whose outer escapes are taken away. */
struct reader {
	const char *at;
	int times;
};

static char next(struct reader *reader)
{
	char c;

	reader->at += spelling_read(reader->at, reader->times, &c);
	return c;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* What exactly n hexadecimal digits say. */
static int read_hexadecimal(struct reader *reader, int n)
{
	int value = 0;

	for (; n > 0; n--) {
		char c = next(reader);

		if (c == '\0')
			return CUT;
		if (digit_value(c) >= 16)
			return NONE;
		value = value * 16 + digit_value(c);
	}
	return value;
}

/* After the backslash. */
static int read_json(struct reader *reader)
{
	static const char letters[] = "b\bf\fn\nr\rt\t\"\"\\\\//";
	char c = next(reader);

	if (c == '\0')
		return CUT;
	if (c == 'u' || c == 'x')
		return read_hexadecimal(reader, c == 'u' ? 4 : 2);
	for (const char *letter = letters; *letter; letter += 2)
		if (letter[0] == c)
			return letter[1];
	return NONE;
}

/* "#43", "#x2b" */
static int number_of(const char *name)
{
	int base = name[1] == 'x' || name[1] == 'X' ? 16 : 10, value = 0;

	for (name += base == 16 ? 2 : 1; *name; name++) {
		if (digit_value(*name) >= base)
			return NONE;
		value = value * base + digit_value(*name);
	}
	return value > 0 ? value : NONE;
}

/* After the ampersand. */
static int read_html(struct reader *reader)
{
	static const struct {
		const char *name;
		char c;
	} names[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
	char name[8] = "";

	for (size_t n = 0; n < sizeof(name); n++) {
		name[n] = next(reader);
		if (name[n] == '\0')
			return CUT;
		if (isalnum((unsigned char)name[n]) || (n == 0 && *name == '#'))
			continue;
		if (name[n] != ';')
			return NONE;
		name[n] = '\0';
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (strcmp(names[i].name, name) == 0)
				return names[i].c;
		return *name == '#' ? number_of(name) : NONE;
	}
	return NONE;
}

/* What the escape says that begins with this byte, which was read. */
static int read_escape(struct reader *reader, char begin)
{
	int value;

	if (begin == '%')
		return read_hexadecimal(reader, 2);
	value = begin == '\\' ? read_json(reader) : read_html(reader);
	/* beyond ASCII it is no single byte */
	return value < 0x80 ? value : NONE;
}

size_t spelling_read(const char *text, int times, char *c)
{
	struct reader reader = {.at = text, .times = times - 1}, plain;
	int value;

	*c = *text;
	if (times == 0 || *text == '\0')
		return *text != '\0';
	*c = next(&reader);
	if (*c == '\0' || !strchr(SPELLING_BEGINS, *c))
		return (size_t)(reader.at - text);
	plain = reader;
	value = read_escape(&reader, *c);
	if (value == CUT) {
		*c = '\0';
		return strlen(text);
	}
	if (value <= 0)
		return (size_t)(plain.at - text);
	*c = (char)value;
	return (size_t)(reader.at - text);
}

bool spelling_decode(char *text)
{
	char *to = text;
	bool found = false;

	for (struct reader from = {.at = text}; *from.at; to++) {
		struct reader after = {.at = from.at + 1};
		int value = *from.at == '%' ? read_hexadecimal(&after, 2) : NONE;

		if (value > 0) {
			*to = (char)value;
			from = after;
			found = true;
		} else {
			*to = next(&from);
		}
	}
	*to = '\0';
	return found;
}
