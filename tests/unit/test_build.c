/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/build.h"
#include "cli/cli.h"
#include "cli/client.h"

static const struct option_row options[] = {
	OPTION_LABEL,   OPTION_ANNOTATION, OPTION_SEVERITY, OPTION_STATUS,
	OPTION_SUMMARY, OPTION_RECIPIENT,  OPTION_LINK,
};
static const struct command command = {.name = "send", .operands = "", OPTIONS(options)};
static struct error err;

static json_t *build(char *words[], int n)
{
	struct arguments arguments;
	json_t *alert;

	assert_int_equal(arguments_parse(&command, n, words, &arguments, &err), 0);
	alert = build_alert(&arguments, &err);
	arguments_done(&arguments);
	return alert;
}

#define BUILD(...) build((char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *))

static void options_become_an_alert(void **state)
{
	json_t *alert = BUILD("-l", "site=example.com", "-a", "note=a=b", "--summary", "down",
			      "--severity", "page", "-r", "a@example.com", "-r", "b@example.com");
	char *text = json_dumps(alert, JSON_COMPACT | JSON_SORT_KEYS);

	(void)state;
	assert_string_equal(text, "{\"annotations\":{\"note\":\"a=b\",\"summary\":\"down\"},"
				  "\"labels\":{\"site\":\"example.com\"},"
				  "\"recipients\":[\"a@example.com\",\"b@example.com\"],"
				  "\"severity\":\"page\"}");
	free(text);
	json_decref(alert);
}

static void mistakes_are_explained(void **state)
{
	(void)state;
	assert_null(BUILD("-l", "site"));
	assert_non_null(strstr(err.text, "NAME=VALUE"));
	assert_null(BUILD("-l", "=x"));
	assert_null(BUILD("-l", "a=1", "-l", "a=2"));
	assert_non_null(strstr(err.text, "given twice"));
	assert_null(BUILD("-l", "a=\xff"));
	assert_non_null(strstr(err.text, "UTF-8"));
	assert_null(BUILD("--summary", "x"));
	assert_non_null(strstr(err.text, "at least one --label"));
}

static void parameters_are_escaped(void **state)
{
	struct buffer path = {0};

	(void)state;
	buffer_puts(&path, "/x");
	client_add_parameter(&path, "none", NULL);
	client_add_parameter(&path, "a", "1 & 2");
	client_add_parameter(&path, "b", "\xc3\xa9%");
	assert_string_equal(buffer_text(&path), "/x?a=1%20%26%202&b=%C3%A9%25");
	buffer_done(&path);
}

static void numbers_and_times_are_checked(void **state)
{
	char time[64];
	long long number;

	(void)state;
	assert_int_equal(cli_number("12", &number), 0);
	assert_int_equal(cli_number("0", &number), -EINVAL);
	assert_int_equal(cli_number("12x", &number), -EINVAL);
	assert_int_equal(cli_number("", &number), -EINVAL);
	assert_int_equal(cli_time("2025-11-18T14:30:45Z", time, sizeof(time)), 0);
	assert_string_equal(time, "2025-11-18T14:30:45.000Z");
	assert_int_equal(cli_time("2h", time, sizeof(time)), 0);
	assert_int_equal(cli_time("tomorrow", time, sizeof(time)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_become_an_alert),
		cmocka_unit_test(mistakes_are_explained),
		cmocka_unit_test(parameters_are_escaped),
		cmocka_unit_test(numbers_and_times_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
