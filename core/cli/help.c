/* SPDX-License-Identifier: Apache-2.0 */
/* The help texts, from the tables of arguments.h. */
#include <string.h>

#include "cli/arguments.h"

#define WIDTH 78
#define OPTION_COLUMN 26

/* Wraps words at WIDTH with every line but the first indented. column is where the cursor is. */
static void wrap(struct buffer *out, const char *text, size_t indent, size_t column)
{
	while (*text) {
		size_t length = strcspn(text, " \n");

		if (column > indent && column + 1 + length > WIDTH) {
			buffer_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			buffer_putc(out, ' ');
			column++;
		}
		buffer_add(out, text, length);
		column += length;
		text += length;
		text += strspn(text, " \n");
	}
	buffer_putc(out, '\n');
}

static void add_option(struct buffer *out, const struct option_row *option)
{
	struct buffer head = {0};

	if (option->letter)
		buffer_printf(&head, "  -%c, --%s", option->letter, option->name);
	else
		buffer_printf(&head, "      --%s", option->name);
	if (option->value)
		buffer_printf(&head, " %s", option->value);
	buffer_puts(out, buffer_text(&head));
	if (head.length + 2 > OPTION_COLUMN)
		buffer_printf(out, "\n%*s", OPTION_COLUMN, "");
	else
		buffer_printf(out, "%*s", (int)(OPTION_COLUMN - head.length), "");
	wrap(out, option->help, OPTION_COLUMN, OPTION_COLUMN);
	buffer_done(&head);
}

/* Commands that talk to the daemon have --socket, and with it two more ways to fail. */
static bool is_online(const struct command *command)
{
	for (size_t i = 0; i < command->n_options; i++)
		if (strcmp(command->option[i].name, "socket") == 0)
			return true;
	return false;
}

static void add_status(struct buffer *out, const struct command *command)
{
	if (command->status) {
		buffer_printf(out, "\nExit status:\n%s", command->status);
		return;
	}
	buffer_puts(out, "\nExit status:\n  0  done\n");
	if (command->no)
		buffer_printf(out, "  1  %s\n", command->no);
	if (*arguments_program(command))
		buffer_puts(out, "  2  wrong usage\n");
	else
		buffer_puts(out, "  2  fatal: wrong usage, configuration, store or database\n"
				 "  75 the store was lost; start again\n");
	if (is_online(command))
		buffer_puts(out, "  3  the daemon cannot be reached\n"
				 "  4  not now, try again later\n");
}

void arguments_help(struct buffer *out, const struct command *command)
{
	buffer_printf(out, "Usage: %s%s [OPTION]...%s%s\n\n", arguments_program(command),
		      command->name, command->operands[0] ? " " : "", command->operands);
	wrap(out, command->description, 0, 0);
	buffer_puts(out, "\nOptions:\n");
	for (size_t i = 0; i < command->n_options; i++)
		add_option(out, &command->option[i]);
	if (command->examples)
		buffer_printf(out, "\nExamples:\n%s", command->examples);
	add_status(out, command);
}

static bool in_group(const struct command *command, const char *group)
{
	size_t length = group ? strlen(group) : 0;

	return !group ||
	       (strncmp(command->name, group, length) == 0 && command->name[length] == ' ');
}

size_t arguments_overview(struct buffer *out, const struct command *const table[], size_t n,
			  const char *group)
{
	size_t listed = 0;

	buffer_printf(out, "Usage: tocsin %s%sCOMMAND [OPTION]...\n\nCommands:\n",
		      group ? group : "", group ? " " : "");
	for (size_t i = 0; i < n; i++) {
		if (!in_group(table[i], group))
			continue;
		buffer_printf(out, "  %-18s %s\n", table[i]->name, table[i]->summary);
		listed++;
	}
	buffer_puts(out,
		    "\n'tocsin COMMAND --help' explains a command.\n"
		    "\nExit status: 0 done, 1 the answer is no (not valid, failed, not found),\n"
		    "2 wrong usage, 3 the daemon cannot be reached, 4 try again later.\n");
	return listed;
}
