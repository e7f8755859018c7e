/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/build.h"
#include "cli/cli.h"
#include "cli/rehearsal.h"
#include "cli/trial.h"

#define POLL_MS 50
#define PATIENCE "30s"

static const struct option_row options[] = {
	OPTION_SEVERITY,
	OPTION_SUMMARY,
	{"recipient", 'r', "ADDRESS", "Notify this address instead of the channel's own."},
	{"timeout", 't', "DURATION",
	 "How long to wait for the outcome; the default is " PATIENCE "."},
	{"local", 0, NULL, "Test inside this command, without the daemon."},
	{"dry-run", 'n', NULL, "Print what would be sent, and send nothing."},
	{"alert", 'A', "ID",
	 "With --dry-run: a stored alert, by its id or its number in 'tocsin history'."},
	{"file", 'f', "FILE", "With --dry-run: an alert as JSON; - is standard input."},
	OPTION_PLUGINS,
	OPTION_SERVICES,
	OPTIONS_ONLINE,
};

/* What the daemon is asked for: only what was given. */
static json_t *wish(const struct cli *cli)
{
	return json_pack("{ss* ss* ss*}", "severity", cli_get(cli, "severity"), "summary",
			 cli_get(cli, "summary"), "recipient", cli_get(cli, "recipient"));
}

/* The same alert as the daemon would make. */
static json_t *local_alert(const struct cli *cli, const char *channel)
{
	const char *severity = cli_get(cli, "severity"), *summary = cli_get(cli, "summary");
	const char *recipient = cli_get(cli, "recipient");
	json_t *alert = json_pack("{s{ss ss} s{ss} ss ss}", "labels", "alertname", "TocsinTest",
				  "channel", channel, "annotations", "summary",
				  summary ? summary : "Test of a channel; nothing has happened.",
				  "severity", severity ? severity : "info", "status", "event");

	if (alert && recipient)
		json_object_set_new(alert, "recipients", json_pack("[s]", recipient));
	return alert;
}

static void print_outcome(struct cli *cli, const json_t *deliveries)
{
	size_t i;
	json_t *delivery;

	json_array_foreach(deliveries, i, delivery)
	{
		const char *state = json_text_of(delivery, "state");
		const char *recipient = json_text_of(delivery, "recipient");
		const char *reason = json_text_of(delivery, "reason");
		bool delivered = strcmp(state, "delivered") == 0;

		output_safe(&cli->out, json_text_of(delivery, "channel"));
		buffer_puts(&cli->out, ": ");
		output_styled(&cli->out, cli->colour, delivered ? STYLE_GREEN : STYLE_RED,
			      delivered                       ? "delivered"
			      : strcmp(state, "pending") == 0 ? "failed"
							      : state);
		if (*recipient) {
			buffer_puts(&cli->out, " to ");
			output_safe(&cli->out, recipient);
		}
		if (*reason) {
			buffer_puts(&cli->out, ": ");
			output_safe(&cli->out, reason);
		}
		buffer_putc(&cli->out, '\n');
	}
}

/* A channel of the daemon's status, a new reference; NULL: not known. */
static json_t *find_channel(struct cli *cli, const char *name)
{
	json_t *status = NULL, *channel, *found = NULL;
	struct error why;
	size_t i;

	if (cli_ask(cli, "GET", "/api/v1/status", NULL, &status, &why) == STATUS_DONE)
		json_array_foreach(json_object_get(status, "channels"), i, channel)
		{
			if (strcmp(json_text_of(channel, "name"), name) == 0)
				found = json_incref(channel);
		}
	json_decref(status);
	return found;
}

/* Nothing was tried yet: what keeps the channel, and for how long. */
static int explain_wait(struct cli *cli, const char *name, const char *patience)
{
	json_t *channel = find_channel(cli, name);
	const char *breaker = json_text_of(channel, "breaker");
	const char *failure = json_text_of(channel, "last_failure");
	char failed[CLOCK_TEXT], next[CLOCK_TEXT];

	if (*json_text_of(channel, "next_attempt_at"))
		cli_error(0,
			  "no outcome after %s: channel '%s' is %s and tries next at %s%s%s%s%s%s; "
			  "the test alert stays pending until then, and --local tries now",
			  patience, name, strcmp(breaker, "closed") == 0 ? "paused" : "failing",
			  json_time_of(channel, "next_attempt_at", next),
			  *failure ? " (last failure at " : "",
			  *failure ? json_time_of(channel, "last_failed_at", failed) : "",
			  *failure ? ": " : "", failure, *failure ? ")" : "");
	else
		cli_error(0, "no outcome after %s; the delivery goes on, see 'tocsin deliveries'",
			  patience);
	json_decref(channel);
	return STATUS_LATER;
}

static size_t count_state(const json_t *deliveries, const char *state)
{
	size_t i, n = 0;
	json_t *delivery;

	json_array_foreach(deliveries, i, delivery)
	{
		if (strcmp(json_text_of(delivery, "state"), state) == 0)
			n++;
	}
	return n;
}

static int report(struct cli *cli, json_t *deliveries, const char *patience, bool local)
{
	bool over = trial_is_over(deliveries);

	if (cli->json)
		cli_print_json(cli, json_incref(deliveries));
	else if (over)
		print_outcome(cli, deliveries);
	if (over && !cli->json && !local && count_state(deliveries, "pending") > 0)
		buffer_puts(&cli->out, "The test alert stays pending and is tried further; see "
				       "'tocsin deliveries'.\n");
	if (over)
		return count_state(deliveries, "delivered") == json_array_size(deliveries)
			       ? STATUS_DONE
			       : STATUS_NO;
	if (!local)
		return explain_wait(cli, cli_operand(cli, 0), patience);
	return cli_error(STATUS_LATER, "no outcome after %s; --timeout gives it longer", patience);
}

/* Asks for the deliveries of the alert until they are over. */
static int watch(struct cli *cli, const char *alert, int64_t timeout_ms, json_t **deliveries)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	int64_t until_ms = clock_boot_ms() + timeout_ms;
	struct buffer path = {0};
	json_t *answer = NULL;
	int status;

	buffer_puts(&path, "/api/v1/deliveries");
	client_add_parameter(&path, "alert", alert);
	do {
		json_decref(answer);
		status = cli_request(cli, "GET", buffer_text(&path), NULL, &answer);
		if (trial_is_over(json_object_get(answer, "deliveries")))
			break;
		nanosleep(&pause, NULL);
	} while (status == STATUS_DONE && clock_boot_ms() < until_ms);
	*deliveries = json_incref(json_object_get(answer, "deliveries"));
	json_decref(answer);
	buffer_done(&path);
	return status;
}

static int run_remote(struct cli *cli, const char *channel, int64_t timeout_ms, json_t **deliveries)
{
	struct buffer path = {0};
	json_t *answer;
	int status;

	buffer_printf(&path, "/api/v1/channels/%s/test", channel);
	status = cli_request(cli, "POST", buffer_text(&path), wish(cli), &answer);
	if (status == STATUS_DONE)
		status = watch(cli, json_text_of(answer, "alert"), timeout_ms, deliveries);
	json_decref(answer);
	buffer_done(&path);
	return status;
}

static int run_local(struct cli *cli, const char *channel, int64_t timeout_ms, json_t **deliveries)
{
	json_t *alert = local_alert(cli, channel);
	int status;

	if (!alert)
		return cli_error(STATUS_USAGE, "an option is not valid UTF-8");
	status = trial_run(cli, channel, alert, timeout_ms, deliveries);
	json_decref(alert);
	return status;
}

/* Without a daemon the test is made here, unless nothing else was asked for. */
static bool daemon_answers(struct cli *cli)
{
	struct client_reply reply = {0};
	struct error err;
	int result = cli_try(cli, "GET", "/api/v1/health", NULL, &reply, &err);

	json_decref(reply.json);
	if (result < 0)
		cli_error(0, "the channel is tested without the daemon: %s", err.text);
	return result == 0;
}

static bool is_name(const char *text)
{
	return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789_.-")];
}

static int run(struct cli *cli)
{
	const char *channel = cli_operand(cli, 0), *patience = cli_get(cli, "timeout");
	json_t *deliveries = NULL;
	int64_t timeout_ms;
	bool local = cli_has(cli, "local");
	int status;

	patience = patience ? patience : PATIENCE;
	if (units_parse_duration(patience, &timeout_ms) < 0)
		return cli_error(STATUS_USAGE, "--timeout must be a duration such as 30s or 2m");
	if (!is_name(channel))
		return cli_error(STATUS_USAGE, "'%.60s' cannot be the name of a channel", channel);
	if (cli_has(cli, "dry-run"))
		return test_dry_run(cli, channel);
	if (cli_has(cli, "alert") || cli_has(cli, "file"))
		return cli_error(STATUS_USAGE, "--alert and --file only go with --dry-run");
	local = local || !daemon_answers(cli);
	status = local ? run_local(cli, channel, timeout_ms, &deliveries)
		       : run_remote(cli, channel, timeout_ms, &deliveries);
	if (status == STATUS_DONE)
		status = report(cli, deliveries, patience, local);
	json_decref(deliveries);
	return status;
}

const struct command command_test = {
	.name = "test",
	.operands = "CHANNEL",
	.least = 1,
	.most = 1,
	.summary = "send a test alert through one channel and wait for the outcome",
	.description =
		"Sends a test alert to one channel, past the routes, and prints what came of "
		"the first attempt; after one that failed it stays pending and is tried further. "
		"When the daemon does not answer, or with --local, the "
		"channel is opened by this command itself, with a store of its own that is "
		"removed afterwards. With --dry-run nothing is sent: the HTTP requests that the "
		"channel would make are printed, or what it would write, with *** for secrets.",
	.examples = "  tocsin test mail\n"
		    "  tocsin test mail --recipient me@example.com --severity critical\n"
		    "  tocsin test chat --local --config ./conf.d\n"
		    "  tocsin test chat --dry-run --alert 17\n",
	.no = "the channel failed, or there is no such channel",
	OPTIONS(options),
	.run = run,
};
