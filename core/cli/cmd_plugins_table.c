/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin plugins table: what every channel and service can do, side by side. */
#include <string.h>

#include "cli/abilities.h"
#include "cli/offline.h"
#include "cli/output.h"

static const struct option_row options[] = {
	{"markdown", 0, NULL, "Print a table of Markdown, as doc/channels.md has it."},
	OPTION_PLUGINS,
	OPTION_SERVICES,
	OPTION_JSON,
	OPTION_HELP,
};

static const struct column columns[] = {
	{"NAME", false},      {"KIND", false},   {"THREADS", false}, {"UPDATES", false},
	{"RICH TEXT", false}, {"LINKS", false},  {"TO", false},      {"REPETITIONS", false},
	{"RATE", false},      {"LIMITS", false},
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* A row, in the order of the columns. */
struct row {
	const char *cell[N_COLUMNS];
};

static const char *yes(bool is)
{
	return is ? "yes" : "-";
}

static struct row row_of(const struct abilities *able)
{
	return (struct row){{
		able->name,
		able->kind,
		yes(able->supports & TOCSIN_SUPPORTS_THREADS),
		yes(able->supports & TOCSIN_SUPPORTS_UPDATE),
		yes(able->supports & TOCSIN_SUPPORTS_RICH_TEXT),
		yes(able->supports & TOCSIN_SUPPORTS_LINKS),
		yes(able->recipients),
		able->supports & TOCSIN_SUPPORTS_IDEMPOTENCY ? "recognised" : "possible",
		able->rate ? able->rate : "-",
		*able->limits ? able->limits : "-",
	}};
}

static void add_markdown(struct buffer *out, const struct row *row)
{
	for (size_t i = 0; i < N_COLUMNS; i++)
		buffer_printf(out, "| %s ", row->cell[i]);
	buffer_puts(out, "|\n");
}

static void print_markdown(struct cli *cli, const struct abilities_list *list)
{
	static const char *const titles[] = {"name",  "kind", "threads",     "updates", "rich text",
					     "links", "to",   "repetitions", "rate",    "limits"};
	struct row row;

	memcpy(row.cell, titles, sizeof(titles));
	add_markdown(&cli->out, &row);
	for (size_t i = 0; i < N_COLUMNS; i++)
		row.cell[i] = "---";
	add_markdown(&cli->out, &row);
	for (size_t i = 0; i < list->n; i++) {
		row = row_of(&list->item[i]);
		add_markdown(&cli->out, &row);
	}
}

static void print_table(struct cli *cli, const struct abilities_list *list)
{
	struct table table;

	table_init(&table, columns, N_COLUMNS);
	for (size_t i = 0; i < list->n; i++) {
		struct row row = row_of(&list->item[i]);

		for (size_t k = 0; k < N_COLUMNS; k++)
			table_add(&table, k == 0 ? STYLE_BOLD : STYLE_PLAIN, row.cell[k]);
	}
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

static json_t *json_of(const struct abilities_list *list)
{
	json_t *all = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(all, abilities_json(&list->item[i]));
	return all;
}

static int run(struct cli *cli)
{
	struct abilities_list list = {0};
	struct offline offline;
	int status = offline_plugins(cli, &offline);

	if (status == STATUS_DONE)
		status = offline_services(cli, &offline);
	if (status == STATUS_DONE &&
	    abilities_collect(&list, offline.loader, &offline.services) < 0)
		status = cli_error(STATUS_NO, "out of memory");
	if (status == STATUS_DONE) {
		if (cli->json)
			cli_print_json(cli, json_of(&list));
		else if (cli_has(cli, "markdown"))
			print_markdown(cli, &list);
		else
			print_table(cli, &list);
	}
	abilities_done(&list);
	offline_done(&offline);
	return status;
}

const struct command command_plugins_table = {
	.name = "plugins table",
	.operands = "",
	.summary = "compare what channels and services can do",
	.description =
		"Shows for every channel and service: whether later news of an alert go to the first "
		"message (threads) or change it (updates), rich text, links that can be followed, "
		"whether it takes recipients (to), whether the receiver recognises a repetition after "
		"a crash or shows it again, the rate when none is configured, and what the receiver "
		"takes at most.",
	.examples = "  tocsin plugins table\n",
	.no = "a plugin directory cannot be used",
	OPTIONS(options),
	.run = run,
};
