/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/build.h"
#include "cli/cli.h"

#define INPUT_MOST (4U * 1024 * 1024) /* what the daemon takes in one request */

static const struct option_row options[] = {
	OPTION_LABEL,
	OPTION_ANNOTATION,
	OPTION_SUMMARY,
	OPTION_SEVERITY,
	OPTION_STATUS,
	OPTION_RECIPIENT,
	OPTION_LINK,
	{"stdin", 0, NULL,
	 "Read one alert or an array of alerts as JSON from standard input; "
	 "the operand - means the same."},
	OPTIONS_ONLINE,
};

static int read_input(json_t **alerts)
{
	struct buffer text = {0};
	json_error_t mistake;
	char chunk[16384];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0 && text.length <= INPUT_MOST)
		buffer_add(&text, chunk, n);
	if (text.length > INPUT_MOST) {
		buffer_done(&text);
		return cli_error(STATUS_NO,
				 "standard input is larger than 4 MiB; send it in parts");
	}
	*alerts = json_loadb(buffer_text(&text), text.length, JSON_REJECT_DUPLICATES, &mistake);
	buffer_done(&text);
	if (*alerts)
		return STATUS_DONE;
	return cli_error(STATUS_NO, "standard input is not valid JSON: line %d, column %d: %s",
			 mistake.line, mistake.column, mistake.text);
}

/* What stands beside standard input and would be of an alert; NULL: nothing. */
static const char *beside_input(const struct cli *cli)
{
	static const char *const names[] = {"label",  "annotation", "summary", "severity",
					    "status", "recipient",  "link"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cli_has(cli, names[i]))
			return names[i];
	return NULL;
}

static int make_alerts(struct cli *cli, json_t **alerts)
{
	const char *operand = cli_operand(cli, 0), *beside = beside_input(cli);
	bool input = operand || cli_has(cli, "stdin");
	struct error err;

	if (operand && strcmp(operand, "-") != 0)
		return cli_error(STATUS_USAGE,
				 "'%.60s' is not understood; give labels as --label NAME=VALUE, "
				 "or - to read JSON from standard input",
				 operand);
	if (input && beside)
		return cli_error(STATUS_USAGE,
				 "--%s does not go with %s: standard input has the whole alert",
				 beside, operand ? "-" : "--stdin");
	if (input)
		return read_input(alerts);
	*alerts = build_alert(&cli->arguments, &err);
	return *alerts ? STATUS_DONE : cli_error(STATUS_USAGE, "%s", err.text);
}

/* Which alerts of an array were wrong, one line each. */
static void print_errors(const json_t *answer)
{
	size_t i;
	json_t *one;

	json_array_foreach(json_object_get(answer, "errors"), i, one) cli_error(
		0, "alert %lld: %s", json_number_of(one, "index"), json_text_of(one, "error"));
}

static int run(struct cli *cli)
{
	json_t *alerts = NULL, *answer, *id;
	bool many;
	size_t i;
	int status = make_alerts(cli, &alerts);

	if (status != STATUS_DONE)
		return status;
	many = json_is_array(alerts);
	status = cli_request(cli, "POST", "/api/v1/alerts", alerts, &answer);
	if (status != STATUS_DONE && many)
		print_errors(answer);
	if (status == STATUS_DONE && cli->json)
		cli_print_json(cli, json_incref(answer));
	else if (status == STATUS_DONE)
		json_array_foreach(json_object_get(answer, "ids"), i, id)
			buffer_printf(&cli->out, "%s\n", json_string_value(id));
	json_decref(answer);
	return status;
}

const struct command command_send = {
	.name = "send",
	.operands = "[-]",
	.most = 1,
	.summary = "send an alert, or many from standard input",
	.description = "Hands an alert to the daemon and prints its id once it is stored durably. "
		       "The routes of the configuration decide who is notified. Labels say what "
		       "the alert is about and identify it; at least one is needed.",
	.examples =
		"  tocsin send --severity critical --label site=example.com --summary 'No answer'\n"
		"  tocsin send --status resolved --label site=example.com\n"
		"  tocsin send - < alerts.json\n",
	.no = "the alert is not valid; nothing was accepted",
	OPTIONS(options),
	.run = run,
};
