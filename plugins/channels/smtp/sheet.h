/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text that grows in memory and is whole or not at all. Mails are written with it and not with
 * stdio, whose locks and calls for each character cost more than the rest of a mail.
 */
#ifndef SMTP_SHEET_H
#define SMTP_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* All zero is an empty sheet. */
struct sheet {
	char *text;
	size_t length, room;
	bool failed; /* memory was short; a writer may set it, too: then there will be no text */
};

/* Makes room for that many bytes behind the text; false when memory is short. */
bool sheet_grow(struct sheet *sheet, size_t more);
/* The text, for the caller to free(), and its length unless length is NULL; NULL when memory was
 * short at any time. The sheet is empty again. */
char *sheet_end(struct sheet *sheet, size_t *length);

static inline bool sheet_has_room(struct sheet *sheet, size_t more)
{
	return more < sheet->room - sheet->length || sheet_grow(sheet, more);
}

static inline void sheet_put(struct sheet *sheet, const char *data, size_t length)
{
	if (!sheet_has_room(sheet, length))
		return;
	memcpy(sheet->text + sheet->length, data, length);
	sheet->length += length;
}

static inline void sheet_text(struct sheet *sheet, const char *text)
{
	sheet_put(sheet, text, strlen(text));
}

/* Several texts, up to NULL. */
#define sheet_texts(sheet, ...) sheet_list(sheet, (const char *const[]){__VA_ARGS__, NULL})
static inline void sheet_list(struct sheet *sheet, const char *const *text)
{
	for (; *text; text++)
		sheet_text(sheet, *text);
}

static inline void sheet_char(struct sheet *sheet, char c)
{
	sheet_put(sheet, &c, 1);
}

/* Text from outside, valid UTF-8 whatever it was: */

/* in one line, every control as a reader can see it; */
void sheet_line(struct sheet *sheet, const char *text);
/* as lines that end in CRLF, the last one too; each behind the indent; */
void sheet_lines(struct sheet *sheet, const char *text, const char *indent);
/* in HTML, between tags or in a quoted attribute; line breaks as given. */
void sheet_html(struct sheet *sheet, const char *text, const char *line_break);

#endif
