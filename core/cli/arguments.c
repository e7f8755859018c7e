/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

const char *arguments_program(const struct command *command)
{
	return strcmp(command->name, "tocsind") == 0 ? "" : "tocsin ";
}

static bool same_word(const char *name, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(name, word, length) == 0;
}

static const struct option_row *find_long(const struct command *command, const char *name,
					  size_t length)
{
	for (size_t i = 0; i < command->n_options; i++)
		if (same_word(name, length, command->option[i].name))
			return &command->option[i];
	return NULL;
}

static const struct option_row *find_letter(const struct command *command, char letter)
{
	for (size_t i = 0; i < command->n_options; i++)
		if (letter && command->option[i].letter == letter)
			return &command->option[i];
	return NULL;
}

static int refuse_option(const struct command *command, const char *word, struct error *err)
{
	const char **names = calloc(command->n_options + 1, sizeof(*names));
	size_t length = word[1] == '-' ? strcspn(word + 2, "=") : 0;
	char *name = strndup(word + (length ? 2 : 1), length ? length : 1);
	const char *meant = NULL;

	for (size_t i = 0; names && i < command->n_options; i++)
		names[i] = command->option[i].name;
	if (names && name && length)
		meant = text_closest(name, names, command->n_options);
	if (meant)
		error_set(err, -EINVAL, "'%s%s' has no option %.40s; did you mean '--%s'?",
			  arguments_program(command), command->name, word, meant);
	else
		error_set(err, -EINVAL, "'%s%s' has no option %.40s; see '%s%s --help'",
			  arguments_program(command), command->name, word,
			  arguments_program(command), command->name);
	free(names);
	free(name);
	return -EINVAL;
}

/* Where the value of an option may come from: joined to it, or the next word. */
struct reader {
	int argc;
	char *const *argv;
	int at;
};

static int take_option(struct arguments *arguments, const struct option_row *option,
		       const char *joined, struct reader *reader, struct error *err)
{
	struct given *given = &arguments->given[arguments->n_given];

	if (!option->value && joined)
		return error_set(err, -EINVAL, "option --%s takes no value", option->name);
	if (option->value && !joined) {
		if (reader->at >= reader->argc)
			return error_set(err, -EINVAL, "option --%s needs a value: --%s %s",
					 option->name, option->name, option->value);
		joined = reader->argv[reader->at++];
	}
	given->name = option->name;
	given->value = joined ? joined : "";
	arguments->n_given++;
	return 0;
}

static int read_word(const struct command *command, const char *word, struct arguments *arguments,
		     struct reader *reader, struct error *err)
{
	const struct option_row *option;
	size_t length;

	if (word[0] != '-' || word[1] == '\0') {
		arguments->operand[arguments->n_operands++] = word;
		return 0;
	}
	if (word[1] == '-') {
		length = strcspn(word + 2, "=");
		option = find_long(command, word + 2, length);
		if (!option)
			return refuse_option(command, word, err);
		word += 2 + length;
		return take_option(arguments, option, *word ? word + 1 : NULL, reader, err);
	}
	option = find_letter(command, word[1]);
	if (!option)
		return refuse_option(command, word, err);
	return take_option(arguments, option, word[2] ? word + 2 : NULL, reader, err);
}

static int count_operands(const struct command *command, const struct arguments *arguments,
			  struct error *err)
{
	size_t n = arguments->n_operands;

	if (arguments_get(arguments, "help") || (n >= command->least && n <= command->most))
		return 0;
	if (n < command->least)
		return error_set(err, -EINVAL, "'%s%s' needs %s; see '%s%s --help'",
				 arguments_program(command), command->name, command->operands,
				 arguments_program(command), command->name);
	return error_set(err, -EINVAL, "'%.60s' is one word too many; see '%s%s --help'",
			 arguments->operand[command->most], arguments_program(command),
			 command->name);
}

int arguments_parse(const struct command *command, int argc, char *const argv[],
		    struct arguments *arguments, struct error *err)
{
	struct reader reader = {.argc = argc, .argv = argv};
	bool options = true;
	int result = 0;

	memset(arguments, 0, sizeof(*arguments));
	arguments->given = calloc((size_t)argc + 1, sizeof(*arguments->given));
	arguments->operand = calloc((size_t)argc + 1, sizeof(*arguments->operand));
	if (!arguments->given || !arguments->operand) {
		arguments_done(arguments);
		return error_set(err, -ENOMEM, "out of memory");
	}
	while (result == 0 && reader.at < argc) {
		const char *word = argv[reader.at++];

		if (options && strcmp(word, "--") == 0)
			options = false;
		else if (options)
			result = read_word(command, word, arguments, &reader, err);
		else
			arguments->operand[arguments->n_operands++] = word;
		if (command->words && arguments->n_operands >= command->words)
			options = false;
	}
	if (result == 0)
		result = count_operands(command, arguments, err);
	if (result < 0)
		arguments_done(arguments);
	return result;
}

void arguments_done(struct arguments *arguments)
{
	free(arguments->given);
	free(arguments->operand);
	memset(arguments, 0, sizeof(*arguments));
}

const char *arguments_get(const struct arguments *arguments, const char *name)
{
	for (size_t i = arguments->n_given; i-- > 0;) {
		const struct given *given = &arguments->given[i];

		assert(given->name);
		if (strcmp(given->name, name) == 0)
			return given->value;
	}
	return NULL;
}

const char *arguments_next(const struct arguments *arguments, const char *name, size_t *index)
{
	while (*index < arguments->n_given) {
		const struct given *given = &arguments->given[(*index)++];

		if (strcmp(given->name, name) == 0)
			return given->value;
	}
	return NULL;
}
