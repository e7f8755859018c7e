/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin test CHANNEL --dry-run: what would be sent. */
#include <string.h>

#include "base/text.h"
#include "cli/rehearsal.h"
#include "delivery/retry.h"

/* Bodies keep their lines; what steers a terminal is escaped. */
static void print_body(struct cli *cli, const char *text)
{
	text_add_safe(&cli->out, text, true);
	if (*text && text[strlen(text) - 1] != '\n')
		buffer_putc(&cli->out, '\n');
}

static void print_request(struct cli *cli, const json_t *request)
{
	const char *name;
	json_t *value;

	output_styled(&cli->out, cli->colour, STYLE_BOLD, json_text_of(request, "method"));
	buffer_putc(&cli->out, ' ');
	output_safe(&cli->out, json_text_of(request, "url"));
	buffer_putc(&cli->out, '\n');
	json_object_foreach(json_object_get(request, "headers"), name, value)
	{
		output_safe(&cli->out, name);
		buffer_puts(&cli->out, ": ");
		output_safe(&cli->out, json_string_value(value));
		buffer_putc(&cli->out, '\n');
	}
	buffer_putc(&cli->out, '\n');
	print_body(cli, json_text_of(request, "body"));
}

static void print(struct cli *cli, const struct rehearsal *rehearsal)
{
	size_t i;
	json_t *request;

	/* A preview says that by itself, and may be kept as it is: a mail. */
	if (*rehearsal->pub.recipient && !rehearsal->preview) {
		buffer_puts(&cli->out, "to ");
		output_safe(&cli->out, rehearsal->pub.recipient);
		buffer_puts(&cli->out, ":\n");
	}
	json_array_foreach(rehearsal->requests, i, request) print_request(cli, request);
	if (rehearsal->preview)
		print_body(cli, rehearsal->preview);
	if (i == 0 && rehearsal->outcome) {
		buffer_printf(&cli->out,
			      "nothing would be sent: %s: ", outcome_name(rehearsal->outcome));
		output_safe(&cli->out, rehearsal->why);
		buffer_putc(&cli->out, '\n');
	}
}

static json_t *as_json(const struct rehearsal *rehearsal)
{
	return json_pack("{ss ss ss sO ss* ss* sI}", "channel", rehearsal->pub.channel, "type",
			 rehearsal->channel->plugin->it.name, "recipient", rehearsal->pub.recipient,
			 "requests", rehearsal->requests, "preview", rehearsal->preview, "why",
			 *rehearsal->why ? rehearsal->why : NULL, "template_errors",
			 (json_int_t)rehearsal->errors);
}

static int run_one(struct cli *cli, const struct offline *offline, struct renderer **renderer,
		   const struct decision *decision, const struct alert *alert, json_t *out)
{
	struct rehearsal rehearsal;
	int status;

	if (decision->state != TOCSIN_STATE_PENDING)
		return cli_error(STATUS_NO, "nothing would be sent: %s", decision->reason);
	status = rehearsal_begin(&rehearsal, cli, offline, renderer, decision, alert);
	if (status == STATUS_DONE)
		status = rehearsal_run(&rehearsal);
	if (status == STATUS_DONE && cli->json)
		json_array_append_new(out, as_json(&rehearsal));
	else if (status == STATUS_DONE)
		print(cli, &rehearsal);
	rehearsal_done(&rehearsal);
	return status;
}

static int run_all(struct cli *cli, const struct offline *offline, const char *channel,
		   const struct alert *alert)
{
	struct renderer *renderer = NULL;
	struct decisions decisions;
	json_t *out = json_array();
	int status = STATUS_DONE;

	if (!out || decide(offline->settings, &alert->pub, channel, offline->settings->arena,
			   &decisions) < 0) {
		json_decref(out);
		return cli_error(STATUS_NO, "out of memory");
	}
	for (size_t i = 0; i < decisions.n; i++) {
		int one = run_one(cli, offline, &renderer, &decisions.item[i], alert, out);

		status = one == STATUS_DONE ? status : one;
	}
	if (cli->json)
		cli_print_json(cli, json_incref(out));
	json_decref(out);
	renderer_free(renderer);
	return status;
}

int test_dry_run(struct cli *cli, const char *channel)
{
	struct offline offline;
	struct alert *alert = NULL;
	int status = offline_valid(cli, &offline);

	if (status == STATUS_DONE && !settings_channel(offline.settings, channel))
		status = cli_error(STATUS_NO, "there is no channel '%s'", channel);
	if (status == STATUS_DONE)
		status = rehearsal_alert(cli, &offline, channel, &alert);
	if (status == STATUS_DONE)
		status = run_all(cli, &offline, channel, alert);
	alert_free(alert);
	offline_done(&offline);
	return status;
}
