/* SPDX-License-Identifier: Apache-2.0 */
/* A command line, one word after the other: a command or a sentence, help for each command, and
 * an alert only from valid words. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/build.h"
#include "cli/cli.h"

#define WORDS 64

static void check_values(const char *text)
{
	char name[16], time[CLOCK_TEXT];
	const char *value;
	long long number;
	int64_t ms;

	if (cli_number(text, &number) == 0)
		assert(number > 0);
	if (cli_time(text, time, sizeof(time)) == 0)
		assert(clock_parse(time, &ms) == 0);
	if (cli_pair(text, name, sizeof(name), &value) == 0)
		assert(value > text && value[-1] == '=' && strlen(name) < sizeof(name));
}

static void check_alert(const struct arguments *arguments)
{
	struct error err;
	json_t *alert = build_alert(arguments, &err);
	char *text;

	if (alert) {
		assert(json_object_size(json_object_get(alert, "labels")) > 0);
		text = json_dumps(alert, JSON_COMPACT);
		assert(text && fuzz_is_utf8(text, strlen(text)));
		free(text);
	} else {
		assert(*err.text);
	}
	json_decref(alert);
}

static void check_help(const struct command *command)
{
	struct buffer out = {0};

	arguments_help(&out, command);
	assert(fuzz_is_clean(buffer_text(&out), out.length, "\n"));
	buffer_done(&out);
}

static void run(int argc, char *argv[])
{
	const struct command *command;
	struct arguments arguments = {0};
	struct error err = {""};
	int used = 0;

	command = arguments_command(cli_commands, cli_n_commands, argc, argv, &used, &err);
	assert(command ? used > 0 && used <= argc : *err.text);
	if (!command)
		return;
	check_help(command);
	if (arguments_parse(command, argc - used, argv + used, &arguments, &err) == 0) {
		assert(arguments_get(&arguments, "help") ||
		       (arguments.n_operands >= command->least &&
			arguments.n_operands <= command->most));
		check_alert(&arguments);
	} else {
		assert(*err.text);
	}
	arguments_done(&arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *argv[WORDS + 1] = {NULL};
	int argc = 0;

	while (argc < WORDS && (argv[argc] = fuzz_text(&input)))
		check_values(argv[argc++]);
	if (argc > 0)
		run(argc, argv);
	while (argc > 0)
		free(argv[--argc]);
	return 0;
}
