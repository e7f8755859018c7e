/* SPDX-License-Identifier: Apache-2.0 */
/* Services: what a definition must be, and what becomes of a channel of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/service.h"

/* The plugin below the services here. */
struct config {
	const char *url, *text;
	int64_t number;
	bool flag;
	int64_t wait;
	struct tocsin_strings list;
	struct tocsin_map map;
	struct {
		const char *user, *password;
	} login;
};
static const struct tocsin_option login_options[] = {
	TOCSIN_OPTION_AS("password", SECRET, struct config, login.password, .help = ""),
	TOCSIN_OPTION_AS("user", STRING, struct config, login.user, .help = ""),
};
static const struct tocsin_option options[] = {
	TOCSIN_OPTION(BOOL, struct config, flag, .help = ""),
	TOCSIN_OPTION(STRINGS, struct config, list, .help = ""),
	{.size = sizeof(options[0]),
	 .type = TOCSIN_SECTION,
	 .name = "login",
	 .options = login_options,
	 .option_count = 2,
	 .help = ""},
	TOCSIN_OPTION(MAP, struct config, map, .help = ""),
	TOCSIN_OPTION(INT, struct config, number, .help = ""),
	TOCSIN_OPTION(STRING, struct config, text, .help = ""),
	TOCSIN_OPTION(SECRET_URL, struct config, url, .required = true, .help = ""),
	TOCSIN_OPTION(DURATION, struct config, wait, .help = ""),
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static struct config config;
static struct arena *arena;
static struct problems problems;
static struct node *definition, *channel;
static struct services services;
static struct service_use use;
static char heard[512];

static void hear(const char *secret, void *data)
{
	size_t length = strlen(heard);

	(void)data;
	snprintf(heard + length, sizeof(heard) - length, "[%s]", secret);
}

static int forget(void **state)
{
	(void)state;
	json_decref(use.options);
	use = (struct service_use){0};
	services_done(&services);
	node_free(definition);
	node_free(channel);
	definition = channel = NULL;
	arena_free(arena);
	arena = NULL;
	problems_done(&problems);
	config = (struct config){0};
	*heard = '\0';
	return 0;
}

static int define(const char *text)
{
	struct options_context context = {.problems = &problems, .secret = hear};
	struct place place = {"s.yaml", 1, 1};

	forget(NULL);
	context.arena = arena = arena_new();
	assert_int_equal(yaml_read("s.yaml", text, strlen(text), &problems, &definition), 0);
	return services_add(&services, &context, "shop", &place, definition);
}

/* Defines the service, and fills the plugin's struct by a channel of it. */
static int fill(const char *service, const char *user)
{
	struct options_context context = {.problems = &problems, .secret = hear};
	struct options_table table = {options, N_OPTIONS, sizeof(options[0]), &config};
	static const char *const skip[] = {"type", NULL};
	static const struct place place = {"c.yaml", 1, 1};

	if (define(service) < 0)
		fail_msg("the definition is refused: %s", problems.text[0]);
	context.arena = arena;
	assert_int_equal(yaml_read("c.yaml", user, strlen(user), &problems, &channel), 0);
	use = (struct service_use){.service = services_find(&services, "shop"),
				   .node = channel,
				   .place = &place,
				   .what = "channel 'x'",
				   .tables = &table,
				   .n_tables = 1};
	assert_non_null(use.service);
	if (service_use(&context, &use) < 0)
		return -1;
	context.option = service_value;
	context.option_data = &use;
	return options_fill(&context, use.channel, &place, "channel 'x'", &table, 1, skip);
}

#define HEAD "plugin: chat\nsummary: sells\noptions:\n"
#define OPTION(name, ...) "  " name ": {help: H., " __VA_ARGS__ "}\n"

static void a_text_takes_the_value_of_an_option(void **state)
{
	(void)state;
	assert_int_equal(
		fill(HEAD OPTION("key", "type: secret, required: true, example: x") OPTION(
			     "room", "type: string, preset: lobby") OPTION("n",
									   "type: int, preset: 7")
			     OPTION("d",
				    "type: duration, preset: 5s") "channel:\n  url: https://example.com/${option:key}/${option:room}\n"
								  "  text: ${option:n} ${option:d} $${option:key}\n",
		     "{key: 's3cr{{t'}"),
		0);
	assert_string_equal(config.url, "https://example.com/s3cr{{t/lobby");
	assert_string_equal(config.text, "7 5000ms ${option:key}");
}

static void values_are_never_looked_through(void **state)
{
	(void)state;
	assert_int_equal(
		fill(HEAD OPTION("a", "type: string") OPTION(
			     "b", "type: string") "channel: {url: 'https://example.com', text: "
						  "'${option:a}-${option:b}'}\n",
		     "{a: '$${option:b}', b: '{{ .x }}'}"),
		0);
	assert_string_equal(config.text, "${option:b}-{{ .x }}");
	assert_string_equal(heard, "[https://example.com]");
}

static void an_option_keeps_its_type(void **state)
{
	(void)state;
	assert_int_equal(
		fill(HEAD OPTION("n", "type: int, min: 1, max: 9") OPTION("b", "type: bool") OPTION(
			     "d", "type: duration, preset: 1m30s") OPTION("l", "type: strings")
			     OPTION("m",
				    "type: map") "channel: {url: 'https://example.com', number: '${option:n}', flag: "
						 "'${option:b}', wait: '${option:d}', list: '${option:l}', map: "
						 "'${option:m}'}\n",
		     "{n: 5, b: true, l: [x, y], m: {a: b}}"),
		0);
	assert_int_equal(config.number, 5);
	assert_true(config.flag);
	assert_int_equal(config.wait, 90000);
	assert_int_equal(config.list.n, 2);
	assert_string_equal(config.list.item[1], "y");
	assert_string_equal(config.map.pair[0].value, "b");
}

static void what_is_not_set_vanishes(void **state)
{
	(void)state;
	assert_int_equal(
		fill(HEAD OPTION("n", "type: int") OPTION("a", "type: string") OPTION(
			     "l",
			     "type: strings, preset: '[x, y]'") "channel: {url: 'https://example.com', number: '${option:n}', text: "
								"'<${option:a}>', list: '${option:l}', map: {k: '${option:a}', j: b}}\n",
		     "{}"),
		0);
	assert_int_equal(config.number, 0);
	assert_null(node_get(use.channel, "number"));
	assert_string_equal(config.text, "<>");
	assert_int_equal(config.list.n, 2);
	assert_int_equal(config.map.n, 1);
	assert_true(json_is_null(json_object_get(use.options, "a")));
}

static void what_the_user_writes_wins(void **state)
{
	(void)state;
	assert_int_equal(
		fill(HEAD OPTION(
			     "text",
			     "type: string") "channel: {url: 'https://example.com', number: 1, flag: true, text: "
					     "'(${option:text})', login: {user: u, password: p}}\n",
		     "{text: t, number: 2, login: {user: me}, wait: 5s}"),
		0);
	assert_int_equal(config.number, 2);
	assert_true(config.flag);
	assert_string_equal(config.text, "(t)");
	assert_string_equal(config.login.user, "me");
	assert_string_equal(config.login.password, "p");
	assert_int_equal(config.wait, 5000);
}

static void secrets_are_heard_and_not_shown_to_templates(void **state)
{
	(void)state;
	assert_int_equal(
		fill(HEAD OPTION("key", "type: secret, required: true, example: x") OPTION(
			     "hook",
			     "type: secret_url") OPTION("t", "type: template, preset: '{{ .a }}'")
			     OPTION("room",
				    "type: string") "channel: {url: '${option:hook}', text: '${option:key}'}\n",
		     "{key: hunter2, hook: 'https://example.com/h', room: lobby}"),
		0);
	assert_non_null(strstr(heard, "[hunter2]"));
	assert_non_null(strstr(heard, "[https://example.com/h]"));
	assert_null(strstr(heard, "lobby"));
	assert_int_equal(json_object_size(use.options), 1);
	assert_string_equal(json_string_value(json_object_get(use.options, "room")), "lobby");
}

static void assert_use_refused(const char *user, const char *expected)
{
	assert_int_not_equal(
		fill(HEAD OPTION("key", "type: secret, required: true, example: x") OPTION(
			     "level",
			     "type: choice, choices: [low, high]") "channel: {url: 'https://example.com', text: '${option:key}'}\n",
		     user),
		0);
	assert_int_equal(problems.n, 1);
	assert_string_equal(problems.text[0], expected);
}

static void mistakes_of_users_have_their_place(void **state)
{
	(void)state;
	assert_use_refused("{}", "c.yaml:1:1: channel 'x': the required key 'key' is missing; add "
				 "'key: x'");
	assert_use_refused("{key: a, levle: low}",
			   "c.yaml:1:10: channel 'x': unknown key 'levle'; did you mean 'level'?");
	assert_use_refused("{key: a, level: middle}",
			   "c.yaml:1:17: channel 'x': 'level' must be one of low, high, not "
			   "'middle'");
	assert_use_refused("{key: [a]}", "c.yaml:1:7: channel 'x': 'key' must be a text, not a "
					 "list");
	assert_use_refused("{key: a, number: many}",
			   "c.yaml:1:18: channel 'x': 'number' must be a whole number, not 'many'");
}

static void assert_definition_refused(const char *text, const char *expected)
{
	assert_int_not_equal(define(text), 0);
	if (problems.n == 0 || !strstr(problems.text[0], expected))
		fail_msg("'%s' does not say '%s'", problems.n ? problems.text[0] : "nothing",
			 expected);
}

static void mistakes_of_definitions_have_their_place(void **state)
{
	(void)state;
	assert_definition_refused("summary: s\nchannel: {url: x}\n",
				  "the required key 'plugin' is missing");
	assert_definition_refused("plugin: p\nsummary: s\n", "required map 'channel' is missing");
	assert_definition_refused("plugin: p\nsummary: s\nchanel: {}\n",
				  "s.yaml:3:1: service 'shop': unknown key 'chanel'; did you mean "
				  "'channel'?");
	assert_definition_refused("plugin: p\nsummary: s\nchannel: {type: x}\n",
				  "'type' is for those who use the service");
	assert_definition_refused("plugin: p\nsummary: s\nchannel: {a: ['${option:b}']}\n",
				  "s.yaml:3:15: service 'shop': there is no option 'b'");
	assert_definition_refused("plugin: p\nsummary: s\noptions: [a]\nchannel: {}\n",
				  "options must be a map");
	assert_definition_refused(HEAD OPTION("a", "type: strings") "channel: {t: 'x${option:a}'}",
				  "'a' must stand alone");
	assert_definition_refused(HEAD OPTION("a", "type: text") "channel: {}",
				  "'type' must be one of string, template");
	assert_definition_refused(HEAD "  a: {type: int}\nchannel: {}", "'a' has no help");
	assert_definition_refused(HEAD OPTION("a", "type: int, required: true") "channel: {}",
				  "needs an example");
	assert_definition_refused(HEAD OPTION("a", "type: choice") "channel: {}", "needs choices");
	assert_definition_refused(HEAD OPTION("a", "type: int, preset: x") "channel: {}",
				  "the preset of 'a' cannot be read");
	assert_definition_refused(HEAD OPTION("a", "type: string, min: 1") "channel: {}",
				  "only int and duration have bounds");
	assert_definition_refused(HEAD OPTION("A", "type: string") "channel: {}", "unlike 'A'");
	assert_definition_refused(HEAD OPTION("type", "type: string") "channel: {}",
				  "a key that every channel has");
}

static void the_first_of_two_is_kept(void **state)
{
	struct options_context context = {.problems = &problems};
	static const struct place place = {"t.yaml", 1, 1};

	(void)state;
	assert_int_equal(define("plugin: p\nsummary: first\nchannel: {}\n"), 0);
	context.arena = arena;
	assert_int_equal(services_add(&services, &context, "shop", &place, definition), 0);
	assert_string_equal(services_find(&services, "shop")->place.file, "s.yaml");
	assert_null(services_find(&services, "other"));
	assert_int_equal(services_scan(&services, &context, "/nonexistent/services"), 0);
	assert_int_equal(problems.n, 0);
}

#define TEST(function) cmocka_unit_test_teardown(function, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_text_takes_the_value_of_an_option),
		TEST(values_are_never_looked_through),
		TEST(an_option_keeps_its_type),
		TEST(what_is_not_set_vanishes),
		TEST(what_the_user_writes_wins),
		TEST(secrets_are_heard_and_not_shown_to_templates),
		TEST(mistakes_of_users_have_their_place),
		TEST(mistakes_of_definitions_have_their_place),
		TEST(the_first_of_two_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
