/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/arguments.h"

static const struct option_row options[] = {
	{"label", 'l', "NAME=VALUE", "A label."},
	{"severity", 0, "NAME", "How bad it is."},
	OPTIONS_ONLINE,
};

static const struct command send = {
	.name = "send",
	.operands = "[-]",
	.most = 1,
	.summary = "send an alert",
	.description = "Sends.",
	.no = "not valid",
	OPTIONS(options),
};
static const struct command dead_list = {.name = "dead list", .operands = ""};
static const struct command dead_show = {
	.name = "dead show", .operands = "ID", .least = 1, .most = 1};
static const struct command *const table[] = {&send, &dead_list, &dead_show};

#define FIND(...) find((char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *))
#define PARSE(command, ...) \
	arguments_parse(command, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *), \
			(char *[]){__VA_ARGS__}, &arguments, &err)

static struct error err;
static int used;

static const struct command *find(char *words[], size_t n)
{
	err.text[0] = '\0';
	used = 0;
	return arguments_command(table, 3, (int)n, words, &used, &err);
}

static void commands_have_one_word_or_two(void **state)
{
	(void)state;
	assert_ptr_equal(FIND("send", "--json"), &send);
	assert_int_equal(used, 1);
	assert_ptr_equal(FIND("dead", "show", "7"), &dead_show);
	assert_int_equal(used, 2);
}

static void an_unknown_command_gets_a_suggestion(void **state)
{
	(void)state;
	assert_null(FIND("sned"));
	assert_non_null(strstr(err.text, "did you mean 'send'?"));
	assert_null(FIND("completely-else"));
	assert_non_null(strstr(err.text, "there is no command"));
}

static void a_group_names_its_commands(void **state)
{
	(void)state;
	assert_null(FIND("dead"));
	assert_non_null(strstr(err.text, "dead list, dead show"));
	assert_null(FIND("dead", "lst"));
	assert_non_null(strstr(err.text, "'dead lst' is no command"));
}

static void the_words_of_a_command_to_run_are_no_options(void **state)
{
	static const struct command with = {.name = "run",
					    .operands = "JOB COMMAND",
					    .least = 2,
					    .most = 99,
					    .words = 2,
					    OPTIONS(options)};
	struct arguments arguments;

	(void)state;
	assert_int_equal(
		PARSE(&with, "--json", "job", "--severity", "x", "--", "ls", "-l", "--", "--json"),
		0);
	assert_int_equal(arguments.n_given, 2);
	assert_int_equal(arguments.n_operands, 5);
	assert_string_equal(arguments.operand[1], "ls");
	assert_string_equal(arguments.operand[3], "--");
	assert_null(arguments.operand[5]);
	arguments_done(&arguments);
	assert_int_equal(PARSE(&with, "job", "ls", "--nonsense", "-x"), 0);
	assert_int_equal(arguments.n_operands, 4);
	arguments_done(&arguments);
	assert_int_equal(PARSE(&with, "job", "--nonsense", "ls"), -EINVAL);
}

static void options_take_values_in_every_form(void **state)
{
	struct arguments arguments;
	size_t at = 0;

	(void)state;
	assert_int_equal(PARSE(&send, "-l", "a=1", "-lb=2", "--label=c=3", "--label", "d=4"), 0);
	assert_string_equal(arguments_next(&arguments, "label", &at), "a=1");
	assert_string_equal(arguments_next(&arguments, "label", &at), "b=2");
	assert_string_equal(arguments_next(&arguments, "label", &at), "c=3");
	assert_string_equal(arguments_next(&arguments, "label", &at), "d=4");
	assert_null(arguments_next(&arguments, "label", &at));
	assert_string_equal(arguments_get(&arguments, "label"), "d=4");
	assert_null(arguments_get(&arguments, "severity"));
	arguments_done(&arguments);
}

static void two_dashes_end_the_options(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(PARSE(&send, "--json", "--", "--label"), 0);
	assert_non_null(arguments_get(&arguments, "json"));
	assert_int_equal(arguments.n_operands, 1);
	assert_string_equal(arguments.operand[0], "--label");
	arguments_done(&arguments);
	assert_int_equal(PARSE(&send, "-"), 0);
	assert_string_equal(arguments.operand[0], "-");
	arguments_done(&arguments);
}

static void mistakes_are_explained(void **state)
{
	struct arguments arguments;

	(void)state;
	assert_int_equal(PARSE(&send, "--serverity", "x"), -EINVAL);
	assert_non_null(strstr(err.text, "did you mean '--severity'?"));
	assert_int_equal(PARSE(&send, "--severity"), -EINVAL);
	assert_non_null(strstr(err.text, "needs a value"));
	assert_int_equal(PARSE(&send, "--json=yes"), -EINVAL);
	assert_non_null(strstr(err.text, "takes no value"));
	assert_int_equal(PARSE(&send, "-x"), -EINVAL);
	assert_non_null(strstr(err.text, "no option -x"));
	assert_int_equal(PARSE(&send, "-", "-"), -EINVAL);
	assert_non_null(strstr(err.text, "one word too many"));
	assert_int_equal(arguments_parse(&dead_show, 0, NULL, &arguments, &err), -EINVAL);
	assert_non_null(strstr(err.text, "needs ID"));
}

static void help_comes_before_missing_operands(void **state)
{
	static const struct option_row rows[] = {OPTION_HELP};
	const struct command command = {
		.name = "x", .operands = "ID", .least = 1, .most = 1, OPTIONS(rows)};
	struct arguments arguments;

	(void)state;
	assert_int_equal(PARSE(&command, "--help"), 0);
	arguments_done(&arguments);
}

static void help_lists_every_option_and_exit_status(void **state)
{
	struct buffer out = {0};

	(void)state;
	arguments_help(&out, &send);
	assert_non_null(strstr(buffer_text(&out), "Usage: tocsin send [OPTION]... [-]\n"));
	assert_non_null(strstr(buffer_text(&out), "-l, --label NAME=VALUE"));
	assert_non_null(strstr(buffer_text(&out), "  1  not valid\n"));
	assert_non_null(strstr(buffer_text(&out), "  3  the daemon cannot be reached\n"));
	for (const char *line = buffer_text(&out); *line; line = strchr(line, '\n') + 1)
		assert_true(strcspn(line, "\n") <= 80);
	buffer_done(&out);
}

static void the_overview_can_be_of_a_group(void **state)
{
	struct buffer out = {0};

	(void)state;
	assert_int_equal(arguments_overview(&out, table, 3, "dead"), 2);
	assert_null(strstr(buffer_text(&out), "  send "));
	assert_int_equal(arguments_overview(&out, table, 3, NULL), 3);
	assert_int_equal(arguments_overview(&out, table, 3, "dea"), 0);
	buffer_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_have_one_word_or_two),
		cmocka_unit_test(an_unknown_command_gets_a_suggestion),
		cmocka_unit_test(a_group_names_its_commands),
		cmocka_unit_test(the_words_of_a_command_to_run_are_no_options),
		cmocka_unit_test(options_take_values_in_every_form),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(mistakes_are_explained),
		cmocka_unit_test(help_comes_before_missing_operands),
		cmocka_unit_test(help_lists_every_option_and_exit_status),
		cmocka_unit_test(the_overview_can_be_of_a_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
