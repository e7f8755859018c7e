/* SPDX-License-Identifier: Apache-2.0 */
/* policy/route_config: YAML nodes become routes. */
#include "policy/route_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/route_keys.h"

const struct tocsin_option route_options[ROUTE_OPTIONS] = {
	TOCSIN_OPTION(
		STRING, struct route_keys, name,
		.help = "Name of the route, for people; unique. Without one it is called after "
			"its place, such as routes[2].",
		.example = "sites"),
	TOCSIN_OPTION(
		STRINGS, struct route_keys, severity,
		.help = "Severities that the route takes: one name, a floor such as warning+, or "
			"a list. All when not given.",
		.example = "warning+"),
	TOCSIN_OPTION(STRINGS, struct route_keys, channels,
		      .help = "Channels that notify. Inherited by the routes below; an empty list "
			      "suppresses the alerts that end here.",
		      .example = "[mail]"),
	TOCSIN_OPTION_AS(
		"continue", BOOL, struct route_keys, proceed, .preset = "false",
		.help = "Whether the routes after this one are tried, too, when it takes an "
			"alert."),
	TOCSIN_OPTION(
		STRINGS, struct route_keys, match,
		.help = "Conditions on labels that must all hold: name=\"value\", !=, =~ and !~ "
			"with a regular expression anchored at both ends; or a map of label: "
			"value for equality. A missing label is the empty text; severity, "
			"status and source mean the alert's own.",
		.example = "['site=~\"(www|shop)\\.example\\.com\"', 'team!=\"db\"']"),
	TOCSIN_OPTION(STRINGS, struct route_keys, routes,
		      .help = "A list of routes below this one, with the same keys. The first that "
			      "matches takes the alert from this route.",
		      .example = "[]"),
	TOCSIN_OPTION(STRUCTURE, struct route_keys, templates,
		      .help = "Other words for what the channels of this route send: the name of "
			      "a set of the section templates, or a map of texts. They come before "
			      "those of the channel, and are inherited by the routes below. See "
			      "tocsin-templates(7).",
		      .example = "{title: \"Shop: {{ .title }}\"}"),
};
#define FILLED 4 /* the options that options_fill reads: those before `match` */

const struct tocsin_option route_default_options[ROUTE_DEFAULT_OPTIONS] = {
	TOCSIN_OPTION(STRINGS, struct route_keys, channels,
		      .help = "Channels that get what no route takes; required. An empty list "
			      "suppresses it.",
		      .example = "[alerts-log]"),
};

/* Name of a route without one: "routes[2].routes[0]", "sites.routes[0]". */
static const char *place_name(struct route_reading *reading, const struct route *parent,
			      size_t index)
{
	struct buffer text = {0};
	char *name;

	if (strcmp(parent->name, "default") != 0)
		buffer_printf(&text, "%s.", parent->name);
	buffer_printf(&text, "routes[%zu]", index);
	name = text.failed ? NULL : arena_strdup(reading->config->options->arena, text.data);
	buffer_done(&text);
	if (!name)
		problems_add(route_problems(reading), NULL, "memory is short");
	return name ? name : "";
}

static void read_children(struct route_reading *reading, const struct node *const *list,
			  size_t n_lists, struct route *parent, int depth);

static void read_route(struct route_reading *reading, const struct node *node, struct route *route,
		       int depth)
{
	static const char *const by_hand[] = {"match", "routes", "templates", NULL};
	const struct node *name = node_get(node, "name");
	const struct node *templates = node_get(node, "templates");
	const struct node *below = node_get(node, "routes");
	struct route_keys keys = {0};
	struct options_table table = {
		.option = route_options,
		.n = FILLED,
		.option_size = sizeof(route_options[0]),
		.into = &keys,
	};
	char what[ROUTE_NAME + 16];

	if (name && name->kind == NODE_SCALAR)
		route->name = arena_strdup(reading->config->options->arena, name->text);
	if (!route->name)
		route->name = "";
	snprintf(what, sizeof(what), "route '%.*s'",
		 (int)text_prefix(route->name, strlen(route->name), ROUTE_NAME), route->name);
	route_check_name(reading, route->name, name != NULL, name ? &name->place : &node->place);
	if (options_fill(reading->config->options, node, &node->place, what, &table, 1, by_hand) <
	    0)
		reading->result = -EINVAL;
	else
		route_apply_keys(reading, what, node, &keys, route);
	if (templates && reading->config->templates)
		route->templates =
			reading->config->templates(reading->config->data, what, templates);
	if (below)
		read_children(reading, &below, 1, route, depth + 1);
}

static size_t count_items(struct route_reading *reading, const struct node *const *list,
			  size_t n_lists)
{
	size_t n = 0;

	for (size_t i = 0; i < n_lists; i++) {
		if (list[i]->kind == NODE_LIST)
			n += list[i]->n;
		else if (list[i]->kind != NODE_NULL)
			problems_add(route_problems(reading), &list[i]->place,
				     "routes must be a list; begin each route with '- '");
	}
	return n;
}

static void add_child(struct route_reading *reading, const struct node *node, struct route *parent,
		      size_t index, int depth)
{
	struct route *route;

	if (node->kind != NODE_MAP) {
		if (node->kind != NODE_NULL || reading->config->complete)
			problems_add(route_problems(reading), &node->place,
				     "a route must have keys, such as {severity: warning+, "
				     "channels: [mail]}");
		return;
	}
	if (reading->n_used >= ROUTE_MOST) {
		/* Said once, by the first one too many. */
		if (reading->n_used++ == ROUTE_MOST)
			problems_add(
				route_problems(reading), &node->place,
				"there are more than %d routes; join some by regular expressions",
				ROUTE_MOST);
		return;
	}
	route = route_alloc(reading, 1, sizeof(*route));
	if (!route)
		return;
	route->name = place_name(reading, parent, index);
	route->severities = SEVERITY_ANY;
	route->channels = parent->channels;
	route->templates = parent->templates;
	parent->child[parent->n_children++] = route;
	read_route(reading, node, route, depth);
}

static void read_children(struct route_reading *reading, const struct node *const *list,
			  size_t n_lists, struct route *parent, int depth)
{
	size_t n = count_items(reading, list, n_lists), index = 0;

	if (n == 0)
		return;
	if (depth > ROUTE_DEPTH) {
		problems_add(route_problems(reading), &list[0]->place,
			     "routes stand more than %d below each other; make the tree flatter",
			     ROUTE_DEPTH);
		return;
	}
	parent->child = route_alloc(reading, n, sizeof(struct route *));
	if (!parent->child)
		return;
	for (size_t i = 0; i < n_lists; i++) {
		for (size_t j = 0; list[i]->kind == NODE_LIST && j < list[i]->n; j++)
			add_child(reading, list[i]->item[j], parent, index++, depth);
	}
}

static void read_default(struct route_reading *reading, const struct node *node, struct route *root)
{
	const struct node *channels = node ? node_get(node, "channels") : NULL;
	struct route_keys keys = {0};
	struct options_table table = {
		.option = route_default_options,
		.n = ROUTE_DEFAULT_OPTIONS,
		.option_size = sizeof(route_default_options[0]),
		.into = &keys,
	};

	if (!node) {
		if (reading->config->n_channels > 0 && reading->config->complete)
			problems_add(route_problems(reading), reading->config->place,
				     "alerts that match no route would vanish; add a section "
				     "default: {channels: [%s]}",
				     reading->config->channel[0]);
		return;
	}
	if (node->kind == NODE_NULL && !reading->config->complete)
		return;
	if (node->kind != NODE_MAP && node->kind != NODE_NULL) {
		problems_add(route_problems(reading), &node->place,
			     "default must be a section such as {channels: [mail]}");
		return;
	}
	if (options_fill(reading->config->options, node->kind == NODE_MAP ? node : NULL,
			 &node->place, "default", &table, 1, NULL) < 0) {
		reading->result = -EINVAL;
		return;
	}
	/* Not `required` in the table: that would refuse an empty list, which is a decision. */
	if (!channels) {
		problems_add(
			route_problems(reading), &node->place,
			"default: the required key 'channels' is missing; add 'channels: [%s]'",
			reading->config->n_channels > 0 ? reading->config->channel[0] : "");
		return;
	}
	root->channels = keys.channels;
	route_check_channels(reading, "default", channels, &keys.channels);
}

int route_config_read(const struct route_config *config, const struct node *const *list,
		      size_t n_lists, const struct node *fallback, struct routes *routes)
{
	struct route_reading reading = {.config = config};

	routes->root = route_alloc(&reading, 1, sizeof(*routes->root));
	if (!routes->root)
		return -EINVAL;
	routes->root->name = "default";
	routes->root->severities = SEVERITY_ANY;
	read_default(&reading, fallback, routes->root);
	read_children(&reading, list, n_lists, routes->root, 1);
	free(reading.used);
	return reading.result;
}
