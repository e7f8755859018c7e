/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin heartbeats list|show|pause|resume */
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/items.h"
#include "cli/moment.h"
#include "cli/show.h"

static const struct option_row options[] = {OPTION_SOURCE, OPTIONS_ONLINE};

/* Its schedule, or "every 5m". */
static void add_expectation(struct table *table, const json_t *heartbeat)
{
	const char *schedule = json_text_of(heartbeat, "schedule");
	struct buffer text = {0};
	char period[UNITS_TEXT];

	if (*schedule) {
		buffer_puts(&text, schedule);
	} else if (json_number_of(heartbeat, "period_ms") > 0) {
		units_format_duration(json_number_of(heartbeat, "period_ms"), period);
		buffer_printf(&text, "every %s", period);
	}
	table_add(table, STYLE_PLAIN, buffer_text(&text));
	buffer_done(&text);
}

static void add_heartbeat(struct table *table, const json_t *heartbeat)
{
	const char *state = json_text_of(heartbeat, "state");
	int64_t now_ms = clock_wall_ms();
	char text[MOMENT_TEXT];

	table_add(table, STYLE_BOLD, json_text_of(heartbeat, "name"));
	table_add(table, output_state_style(state), state);
	table_add(table, STYLE_PLAIN, moment_ago(heartbeat, "last_ping", now_ms, text));
	table_add(table, STYLE_PLAIN, moment_ago(heartbeat, "next_ping", now_ms, text));
	add_expectation(table, heartbeat);
	table_add(table, STYLE_PLAIN, json_text_of(heartbeat, "feed"));
	table_add(table, STYLE_PLAIN, json_text_of(heartbeat, "reason"));
}

static int list(struct cli *cli)
{
	static const struct column columns[] = {
		{"HEARTBEAT", false}, {"STATE", false}, {"LAST", false},   {"EXPECTED", false},
		{"SCHEDULE", false},  {"FEED", false},  {"REASON", false}, {"SOURCE", false},
	};
	static const struct items_table layout = {
		.kind = "heartbeats",
		.column = columns,
		.n = sizeof(columns) / sizeof(columns[0]),
		.add = add_heartbeat,
		.none = "there are no heartbeats; see tocsin-heartbeat(7)"};

	return items_print(cli, &layout);
}

/* The first line of what was said. */
static void add_body(struct table *table, const char *body)
{
	struct buffer text = {0};

	buffer_add(&text, body, strcspn(body, "\r\n"));
	table_add(table, STYLE_PLAIN, buffer_text(&text));
	buffer_done(&text);
}

static void show_pings(struct cli *cli, const json_t *pings)
{
	static const struct column columns[] = {
		{"AT", false}, {"KIND", false}, {"EXIT", true}, {"TOOK", true}, {"SAID", false},
	};
	struct table table;
	char time[CLOCK_TEXT], took[MOMENT_TEXT];
	size_t i;
	json_t *ping;

	if (json_array_size(pings) == 0)
		return;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(pings, i, ping)
	{
		const char *kind = json_text_of(ping, "kind");

		table_add(&table, STYLE_PLAIN, json_time_of(ping, "at", time));
		table_add(&table, output_state_style(kind), kind);
		if (json_is_integer(json_object_get(ping, "exit")))
			table_add_number(&table, json_number_of(ping, "exit"));
		else
			table_add(&table, STYLE_PLAIN, "");
		table_add(&table, STYLE_PLAIN, moment_took(ping, "duration_ms", took));
		add_body(&table, json_text_of(ping, "body"));
	}
	buffer_putc(&cli->out, '\n');
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

static void show_duration(struct cli *cli, const char *title, const json_t *heartbeat,
			  const char *key)
{
	long long ms = json_number_of(heartbeat, key);
	char text[UNITS_TEXT];

	if (ms <= 0)
		return;
	units_format_duration(ms, text);
	show_line(cli, title, STYLE_PLAIN, text);
}

static void show_heartbeat(struct cli *cli, const json_t *heartbeat)
{
	static const struct {
		const char *title, *key;
	} times[] = {
		{"since", "since"},        {"last ping", "last_ping"}, {"last start", "last_start"},
		{"expected", "next_ping"}, {"down", "down_at"},
	};
	const char *state = json_text_of(heartbeat, "state");
	int64_t now_ms = clock_wall_ms();
	char text[MOMENT_TEXT];

	show_line(cli, "heartbeat", STYLE_BOLD, json_text_of(heartbeat, "name"));
	show_line(cli, "source", STYLE_PLAIN, json_text_of(heartbeat, "source"));
	show_line(cli, "state", output_state_style(state), state);
	show_line(cli, "reason", STYLE_PLAIN, json_text_of(heartbeat, "reason"));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		show_line(cli, times[i].title, STYLE_PLAIN,
			  moment_full(heartbeat, times[i].key, now_ms, text));
	show_line(cli, "took", STYLE_PLAIN, moment_took(heartbeat, "last_duration_ms", text));
	show_duration(cli, "period", heartbeat, "period_ms");
	show_duration(cli, "grace", heartbeat, "grace_ms");
	show_line(cli, "schedule", STYLE_PLAIN, json_text_of(heartbeat, "schedule"));
	show_line(cli, "timezone", STYLE_PLAIN, json_text_of(heartbeat, "timezone"));
	show_line(cli, "feed", STYLE_PLAIN, json_text_of(heartbeat, "feed"));
	show_line(cli, "status", STYLE_PLAIN, json_text_of(heartbeat, "status"));
	show_pings(cli, json_object_get(heartbeat, "pings"));
}

static int show(struct cli *cli)
{
	return items_show(cli, "heartbeats", show_heartbeat);
}

static int pause_heartbeats(struct cli *cli)
{
	return items_order(cli, "heartbeats", "pause");
}

static int resume_heartbeats(struct cli *cli)
{
	return items_order(cli, "heartbeats", "resume");
}

const struct command command_heartbeats_list = {
	.name = "heartbeats list",
	.operands = "",
	.summary = "list heartbeats and whether they beat",
	.description =
		"Lists the heartbeats of all sources with their states, the last beat, and by "
		"when the next one is expected.",
	.examples =
		"  tocsin heartbeats list\n"
		"  tocsin heartbeats list --json | jq -r '.[] | select(.state==\"down\").name'\n",
	OPTIONS(options),
	.run = list,
};

const struct command command_heartbeats_show = {
	.name = "heartbeats show",
	.operands = "NAME",
	.least = 1,
	.most = 1,
	.summary = "show a heartbeat with its last pings",
	.description =
		"Shows a heartbeat, when it will be down without a beat, and its last twenty "
		"pings.",
	.examples = "  tocsin heartbeats show backup\n",
	.no = "there is no such heartbeat",
	OPTIONS(options),
	.run = show,
};

const struct command command_heartbeats_pause = {
	.name = "heartbeats pause",
	.operands = "NAME...",
	.least = 1,
	.most = (size_t)-1,
	.summary = "raise no alerts about it until it is resumed",
	.description = "Pauses heartbeats: none of them is down while it is paused.",
	.examples = "  tocsin heartbeats pause backup\n",
	.no = "there is no such heartbeat",
	OPTIONS(options),
	.run = pause_heartbeats,
};

const struct command command_heartbeats_resume = {
	.name = "heartbeats resume",
	.operands = "NAME...",
	.least = 1,
	.most = (size_t)-1,
	.summary = "end a pause",
	.description =
		"Resumes heartbeats that were paused; the time that one may be silent begins "
		"anew.",
	.examples = "  tocsin heartbeats resume backup\n",
	.no = "there is no such heartbeat",
	OPTIONS(options),
	.run = resume_heartbeats,
};
