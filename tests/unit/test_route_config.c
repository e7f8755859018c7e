/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/route_config.h"

static const char *const channels[] = {"mail", "chat", "screen"};

/* One reading, with everything that it made. */
struct reading {
	struct arena *arena;
	struct problems problems;
	struct node *root;
	struct routes routes;
	int result;
};

static void read_text(struct reading *reading, const char *text, bool complete)
{
	struct severity_alias alias[] = {{"blocker", TOCSIN_CRITICAL}};
	struct severity_aliases aliases = {alias, 1};
	struct options_context context = {0};
	struct place place = {.file = "conf.d"};
	struct route_config config = {
		.options = &context,
		.aliases = &aliases,
		.channel = channels,
		.n_channels = 3,
		.place = &place,
		.complete = complete,
	};
	const struct node *list;

	*reading = (struct reading){.arena = arena_new()};
	context.arena = reading->arena;
	context.problems = &reading->problems;
	if (yaml_read("t.yaml", text, strlen(text), &reading->problems, &reading->root) < 0)
		fail_msg("%s", reading->problems.text[0]);
	list = node_get(reading->root, "routes");
	reading->result = route_config_read(&config, &list, list ? 1 : 0,
					    node_get(reading->root, "default"), &reading->routes);
	problems_sort(&reading->problems);
}

static void done(struct reading *reading)
{
	route_done(reading->routes.root);
	arena_free(reading->arena);
	problems_done(&reading->problems);
	node_free(reading->root);
}

static void read_good(struct reading *reading, const char *text)
{
	read_text(reading, text, true);
	if (reading->problems.n > 0)
		fail_msg("%s", reading->problems.text[0]);
	assert_int_equal(reading->result, 0);
}

/* Exactly these problems, in this order; NULL ends the list. */
static void finds(const char *text, const char *const *expected)
{
	struct reading reading;
	size_t n = 0;

	read_text(&reading, text, true);
	for (; expected[n]; n++) {
		if (n >= reading.problems.n)
			fail_msg("not found: %s", expected[n]);
		if (!strstr(reading.problems.text[n], expected[n]))
			fail_msg("found '%s', not '%s'", reading.problems.text[n], expected[n]);
	}
	if (reading.problems.n > n)
		fail_msg("also found: %s", reading.problems.text[n]);
	assert_int_not_equal(reading.result, 0);
	done(&reading);
}

#define FINDS(text, ...) finds(text, (const char *const[]){__VA_ARGS__, NULL})

static void a_full_tree_is_read_as_written(void **state)
{
	struct reading reading;
	const struct route *root, *sites, *shop;

	(void)state;
	read_good(&reading, "routes:\n"
			    "  - name: sites\n"
			    "    severity: warning+\n"
			    "    match: ['site=~\"(www|shop)\\.example\\.com\"', 'team!=\"db\"']\n"
			    "    channels: [mail, chat]\n"
			    "    continue: true\n"
			    "    routes:\n"
			    "      - match: {site: shop.example.com, team: web}\n"
			    "      - severity: [info, blocker]\n"
			    "        channels: []\n"
			    "  - severity: error, critical\n"
			    "    match: 'host=db1'\n"
			    "default: {channels: screen}\n");
	root = reading.routes.root;
	assert_string_equal(root->name, "default");
	assert_string_equal(root->channels.item[0], "screen");
	assert_int_equal(root->n_children, 2);
	sites = root->child[0];
	assert_string_equal(sites->name, "sites");
	assert_true(sites->proceed);
	assert_int_equal(sites->severities, 0x78);
	assert_string_equal(sites->severity_text, "warning+");
	assert_int_equal(sites->n_matchers, 2);
	assert_string_equal(matcher_text(sites->matcher[0]),
			    "site=~\"(www|shop)\\.example\\.com\"");
	shop = sites->child[0];
	assert_string_equal(shop->name, "sites.routes[0]");
	assert_int_equal(shop->n_matchers, 2);
	assert_string_equal(matcher_text(shop->matcher[1]), "team=\"web\"");
	assert_int_equal(shop->severities, SEVERITY_ANY);
	assert_null(shop->severity_text);
	assert_false(shop->proceed);
	/* Channels are inherited, an empty list is not. */
	assert_int_equal(shop->channels.n, 2);
	assert_int_equal(sites->child[1]->channels.n, 0);
	assert_int_equal(sites->child[1]->severities, 1U << TOCSIN_INFO | 1U << TOCSIN_CRITICAL);
	assert_string_equal(root->child[1]->name, "routes[1]");
	assert_string_equal(root->child[1]->channels.item[0], "screen");
	done(&reading);
}

static void a_default_route_is_required_when_there_are_channels(void **state)
{
	struct reading reading;

	(void)state;
	FINDS("routes: []\n", "conf.d: alerts that match no route would vanish; add a section "
			      "default: {channels: [mail]}");
	read_good(&reading, "default: {channels: []}\n");
	assert_int_equal(reading.routes.root->channels.n, 0);
	done(&reading);
	FINDS("default: {channel: [mail]}\n", "did you mean 'channels'?");
	FINDS("default: {}\n", "'channels' is missing; add 'channels: [mail]'");
	FINDS("default: [mail]\n", "t.yaml:1:10: default must be a section");
}

static void every_mistake_is_found_with_its_place(void **state)
{
	(void)state;
	FINDS("default: {channels: [screen]}\n"
	      "routes:\n"
	      "  - name: a\n"
	      "    chanels: [mail]\n"
	      "    severity: warnin+\n"
	      "  - name: b\n"
	      "    channels: [mial, chat, chat]\n"
	      "    match: ['site', 'a=~\"(\"', {a: b}]\n"
	      "  - name: c\n"
	      "    severity: [warning, nonsense]\n"
	      "    match:\n"
	      "      site: [x]\n"
	      "  - name: b\n"
	      "    continue: maybe\n",
	      "t.yaml:4:5: route 'a': unknown key 'chanels'; did you mean 'channels'?",
	      "t.yaml:7:16: route 'b': no channel 'mial'; did you mean 'mail'?",
	      "t.yaml:7:28: route 'b': channel 'chat' stands twice",
	      "t.yaml:8:13: route 'b': match: one of =, !=, =~ and !~ is missing at character 5",
	      "t.yaml:8:21: route 'b': match: the group that opens here is not closed",
	      "t.yaml:8:31: route 'b': write each matcher as one text",
	      "t.yaml:10:25: route 'c': severity 'nonsense' is not known",
	      "t.yaml:12:13: route 'c': write the value of the label as one text",
	      "t.yaml:13:11: route 'b': the name is taken at t.yaml:6:11",
	      "t.yaml:14:15: route 'b': ");
}

static void shapes_that_are_no_routes_are_refused(void **state)
{
	(void)state;
	FINDS("default: {channels: [screen]}\nroutes: {name: x}\n",
	      "t.yaml:2:9: routes must be a list");
	FINDS("default: {channels: [screen]}\nroutes: [mail]\n",
	      "t.yaml:2:10: a route must have keys");
	FINDS("default: {channels: [screen]}\nroutes: [{name: default}]\n",
	      "that is the name of the default route");
	FINDS("default: {channels: [screen]}\nroutes: [{name: ''}]\n", "has 1 to 128 bytes");
	FINDS("default: {channels: [screen]}\nroutes: [{severity: []}]\n",
	      "the list of severities is empty");
	FINDS("default: {channels: [screen]}\nroutes: [{match: }]\n", "match is empty");
	FINDS("default: {channels: [screen]}\nroutes: [{channels: [nothing-like-it]}]\n",
	      "no channel 'nothing-like-it'; define it under channels:");
}

static void too_deep_trees_are_refused(void **state)
{
	char text[4096] = "default: {channels: [screen]}\nroutes: ";
	struct reading reading;

	(void)state;
	for (int i = 0; i < 14; i++)
		strncat(text, "[{routes: ", sizeof(text) - strlen(text) - 1);
	strncat(text, "[]", sizeof(text) - strlen(text) - 1);
	for (int i = 0; i < 14; i++)
		strncat(text, "}]", sizeof(text) - strlen(text) - 1);
	read_good(&reading, text);
	done(&reading);
}

/* When a file could not be read, its channels are not missing but unknown. */
static void an_incomplete_configuration_blames_nobody_for_what_is_missing(void **state)
{
	struct reading reading;

	(void)state;
	read_text(&reading, "routes: [{channels: [pager]}]\n", false);
	assert_int_equal(reading.problems.n, 0);
	assert_int_equal(reading.result, 0);
	done(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_tree_is_read_as_written),
		cmocka_unit_test(a_default_route_is_required_when_there_are_channels),
		cmocka_unit_test(every_mistake_is_found_with_its_place),
		cmocka_unit_test(shapes_that_are_no_routes_are_refused),
		cmocka_unit_test(too_deep_trees_are_refused),
		cmocka_unit_test(an_incomplete_configuration_blames_nobody_for_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
