/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define PAGE 500 /* entries asked for at once; the daemon gives at most 1000 */

void show_labels(struct buffer *text, const json_t *labels)
{
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)labels, name, value)
		buffer_printf(text, "%s%s=\"%s\"", n++ ? ", " : "", name,
			      json_is_string(value) ? json_string_value(value) : "");
}

static void add_delivery(struct table *table, const json_t *delivery)
{
	const char *state = json_text_of(delivery, "state");
	const char *severity = json_text_of(delivery, "severity");
	char created[CLOCK_TEXT];

	if (json_is_true(json_object_get(delivery, "parked")))
		state = "parked";
	table_add_number(table, json_number_of(delivery, "id"));
	table_add(table, STYLE_PLAIN, json_time_of(delivery, "created_at", created));
	table_add(table, output_severity_style(severity), severity);
	table_add(table, STYLE_PLAIN, json_text_of(delivery, "subject"));
	table_add(table, STYLE_PLAIN, json_text_of(delivery, "channel"));
	table_add(table, STYLE_PLAIN, json_text_of(delivery, "recipient"));
	table_add(table, output_state_style(state), state);
	table_add_number(table, json_number_of(delivery, "attempts"));
	table_add(table, STYLE_PLAIN, json_text_of(delivery, "reason"));
}

void show_deliveries(struct cli *cli, const json_t *deliveries)
{
	static const struct column columns[] = {
		{"ID", true},       {"CREATED", false}, {"SEVERITY", false},
		{"SUBJECT", false}, {"CHANNEL", false}, {"RECIPIENT", false},
		{"STATE", false},   {"TRIES", true},    {"REASON", false},
	};
	struct table table;
	size_t i;
	json_t *delivery;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(deliveries, i, delivery) add_delivery(&table, delivery);
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

void show_line(struct cli *cli, const char *name, enum style style, const char *value)
{
	if (!*value)
		return;
	buffer_printf(&cli->out, "%-12s ", name);
	output_styled(&cli->out, cli->colour, style, value);
	buffer_putc(&cli->out, '\n');
}

static void show_attempts(struct cli *cli, const json_t *history)
{
	static const struct column columns[] = {
		{"TRY", true},
		{"STARTED", false},
		{"OUTCOME", false},
		{"DETAIL", false},
	};
	struct table table;
	size_t i;
	json_t *attempt;
	char started[CLOCK_TEXT];

	if (json_array_size(history) == 0)
		return;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(history, i, attempt)
	{
		const char *outcome = json_text_of(attempt, "outcome");

		table_add_number(&table, json_number_of(attempt, "number"));
		table_add(&table, STYLE_PLAIN, json_time_of(attempt, "started_at", started));
		table_add(&table, output_state_style(outcome), outcome);
		table_add(&table, STYLE_PLAIN, json_text_of(attempt, "detail"));
	}
	buffer_putc(&cli->out, '\n');
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

/* What programs wrote, with the numbers of the attempts. */
static void show_outputs(struct cli *cli, const json_t *history)
{
	size_t i;
	json_t *attempt;

	json_array_foreach(history, i, attempt)
	{
		const char *output = json_text_of(attempt, "output");
		size_t length = strlen(output);

		if (length == 0)
			continue;
		buffer_printf(&cli->out, "\noutput of try %lld:\n",
			      json_number_of(attempt, "number"));
		text_add_safe(&cli->out, output, true);
		if (output[length - 1] != '\n')
			buffer_putc(&cli->out, '\n');
	}
}

static void show_alert(struct cli *cli, const json_t *alert)
{
	const char *severity = json_text_of(alert, "severity");
	struct buffer labels = {0};
	const char *name;
	json_t *value;

	show_labels(&labels, json_object_get(alert, "labels"));
	show_line(cli, "alert", STYLE_PLAIN, json_text_of(alert, "id"));
	show_line(cli, "severity", output_severity_style(severity), severity);
	show_line(cli, "status", STYLE_PLAIN, json_text_of(alert, "status"));
	show_line(cli, "source", STYLE_PLAIN, json_text_of(alert, "source"));
	show_line(cli, "labels", STYLE_PLAIN, buffer_text(&labels));
	buffer_done(&labels);
	json_object_foreach(json_object_get(alert, "annotations"), name, value)
	{
		struct buffer line = {0};

		output_safe(&line, name);
		show_line(cli, buffer_text(&line), STYLE_PLAIN,
			  json_is_string(value) ? json_string_value(value) : "");
		buffer_done(&line);
	}
}

void show_delivery(struct cli *cli, const json_t *delivery)
{
	const char *state = json_text_of(delivery, "state");
	char time[CLOCK_TEXT];

	buffer_printf(&cli->out, "%-12s %lld\n", "delivery", json_number_of(delivery, "id"));
	show_line(cli, "state", output_state_style(state), state);
	show_line(cli, "reason", STYLE_PLAIN, json_text_of(delivery, "reason"));
	show_line(cli, "channel", STYLE_PLAIN, json_text_of(delivery, "channel"));
	show_line(cli, "recipient", STYLE_PLAIN, json_text_of(delivery, "recipient"));
	show_line(cli, "route", STYLE_PLAIN, json_text_of(delivery, "route"));
	show_line(cli, "key", STYLE_PLAIN, json_text_of(delivery, "key"));
	show_line(cli, "created", STYLE_PLAIN, json_time_of(delivery, "created_at", time));
	show_line(cli, "due", STYLE_PLAIN, json_time_of(delivery, "due_at", time));
	show_line(cli, "done", STYLE_PLAIN, json_time_of(delivery, "done_at", time));
	show_alert(cli, json_object_get(delivery, "alert"));
	show_attempts(cli, json_object_get(delivery, "history"));
	show_outputs(cli, json_object_get(delivery, "history"));
}

int show_pages(struct cli *cli, const char *path, const char *list, long long limit,
	       void (*each)(struct cli *cli, json_t *entry, void *data), void *data)
{
	long long left = limit, before = 0;
	int status = STATUS_DONE;

	do {
		long long page = limit && left < PAGE ? left : PAGE;
		struct buffer full = {0};
		json_t *answer, *entries, *entry;
		size_t i;

		buffer_printf(&full, "%s%climit=%lld", path, strchr(path, '?') ? '&' : '?', page);
		if (before > 0)
			buffer_printf(&full, "&before=%lld", before);
		status = cli_request(cli, "GET", buffer_text(&full), NULL, &answer);
		buffer_done(&full);
		entries = json_object_get(answer, list);
		json_array_foreach(entries, i, entry) each(cli, entry, data);
		left -= (long long)json_array_size(entries);
		before = json_number_of(answer, "next");
		json_decref(answer);
	} while (status == STATUS_DONE && before > 0 && (limit == 0 || left > 0));
	return status;
}

int show_limit(struct cli *cli, long long preset, long long *limit)
{
	const char *given = cli_get(cli, "limit");

	*limit = cli_has(cli, "all") ? 0 : preset;
	if (given && cli_number(given, limit) < 0)
		return cli_error(STATUS_USAGE, "--limit must be a number greater than 0");
	return STATUS_DONE;
}

int show_add_since(struct cli *cli, struct buffer *path)
{
	const char *given = cli_get(cli, "since");
	char time[CLOCK_TEXT];

	if (given && cli_time(given, time, sizeof(time)) < 0)
		return cli_error(STATUS_USAGE, "--since must be a duration such as 2h or 3d, or a "
					       "time such as 2025-11-18T14:30:45Z");
	client_add_parameter(path, "since", given ? time : NULL);
	return STATUS_DONE;
}
