/* SPDX-License-Identifier: Apache-2.0 */
#include "config/problems.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"

#define NEAR 64 /* problems of one place that are looked through for the same one */

/* Takes the place of texts for which there is no memory; never freed. */
static char memory_is_short[] = "memory is short";
static char *const only_that[] = {memory_is_short};

static char *compose(const struct place *place, const char *format, va_list args)
{
	struct buffer raw = {0}, safe = {0};

	if (place != NULL && place->file != NULL) {
		buffer_puts(&raw, place->file);
		if (place->line > 0)
			buffer_printf(&raw, ":%d:%d", place->line, place->column);
		buffer_puts(&raw, ": ");
	}
	buffer_vprintf(&raw, format, args);
	text_add_safe(&safe, buffer_text(&raw), false);
	safe.failed = safe.failed || raw.failed;
	buffer_done(&raw);
	return buffer_take(&safe);
}

void problems_add(struct problems *problems, const struct place *place, const char *format, ...)
{
	char **grown = problems->text, *text;
	va_list args;

	problems->added++;
	if (problems->text == only_that)
		return;
	/* Grown whenever n reaches a power of two, so that the size need not be kept. */
	if ((problems->n & (problems->n - 1)) == 0)
		grown = reallocarray(problems->text, problems->n == 0 ? 1 : 2 * problems->n,
				     sizeof(*grown));
	if (grown == NULL) {
		/* With others in the list this one can be left out; an empty list would mean
		 * that all is well. */
		if (problems->n == 0)
			*problems = (struct problems){
				.text = (char **)only_that, .n = 1, .added = problems->added};
		return;
	}
	va_start(args, format);
	text = compose(place, format, args);
	va_end(args);
	grown[problems->n++] = text == NULL ? memory_is_short : text;
	problems->text = grown;
}

/* A problem with its place as written in the text. */
struct placed {
	char *text;
	size_t file; /* length of the file's name */
	unsigned long line, column;
	size_t index;
};

/* ":12:5: " at `at`? */
static bool numbers_at(const char *at, unsigned long *line, unsigned long *column)
{
	char *end;

	if (at[0] != ':' || !isdigit((unsigned char)at[1]))
		return false;
	*line = strtoul(at + 1, &end, 10);
	if (end[0] != ':' || !isdigit((unsigned char)end[1]))
		return false;
	*column = strtoul(end + 1, &end, 10);
	return end[0] == ':' && end[1] == ' ';
}

static struct placed place_of(char *text, size_t index)
{
	struct placed placed = {.text = text, .index = index};
	const char *colon = strchr(text, ':');

	placed.file = colon == NULL ? 0 : (size_t)(colon - text);
	for (; colon != NULL; colon = strchr(colon + 1, ':')) {
		if (numbers_at(colon, &placed.line, &placed.column)) {
			placed.file = (size_t)(colon - text);
			break;
		}
	}
	return placed;
}

static int by_number(unsigned long a, unsigned long b)
{
	return a < b ? -1 : a > b;
}

static int by_place(const void *left, const void *right)
{
	const struct placed *a = left, *b = right;
	size_t common = a->file < b->file ? a->file : b->file;
	int order = memcmp(a->text, b->text, common);

	if (order == 0)
		order = by_number(a->file, b->file);
	if (order == 0)
		order = by_number(a->line, b->line);
	if (order == 0)
		order = by_number(a->column, b->column);
	return order == 0 ? by_number(a->index, b->index) : order;
}

/* A text that several channels share is read for each of them, with the same mistake. */
static bool said_before(const struct problems *problems, size_t n, const char *text)
{
	for (size_t back = 1; back <= n && back <= NEAR; back++) {
		if (strcmp(problems->text[n - back], text) == 0)
			return true;
	}
	return false;
}

void problems_sort(struct problems *problems)
{
	size_t kept = 0;

	struct placed *placed;

	if (problems->n < 2)
		return;
	placed = calloc(problems->n, sizeof(*placed));
	/* An unsorted list is still a list. */
	if (placed == NULL)
		return;
	for (size_t i = 0; i < problems->n; i++)
		placed[i] = place_of(problems->text[i], i);
	qsort(placed, problems->n, sizeof(*placed), by_place);
	for (size_t i = 0; i < problems->n; i++) {
		char *text = placed[i].text;

		if (!said_before(problems, kept, text))
			problems->text[kept++] = text;
		else if (text != memory_is_short)
			free(text);
	}
	problems->n = kept;
	free(placed);
}

void problems_done(struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		if (problems->text[i] != memory_is_short)
			free(problems->text[i]);
	}
	if (problems->text != only_that)
		free(problems->text);
	*problems = (struct problems){0};
}
