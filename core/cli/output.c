/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/width.h"

static const char *const escapes[] = {
	[STYLE_PLAIN] = "",         [STYLE_BOLD] = "\x1b[1m",        [STYLE_DIM] = "\x1b[2m",
	[STYLE_RED] = "\x1b[31m",   [STYLE_BOLD_RED] = "\x1b[1;31m", [STYLE_YELLOW] = "\x1b[33m",
	[STYLE_GREEN] = "\x1b[32m", [STYLE_CYAN] = "\x1b[36m",
};

size_t output_width(const char *text)
{
	size_t width = 0;

	while (*text)
		width += width_next(&text);
	return width;
}

void output_cut(struct buffer *out, const char *text, size_t width)
{
	const char *at = text, *end = text;
	size_t used = 0;

	if (width == 0 || output_width(text) <= width) {
		buffer_puts(out, text);
		return;
	}
	/* One column is kept for the ellipsis. */
	while (*at) {
		used += width_next(&at);
		if (used > width - 1)
			break;
		end = at;
	}
	buffer_add(out, text, (size_t)(end - text));
	buffer_puts(out, "\xe2\x80\xa6");
}

void output_safe(struct buffer *out, const char *text)
{
	text_add_safe(out, text, false);
}

static void begin_style(struct buffer *out, bool colour, enum style style)
{
	if (colour && style != STYLE_PLAIN)
		buffer_puts(out, escapes[style]);
}

static void end_style(struct buffer *out, bool colour, enum style style)
{
	if (colour && style != STYLE_PLAIN)
		buffer_puts(out, "\x1b[0m");
}

void output_styled(struct buffer *out, bool colour, enum style style, const char *text)
{
	begin_style(out, colour, style);
	output_safe(out, text);
	end_style(out, colour, style);
}

struct style_word {
	const char *word;
	enum style style;
};

static enum style find_style(const struct style_word *words, size_t n, const char *word)
{
	for (size_t i = 0; word && i < n; i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].style;
	return STYLE_PLAIN;
}

enum style output_severity_style(const char *severity)
{
	static const struct style_word words[] = {
		{"debug", STYLE_DIM}, {"notice", STYLE_CYAN},       {"warning", STYLE_YELLOW},
		{"error", STYLE_RED}, {"critical", STYLE_BOLD_RED}, {"emergency", STYLE_BOLD_RED},
	};

	return find_style(words, sizeof(words) / sizeof(words[0]), severity);
}

enum style output_state_style(const char *state)
{
	static const struct style_word words[] = {
		{"delivered", STYLE_GREEN},
		{"dead", STYLE_RED},
		{"pending", STYLE_YELLOW},
		{"claimed", STYLE_CYAN},
		{"suppressed", STYLE_DIM},
		{"retry", STYLE_YELLOW},
		/* of heartbeats, jobs and their runs, checks */
		{"up", STYLE_GREEN},
		{"down", STYLE_RED},
		{"late", STYLE_YELLOW},
		{"started", STYLE_CYAN},
		{"running", STYLE_CYAN},
		{"paused", STYLE_DIM},
		{"new", STYLE_DIM},
		{"idle", STYLE_PLAIN},
		{"completed", STYLE_GREEN},
		{"failed", STYLE_RED},
		{"missed", STYLE_YELLOW},
		{"lost", STYLE_YELLOW},
		{"ok", STYLE_GREEN},
		{"warning", STYLE_YELLOW},
		{"critical", STYLE_RED},
		{"error", STYLE_RED},
		{"unknown", STYLE_YELLOW},
		{"no_data", STYLE_YELLOW},
		{"fail", STYLE_RED},
		{"success", STYLE_GREEN},
	};

	return find_style(words, sizeof(words) / sizeof(words[0]), state);
}

/* Tables */

void table_init(struct table *table, const struct column *columns, size_t n)
{
	memset(table, 0, sizeof(*table));
	table->column = columns;
	table->n_columns = n;
}

void table_done(struct table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cell[i].text);
	free(table->cell);
	memset(table, 0, sizeof(*table));
}

void table_add(struct table *table, enum style style, const char *text)
{
	struct buffer safe = {0};

	if (table->n_cells == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 64;
		struct cell *cells = realloc(table->cell, capacity * sizeof(*cells));

		if (!cells) {
			table->failed = true;
			return;
		}
		table->cell = cells;
		table->capacity = capacity;
	}
	output_safe(&safe, text ? text : "");
	table->cell[table->n_cells].style = style;
	table->cell[table->n_cells++].text = buffer_take(&safe);
}

void table_add_number(struct table *table, long long number)
{
	struct buffer text = {0};

	buffer_printf(&text, "%lld", number);
	table_add(table, STYLE_PLAIN, buffer_text(&text));
	buffer_done(&text);
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t widest = output_width(table->column[column].title);

	for (size_t i = column; i < table->n_cells; i += table->n_columns) {
		size_t width = table->cell[i].text ? output_width(table->cell[i].text) : 0;

		if (width > widest)
			widest = width;
	}
	return widest;
}

static void pad(struct buffer *out, size_t n)
{
	while (n-- > 0)
		buffer_putc(out, ' ');
}

/* One cell; the last of a row is not padded but may be cut. */
static void print_cell(struct buffer *out, const struct column *column, const char *text,
		       size_t width, size_t most)
{
	size_t own = output_width(text), gap = width > own ? width - own : 0;

	if (most > 0) {
		output_cut(out, text, most);
		return;
	}
	if (column->right)
		pad(out, gap);
	buffer_puts(out, text);
	if (!column->right)
		pad(out, gap);
}

#define GAP 2
#define LEAST_LAST 12 /* columns that are worth cutting the last one for */

struct layout {
	size_t *width;
	size_t last; /* of the last column; SIZE_MAX: as wide as it is */
};

static void print_row(const struct table *table, const struct layout *layout, size_t first,
		      bool title, struct buffer *out, bool colour)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		const struct column *column = &table->column[i];
		const struct cell *cell = title ? NULL : &table->cell[first + i];
		const char *text = title ? column->title : cell->text;
		enum style style = title ? STYLE_DIM : cell->style;
		bool last = i + 1 == table->n_columns;

		begin_style(out, colour, style);
		print_cell(out, column, text ? text : "", layout->width[i],
			   last && !column->right ? layout->last : 0);
		end_style(out, colour, style);
		if (!last)
			pad(out, GAP);
	}
	buffer_putc(out, '\n');
}

void table_print(const struct table *table, struct buffer *out, bool colour, size_t width)
{
	struct layout layout = {.width = calloc(table->n_columns, sizeof(size_t))};
	size_t used = 0;

	if (!layout.width || table->failed) {
		out->failed = true;
		free(layout.width);
		return;
	}
	for (size_t i = 0; i < table->n_columns; i++) {
		layout.width[i] = column_width(table, i);
		if (i + 1 < table->n_columns)
			used += layout.width[i] + GAP;
	}
	/* Rows that are too long without the last column are wrapped by the terminal, with all of it. */
	layout.last = width >= used + LEAST_LAST ? width - used : SIZE_MAX;
	print_row(table, &layout, 0, true, out, colour);
	for (size_t i = 0; i + table->n_columns <= table->n_cells; i += table->n_columns)
		print_row(table, &layout, i, false, out, colour);
	free(layout.width);
}
