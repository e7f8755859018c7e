/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "config/describe.h"

struct config {
	const char *host;
	const char *password;
	int64_t port;
	int64_t tls;
	struct {
		int64_t first;
	} retry;
	struct tocsin_strings to;
	struct tocsin_map labels;
	bool verify;
	int64_t size;
	struct tocsin_rate rate;
	const char *hook;
	const char *path;
};

struct retry {
	int64_t first;
};

static const char *const choices[] = {"starttls", "tls", "none", NULL};

static const struct tocsin_option retry_options[] = {
	TOCSIN_OPTION(DURATION, struct retry, first, .preset = "1s", .min = 0, .max = 3600000,
		      .help = "Time before the second attempt."),
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(STRING, struct config, host, .required = true, .example = "smtp.example.com",
		      .help = "Name or address of the server; a_b *c* stay as they are."),
	TOCSIN_OPTION(SECRET, struct config, password, .preset = "hunter2", .help = "Password."),
	TOCSIN_OPTION(INT, struct config, port, .preset = "25", .min = 1, .max = 65535,
		      .help = "TCP port."),
	TOCSIN_OPTION(CHOICE, struct config, tls, .preset = "tls", .choices = choices,
		      .help = "Encryption."),
	TOCSIN_OPTION_SECTION(struct config, retry, retry_options, .help = "Attempts."),
	TOCSIN_OPTION(STRINGS, struct config, to, .help = "Recipients."),
	TOCSIN_OPTION(MAP, struct config, labels, .help = "Labels."),
	TOCSIN_OPTION(BOOL, struct config, verify, .preset = "true", .help = "Verify."),
	TOCSIN_OPTION(SIZE, struct config, size, .preset = "64KiB", .help = "Size."),
	TOCSIN_OPTION(RATE, struct config, rate, .preset = "unlimited", .help = "Rate."),
	TOCSIN_OPTION(SECRET_URL, struct config, hook, .help = "Hook."),
	TOCSIN_OPTION(PATH, struct config, path, .help = "Path."),
};
#define N (sizeof(options) / sizeof(options[0]))

static void the_terminal_text_says_type_default_and_help(void **state)
{
	struct buffer out = {0};

	(void)state;
	describe_text(&out, options, sizeof(options[0]), 5, 40);
	assert_string_equal(buffer_text(&out),
			    "  host: text, required\n"
			    "      Name or address of the server; a_b\n"
			    "      *c* stay as they are.\n"
			    "      Example: host: smtp.example.com\n"
			    "  password: secret\n"
			    "      Password.\n"
			    "  port: whole number between 1 and 65535, default 25\n"
			    "      TCP port.\n"
			    "  tls: one of starttls, tls, none; default tls\n"
			    "      Encryption.\n"
			    "  retry: section\n"
			    "      Attempts.\n"
			    "  retry.first: duration between 0 and 1h, default 1s\n"
			    "      Time before the second attempt.\n");
	buffer_done(&out);
}

static void markdown_is_a_definition_list_with_plain_text(void **state)
{
	struct buffer out = {0};

	(void)state;
	describe_markdown(&out, options, sizeof(options[0]), 2);
	assert_string_equal(buffer_text(&out),
			    "**host** (text, required)\n"
			    ":   Name or address of the server; a\\_b \\*c\\* stay as they are. "
			    "Example: `host: smtp.example.com`\n\n"
			    "**password** (secret)\n"
			    ":   Password.\n\n");
	buffer_done(&out);
}

static const json_t *named(const json_t *array, const char *name)
{
	size_t i;
	const json_t *item;

	json_array_foreach(array, i, item)
	{
		if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0)
			return item;
	}
	return NULL;
}

static void the_options_of_a_list_are_described(void **state)
{
	static const struct tocsin_option list[] = {
		{.size = sizeof(list[0]),
		 .type = TOCSIN_SECTIONS,
		 .name = "rules",
		 .options = retry_options,
		 .option_count = 1,
		 .item_size = sizeof(struct retry),
		 .help = "Rules."},
	};
	json_t *array = describe_json(list, sizeof(list[0]), 1);
	json_t *schema = describe_schema(list, sizeof(list[0]), 1);
	json_t *rules = json_object_get(json_object_get(schema, "properties"), "rules");
	struct buffer out = {0};

	(void)state;
	describe_text(&out, list, sizeof(list[0]), 1, 60);
	assert_string_equal(buffer_text(&out),
			    "  rules: list of sections\n"
			    "      Rules.\n"
			    "  rules[].first: duration between 0 and 1h, default 1s\n"
			    "      Time before the second attempt.\n");
	buffer_done(&out);
	assert_int_equal(json_array_size(json_object_get(json_array_get(array, 0), "options")), 1);
	assert_string_equal(json_string_value(json_object_get(rules, "type")), "array");
	assert_non_null(json_object_get(
		json_object_get(json_object_get(rules, "items"), "properties"), "first"));
	json_decref(array);
	json_decref(schema);
}

static void schedules_and_zones_are_described(void **state)
{
	struct times {
		const struct tocsin_schedule *at;
		const struct tocsin_zone *zone;
	};
	static const struct tocsin_option times[] = {
		TOCSIN_OPTION(SCHEDULE, struct times, at, .example = "daily", .help = "When."),
		TOCSIN_OPTION(ZONE, struct times, zone, .preset = "local", .help = "Where."),
	};
	json_t *schema = describe_schema(times, sizeof(times[0]), 2);
	const json_t *properties = json_object_get(schema, "properties");
	struct buffer out = {0};

	(void)state;
	describe_text(&out, times, sizeof(times[0]), 2, 60);
	assert_string_equal(buffer_text(&out), "  at: schedule\n"
					       "      When.\n"
					       "      Example: at: daily\n"
					       "  zone: time zone, default local\n"
					       "      Where.\n");
	buffer_done(&out);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(json_string_value(json_object_get(
					    json_object_get(properties, times[i].name), "type")),
				    "string");
	json_decref(schema);
}

static void json_holds_every_fact(void **state)
{
	json_t *array = describe_json(options, sizeof(options[0]), N);
	const json_t *port = named(array, "port"), *host = named(array, "host");
	const json_t *retry = named(array, "retry"), *first;

	(void)state;
	assert_int_equal(json_array_size(array), N);
	assert_string_equal(json_string_value(json_object_get(port, "type")), "whole number");
	assert_string_equal(json_string_value(json_object_get(port, "default")), "25");
	assert_int_equal(json_integer_value(json_object_get(port, "max")), 65535);
	assert_true(json_is_true(json_object_get(host, "required")));
	assert_string_equal(json_string_value(json_object_get(host, "example")),
			    "smtp.example.com");
	assert_null(json_object_get(named(array, "password"), "default"));
	assert_int_equal(json_array_size(json_object_get(named(array, "tls"), "choices")), 3);
	first = named(json_object_get(retry, "options"), "first");
	assert_string_equal(json_string_value(json_object_get(first, "default")), "1s");
	json_decref(array);
}

static void the_schema_names_every_option(void **state)
{
	json_t *schema = describe_schema(options, sizeof(options[0]), N);
	const json_t *properties = json_object_get(schema, "properties");
	const json_t *retry = json_object_get(properties, "retry");
	const json_t *port = json_object_get(properties, "port");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(schema, "type")), "object");
	assert_int_equal(json_object_size(properties), N);
	for (size_t i = 0; i < N; i++) {
		const json_t *property = json_object_get(properties, options[i].name);

		assert_true(json_object_size(property) >= 2);
		assert_string_equal(json_string_value(json_object_get(property, "description")),
				    options[i].help);
	}
	assert_int_equal(json_array_size(json_object_get(schema, "required")), 1);
	assert_int_equal(json_integer_value(json_object_get(port, "default")), 25);
	assert_null(json_object_get(json_object_get(properties, "password"), "default"));
	assert_true(json_is_false(json_object_get(retry, "additionalProperties")));
	assert_non_null(json_object_get(json_object_get(retry, "properties"), "first"));
	json_decref(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_options_of_a_list_are_described),
		cmocka_unit_test(the_terminal_text_says_type_default_and_help),
		cmocka_unit_test(markdown_is_a_definition_list_with_plain_text),
		cmocka_unit_test(schedules_and_zones_are_described),
		cmocka_unit_test(json_holds_every_fact),
		cmocka_unit_test(the_schema_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
