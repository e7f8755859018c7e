/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/output: text for a terminal: styles, display widths, tables. Pure.
 *
 * Whatever comes from alerts, peers or files goes through output_safe or
 * output_styled, so that no escape sequence of theirs reaches a terminal.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_RED,
	STYLE_BOLD_RED,
	STYLE_YELLOW,
	STYLE_GREEN,
	STYLE_CYAN,
};

/* How many columns a terminal needs for UTF-8 text; control characters and invalid bytes count one. */
size_t output_width(const char *text);
/* Appends text, cut with an ellipsis to at most width columns (0: not cut). */
void output_cut(struct buffer *out, const char *text, size_t width);

void output_safe(struct buffer *out, const char *text);
/* As output_safe, in the style when colour is wanted. */
void output_styled(struct buffer *out, bool colour, enum style style, const char *text);

/* Styles of the words for severities, of delivery states and of outcomes. */
enum style output_severity_style(const char *severity);
enum style output_state_style(const char *state);

struct column {
	const char *title;
	bool right; /* numbers */
};

/* Rows of cells, aligned when printed. */
struct table {
	const struct column *column;
	size_t n_columns;
	struct cell {
		char *text;
		enum style style;
	} * cell;
	size_t n_cells, capacity;
	bool failed;
};

void table_init(struct table *table, const struct column *columns, size_t n);
void table_done(struct table *table);
/* Adds the next cell, row by row; the text (NULL: empty) is made safe and copied. */
void table_add(struct table *table, enum style style, const char *text);
void table_add_number(struct table *table, long long number);
/* The last column is cut when that makes the rows fit into width (0: unlimited). */
void table_print(const struct table *table, struct buffer *out, bool colour, size_t width);

#endif
