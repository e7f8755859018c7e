/* SPDX-License-Identifier: Apache-2.0 */
#include "config/describe.h"

#include <stdbool.h>
#include <string.h>

#include "config/options.h"
#include "config/options_value.h"

#define INDENT 6

/* A way to write options down; each is called once for every option, nested ones included, with
 * the name as a path: retry.first */
typedef void entry_fn(struct buffer *out, const struct tocsin_option *option, const char *name,
		      int width);

/* Secrets have no default worth showing, and one should never be printed. */
static bool has_default(const struct tocsin_option *option)
{
	return option->preset != NULL && option->type != TOCSIN_SECRET &&
	       option->type != TOCSIN_SECRET_URL;
}

/* "whole number between 1 and 65535, default 25" */
static void add_facts(struct buffer *out, const struct tocsin_option *option)
{
	if (option->type == TOCSIN_CHOICE) {
		buffer_puts(out, "one of ");
		option_choices(out, option);
	} else {
		buffer_puts(out, options_type_name(option->type));
	}
	if (option_has_bounds(option)) {
		buffer_putc(out, ' ');
		option_bounds(out, option);
	}
	if (option->required)
		buffer_puts(out, option->type == TOCSIN_CHOICE ? "; required" : ", required");
	else if (has_default(option))
		buffer_printf(out, "%s default %s", option->type == TOCSIN_CHOICE ? ";" : ",",
			      option->preset[0] == '\0' ? "empty" : option->preset);
}

static void each(struct buffer *out, const struct tocsin_option *table, size_t option_size,
		 size_t n, const char *prefix, int width, entry_fn *entry)
{
	for (size_t i = 0; i < n; i++) {
		struct tocsin_option option = options_at(table, option_size, i);
		struct buffer name = {0};

		buffer_printf(&name, "%s%s", prefix, option.name);
		entry(out, &option, buffer_text(&name), width);
		if (option.type == TOCSIN_SECTION || option.type == TOCSIN_SECTIONS) {
			buffer_puts(&name, option.type == TOCSIN_SECTION ? "." : "[].");
			each(out, option.options, option_size, option.option_count,
			     buffer_text(&name), width, entry);
		}
		buffer_done(&name);
	}
}

/* Words of text, broken into lines of at most width columns. */
static void add_wrapped(struct buffer *out, const char *text, int indent, int width)
{
	int column = 0;

	for (;;) {
		size_t word;

		text += strspn(text, " \n\t");
		word = strcspn(text, " \n\t");
		if (word == 0)
			break;
		if (column > 0 && column + 1 + (int)word > width) {
			buffer_putc(out, '\n');
			column = 0;
		}
		if (column == 0) {
			buffer_printf(out, "%*s", indent, "");
			column = indent;
		} else {
			buffer_putc(out, ' ');
			column++;
		}
		buffer_add(out, text, word);
		column += (int)word;
		text += word;
	}
	buffer_putc(out, '\n');
}

static void text_entry(struct buffer *out, const struct tocsin_option *option, const char *name,
		       int width)
{
	buffer_printf(out, "  %s: ", name);
	add_facts(out, option);
	buffer_putc(out, '\n');
	if (option->help != NULL)
		add_wrapped(out, option->help, INDENT, width);
	if (option->example != NULL) {
		buffer_printf(out, "%*sExample: %s: %s\n", INDENT, "", option->name,
			      option->example);
	}
}

void describe_text(struct buffer *out, const struct tocsin_option *table, size_t option_size,
		   size_t n, int width)
{
	each(out, table, option_size, n, "", width, text_entry);
}

/* Every character that Markdown might take for its own is escaped. */
static void add_plain(struct buffer *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\`*_{}[]<>#|~&$", *text) != NULL)
			buffer_putc(out, '\\');
		buffer_putc(out, *text == '\n' ? ' ' : *text);
	}
}

/* In a code span only backquotes matter; two of them enclose one. */
static void add_code(struct buffer *out, const char *text)
{
	bool quoted = strchr(text, '`') != NULL;

	buffer_printf(out, quoted ? "`` %s ``" : "`%s`", text);
}

static void markdown_entry(struct buffer *out, const struct tocsin_option *option, const char *name,
			   int width)
{
	struct buffer facts = {0};

	(void)width;
	add_facts(&facts, option);
	buffer_puts(out, "**");
	add_plain(out, name);
	buffer_puts(out, "** (");
	add_plain(out, buffer_text(&facts));
	buffer_puts(out, ")\n:   ");
	add_plain(out, option->help != NULL ? option->help : "");
	if (option->example != NULL) {
		struct buffer example = {0};

		buffer_printf(&example, "%s: %s", option->name, option->example);
		buffer_puts(out, " Example: ");
		add_code(out, buffer_text(&example));
		buffer_done(&example);
	}
	buffer_puts(out, "\n\n");
	buffer_done(&facts);
}

void describe_markdown(struct buffer *out, const struct tocsin_option *table, size_t option_size,
		       size_t n)
{
	each(out, table, option_size, n, "", 0, markdown_entry);
}
