/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/outbox.h"
#include "cli/ping_words.h"

static const struct option_row options[] = {
	{"job", 'j', NULL,
	 "It is about a job, and not a heartbeat: a start and an end are a run of it."},
	{"rid", 0, "UUID",
	 "Says which run it is about, so that its start and its end are matched."},
	{"body", 'b', "TEXT",
	 "What to keep with it, such as the last lines of a log; - reads standard input. Of longer "
	 "texts the last 10000 bytes are kept."},
	OPTION_SOURCE,
	OPTION_SPOOL,
	OPTIONS_ONLINE,
};

/* All of it is read, so that whoever writes is not cut off; the end of it is kept. */
static void read_input(struct buffer *text)
{
	char chunk[16384];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0) {
		buffer_add(text, chunk, n);
		if (text->length < 8UL * PING_BODY_MOST)
			continue;
		memmove(text->data, text->data + text->length - 2UL * PING_BODY_MOST,
			2UL * PING_BODY_MOST);
		text->length = 2UL * PING_BODY_MOST;
	}
}

static json_t *make(struct cli *cli, struct error *err)
{
	struct ping_words ping = {.kind = cli_operand(cli, 1),
				  .rid = cli_get(cli, "rid"),
				  .body = cli_get(cli, "body"),
				  .at_ms = clock_wall_ms()};
	struct buffer input = {0};
	json_t *json;

	ping.length = ping.body ? strlen(ping.body) : 0;
	if (ping.body && strcmp(ping.body, "-") == 0) {
		read_input(&input);
		ping.body = buffer_text(&input);
		ping.length = input.length;
		ping.at_ms = clock_wall_ms();
	}
	json = ping_words(&ping, err);
	buffer_done(&input);
	return json;
}

static int tell(struct cli *cli, const json_t *json)
{
	struct buffer path = {0};
	struct error why;
	enum outbox result;

	buffer_puts(&path, cli_has(cli, "job") ? "/api/v1/jobs/" : "/api/v1/heartbeats/");
	client_add_part(&path, cli_operand(cli, 0));
	buffer_puts(&path, "/ping");
	client_add_parameter(&path, "source", cli_get(cli, "source"));
	result = outbox_put(cli, buffer_text(&path), json, OUTBOX_PATIENCE_MS, &why);
	buffer_done(&path);
	if (result == OUTBOX_REFUSED)
		return cli_error(STATUS_NO, "%s", why.text);
	if (result == OUTBOX_LOST)
		return cli_error(STATUS_UNREACHABLE, "the ping is lost: %s", why.text);
	if (result == OUTBOX_KEPT)
		cli_error(0, "the ping is kept until the daemon takes it: %s", why.text);
	if (cli->json)
		cli_print_json(cli, json_pack("{ss}", "ping",
					      result == OUTBOX_KEPT ? "kept" : "accepted"));
	return STATUS_DONE;
}

static int run(struct cli *cli)
{
	const char *kind = cli_operand(cli, 1);
	struct error err;
	json_t *json;
	int status;

	if (!*cli_operand(cli, 0))
		return cli_error(STATUS_USAGE, "the name of the %s is empty",
				 cli_has(cli, "job") ? "job" : "heartbeat");
	if (cli_has(cli, "job") && kind && strcmp(kind, "log") == 0)
		return cli_error(STATUS_USAGE,
				 "'log' is for heartbeats; of a job say start, success, fail, or "
				 "an exit status");
	json = make(cli, &err);
	if (!json)
		return cli_error(STATUS_USAGE, "%s", err.text);
	status = tell(cli, json);
	json_decref(json);
	return status;
}

const struct command command_ping = {
	.name = "ping",
	.operands = "NAME [start|fail|log|EXITSTATUS]",
	.least = 1,
	.most = 2,
	.summary = "say that a heartbeat beats",
	.description =
		"Tells a heartbeat that all is well; with 'start' that a run begins, with 'fail' that "
		"it failed, with 'log' something that changes nothing, and with an exit status how a "
		"run ended. With --job it tells of a run of a job, as 'tocsin run' does of the program "
		"that it runs. When the daemon does not answer within two seconds the ping is kept as a "
		"file in the spool, with its time, and the daemon takes it from there.",
	.examples = "  tocsin ping backup\n"
		    "  backup; tocsin ping backup $?\n"
		    "  tocsin ping --job reports start; reports; tocsin ping --job reports $?\n"
		    "  backup 2>&1 | tocsin ping backup log --body -\n",
	.no = "the ping is refused: there is no such heartbeat or job, or it is not valid",
	OPTIONS(options),
	.run = run,
};
