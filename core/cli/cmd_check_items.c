/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin check heartbeat, tocsin check threshold */
#include <errno.h>
#include <string.h>

#include "cli/asker.h"
#include "cli/nagios.h"

#define NAMES_SHOWN 5 /* of checks in each state, on the first line for a monitoring system */

#define OPTION_NAGIOS \
	{ \
		"nagios", 0, NULL, \
			"Print and exit as a monitoring plugin of Nagios and its kin does." \
	}
#define OPTION_LOCAL \
	{ \
		"local", 0, NULL, \
			"Do not ask the daemon: open the source inside this command, which keeps " \
			"nothing and sends nothing." \
	}

static const struct option_row heartbeat_options[] = {
	OPTION_NAGIOS, OPTION_LOCAL, OPTION_SOURCE, OPTION_PLUGINS, OPTION_SERVICES, OPTIONS_ONLINE,
};

static const struct option_row threshold_options[] = {
	{"all", 0, NULL, "Every check that is not paused; the exit status is that of the worst."},
	OPTION_NAGIOS,
	OPTION_LOCAL,
	OPTION_SOURCE,
	OPTION_PLUGINS,
	OPTION_SERVICES,
	OPTIONS_ONLINE,
};

static enum style style_of(enum nagios status)
{
	static const enum style styles[] = {STYLE_GREEN, STYLE_YELLOW, STYLE_RED, STYLE_YELLOW};

	return styles[status];
}

/* "HEARTBEAT OK - backup is up | age=120s;;86400" */
static void print_nagios(struct cli *cli, const char *what, enum nagios status, const char *line,
			 const char *perfdata)
{
	buffer_printf(&cli->out, "%s %s - ", what, nagios_word(status));
	nagios_add_text(&cli->out, line);
	if (*perfdata) {
		buffer_puts(&cli->out, " | ");
		output_safe(&cli->out, perfdata);
	}
	buffer_putc(&cli->out, '\n');
}

/* What could not be asked: on standard output where a monitoring plugin speaks. */
static void print_failure(struct cli *cli, const char *what, const struct error *why)
{
	if (cli_has(cli, "nagios"))
		print_nagios(cli, what, NAGIOS_UNKNOWN, why->text, "");
	else
		cli_error(0, "%s", why->text);
}

/* Standard error has said it already, where no monitoring system looks. */
static void print_not_begun(struct cli *cli, const char *what)
{
	if (cli_has(cli, "nagios"))
		print_nagios(cli, what, NAGIOS_UNKNOWN,
			     "it could not be asked; the same command in a shell says why", "");
}

static enum nagios check_heartbeat(struct cli *cli, struct asker *asker)
{
	struct buffer age = {0};
	struct error why;
	json_t *answer = NULL;
	enum nagios status = NAGIOS_UNKNOWN;
	const char *line;

	if (asker_check(asker, cli_operand(cli, 0), cli_get(cli, "source"), &answer, &why) !=
	    STATUS_DONE) {
		print_failure(cli, "HEARTBEAT", &why);
		json_decref(answer);
		return status;
	}
	status = nagios_of_heartbeat(answer);
	line = json_text_of(answer, "line");
	nagios_add_age(&age, answer);
	if (cli->json) {
		cli_print_json(cli, json_incref(answer));
	} else if (cli_has(cli, "nagios")) {
		print_nagios(cli, "HEARTBEAT", status, line, buffer_text(&age));
	} else {
		output_styled(&cli->out, cli->colour, style_of(status), line);
		buffer_putc(&cli->out, '\n');
	}
	buffer_done(&age);
	json_decref(answer);
	return status;
}

static int run_heartbeat(struct cli *cli)
{
	struct asker asker;
	bool nagios = cli_has(cli, "nagios");
	enum nagios status = NAGIOS_UNKNOWN;

	if (asker_begin(&asker, cli, "heartbeats") == STATUS_DONE)
		status = check_heartbeat(cli, &asker);
	else
		print_not_begun(cli, "HEARTBEAT");
	asker_end(&asker);
	if (nagios || status == NAGIOS_OK)
		return (int)status;
	return status == NAGIOS_CRITICAL ? 1 : 2;
}

/* One check among all of them. */
struct outcome {
	json_t *all;     /* the answers; of those that could not be asked: name, exit and line */
	size_t count[4]; /* of each status */
	size_t paused;   /* which are not asked */
	struct buffer names[4];
	enum nagios worst;
	struct buffer lines, perfdata;
};

static json_t *failed(const json_t *item, const struct error *why)
{
	const char *name = json_text_of(item, "name");
	struct buffer line = {0};
	json_t *answer;

	buffer_printf(&line, "%s%s%s", name, *name ? ": " : "", why->text);
	answer = json_pack("{sO* ss si ss}", "name", json_object_get(item, "name"), "state",
			   "unknown", "exit", NAGIOS_UNKNOWN, "line", buffer_text(&line));
	buffer_done(&line);
	return answer;
}

/* The first few; the lines that follow have all of them. */
static void add_name(struct buffer *names, size_t before, const char *name)
{
	if (before < NAMES_SHOWN)
		buffer_printf(names, "%s%s", before > 0 ? ", " : "", name);
	else if (before == NAMES_SHOWN)
		buffer_puts(names, ", ...");
}

static void add_outcome(struct cli *cli, struct outcome *outcome, const char *name, json_t *answer)
{
	enum nagios status = nagios_of_check(answer);
	const char *perfdata = json_text_of(answer, "perfdata");
	struct buffer word = {0};

	buffer_printf(&word, "%-8s", nagios_word(status));
	if (status != NAGIOS_OK && *name)
		add_name(&outcome->names[status], outcome->count[status], name);
	outcome->count[status]++;
	outcome->worst = nagios_worse(outcome->worst, status);
	if (cli_has(cli, "nagios"))
		buffer_puts(&outcome->lines, buffer_text(&word));
	else
		output_styled(&outcome->lines, cli->colour, style_of(status), buffer_text(&word));
	buffer_puts(&outcome->lines, "  ");
	nagios_add_text(&outcome->lines, json_text_of(answer, "line"));
	buffer_putc(&outcome->lines, '\n');
	if (*perfdata)
		buffer_printf(&outcome->perfdata, "%s%s", outcome->perfdata.length ? " " : "",
			      perfdata);
	json_array_append(outcome->all, answer);
	buffer_done(&word);
}

static void check_each(struct asker *asker, const json_t *items, struct outcome *outcome)
{
	size_t i;
	json_t *item;

	json_array_foreach(items, i, item)
	{
		struct error why;
		json_t *answer = NULL;

		if (strcmp(json_text_of(item, "state"), "paused") == 0) {
			outcome->paused++;
			continue;
		}
		if (asker_check(asker, json_text_of(item, "name"), json_text_of(item, "source"),
				&answer, &why) != STATUS_DONE) {
			json_decref(answer);
			answer = failed(item, &why);
		}
		add_outcome(asker->cli, outcome, json_text_of(item, "name"), answer);
		json_decref(answer);
	}
}

/* "1 critical (Cost), 7 ok" */
static void add_counts(struct buffer *text, const struct outcome *outcome)
{
	static const struct {
		enum nagios status;
		const char *name;
	} order[] = {{NAGIOS_CRITICAL, "critical"},
		     {NAGIOS_WARNING, "warning"},
		     {NAGIOS_UNKNOWN, "unknown"},
		     {NAGIOS_OK, "ok"}};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (outcome->count[order[i].status] > 0) {
			const struct buffer *names = &outcome->names[order[i].status];

			buffer_printf(text, "%s%zu %s", text->length ? ", " : "",
				      outcome->count[order[i].status], order[i].name);
			if (names->length > 0)
				buffer_printf(text, " (%s)", buffer_text(names));
		}
}

static void print_outcome(struct cli *cli, struct outcome *outcome)
{
	struct buffer counts = {0};

	add_counts(&counts, outcome);
	if (cli->json)
		cli_print_json(cli, json_incref(outcome->all));
	else if (cli_has(cli, "nagios"))
		print_nagios(cli, "THRESHOLD", outcome->worst, buffer_text(&counts),
			     buffer_text(&outcome->perfdata));
	if (!cli->json)
		buffer_puts(&cli->out, buffer_text(&outcome->lines));
	buffer_done(&counts);
}

/* Nobody watches anything then, which is not well. */
static void refuse_nothing(size_t paused, struct error *why)
{
	if (paused == 0)
		error_set(why, -ENOENT, "there are no checks");
	else if (paused == 1)
		error_set(why, -ENOENT, "the only check is paused");
	else
		error_set(why, -ENOENT, "all %zu checks are paused", paused);
}

static enum nagios check_all(struct cli *cli, struct asker *asker)
{
	struct outcome outcome = {.all = json_array()};
	struct error why;
	json_t *items;
	int status = asker_list(asker, &items, &why);

	if (status != STATUS_DONE && json_array_size(items) == 0) {
		print_failure(cli, "THRESHOLD", &why);
		outcome.worst = NAGIOS_UNKNOWN;
	} else {
		if (status != STATUS_DONE) { /* of one source; the others are there */
			json_t *missing = failed(NULL, &why);

			add_outcome(cli, &outcome, "", missing);
			json_decref(missing);
		}
		check_each(asker, items, &outcome);
		if (json_array_size(outcome.all) > 0 || cli->json)
			print_outcome(cli, &outcome);
		if (json_array_size(outcome.all) == 0) {
			outcome.worst = NAGIOS_UNKNOWN;
			refuse_nothing(outcome.paused, &why);
			if (!cli->json)
				print_failure(cli, "THRESHOLD", &why);
		}
	}
	buffer_done(&outcome.lines);
	buffer_done(&outcome.perfdata);
	for (size_t i = 0; i < sizeof(outcome.names) / sizeof(outcome.names[0]); i++)
		buffer_done(&outcome.names[i]);
	json_decref(outcome.all);
	json_decref(items);
	return outcome.worst;
}

static enum nagios check_one(struct cli *cli, struct asker *asker)
{
	struct error why;
	json_t *answer = NULL;
	enum nagios status = NAGIOS_UNKNOWN;
	const char *line;

	if (asker_check(asker, cli_operand(cli, 0), cli_get(cli, "source"), &answer, &why) !=
	    STATUS_DONE) {
		print_failure(cli, "THRESHOLD", &why);
		json_decref(answer);
		return status;
	}
	status = nagios_of_check(answer);
	line = json_text_of(answer, "line");
	if (cli->json) {
		cli_print_json(cli, json_incref(answer));
	} else if (cli_has(cli, "nagios")) {
		print_nagios(cli, "THRESHOLD", status, line, json_text_of(answer, "perfdata"));
	} else {
		output_styled(&cli->out, cli->colour, style_of(status), line);
		buffer_putc(&cli->out, '\n');
	}
	json_decref(answer);
	return status;
}

static int run_threshold(struct cli *cli)
{
	bool all = cli_has(cli, "all"), one = cli_operand(cli, 0) != NULL;
	enum nagios status = NAGIOS_UNKNOWN;
	struct asker asker;

	if (all == one) {
		cli_error(0, "say which: the name of a check, or --all");
		return NAGIOS_UNKNOWN;
	}
	if (asker_begin(&asker, cli, "checks") == STATUS_DONE)
		status = all ? check_all(cli, &asker) : check_one(cli, &asker);
	else
		print_not_begun(cli, "THRESHOLD");
	asker_end(&asker);
	return (int)status;
}

const struct command command_check_heartbeat = {
	.name = "check heartbeat",
	.operands = "NAME",
	.least = 1,
	.most = 1,
	.summary = "is a heartbeat healthy? for crontabs and monitoring",
	.description =
		"Says in one line whether a heartbeat is healthy: it was heard of, and not longer ago "
		"than it may be silent. With --local the daemon is not asked: what a query or a file "
		"tells is read by this command itself.",
	.examples = "  tocsin check heartbeat backup || mail -s 'No backup' ops@example.com\n"
		    "  tocsin check heartbeat backup --nagios\n",
	.status = "  0  healthy\n  1  not healthy; with --nagios 2\n"
		  "  2  it could not be asked, or wrong usage; with --nagios 3\n",
	OPTIONS(heartbeat_options),
	.run = run_heartbeat,
};

const struct command command_check_threshold = {
	.name = "check threshold",
	.operands = "[NAME]",
	.most = 1,
	.summary = "evaluate a check of a threshold now",
	.description =
		"Evaluates a check, or all of them, now: its query runs, its value is compared with "
		"its thresholds, and nobody is notified. What the daemon knows of the check stays as "
		"it is. With --local the daemon is not asked: this command runs the query itself.",
	.examples = "  tocsin check threshold queue-depth\n"
		    "  tocsin check threshold --all --local --config ./conf.d\n"
		    "  tocsin check threshold queue-depth --nagios\n",
	.status = "  0  ok\n  1  warning\n  2  critical, or wrong usage\n"
		  "  3  unknown: the query failed, there is no such check, it could not be asked, "
		  "nothing is checked\n",
	OPTIONS(threshold_options),
	.run = run_threshold,
};
