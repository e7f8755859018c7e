/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin routes show: the route tree. */
#include "cli/offline.h"
#include "cli/routes.h"

static const struct option_row show_options[] = {OPTIONS_OFFLINE};

static void join(struct buffer *text, const struct tocsin_strings *strings)
{
	for (size_t i = 0; i < strings->n; i++)
		buffer_printf(text, "%s%s", i ? ", " : "", strings->item[i]);
}

json_t *routes_strings(const struct tocsin_strings *strings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < strings->n; i++)
		json_array_append_new(list, json_string(strings->item[i]));
	return list;
}

void routes_add_name(struct table *table, int depth, const char *name)
{
	struct buffer text = {0};

	buffer_printf(&text, "%*s%s", 2 * depth, "", name);
	table_add(table, STYLE_BOLD, buffer_text(&text));
	buffer_done(&text);
}

void routes_add_channels(struct table *table, const struct tocsin_strings *channels)
{
	struct buffer text = {0};

	join(&text, channels);
	table_add(table, STYLE_PLAIN, text.length ? buffer_text(&text) : "(nobody)");
	buffer_done(&text);
}

static void add_condition(struct table *table, const struct route *route)
{
	struct buffer text = {0};

	if (route->severity_text)
		buffer_printf(&text, "severity %s", route->severity_text);
	for (size_t i = 0; i < route->n_matchers; i++)
		buffer_printf(&text, "%s%s", text.length ? ", " : "",
			      matcher_text(route->matcher[i]));
	table_add(table, STYLE_PLAIN, text.length ? buffer_text(&text) : "everything");
	buffer_done(&text);
}

static void add_route(struct table *table, const struct route *route, int depth)
{
	routes_add_name(table, depth, route->name);
	routes_add_channels(table, &route->channels);
	table_add(table, STYLE_PLAIN, route->proceed ? "yes" : "");
	add_condition(table, route);
	for (size_t i = 0; i < route->n_children; i++)
		add_route(table, route->child[i], depth + 1);
}

static void print_tree(struct cli *cli, const struct route *root)
{
	static const struct column columns[] = {
		{"ROUTE", false},
		{"CHANNELS", false},
		{"CONTINUE", false},
		{"TAKES", false},
	};
	struct table table;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < root->n_children; i++)
		add_route(&table, root->child[i], 0);
	table_add(&table, STYLE_BOLD, "default");
	routes_add_channels(&table, &root->channels);
	table_add(&table, STYLE_PLAIN, "");
	table_add(&table, STYLE_PLAIN, "what no other route takes");
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

static json_t *route_json(const struct route *route)
{
	json_t *matchers = json_array(), *children = json_array();

	for (size_t i = 0; i < route->n_matchers; i++)
		json_array_append_new(matchers, json_string(matcher_text(route->matcher[i])));
	for (size_t i = 0; i < route->n_children; i++)
		json_array_append_new(children, route_json(route->child[i]));
	return json_pack("{ss ss* so so sb so}", "name", route->name, "severity",
			 route->severity_text, "match", matchers, "channels",
			 routes_strings(&route->channels), "continue", route->proceed, "routes",
			 children);
}

static int show(struct cli *cli)
{
	struct offline offline;
	int status = offline_valid(cli, &offline);

	if (status == STATUS_DONE && cli->json)
		cli_print_json(cli, route_json(offline.settings->routes.root));
	else if (status == STATUS_DONE)
		print_tree(cli, offline.settings->routes.root);
	offline_done(&offline);
	return status;
}

const struct command command_routes_show = {
	.name = "routes show",
	.operands = "",
	.summary = "print the route tree of a configuration",
	.description = "Prints every route with its channels and its conditions, in the order in "
		       "which they are tried.",
	.examples = "  tocsin routes show --config ./conf.d\n",
	.no = "the configuration is not valid",
	OPTIONS(show_options),
	.run = show,
};
