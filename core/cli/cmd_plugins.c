/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin plugins list|show: what is installed, and the options of each. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/offline.h"
#include "cli/services.h"
#include "config/describe.h"

static const struct option_row list_options[] = {OPTION_PLUGINS, OPTION_SERVICES, OPTION_JSON,
						 OPTION_HELP};

static const struct option_row show_options[] = {
	{"kind", 0, "WORD", "channel, source, store or service, when several have the name."},
	{"markdown", 0, NULL, "Print the source of its manual page."},
	{"page", 0, "FILE", "With --markdown: text to put before the options."},
	{"schema", 0, NULL, "Print a JSON Schema of its options."},
	OPTION_PLUGINS,
	OPTION_SERVICES,
	OPTION_JSON,
	OPTION_HELP,
};

static json_t *plugin_json(const struct plugin *plugin)
{
	return json_pack("{ss ss ss* ss* ss sb sb}", "name", plugin->it.name, "kind",
			 loader_kind_name(plugin->it.kind), "version", plugin->it.version,
			 "summary", plugin->it.summary, "path", plugin->path, "blocking",
			 plugin->it.blocking, "recipients", plugin->it.recipients);
}

static void print_list(struct cli *cli, const struct plugin *const *plugins, size_t n,
		       const struct services *services)
{
	static const struct column columns[] = {
		{"KIND", false},
		{"NAME", false},
		{"VERSION", false},
		{"SUMMARY", false},
	};
	struct table table;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++) {
		table_add(&table, STYLE_PLAIN, loader_kind_name(plugins[i]->it.kind));
		table_add(&table, STYLE_BOLD, plugins[i]->it.name);
		table_add(&table, STYLE_PLAIN, plugins[i]->it.version);
		table_add(&table, STYLE_PLAIN, plugins[i]->it.summary);
	}
	for (size_t i = 0; i < services->n; i++) {
		table_add(&table, STYLE_PLAIN, "service");
		table_add(&table, STYLE_BOLD, services->item[i]->name);
		table_add(&table, STYLE_PLAIN, "");
		table_add(&table, STYLE_PLAIN, services->item[i]->summary);
	}
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

static int list(struct cli *cli)
{
	struct offline offline;
	int status = offline_plugins(cli, &offline);
	json_t *all = json_array();
	size_t n = 0;

	if (status == STATUS_DONE)
		status = offline_services(cli, &offline);
	if (status == STATUS_DONE) {
		const struct plugin *const *plugins = loader_all(offline.loader, &n);

		for (size_t i = 0; i < n; i++)
			json_array_append_new(all, plugin_json(plugins[i]));
		for (size_t i = 0; i < offline.services.n; i++)
			json_array_append_new(all, service_json(offline.services.item[i]));
		if (cli->json)
			cli_print_json(cli, json_incref(all));
		else
			print_list(cli, plugins, n, &offline.services);
	}
	json_decref(all);
	offline_done(&offline);
	return status;
}

static const struct plugin *find(const struct loader *loader, const char *kind, const char *name)
{
	static const enum tocsin_kind kinds[] = {TOCSIN_CHANNEL, TOCSIN_SOURCE, TOCSIN_STORE};
	const struct plugin *found = NULL;

	for (size_t i = 0; i < TOCSIN_COUNT(kinds) && !found; i++)
		if (!kind || strcmp(kind, loader_kind_name(kinds[i])) == 0)
			found = loader_find(loader, kinds[i], name);
	return found;
}

static void print_text(struct cli *cli, const struct plugin *plugin)
{
	const struct tocsin_plugin *it = &plugin->it;

	output_styled(&cli->out, cli->colour, STYLE_BOLD, it->name);
	buffer_printf(&cli->out, " (%s)", loader_kind_name(it->kind));
	if (it->version) {
		buffer_putc(&cli->out, ' ');
		output_safe(&cli->out, it->version);
	}
	buffer_putc(&cli->out, '\n');
	output_safe(&cli->out, it->summary ? it->summary : "");
	buffer_puts(&cli->out, "\n");
	output_safe(&cli->out, plugin->path);
	buffer_puts(&cli->out, "\n\nOptions:\n");
	describe_text(&cli->out, it->options, it->option_size, it->option_count,
		      cli->width ? (int)cli->width : 78);
	if (it->kind != TOCSIN_STORE)
		buffer_printf(&cli->out,
			      "\nFurther options that every %s has: see "
			      "tocsin.yaml(5).\n",
			      loader_kind_name(it->kind));
}

/* Headings of a manual page are written in capitals. */
static void add_heading(struct buffer *out, const char *text)
{
	for (; *text; text++)
		buffer_putc(out, (char)toupper((unsigned char)*text));
}

/* The text beside a plugin's code has its own title and sections one level down: here it becomes the
 * description, and its sections those of the page. */
static int add_page(struct buffer *out, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[1024];
	bool begins = true, code = false;

	if (!file)
		return cli_error(STATUS_NO, "cannot read %s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (begins && strncmp(line, "```", 3) == 0)
			code = !code;
		if (begins && !code && strncmp(line, "# ", 2) == 0)
			buffer_puts(out, "# DESCRIPTION\n");
		else if (begins && !code && strncmp(line, "## ", 3) == 0)
			add_heading(out, line + 1);
		else
			buffer_puts(out, line);
		begins = strchr(line, '\n') != NULL;
	}
	fclose(file);
	buffer_putc(out, '\n');
	return STATUS_DONE;
}

/* A manual page of section 7; the build adds title and date. */
static int print_markdown(struct cli *cli, const struct plugin *plugin)
{
	const struct tocsin_plugin *it = &plugin->it;
	const char *page = cli_get(cli, "page");
	int status = STATUS_DONE;

	buffer_printf(&cli->out, "# NAME\n\ntocsin-%s - %s\n\n", it->name,
		      it->summary ? it->summary : loader_kind_name(it->kind));
	if (page)
		status = add_page(&cli->out, page);
	buffer_puts(&cli->out, "# OPTIONS\n\n");
	describe_markdown(&cli->out, it->options, it->option_size, it->option_count);
	if (it->kind != TOCSIN_STORE)
		buffer_printf(&cli->out, "\nThe options that every %s has are in tocsin.yaml(5).\n",
			      loader_kind_name(it->kind));
	buffer_puts(&cli->out, "\n# SEE ALSO\n\ntocsin(1), tocsin.yaml(5), tocsind(8)\n");
	return status;
}

static int print_one(struct cli *cli, const struct plugin *plugin)
{
	const struct tocsin_plugin *it = &plugin->it;
	json_t *json;

	if (cli_has(cli, "markdown"))
		return print_markdown(cli, plugin);
	if (cli_has(cli, "schema")) {
		cli_print_json(cli,
			       describe_schema(it->options, it->option_size, it->option_count));
	} else if (cli->json) {
		json = plugin_json(plugin);
		json_object_set_new(json, "options",
				    describe_json(it->options, it->option_size, it->option_count));
		cli_print_json(cli, json);
	} else {
		print_text(cli, plugin);
	}
	return STATUS_DONE;
}

/* It is of another kind, or its name was misspelt. */
static int not_found(const struct offline *offline, const char *kind, const char *name)
{
	size_t n, n_services = offline->services.n;
	const struct plugin *const *all = loader_all(offline->loader, &n);
	const struct plugin *other = find(offline->loader, NULL, name);
	const char **names, *meant = NULL;

	if (other)
		return cli_error(STATUS_NO, "'%.60s' is no %s, but a %s", name, kind,
				 loader_kind_name(other->it.kind));
	names = calloc(n + n_services + 1, sizeof(*names));
	for (size_t i = 0; names && i < n; i++)
		names[i] = all[i]->it.name;
	for (size_t i = 0; names && i < n_services; i++)
		names[n + i] = offline->services.item[i]->name;
	if (names)
		meant = text_closest(name, names, n + n_services);
	free(names);
	return cli_error(STATUS_NO, "there is no plugin or service '%.60s'; %s%s%s", name,
			 meant ? "did you mean '" : "see 'tocsin plugins list'", meant ? meant : "",
			 meant ? "'?" : "");
}

static bool is_kind(const char *word)
{
	static const char *const kinds[] = {"channel", "source", "store", "service"};

	for (size_t i = 0; i < TOCSIN_COUNT(kinds); i++)
		if (strcmp(word, kinds[i]) == 0)
			return true;
	return false;
}

static int show(struct cli *cli)
{
	const char *kind = cli_get(cli, "kind"), *name = cli_operand(cli, 0);
	const struct service *service = NULL;
	const struct plugin *plugin = NULL;
	struct offline offline;
	int status;

	if (kind && !is_kind(kind))
		return cli_error(STATUS_USAGE,
				 "--kind is channel, source, store or service, not '%.60s'", kind);
	status = offline_plugins(cli, &offline);
	if (status == STATUS_DONE)
		plugin = find(offline.loader, kind, name);
	if (status == STATUS_DONE && !plugin && (!kind || strcmp(kind, "service") == 0))
		status = offline_services(cli, &offline);
	if (status == STATUS_DONE && !plugin)
		service = services_find(&offline.services, name);
	if (plugin)
		status = print_one(cli, plugin);
	else if (service)
		status = service_print(cli, service);
	else if (status == STATUS_DONE)
		status = not_found(&offline, kind, name);
	offline_done(&offline);
	return status;
}

const struct command command_plugins_list = {
	.name = "plugins list",
	.operands = "",
	.summary = "list the plugins and services that are installed",
	.description =
		"Lists the channels, sources and stores found in the plugin directories, and "
		"the services, which are channels too. Files that are refused are told with "
		"the reason.",
	.examples = "  tocsin plugins list\n",
	.no = "a plugin directory cannot be used",
	OPTIONS(list_options),
	.run = list,
};

const struct command command_plugins_show = {
	.name = "plugins show",
	.operands = "NAME",
	.least = 1,
	.most = 1,
	.summary = "describe a plugin or service and its options",
	.description =
		"Shows what a plugin or service is for and every option it knows, from the table that "
		"its configuration is checked against.",
	.examples = "  tocsin plugins show smtp\n"
		    "  tocsin plugins show telegram\n"
		    "  tocsin plugins show smtp --schema > smtp.schema.json\n",
	.no = "there is no such plugin or service",
	OPTIONS(show_options),
	.run = show,
};
