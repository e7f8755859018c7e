/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin jobs list|show|pause|resume|history: jobs and their runs. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/items.h"
#include "cli/jobs.h"
#include "cli/moment.h"
#include "cli/show.h"

static const struct option_row options[] = {OPTION_SOURCE, OPTIONS_ONLINE};

static const struct option_row history_options[] = {
	{"limit", 'n', "N", "At most so many runs, newest first; the default is 50."},
	OPTION_SOURCE,
	OPTIONS_ONLINE,
};

/* "failed (exit 3)" */
static void add_result(struct buffer *text, const json_t *run)
{
	const json_t *code = json_object_get(run, "exit"), *number = json_object_get(run, "signal");

	buffer_puts(text, json_text_of(run, "status"));
	if (json_is_string(number))
		buffer_printf(text, " (signal %s)", json_string_value(number));
	else if (json_is_integer(number))
		buffer_printf(text, " (signal %lld)", json_number_of(run, "signal"));
	else if (json_is_integer(code) && json_integer_value(code) != 0)
		buffer_printf(text, " (exit %lld)", json_number_of(run, "exit"));
}

static void add_result_cell(struct table *table, const json_t *run)
{
	struct buffer text = {0};

	add_result(&text, run);
	table_add(table, output_state_style(json_text_of(run, "status")), buffer_text(&text));
	buffer_done(&text);
}

/* Of one that runs, so far. */
static void add_took(struct table *table, const json_t *run)
{
	bool running = strcmp(json_text_of(run, "status"), "running") == 0;
	char took[MOMENT_TEXT];
	int64_t since_ms;

	moment_took(run, "duration_ms", took);
	if (running && !*took && clock_parse(json_text_of(run, "started_at"), &since_ms) == 0) {
		json_t *far = json_pack("{sI}", "ms", (json_int_t)(clock_wall_ms() - since_ms));

		moment_took(far, "ms", took);
		json_decref(far);
	}
	table_add(table, running ? STYLE_DIM : STYLE_PLAIN, took);
}

static void add_job(struct table *table, const json_t *job)
{
	const char *state = json_text_of(job, "state");
	const json_t *last = json_object_get(job, "last");
	int64_t now_ms = clock_wall_ms();
	char text[MOMENT_TEXT];

	/* Its first run: there is none that has ended. */
	if (!json_is_object(last))
		last = json_object_get(job, "current");
	table_add(table, STYLE_BOLD, json_text_of(job, "name"));
	table_add(table, output_state_style(state), state);
	table_add(table, STYLE_PLAIN, moment_ago(last, "started_at", now_ms, text));
	add_result_cell(table, last);
	add_took(table, last);
	table_add(table, STYLE_PLAIN, moment_ago(job, "next_run", now_ms, text));
	table_add(table, STYLE_PLAIN, json_text_of(job, "schedule"));
	table_add(table, STYLE_PLAIN, json_text_of(job, "reason"));
}

static int list(struct cli *cli)
{
	static const struct column columns[] = {
		{"JOB", false},      {"STATE", false},  {"LAST RUN", false},
		{"RESULT", false},   {"TOOK", true},    {"NEXT RUN", false},
		{"SCHEDULE", false}, {"REASON", false}, {"SOURCE", false},
	};
	static const struct items_table layout = {.kind = "jobs",
						  .column = columns,
						  .n = sizeof(columns) / sizeof(columns[0]),
						  .add = add_job,
						  .none = "there are no jobs; see tocsin-cron(7)"};

	return items_print(cli, &layout);
}

/* {completed, failed, ...} as "completed 5, failed 2": what is none is left out. */
static void add_results(struct table *table, const json_t *results)
{
	struct buffer text = {0};
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)results, name, value)
	{
		if (!json_is_integer(value) || json_integer_value(value) == 0)
			continue;
		buffer_printf(&text, "%s%s %lld", text.length ? ", " : "", name,
			      (long long)json_integer_value(value));
	}
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] == '_')
			text.data[i] = ' ';
	table_add(table, STYLE_PLAIN, buffer_text(&text));
	buffer_done(&text);
}

void jobs_runs(struct cli *cli, const json_t *runs)
{
	static const struct column columns[] = {
		{"STARTED", false}, {"TRIGGER", false}, {"RESULT", false},
		{"TOOK", true},     {"TASKS", false},   {"ERROR", false},
	};
	struct table table;
	char time[CLOCK_TEXT];
	size_t i;
	json_t *run;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(runs, i, run)
	{
		table_add(&table, STYLE_PLAIN, json_time_of(run, "started_at", time));
		table_add(&table, STYLE_PLAIN, json_text_of(run, "trigger"));
		add_result_cell(&table, run);
		add_took(&table, run);
		add_results(&table, json_object_get(run, "results"));
		table_add(&table, STYLE_PLAIN, json_text_of(run, "error_message"));
	}
	table_print(&table, &cli->out, cli->colour, cli->width);
	table_done(&table);
}

void jobs_output(struct cli *cli, const json_t *run)
{
	const char *output = json_text_of(run, "output");
	size_t length = strlen(output);

	text_add_safe(&cli->out, output, true);
	if (length > 0 && output[length - 1] != '\n')
		buffer_putc(&cli->out, '\n');
}

/* As a shell would take it. */
static void add_quoted(struct buffer *text, const char *word)
{
	if (*word && !strpbrk(word, " \t\n\"'\\$`*?;&|<>(){}[]#~")) {
		buffer_puts(text, word);
		return;
	}
	buffer_putc(text, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buffer_puts(text, "'\\''");
		else
			buffer_putc(text, *word);
	}
	buffer_putc(text, '\'');
}

static void show_command(struct cli *cli, const json_t *command)
{
	struct buffer text = {0};
	size_t i;
	json_t *word;

	json_array_foreach(command, i, word)
	{
		const char *plain = json_string_value(word);

		buffer_puts(&text, i ? " " : "");
		add_quoted(&text, plain ? plain : "");
	}
	show_line(cli, "command", STYLE_PLAIN, buffer_text(&text));
	buffer_done(&text);
}

static void show_counts(struct cli *cli, const json_t *job)
{
	long long total = json_number_of(job, "total"), good = json_number_of(job, "succeeded");
	struct buffer text = {0};
	char took[MOMENT_TEXT];

	if (total == 0)
		return;
	buffer_printf(&text, "%lld, %lld completed (%.1f %%)", total, good,
		      100.0 * (double)good / (double)total);
	if (*moment_took(job, "average_ms", took))
		buffer_printf(&text, ", %s on average", took);
	show_line(cli, "runs", STYLE_PLAIN, buffer_text(&text));
	buffer_done(&text);
}

/* What the last run took from the machine. */
static void show_usage(struct cli *cli, const json_t *usage)
{
	long long kib = json_number_of(usage, "max_rss_kib"); /* in whole MiB, if that many */
	struct buffer text = {0};
	char took[UNITS_TEXT], memory[UNITS_TEXT];

	if (!json_is_object(usage))
		return;
	units_format_elapsed(json_number_of(usage, "user_ms") + json_number_of(usage, "system_ms"),
			     took);
	units_format_size((kib >= 1024 ? kib / 1024 * 1024 : kib) * 1024, memory);
	buffer_printf(&text, "%s of processor time", took);
	if (kib > 0)
		buffer_printf(&text, ", %s of memory", memory);
	show_line(cli, "used", STYLE_PLAIN, buffer_text(&text));
	buffer_done(&text);
}

static void show_job(struct cli *cli, const json_t *job)
{
	const char *state = json_text_of(job, "state");
	const json_t *last = json_object_get(job, "last"), *runs = json_object_get(job, "runs");
	int64_t now_ms = clock_wall_ms();
	struct buffer result = {0};
	char text[MOMENT_TEXT];

	show_line(cli, "job", STYLE_BOLD, json_text_of(job, "name"));
	show_line(cli, "source", STYLE_PLAIN, json_text_of(job, "source"));
	show_line(cli, "state", output_state_style(state), state);
	show_line(cli, "reason", STYLE_PLAIN, json_text_of(job, "reason"));
	show_command(cli, json_object_get(job, "command"));
	show_line(cli, "schedule", STYLE_PLAIN, json_text_of(job, "schedule"));
	show_line(cli, "timezone", STYLE_PLAIN, json_text_of(job, "timezone"));
	show_line(cli, "next run", STYLE_PLAIN, moment_full(job, "next_run", now_ms, text));
	show_line(cli, "runs since", STYLE_PLAIN,
		  moment_full(json_object_get(job, "current"), "started_at", now_ms, text));
	show_line(cli, "last run", STYLE_PLAIN, moment_full(last, "started_at", now_ms, text));
	add_result(&result, last);
	show_line(cli, "result", output_state_style(json_text_of(last, "status")),
		  buffer_text(&result));
	buffer_done(&result);
	show_usage(cli, json_object_get(last, "usage"));
	show_counts(cli, job);
	if (json_array_size(runs) > 0) {
		buffer_putc(&cli->out, '\n');
		jobs_runs(cli, runs);
	}
	if (*json_text_of(last, "output")) {
		buffer_puts(&cli->out, "\noutput of the last run:\n");
		jobs_output(cli, last);
	}
}

static int show(struct cli *cli)
{
	return items_show(cli, "jobs", show_job);
}

static int pause_jobs(struct cli *cli)
{
	return items_order(cli, "jobs", "pause");
}

static int resume_jobs(struct cli *cli)
{
	return items_order(cli, "jobs", "resume");
}

static int history(struct cli *cli)
{
	json_t *answer, *runs;
	long long limit;
	int status = show_limit(cli, 50, &limit);

	if (status != STATUS_DONE)
		return status;
	status = items_ask(cli, "jobs", cli_operand(cli, 0), "history",
			   json_pack("{sI}", "limit", (json_int_t)limit), &answer);
	runs = json_object_get(answer, "runs");
	if (status == STATUS_DONE && cli->json)
		cli_print_json(cli, runs ? json_incref(runs) : json_array());
	else if (status == STATUS_DONE && json_array_size(runs) > 0)
		jobs_runs(cli, runs);
	else if (status == STATUS_DONE)
		buffer_puts(&cli->out, "it has not run yet\n");
	json_decref(answer);
	return status;
}

const struct command command_jobs_list = {
	.name = "jobs list",
	.operands = "",
	.summary = "list jobs with their last and next runs",
	.description = "Lists the jobs of all sources with what they are doing, how the last run "
		       "went, and when the next one is due.",
	.examples = "  tocsin jobs list\n"
		    "  tocsin jobs list --json | jq -r '.[] | select(.state==\"late\").name'\n",
	OPTIONS(options),
	.run = list,
};

const struct command command_jobs_show = {
	.name = "jobs show",
	.operands = "JOB",
	.least = 1,
	.most = 1,
	.summary = "show a job with its last runs",
	.description = "Shows a job, its last twenty runs, and what the last one wrote.",
	.examples = "  tocsin jobs show backup\n",
	.no = "there is no such job",
	OPTIONS(options),
	.run = show,
};

const struct command command_jobs_pause = {
	.name = "jobs pause",
	.operands = "JOB...",
	.least = 1,
	.most = (size_t)-1,
	.summary = "start no runs by schedule and miss none, until it is resumed",
	.description =
		"Pauses jobs: their schedule starts no runs, and none is MISSED. A run under "
		"way goes on. What is run all the same, by 'jobs run' or by somebody who "
		"reports it, is recorded and raises alerts when it goes wrong.",
	.examples = "  tocsin jobs pause backup cleanup\n",
	.no = "there is no such job",
	OPTIONS(options),
	.run = pause_jobs,
};

const struct command command_jobs_resume = {
	.name = "jobs resume",
	.operands = "JOB...",
	.least = 1,
	.most = (size_t)-1,
	.summary = "end a pause",
	.description =
		"Resumes jobs that were paused. What was missed meanwhile is not made up for.",
	.examples = "  tocsin jobs resume backup\n",
	.no = "there is no such job",
	OPTIONS(options),
	.run = resume_jobs,
};

const struct command command_jobs_history = {
	.name = "jobs history",
	.operands = "JOB",
	.least = 1,
	.most = 1,
	.summary = "list the runs of a job",
	.description = "Lists the runs of a job, newest first. --json has all about each, what it "
		       "wrote as well.",
	.examples = "  tocsin jobs history backup --limit 200\n"
		    "  tocsin jobs history backup --json | jq '.[0].output'\n",
	.no = "there is no such job",
	OPTIONS(history_options),
	.run = history,
};
