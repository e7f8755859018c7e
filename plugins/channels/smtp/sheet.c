/* SPDX-License-Identifier: Apache-2.0 */
#include "sheet.h"

#include <stdint.h>
#include <stdlib.h>

#include "../../common/text.h"

bool sheet_grow(struct sheet *sheet, size_t more)
{
	size_t room = 2 * sheet->room + more + 512;
	char *grown = sheet->failed ? NULL : realloc(sheet->text, room);

	sheet->failed = !grown;
	if (!grown)
		return false;
	sheet->text = grown;
	sheet->room = room;
	return true;
}

char *sheet_end(struct sheet *sheet, size_t *length)
{
	char *text = NULL;

	sheet_char(sheet, '\0');
	if (sheet->failed) {
		free(sheet->text);
	} else {
		text = sheet->text;
		if (length)
			*length = sheet->length - 1;
	}
	*sheet = (struct sheet){0};
	return text;
}

/* How many bytes from here on need no second look. */
static size_t plain_run(const char *text)
{
	size_t n = 0;

	while (text[n] >= ' ' && text[n] <= '~')
		n++;
	return n;
}

static void put_point(struct sheet *sheet, uint32_t point)
{
	char bytes[4] = {0};

	sheet_put(sheet, bytes, text_encode(point, bytes));
}

static void put_control(struct sheet *sheet, uint32_t point)
{
	static const char digits[] = "0123456789abcdef";

	if (point == '\n' || point == '\t' || point == '\r') {
		sheet_text(sheet, point == '\n' ? "\\n" : point == '\t' ? "\\t" : "\\r");
		return;
	}
	sheet_text(sheet, point < 0x100 ? "\\x" : "\\u");
	for (int shift = point < 0x100 ? 4 : 12; shift >= 0; shift -= 4)
		sheet_char(sheet, digits[point >> shift & 15]);
}

void sheet_line(struct sheet *sheet, const char *text)
{
	while (*text) {
		size_t n = plain_run(text);
		uint32_t point;

		sheet_put(sheet, text, n);
		text += n;
		point = text_next(&text);
		if (point != 0 && text_is_control(point))
			put_control(sheet, point);
		else if (point != 0)
			put_point(sheet, point);
	}
}

void sheet_lines(struct sheet *sheet, const char *text, const char *indent)
{
	bool start = true;

	while (*text) {
		size_t n = plain_run(text);
		uint32_t point;

		if (start && (text[0] != '\r' || text[1] != '\n'))
			sheet_text(sheet, indent);
		start = start && n == 0;
		sheet_put(sheet, text, n);
		text += n;
		point = text_next(&text);
		if (point == 0 || (point == '\r' && *text == '\n'))
			continue;
		start = point == '\n' || point == '\r';
		if (start)
			sheet_text(sheet, "\r\n");
		else if (text_is_control(point) && point != '\t')
			put_control(sheet, point);
		else
			put_point(sheet, point);
	}
	if (!start)
		sheet_text(sheet, "\r\n");
}

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void put_html_point(struct sheet *sheet, uint32_t point)
{
	if (point < 0x80 && entity((char)point))
		sheet_text(sheet, entity((char)point));
	else if (text_is_control(point) && point != '\t')
		put_control(sheet, point);
	else
		put_point(sheet, point);
}

void sheet_html(struct sheet *sheet, const char *text, const char *line_break)
{
	while (*text) {
		size_t n = 0;
		uint32_t point;

		while (text[n] >= ' ' && text[n] <= '~' && !entity(text[n]))
			n++;
		sheet_put(sheet, text, n);
		text += n;
		point = text_next(&text);
		if (point == 0 || (point == '\r' && *text == '\n'))
			continue;
		if (point == '\n' || point == '\r')
			sheet_text(sheet, line_break);
		else
			put_html_point(sheet, point);
	}
}
