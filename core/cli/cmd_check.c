/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/offline.h"

static const struct option_row options[] = {OPTIONS_OFFLINE};

static size_t count_routes(const struct route *route)
{
	size_t n = route ? route->n_children : 0;

	for (size_t i = 0; route && i < route->n_children; i++)
		n += count_routes(route->child[i]);
	return n;
}

static void add_count(struct buffer *out, const char *gap, size_t n, const char *what)
{
	buffer_printf(out, "%s%zu %s%s", gap, n, what, n == 1 ? "" : "s");
}

static void print_text(struct cli *cli, const char *directory, const struct offline *offline)
{
	const struct settings *settings = offline->settings;

	if (!settings) {
		offline_print_problems(&cli->out, &offline->problems);
		return;
	}
	buffer_puts(&cli->out, "configuration of ");
	output_safe(&cli->out, directory);
	buffer_puts(&cli->out, " is valid");
	add_count(&cli->out, ": ", settings->n_channels, "channel");
	add_count(&cli->out, ", ", settings->n_sources, "source");
	add_count(&cli->out, ", ", count_routes(settings->routes.root), "route");
	buffer_putc(&cli->out, '\n');
}

static void print_json(struct cli *cli, const char *directory, const struct offline *offline)
{
	const struct settings *settings = offline->settings;
	json_t *problems = json_array();

	for (size_t i = 0; i < offline->problems.n; i++)
		json_array_append_new(problems, json_string(offline->problems.text[i]));
	cli_print_json(cli,
		       json_pack("{ss sb so sI sI sI}", "directory", directory, "valid",
				 settings != NULL, "problems", problems, "channels",
				 (json_int_t)(settings ? settings->n_channels : 0), "sources",
				 (json_int_t)(settings ? settings->n_sources : 0), "routes",
				 (json_int_t)(settings ? count_routes(settings->routes.root) : 0)));
}

static int run(struct cli *cli)
{
	const char *operand = cli_operand(cli, 0);
	const char *directory = operand ? operand : cli_config(cli);
	struct offline offline;
	int status = offline_settings(cli, directory, &offline);

	if (status == STATUS_DONE) {
		(cli->json ? print_json : print_text)(cli, directory, &offline);
		status = offline.settings ? STATUS_DONE : STATUS_NO;
	}
	offline_done(&offline);
	return status;
}

const struct command command_check_config = {
	.name = "check config",
	.operands = "[DIR]",
	.most = 1,
	.summary = "check a configuration directory whole",
	.description =
		"Reads every *.yaml file of the directory and checks it as the daemon would: "
		"keys and values against the option tables of the plugins, secrets, routes. "
		"Every mistake is printed with its file, line and column. Nothing is "
		"started or contacted.",
	.examples = "  tocsin check config\n"
		    "  tocsin check config ./conf.d && sudo tocsin reload\n",
	.no = "the configuration is not valid",
	OPTIONS(options),
	.run = run,
};
