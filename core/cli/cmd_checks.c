/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin checks list|show|pause|resume */
#include "base/clock.h"
#include "cli/items.h"
#include "cli/moment.h"
#include "cli/show.h"

static const struct option_row options[] = {OPTION_SOURCE, OPTIONS_ONLINE};

/* As the source writes it in its messages, else the bare value. */
static void put_value(struct buffer *text, const json_t *of, const char *unit)
{
	if (*json_text_of(of, "text"))
		buffer_puts(text, json_text_of(of, "text"));
	else
		items_value(text, json_object_get(of, "value"), unit);
}

static void add_value(struct table *table, const json_t *of, const char *unit)
{
	struct buffer text = {0};

	put_value(&text, of, unit);
	table_add(table, STYLE_PLAIN, buffer_text(&text));
	buffer_done(&text);
}

static void add_check(struct table *table, const json_t *check)
{
	const char *state = json_text_of(check, "state");
	int64_t now_ms = clock_wall_ms();
	char text[MOMENT_TEXT];

	table_add(table, STYLE_BOLD, json_text_of(check, "name"));
	table_add(table, output_state_style(state), state);
	add_value(table, check, json_text_of(check, "unit"));
	table_add(table, STYLE_PLAIN, json_text_of(check, "warning"));
	table_add(table, STYLE_PLAIN, json_text_of(check, "critical"));
	table_add(table, STYLE_PLAIN, moment_ago(check, "last_run", now_ms, text));
	table_add(table, STYLE_PLAIN, moment_ago(check, "next_run", now_ms, text));
	table_add(table, STYLE_PLAIN, json_text_of(check, "reason"));
}

static int list(struct cli *cli)
{
	static const struct column columns[] = {
		{"CHECK", false},    {"STATE", false},    {"VALUE", true},
		{"WARNING", false},  {"CRITICAL", false}, {"LAST RUN", false},
		{"NEXT RUN", false}, {"REASON", false},   {"SOURCE", false},
	};
	static const struct items_table layout = {
		.kind = "checks",
		.column = columns,
		.n = sizeof(columns) / sizeof(columns[0]),
		.add = add_check,
		.none = "there are no checks; see tocsin-threshold(7)"};

	return items_print(cli, &layout);
}

static void show_rows(struct cli *cli, const json_t *rows, const char *unit)
{
	static const struct column columns[] = {{"ROW", false}, {"VALUE", true}, {"STATE", false}};
	struct table table;
	size_t i;
	json_t *row;

	if (json_array_size(rows) == 0 ||
	    (json_array_size(rows) == 1 &&
	     json_object_size(json_object_get(json_array_get(rows, 0), "labels")) == 0))
		return;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(rows, i, row)
	{
		const char *state = json_text_of(row, "state");
		struct buffer labels = {0};

		show_labels(&labels, json_object_get(row, "labels"));
		table_add(&table, STYLE_PLAIN, buffer_text(&labels));
		add_value(&table, row, unit);
		table_add(&table, output_state_style(state), state);
		buffer_done(&labels);
	}
	buffer_putc(&cli->out, '\n');
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

static void show_history(struct cli *cli, const json_t *history, const char *unit)
{
	static const struct column columns[] = {{"AT", false}, {"VALUE", true}, {"STATE", false}};
	struct table table;
	char time[CLOCK_TEXT];
	size_t i;
	json_t *entry;

	if (json_array_size(history) == 0)
		return;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(history, i, entry)
	{
		const char *state = json_text_of(entry, "state");

		table_add(&table, STYLE_PLAIN, json_time_of(entry, "at", time));
		add_value(&table, entry, unit);
		table_add(&table, output_state_style(state), state);
	}
	buffer_putc(&cli->out, '\n');
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

static void show_check(struct cli *cli, const json_t *check)
{
	const char *state = json_text_of(check, "state"), *unit = json_text_of(check, "unit");
	int64_t now_ms = clock_wall_ms();
	struct buffer value = {0};
	char text[MOMENT_TEXT];

	put_value(&value, check, unit);
	show_line(cli, "check", STYLE_BOLD, json_text_of(check, "name"));
	show_line(cli, "source", STYLE_PLAIN, json_text_of(check, "source"));
	show_line(cli, "state", output_state_style(state), state);
	show_line(cli, "since", STYLE_PLAIN, moment_full(check, "since", now_ms, text));
	show_line(cli, "reason", STYLE_PLAIN, json_text_of(check, "reason"));
	show_line(cli, "value", STYLE_PLAIN, buffer_text(&value));
	show_line(cli, "warning", STYLE_PLAIN, json_text_of(check, "warning"));
	show_line(cli, "critical", STYLE_PLAIN, json_text_of(check, "critical"));
	show_line(cli, "last run", STYLE_PLAIN, moment_full(check, "last_run", now_ms, text));
	show_line(cli, "took", STYLE_PLAIN, moment_took(check, "duration_ms", text));
	show_line(cli, "next run", STYLE_PLAIN, moment_full(check, "next_run", now_ms, text));
	buffer_done(&value);
	show_rows(cli, json_object_get(check, "rows"), unit);
	show_history(cli, json_object_get(check, "history"), unit);
}

static int show(struct cli *cli)
{
	return items_show(cli, "checks", show_check);
}

static int pause_checks(struct cli *cli)
{
	return items_order(cli, "checks", "pause");
}

static int resume_checks(struct cli *cli)
{
	return items_order(cli, "checks", "resume");
}

const struct command command_checks_list = {
	.name = "checks list",
	.operands = "",
	.summary = "list checks with their values",
	.description = "Lists the checks of all sources with their states, the last value, and the "
		       "thresholds. 'tocsin check threshold' evaluates one now.",
	.examples = "  tocsin checks list\n"
		    "  tocsin checks list --json | jq -r '.[] | select(.state!=\"ok\").line'\n",
	OPTIONS(options),
	.run = list,
};

const struct command command_checks_show = {
	.name = "checks show",
	.operands = "NAME",
	.least = 1,
	.most = 1,
	.summary = "show a check with its rows and last values",
	.description = "Shows a check, the state of each of its rows, and its last twenty values.",
	.examples = "  tocsin checks show queue-depth\n",
	.no = "there is no such check",
	OPTIONS(options),
	.run = show,
};

const struct command command_checks_pause = {
	.name = "checks pause",
	.operands = "NAME...",
	.least = 1,
	.most = (size_t)-1,
	.summary = "evaluate it no more until it is resumed",
	.description = "Pauses checks: they are not evaluated and raise no alerts.",
	.examples = "  tocsin checks pause queue-depth\n",
	.no = "there is no such check",
	OPTIONS(options),
	.run = pause_checks,
};

const struct command command_checks_resume = {
	.name = "checks resume",
	.operands = "NAME...",
	.least = 1,
	.most = (size_t)-1,
	.summary = "end a pause",
	.description = "Resumes checks that were paused.",
	.examples = "  tocsin checks resume queue-depth\n",
	.no = "there is no such check",
	OPTIONS(options),
	.run = resume_checks,
};
