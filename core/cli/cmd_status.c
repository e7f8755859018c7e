/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/cli.h"

static const struct option_row options[] = {OPTIONS_ONLINE};

static void print_head(struct cli *cli, const json_t *status)
{
	char started[CLOCK_TEXT], elapsed[UNITS_TEXT];
	const json_t *store = json_object_get(status, "store");
	int64_t since;

	buffer_puts(&cli->out, "tocsind ");
	output_safe(&cli->out, json_text_of(status, "version"));
	buffer_printf(&cli->out, ", process %lld", json_number_of(status, "pid"));
	if (clock_parse(json_text_of(status, "started_at"), &since) == 0) {
		units_format_elapsed(clock_wall_ms() - since, elapsed);
		buffer_printf(&cli->out, ", up %s (since %s)", elapsed,
			      json_time_of(status, "started_at", started));
	}
	buffer_puts(&cli->out, "\nconfiguration ");
	output_safe(&cli->out, json_text_of(status, "config"));
	buffer_putc(&cli->out, '\n');
	if (json_is_true(json_object_get(store, "full"))) {
		output_styled(&cli->out, cli->colour, STYLE_BOLD_RED,
			      "the store has no room: nothing new is accepted");
		buffer_putc(&cli->out, '\n');
	}
}

static void print_counters(struct cli *cli, const json_t *counters)
{
	long long alerts, accepted;

	if (!json_is_object(counters))
		return;
	alerts = json_number_of(counters, "alerts");
	accepted = json_number_of(counters, "accepted");
	buffer_printf(&cli->out, "\n%lld alert%s; %lld deliver%s: %lld delivered, %lld pending, ",
		      alerts, alerts == 1 ? "" : "s", accepted, accepted == 1 ? "y" : "ies",
		      json_number_of(counters, "delivered"), json_number_of(counters, "pending"));
	buffer_printf(&cli->out, "%lld suppressed, ", json_number_of(counters, "suppressed"));
	if (json_number_of(counters, "dead") > 0 && cli->colour)
		buffer_printf(&cli->out, "\x1b[31m%lld dead\x1b[0m\n",
			      json_number_of(counters, "dead"));
	else
		buffer_printf(&cli->out, "%lld dead\n", json_number_of(counters, "dead"));
}

/* "closed" is how a breaker is called whose channel works. */
static void add_breaker(struct table *table, const json_t *channel)
{
	const char *breaker = json_text_of(channel, "breaker");

	if (*json_text_of(channel, "state"))
		table_add(table, STYLE_RED, json_text_of(channel, "state"));
	else if (strcmp(breaker, "closed") != 0)
		table_add(table, STYLE_RED, "failing");
	else if (json_is_true(json_object_get(channel, "paused")))
		table_add(table, STYLE_YELLOW, "paused");
	else
		table_add(table, STYLE_GREEN, "working");
}

/* "2025-11-18 14:30:45: 451 Try later (next attempt 2025-11-18 14:31:05)": one that is over has its
 * time, so that it is not taken for trouble of now. */
static void add_failure(struct table *table, const json_t *channel)
{
	char failed[CLOCK_TEXT], next[CLOCK_TEXT];
	struct buffer text = {0};

	if (*json_text_of(channel, "last_failed_at"))
		buffer_printf(&text, "%s: %s", json_time_of(channel, "last_failed_at", failed),
			      json_text_of(channel, "last_failure"));
	if (*json_text_of(channel, "next_attempt_at"))
		buffer_printf(&text, "%s(next attempt %s)", text.length ? " " : "",
			      json_time_of(channel, "next_attempt_at", next));
	table_add(table, STYLE_PLAIN, buffer_text(&text));
	buffer_done(&text);
}

static void print_channels(struct cli *cli, const json_t *channels)
{
	static const struct column columns[] = {
		{"CHANNEL", false},  {"TYPE", false},     {"STATE", false},
		{"IN MEMORY", true}, {"UNDER WAY", true}, {"DELIVERED", true},
		{"RETRIED", true},   {"DEAD", true},      {"LAST FAILURE", false},
	};
	static const char *const counts[] = {"queued", "in_flight", "delivered", "retried", "dead"};
	struct table table;
	size_t i;
	json_t *channel;

	if (json_array_size(channels) == 0)
		return;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(channels, i, channel)
	{
		table_add(&table, STYLE_BOLD, json_text_of(channel, "name"));
		table_add(&table, STYLE_PLAIN, json_text_of(channel, "type"));
		add_breaker(&table, channel);
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
			table_add_number(&table, json_number_of(channel, counts[k]));
		add_failure(&table, channel);
	}
	buffer_puts(&cli->out,
		    "\nchannels: what they have in memory of all that is pending, what they did "
		    "since the daemon's start\n");
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

/* "jobs 4, rows 12, polls 3": what it has, and what it did */
static void add_counters(struct table *table, const json_t *source)
{
	static const char *const items[] = {"heartbeats", "jobs", "checks"};
	struct buffer text = {0};
	const char *name;
	json_t *value;

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		if (json_object_get(source, items[i]))
			buffer_printf(&text, "%s %lld", items[i], json_number_of(source, items[i]));
	json_object_foreach(json_object_get(source, "counters"), name, value)
		buffer_printf(&text, "%s%s %lld", text.length ? ", " : "", name,
			      (long long)json_integer_value(value));
	table_add(table, STYLE_PLAIN, buffer_text(&text));
	buffer_done(&text);
}

static void print_sources(struct cli *cli, const json_t *sources)
{
	static const struct column columns[] = {
		{"SOURCE", false},   {"TYPE", false},    {"STATE", false},
		{"COUNTERS", false}, {"TROUBLE", false},
	};
	struct table table;
	size_t i;
	json_t *source;

	if (json_array_size(sources) == 0)
		return;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(sources, i, source)
	{
		const char *state = json_text_of(source, "state");

		table_add(&table, STYLE_BOLD, json_text_of(source, "name"));
		table_add(&table, STYLE_PLAIN, json_text_of(source, "type"));
		table_add(&table,
			  strcmp(state, "running") == 0    ? STYLE_GREEN
			  : strcmp(state, "starting") == 0 ? STYLE_PLAIN
							   : STYLE_RED,
			  state);
		add_counters(&table, source);
		table_add(&table, STYLE_PLAIN, json_text_of(source, "trouble"));
	}
	buffer_putc(&cli->out, '\n');
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

static int run(struct cli *cli)
{
	json_t *answer;
	int status = cli_request(cli, "GET", "/api/v1/status", NULL, &answer);

	if (status == STATUS_DONE && cli->json) {
		cli_print_json(cli, json_incref(answer));
	} else if (status == STATUS_DONE) {
		print_head(cli, answer);
		print_counters(cli, json_object_get(answer, "counters"));
		print_channels(cli, json_object_get(answer, "channels"));
		print_sources(cli, json_object_get(answer, "sources"));
	}
	json_decref(answer);
	return status;
}

const struct command command_status = {
	.name = "status",
	.operands = "",
	.summary = "show what the daemon is doing",
	.description = "Shows the daemon's version, the counts of alerts and deliveries, and every "
		       "channel and source with its state.",
	.examples = "  tocsin status\n"
		    "  tocsin status --json | jq .counters\n",
	OPTIONS(options),
	.run = run,
};
