/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin dead list|show|replay|drop: deliveries that were given up. */
#include "cli/show.h"

static const struct option_row list_options[] = {
	{"channel", 0, "NAME", "Only of this channel."},
	{"source", 0, "NAME", "Only of alerts from this source."},
	{"since", 0, "WHEN", "Only created since: 2h, 3d, or 2025-11-18T14:30:45Z."},
	{"limit", 'n', "N", "At most so many, newest first; the default is all."},
	OPTIONS_ONLINE,
};

static const struct option_row show_options[] = {OPTIONS_ONLINE};

static const struct option_row choice_options[] = {
	{"all", 0, NULL, "Every dead delivery."},
	{"channel", 0, "NAME", "Every dead delivery of this channel."},
	OPTIONS_ONLINE,
};

static void collect(struct cli *cli, json_t *entry, void *data)
{
	(void)cli;
	json_array_append(data, entry);
}

static int list(struct cli *cli)
{
	struct buffer path = {0};
	json_t *deliveries = json_array();
	long long limit;
	int status = show_limit(cli, 0, &limit);

	buffer_puts(&path, "/api/v1/deliveries?state=dead");
	client_add_parameter(&path, "channel", cli_get(cli, "channel"));
	client_add_parameter(&path, "source", cli_get(cli, "source"));
	if (status == STATUS_DONE)
		status = show_add_since(cli, &path);
	if (status == STATUS_DONE)
		status = show_pages(cli, buffer_text(&path), "deliveries", limit, collect,
				    deliveries);
	if (status == STATUS_DONE && cli->json)
		cli_print_json(cli, json_incref(deliveries));
	else if (status == STATUS_DONE)
		show_deliveries(cli, deliveries);
	json_decref(deliveries);
	buffer_done(&path);
	return status;
}

static int ask_one(struct cli *cli, const char *action, const char *key, json_t *choice,
		   long long *done)
{
	struct buffer path = {0};
	json_t *answer;
	int status;

	cli->patience_ms = CLIENT_LONG_MS; /* there may be very many */
	buffer_printf(&path, "/api/v1/dead/%s", action);
	status = cli_request(cli, "POST", buffer_text(&path), choice, &answer);
	buffer_done(&path);
	*done += json_number_of(answer, key);
	json_decref(answer);
	return status;
}

/* Each id is asked for alone, so that one that is not there does not keep the others. */
static int ask_ids(struct cli *cli, const char *action, const char *key, long long *done)
{
	int worst = STATUS_DONE;
	long long id;

	for (size_t i = 0; i < cli->arguments.n_operands; i++)
		if (cli_number(cli_operand(cli, i), &id) < 0)
			return cli_error(STATUS_USAGE, "'%.60s' is not the number of a delivery",
					 cli_operand(cli, i));
	for (size_t i = 0; i < cli->arguments.n_operands; i++) {
		int status;

		cli_number(cli_operand(cli, i), &id);
		status = ask_one(cli, action, key, json_pack("{sI}", "id", (json_int_t)id), done);
		if (status > worst)
			worst = status;
		if (status > STATUS_NO)
			break;
	}
	return worst;
}

static int settle(struct cli *cli, const char *action, const char *key)
{
	const char *channel = cli_get(cli, "channel");
	bool all = cli_has(cli, "all"), ids = cli->arguments.n_operands > 0;
	int status, ways = (int)all + (channel != NULL) + ids;
	long long done = 0;

	if (ways != 1)
		return cli_error(STATUS_USAGE, "%s: numbers of deliveries, --channel NAME or --all",
				 ways ? "say only one of these" : "say which");
	if (all)
		status = ask_one(cli, action, key, json_pack("{sb}", "all", 1), &done);
	else if (channel)
		status = ask_one(cli, action, key, json_pack("{ss}", "channel", channel), &done);
	else
		status = ask_ids(cli, action, key, &done);
	if (status != STATUS_DONE && done == 0)
		return status;
	if (cli->json)
		cli_print_json(cli, json_pack("{sI}", key, (json_int_t)done));
	else
		buffer_printf(&cli->out, "%lld %s\n", done, key);
	return status;
}

static int replay(struct cli *cli)
{
	return settle(cli, "replay", "replayed");
}

static int drop(struct cli *cli)
{
	return settle(cli, "drop", "dropped");
}

const struct command command_dead_list = {
	.name = "dead list",
	.operands = "",
	.summary = "list deliveries that were given up",
	.description = "Lists the deliveries that were given up, with the reason. They are kept "
		       "until they are replayed, dropped, or older than history.keep_dead.",
	.examples = "  tocsin dead list --channel mail\n"
		    "  tocsin dead list --json | jq '.[].id'\n",
	OPTIONS(list_options),
	.run = list,
};

static int show(struct cli *cli)
{
	return command_deliveries.run(cli);
}

const struct command command_dead_show = {
	.name = "dead show",
	.operands = "ID",
	.least = 1,
	.most = 1,
	.summary = "show one of them with its attempts",
	.description = "Shows a delivery with its alert and every attempt.",
	.examples = "  tocsin dead show 4711\n",
	.no = "there is no such delivery",
	OPTIONS(show_options),
	.run = show,
};

const struct command command_dead_replay = {
	.name = "dead replay",
	.operands = "[ID]...",
	.most = (size_t)-1,
	.summary = "try them again",
	.description =
		"Makes dead deliveries pending again, with a fresh count of attempts and the "
		"idempotency key they always had.",
	.examples = "  tocsin dead replay 4711 4712\n"
		    "  tocsin dead replay --channel mail\n",
	.no = "one of the numbers is not a dead delivery",
	OPTIONS(choice_options),
	.run = replay,
};

const struct command command_dead_drop = {
	.name = "dead drop",
	.operands = "[ID]...",
	.most = (size_t)-1,
	.summary = "settle them as not wanted",
	.description = "Settles dead deliveries as suppressed; they stay in the history.",
	.examples = "  tocsin dead drop 4711\n"
		    "  tocsin dead drop --all\n",
	.no = "one of the numbers is not a dead delivery",
	OPTIONS(choice_options),
	.run = drop,
};
