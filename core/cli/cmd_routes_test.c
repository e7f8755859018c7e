/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin routes test: why an alert goes where it goes. */
#include <string.h>

#include "alert/alert.h"
#include "base/clock.h"
#include "cli/build.h"
#include "cli/offline.h"
#include "cli/routes.h"

static const struct option_row options[] = {
	OPTION_LABEL,
	OPTION_ANNOTATION,
	OPTION_SEVERITY,
	OPTION_STATUS,
	{"source", 0, "NAME", "The source that it would come from; the default is api."},
	OPTIONS_OFFLINE,
};

struct explanation {
	const struct route *root;
	struct table table;
	json_t *list;
	json_t *channels; /* each once, in order */
};

static void add_step(const struct route *route, int depth, bool matched, bool selected,
		     const char *reason, void *data)
{
	struct explanation *explanation = data;
	const char *name = route == explanation->root ? "default" : route->name;

	routes_add_name(&explanation->table, depth > 0 ? depth : 0, name);
	table_add(&explanation->table,
		  selected  ? STYLE_GREEN
		  : matched ? STYLE_PLAIN
			    : STYLE_DIM,
		  selected  ? "takes it"
		  : matched ? "matches"
			    : "no");
	if (selected)
		routes_add_channels(&explanation->table, &route->channels);
	else
		table_add(&explanation->table, STYLE_PLAIN, "");
	table_add(&explanation->table, STYLE_PLAIN, reason);
	json_array_append_new(explanation->list,
			      json_pack("{ss si sb sb ss so}", "route", name, "depth", depth,
					"matched", matched, "selected", selected, "reason", reason,
					"channels", routes_strings(&route->channels)));
}

static void add_selected(const struct route *route, void *data)
{
	struct explanation *explanation = data;
	size_t i;
	json_t *known;

	for (size_t k = 0; k < route->channels.n; k++) {
		bool seen = false;

		json_array_foreach(explanation->channels, i,
				   known) if (strcmp(json_string_value(known),
						     route->channels.item[k]) == 0) seen = true;
		if (!seen)
			json_array_append_new(explanation->channels,
					      json_string(route->channels.item[k]));
	}
}

static void print_explanation(struct cli *cli, const struct explanation *explanation)
{
	size_t i;
	json_t *channel;

	if (cli->json) {
		cli_print_json(cli, json_pack("{sO sO}", "routes", explanation->list, "channels",
					      explanation->channels));
		return;
	}
	table_print(&explanation->table, &cli->out, cli->colour, cli->width);
	buffer_puts(&cli->out, "\nnotifies ");
	json_array_foreach(explanation->channels, i, channel)
	{
		buffer_puts(&cli->out, i ? ", " : "");
		output_styled(&cli->out, cli->colour, STYLE_BOLD, json_string_value(channel));
	}
	buffer_puts(&cli->out, i ? "\n" : "nobody; it is recorded as suppressed\n");
}

static void explain(struct cli *cli, const struct settings *settings,
		    const struct tocsin_alert *alert)
{
	static const struct column columns[] = {
		{"ROUTE", false},
		{"", false},
		{"CHANNELS", false},
		{"WHY", false},
	};
	struct explanation explanation = {
		.root = settings->routes.root, .list = json_array(), .channels = json_array()};

	table_init(&explanation.table, columns, sizeof(columns) / sizeof(columns[0]));
	routes_explain(&settings->routes, alert, add_step, &explanation);
	routes_match(&settings->routes, alert, add_selected, &explanation);
	print_explanation(cli, &explanation);
	table_done(&explanation.table);
	json_decref(explanation.list);
	json_decref(explanation.channels);
}

static int test(struct cli *cli)
{
	const char *source = cli_get(cli, "source");
	struct offline offline;
	struct alert *alert = NULL;
	struct error err;
	json_t *wish = build_alert(&cli->arguments, &err);
	int status;

	if (!wish)
		return cli_error(STATUS_USAGE, "%s", err.text);
	status = offline_valid(cli, &offline);
	if (status == STATUS_DONE &&
	    alert_from_client(wish, source ? source : "api", clock_wall_ms(),
			      &offline.settings->aliases, &alert, &err) < 0)
		status = cli_error(STATUS_USAGE, "%s", err.text);
	if (status == STATUS_DONE) {
		explain(cli, offline.settings, &alert->pub);
		alert_free(alert);
	}
	json_decref(wish);
	offline_done(&offline);
	return status;
}

const struct command command_routes_test = {
	.name = "routes test",
	.operands = "",
	.summary = "explain where an alert would go",
	.description = "Walks the routes of the configuration with an alert made of the options, "
		       "and says of each route whether it matched and why. Nothing is sent.",
	.examples = "  tocsin routes test --severity critical --label site=example.com\n",
	.no = "the configuration is not valid",
	OPTIONS(options),
	.run = test,
};
