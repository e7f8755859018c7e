/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"

struct config {
	const char *host;
	const char *password;
	const char *url;
	const char *hook;
	int64_t port;
	int64_t retries;
	bool verify;
	int64_t timeout;
	int64_t size;
	struct tocsin_rate rate;
	int64_t tls;
	struct tocsin_strings to;
	struct tocsin_map labels;
	const char *query;
	const char *path;
	struct retry {
		int64_t first;
		const char *name;
	} retry;
	struct tocsin_sections rules; /* struct retry */
};

static const char *const tls_choices[] = {"starttls", "tls", "none", NULL};

static const struct tocsin_option retry_options[] = {
	TOCSIN_OPTION(DURATION, struct retry, first, .preset = "1s"),
	TOCSIN_OPTION(STRING, struct retry, name, .required = true),
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(STRING, struct config, host, .required = true, .example = "smtp.example.com"),
	TOCSIN_OPTION(SECRET, struct config, password, .help = ""),
	TOCSIN_OPTION(URL, struct config, url, .help = ""),
	TOCSIN_OPTION(SECRET_URL, struct config, hook, .help = ""),
	TOCSIN_OPTION(INT, struct config, port, .preset = "25", .min = 1, .max = 65535),
	TOCSIN_OPTION(INT, struct config, retries, .help = ""),
	TOCSIN_OPTION(BOOL, struct config, verify, .preset = "true"),
	TOCSIN_OPTION(DURATION, struct config, timeout, .preset = "30s", .min = 1000,
		      .max = INT64_MAX),
	TOCSIN_OPTION(SIZE, struct config, size, .preset = "64KiB", .max = 1 << 20),
	TOCSIN_OPTION(RATE, struct config, rate, .preset = "5/s"),
	TOCSIN_OPTION(CHOICE, struct config, tls, .preset = "none", .choices = tls_choices),
	TOCSIN_OPTION(STRINGS, struct config, to, .preset = "[a@example.com, b@example.com]"),
	TOCSIN_OPTION(MAP, struct config, labels, .preset = "{team: web}"),
	TOCSIN_OPTION(QUERY, struct config, query, .preset = "SELECT 'a: b' WHERE x = $1"),
	TOCSIN_OPTION(PATH, struct config, path, .help = ""),
	TOCSIN_OPTION_SECTION(struct config, retry, retry_options, .help = ""),
	TOCSIN_OPTION_SECTIONS(struct config, rules, retry_options, struct retry, .help = ""),
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static const char *const skip[] = {"type", NULL};

static struct arena *arena;
static struct problems problems;
static struct node *root;
static struct config config;
static char heard[256];

static void hear(const char *secret, void *data)
{
	size_t length = strlen(heard);

	(void)data;
	snprintf(heard + length, sizeof(heard) - length, "[%s]", secret);
}

static int forget(void **state)
{
	(void)state;
	arena_free(arena);
	arena = NULL;
	node_free(root);
	root = NULL;
	problems_done(&problems);
	heard[0] = '\0';
	memset(&config, 0, sizeof(config));
	return 0;
}

static int fill(const char *text)
{
	struct options_table table = {options, N_OPTIONS, sizeof(options[0]), &config};
	struct options_context context = {.problems = &problems, .secret = hear};
	struct place place = {"x.yaml", 9, 9};
	int code;

	forget(NULL);
	context.arena = arena = arena_new();
	assert_int_equal(yaml_read("x.yaml", text, strlen(text), &problems, &root), 0);
	code = options_fill(&context, root, &place, "channel 'mail'", &table, 1, skip);
	assert_true((code == 0) == (problems.n == 0));
	problems_sort(&problems);
	return code;
}

/* The one sentence about a line beside the host. */
static void assert_refused(const char *line, const char *expected)
{
	char text[256];

	snprintf(text, sizeof(text), "host: x\n%s\n", line);
	assert_int_not_equal(fill(text), 0);
	assert_int_equal(problems.n, 1);
	assert_string_equal(problems.text[0], expected);
}

static void a_list_of_sections_is_an_array_of_structs(void **state)
{
	const struct retry *rule;

	(void)state;
	assert_int_equal(fill("host: x\nrules:\n  - {name: a, first: 5s}\n  - {name: b}\n"), 0);
	rule = config.rules.item;
	assert_int_equal(config.rules.n, 2);
	assert_string_equal(rule[0].name, "a");
	assert_int_equal(rule[0].first, 5000);
	assert_string_equal(rule[1].name, "b");
	assert_int_equal(rule[1].first, 1000);
	assert_int_equal(fill("host: x\nrules: []\n"), 0);
	assert_int_equal(config.rules.n, 0);
	assert_int_equal(fill("host: x\n"), 0);
	assert_int_equal(config.rules.n, 0);
}

static void a_mistake_in_a_list_of_sections_names_the_item(void **state)
{
	(void)state;
	assert_refused("rules: [{name: a}, {name: b, frist: 5s}]",
		       "x.yaml:2:30: channel 'mail': item 2 of rules: unknown key 'frist'; did you "
		       "mean 'first'?");
	assert_refused("rules: [{first: 5s}]",
		       "x.yaml:2:9: channel 'mail': item 1 of rules: the required key 'name' is "
		       "missing; add 'name: ...' with a text");
	assert_refused("rules: [a]", "x.yaml:2:9: channel 'mail': item 1 of rules: this must be a "
				     "section of 'key: value' lines, not a single text");
	assert_refused("rules: {name: a}", "x.yaml:2:8: channel 'mail': 'rules' must be a list of "
					   "sections, each of 'key: value' lines");
}

static void what_is_absent_has_its_preset(void **state)
{
	(void)state;
	assert_int_equal(fill("host: x\n"), 0);
	assert_string_equal(config.host, "x");
	assert_null(config.password);
	assert_int_equal(config.port, 25);
	assert_int_equal(config.retries, 0);
	assert_true(config.verify);
	assert_int_equal(config.timeout, 30000);
	assert_int_equal(config.size, 65536);
	assert_int_equal(config.rate.count, 5);
	assert_int_equal(config.rate.per_ms, 1000);
	assert_int_equal(config.tls, 2);
	assert_int_equal(config.to.n, 2);
	assert_string_equal(config.to.item[1], "b@example.com");
	assert_string_equal(config.labels.pair[0].name, "team");
	assert_string_equal(config.query, "SELECT 'a: b' WHERE x = $1");
	assert_int_equal(config.retry.first, 1000);
}

static void every_type_is_read(void **state)
{
	(void)state;
	assert_int_equal(fill("type: smtp\nhost: 123\npassword: hunter2\n"
			      "url: HTTPS://u:p@[::1]:8/x?y\nhook: http://example.com\n"
			      "port: \"587\"\nretries: -3\nverify: false\ntimeout: 1h30m\n"
			      "size: 1MiB\nrate: unlimited\ntls: tls\nto: one@example.com\n"
			      "labels: {b: 1, a: true}\nquery: |\n  SELECT $$x$$\n"
			      "path: /var/log/x\nretry: {first: 5s, name: n}\n"),
			 0);
	assert_string_equal(config.host, "123");
	assert_string_equal(config.password, "hunter2");
	assert_string_equal(config.url, "HTTPS://u:p@[::1]:8/x?y");
	assert_string_equal(config.hook, "http://example.com");
	assert_int_equal(config.port, 587);
	assert_int_equal(config.retries, -3);
	assert_false(config.verify);
	assert_int_equal(config.timeout, 5400000);
	assert_int_equal(config.size, 1048576);
	assert_int_equal(config.rate.count, 0);
	assert_int_equal(config.tls, 1);
	assert_int_equal(config.to.n, 1);
	assert_string_equal(config.to.item[0], "one@example.com");
	assert_int_equal(config.labels.n, 2);
	assert_string_equal(config.labels.pair[0].name, "b");
	assert_string_equal(config.labels.pair[1].value, "true");
	assert_string_equal(config.query, "SELECT $$x$$\n");
	assert_string_equal(config.path, "/var/log/x");
	assert_int_equal(config.retry.first, 5000);
	assert_string_equal(config.retry.name, "n");
	assert_string_equal(heard, "[hunter2][http://example.com]");
}

static void an_unknown_key_gets_a_suggestion(void **state)
{
	(void)state;
	assert_refused("prot: 1", "x.yaml:2:1: channel 'mail': unknown key 'prot'; did you mean "
				  "'port'?");
	assert_refused("tpye: smtp", "x.yaml:2:1: channel 'mail': unknown key 'tpye'; did you mean "
				     "'type'?");
	assert_refused("colour: red",
		       "x.yaml:2:1: channel 'mail': unknown key 'colour'; the known keys are type, "
		       "host, password, url, hook, port, retries, verify, timeout, size, rate, "
		       "tls, to, labels, query, path, retry, rules");
	assert_refused("retry: {name: n, frist: 1s}",
		       "x.yaml:2:18: channel 'mail': retry: unknown key 'frist'; did you mean "
		       "'first'?");
}

static void a_missing_required_key_is_named_at_the_map(void **state)
{
	(void)state;
	assert_int_not_equal(fill("port: 1\n"), 0);
	assert_string_equal(problems.text[0],
			    "x.yaml:9:9: channel 'mail': the required key 'host' is missing; add "
			    "'host: smtp.example.com'");
	assert_int_not_equal(fill(""), 0);
	assert_int_equal(problems.n, 1);
	assert_refused("retry: {first: 1s}",
		       "x.yaml:2:8: channel 'mail': retry: the required key 'name' is missing; add "
		       "'name: ...' with a text");
	assert_int_not_equal(fill("host: ''\n"), 0);
	assert_string_equal(problems.text[0],
			    "x.yaml:1:7: channel 'mail': 'host' must not be empty");
}

static void wrong_values_say_what_to_write(void **state)
{
	static const struct {
		const char *line, *must;
	} cases[] = {
		{"port: abc", "a whole number between 1 and 65535, not 'abc'"},
		{"port: 0", "a whole number between 1 and 65535, not '0'"},
		{"port: 0587", "a whole number between 1 and 65535, not '0587'"},
		{"port: 1e3", "a whole number between 1 and 65535, not '1e3'"},
		{"retries: 9223372036854775808", "a whole number, not '9223372036854775808'"},
		{"verify: yes", "true or false, not 'yes'; write true"},
		{"verify: Off", "true or false, not 'Off'; write false"},
		{"verify: maybe", "true or false, not 'maybe'"},
		{"timeout: 30", "a duration such as 30s, 10m or 1h30m of at least 1s, not '30'"},
		{"timeout: 9ms", "a duration such as 30s, 10m or 1h30m of at least 1s, not '9ms'"},
		{"size: 2MiB", "a size such as 512, 64KiB or 10MB between 0 and 1MiB, not '2MiB'"},
		{"rate: 5", "a rate such as 5/s, 30/m or unlimited, not '5'"},
		{"tls: startls", "one of starttls, tls, none, not 'startls'; did you mean "
				 "'starttls'?"},
		{"tls: ssl3", "one of starttls, tls, none, not 'ssl3'"},
		{"path: log/x", "an absolute path such as /var/lib/tocsin, not 'log/x'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int key = (int)strcspn(cases[i].line, ":");
		char expected[256];

		snprintf(expected, sizeof(expected),
			 "x.yaml:2:%d: channel 'mail': '%.*s' must be %s", key + 3, key,
			 cases[i].line, cases[i].must);
		assert_refused(cases[i].line, expected);
	}
}

static void urls_need_a_scheme_a_host_and_no_spaces(void **state)
{
	static const char *const bad[] = {"example.com",
					  "ftp://example.com",
					  "http://",
					  "https:///x",
					  "http://:80/",
					  "'http://a b/'",
					  "\"http://a\\tb/\"",
					  "http://user@/x",
					  "file:///etc/passwd",
					  "http://?x",
					  "\"http://a\\r\\nX: y/\""};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[128];

		snprintf(text, sizeof(text), "host: x\nurl: %s\n", bad[i]);
		assert_int_not_equal(fill(text), 0);
		assert_non_null(strstr(problems.text[0], "'url' must be an http or https URL"));
	}
}

static void wrong_kinds_say_what_was_found(void **state)
{
	(void)state;
	assert_refused("port: [1]", "x.yaml:2:7: channel 'mail': 'port' must be a whole number "
				    "between 1 and 65535, not a list");
	assert_refused("path: {a: b}", "x.yaml:2:7: channel 'mail': 'path' must be an absolute "
				       "path such as /var/lib/tocsin, not a section");
	assert_refused("tls:", "x.yaml:2:5: channel 'mail': 'tls' has no value; write one of "
			       "starttls, tls, none, or take the line out");
	assert_refused("to: {a: b}", "x.yaml:2:5: channel 'mail': 'to' must be a text or a list of "
				     "texts, not a section");
	assert_refused("to: [a, [b]]", "x.yaml:2:9: channel 'mail': item 2 of 'to' must be a text, "
				       "not a list");
	assert_refused("labels: [a]", "x.yaml:2:9: channel 'mail': 'labels' must be lines of "
				      "'name: text', not a list");
	assert_refused("labels: {a: [b]}", "x.yaml:2:13: channel 'mail': 'a' in 'labels' must be a "
					   "text, not a list");
	assert_refused("retry: 5s", "x.yaml:2:8: channel 'mail': retry: this must be a section of "
				    "'key: value' lines, not a single text");
	assert_int_not_equal(fill("- a\n"), 0);
	assert_string_equal(problems.text[0], "x.yaml:1:1: channel 'mail': this must be a section "
					      "of 'key: value' lines, not a list");
}

static void secrets_are_never_shown(void **state)
{
	(void)state;
	assert_refused("hook: hunter2",
		       "x.yaml:2:7: channel 'mail': 'hook' must be an http or "
		       "https URL without spaces, such as https://example.com/hook; the value is "
		       "not");
	assert_int_equal(setenv("TOCSIN_TEST", "hunter2", 1), 0);
	assert_refused("port: ${env:TOCSIN_TEST}",
		       "x.yaml:2:7: channel 'mail': 'port' must be a whole number between 1 and "
		       "65535; the value is not");
	assert_string_equal(heard, "[hunter2][hunter2]");
	assert_refused("password: ${env:TOCSIN_NONE}",
		       "x.yaml:2:11: channel 'mail': 'password' cannot be read: the environment "
		       "variable 'TOCSIN_NONE' is not set; set it, or use "
		       "${file:/path/of/a/file}");
	unsetenv("TOCSIN_TEST");
}

static void references_work_in_every_type(void **state)
{
	(void)state;
	assert_int_equal(setenv("TOCSIN_TEST", "587", 1), 0);
	assert_int_equal(fill("host: h${env:TOCSIN_TEST}\nport: ${env:TOCSIN_TEST}\n"
			      "to: [a, \"${env:TOCSIN_TEST}\"]\n"
			      "labels: {x: \"${env:TOCSIN_TEST}\"}\n"),
			 0);
	assert_string_equal(config.host, "h587");
	assert_int_equal(config.port, 587);
	assert_string_equal(config.to.item[1], "587");
	assert_string_equal(config.labels.pair[0].value, "587");
	unsetenv("TOCSIN_TEST");
}

static void every_mistake_is_found_in_one_run(void **state)
{
	(void)state;
	assert_int_not_equal(fill("port: 0\nverify: maybe\ncolour: red\nretry: {first: x}\n"), 0);
	assert_int_equal(problems.n, 6);
}

static void long_values_are_cut_between_characters(void **state)
{
	char text[256] = "host: x\nport: ";

	(void)state;
	for (int i = 0; i < 40; i++)
		memcpy(text + strlen(text), "€", 4);
	assert_int_not_equal(fill(text), 0);
	assert_non_null(strstr(problems.text[0], "€€...'"));
}

static void keys_may_come_from_several_tables(void **state)
{
	struct common {
		int64_t window;
	} common = {0};
	const struct tocsin_option common_options[] = {
		TOCSIN_OPTION(INT, struct common, window, .preset = "1000"),
	};
	const struct options_table tables[] = {
		{common_options, 1, sizeof(common_options[0]), &common},
		{options, N_OPTIONS, sizeof(options[0]), &config},
	};
	static const char text[] = "{host: x, window: 5, windw: 6}";
	struct options_context context = {.problems = &problems};

	(void)state;
	forget(NULL);
	context.arena = arena = arena_new();
	assert_int_equal(yaml_read("x", text, strlen(text), &problems, &root), 0);
	assert_int_not_equal(options_fill(&context, root, NULL, NULL, tables, 2, NULL), 0);
	assert_int_equal(common.window, 5);
	assert_string_equal(config.host, "x");
	assert_string_equal(problems.text[0],
			    "x:1:22: unknown key 'windw'; did you mean 'window'?");
}

/* An entry as a plugin would have it that knows fewer fields, and one that knows more. */
struct smaller {
	size_t size;
	enum tocsin_option_type type;
	const char *name;
	size_t offset;
	const char *help;
	const char *preset;
};
struct larger {
	struct tocsin_option ours;
	const char *more[2];
};

static void tables_of_older_and_newer_plugins_are_read(void **state)
{
	static const struct smaller older[] = {
		{sizeof(struct smaller), TOCSIN_INT, "a", 0, "A.", "1"},
		{sizeof(struct smaller), TOCSIN_INT, "b", sizeof(int64_t), "B.", "2"},
	};
	static const struct larger newer[] = {
		{{.type = TOCSIN_INT, .name = "c", .offset = 0, .preset = "3"}, {"x", "y"}},
		{{.type = TOCSIN_INT, .name = "d", .offset = sizeof(int64_t), .required = true},
		 {"x", "y"}},
	};
	int64_t old[2] = {0}, new[2] = {0};
	const struct options_table tables[] = {
		{(const struct tocsin_option *)older, 2, sizeof(older[0]), old},
		{(const struct tocsin_option *)newer, 2, sizeof(newer[0]), new},
	};
	struct options_context context = {.problems = &problems};
	static const char text[] = "{b: 7, d: 8}";

	(void)state;
	forget(NULL);
	context.arena = arena = arena_new();
	assert_int_equal(yaml_read("x", text, strlen(text), &problems, &root), 0);
	assert_int_equal(options_fill(&context, root, NULL, NULL, tables, 2, NULL), 0);
	assert_int_equal(old[0], 1);
	assert_int_equal(old[1], 7);
	assert_int_equal(new[0], 3);
	assert_int_equal(new[1], 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_list_of_sections_is_an_array_of_structs, forget),
		cmocka_unit_test_teardown(a_mistake_in_a_list_of_sections_names_the_item, forget),
		cmocka_unit_test(what_is_absent_has_its_preset),
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(an_unknown_key_gets_a_suggestion),
		cmocka_unit_test(a_missing_required_key_is_named_at_the_map),
		cmocka_unit_test(wrong_values_say_what_to_write),
		cmocka_unit_test(urls_need_a_scheme_a_host_and_no_spaces),
		cmocka_unit_test(wrong_kinds_say_what_was_found),
		cmocka_unit_test(secrets_are_never_shown),
		cmocka_unit_test(references_work_in_every_type),
		cmocka_unit_test(every_mistake_is_found_in_one_run),
		cmocka_unit_test(long_values_are_cut_between_characters),
		cmocka_unit_test(keys_may_come_from_several_tables),
		cmocka_unit_test(tables_of_older_and_newer_plugins_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
