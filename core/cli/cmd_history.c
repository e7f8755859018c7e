/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "cli/show.h"

static const struct option_row options[] = {
	{"source", 0, "NAME", "Only alerts from this source."},
	{"since", 0, "WHEN", "Only received since: 2h, 3d, or 2025-11-18T14:30:45Z."},
	{"limit", 'n', "N", "At most so many, newest first; the default is 50, with --json all."},
	{"all", 0, NULL, "All of them."},
	OPTIONS_ONLINE,
};

static void add_outcome(struct table *table, const json_t *deliveries)
{
	static const char *const states[] = {"dead", "pending", "delivered", "suppressed"};
	struct buffer text = {0};
	enum style style = STYLE_PLAIN;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		long long n = json_number_of(deliveries, states[i]);

		if (n == 0)
			continue;
		/* The worst state, which comes first, gives the colour. */
		if (text.length == 0)
			style = output_state_style(states[i]);
		buffer_printf(&text, "%s%lld %s", text.length ? ", " : "", n, states[i]);
	}
	table_add(table, style, buffer_text(&text));
	buffer_done(&text);
}

static void add_alert(struct table *table, const json_t *alert)
{
	const char *severity = json_text_of(alert, "severity");
	struct buffer labels = {0};
	char time[CLOCK_TEXT];

	show_labels(&labels, json_object_get(alert, "labels"));
	table_add_number(table, json_number_of(alert, "number"));
	table_add(table, STYLE_PLAIN, json_time_of(alert, "received_at", time));
	table_add(table, output_severity_style(severity), severity);
	table_add(table, STYLE_PLAIN, json_text_of(alert, "status"));
	table_add(table, STYLE_PLAIN, json_text_of(alert, "source"));
	add_outcome(table, json_object_get(alert, "deliveries"));
	table_add(table, STYLE_PLAIN, buffer_text(&labels));
	table_add(table, STYLE_PLAIN,
		  json_text_of(json_object_get(alert, "annotations"), "summary"));
	buffer_done(&labels);
}

static void collect(struct cli *cli, json_t *alert, void *data)
{
	(void)cli;
	add_alert(data, alert);
}

static int print_table(struct cli *cli, const char *path, long long limit)
{
	static const struct column columns[] = {
		{"NUMBER", true},  {"RECEIVED", false}, {"SEVERITY", false}, {"STATUS", false},
		{"SOURCE", false}, {"OUTCOME", false},  {"LABELS", false},   {"SUMMARY", false},
	};
	struct table table;
	int status;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	status = show_pages(cli, path, "alerts", limit, collect, &table);
	if (status == STATUS_DONE)
		table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
	return status;
}

/* A long history is written as it arrives, so that it need not fit into memory. */
static void print_entry(struct cli *cli, json_t *alert, void *data)
{
	size_t flags = JSON_COMPACT | (cli->terminal ? JSON_ENSURE_ASCII : 0);
	char *text = json_dumps(alert, flags);
	size_t *n = data;

	buffer_printf(&cli->out, "%s%s", (*n)++ ? ",\n" : "", text ? text : "null");
	free(text);
	cli_flush(cli);
}

static int print_array(struct cli *cli, const char *path, long long limit)
{
	size_t n = 0;
	int status;

	buffer_puts(&cli->out, "[");
	status = show_pages(cli, path, "alerts", limit, print_entry, &n);
	if (status == STATUS_DONE)
		buffer_puts(&cli->out, "]\n");
	else if (n == 0)
		buffer_clear(&cli->out);
	return status;
}

static int run(struct cli *cli)
{
	struct buffer path = {0};
	long long limit;
	/* People want the end of it, an export wants the whole. */
	int status = show_limit(cli, cli->json ? 0 : 50, &limit);

	buffer_puts(&path, "/api/v1/alerts");
	client_add_parameter(&path, "source", cli_get(cli, "source"));
	if (status == STATUS_DONE)
		status = show_add_since(cli, &path);
	if (status == STATUS_DONE)
		status = (cli->json ? print_array : print_table)(cli, buffer_text(&path), limit);
	buffer_done(&path);
	return status;
}

const struct command command_history = {
	.name = "history",
	.operands = "",
	.summary = "list alerts and what became of them",
	.description =
		"Lists the alerts that were accepted, newest first, with the states of their "
		"deliveries. --json prints one JSON array of the whole history.",
	.examples = "  tocsin history --since 1d\n"
		    "  tocsin history --json > alert_history.json\n",
	OPTIONS(options),
	.run = run,
};
