/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show.h"

static const struct option_row options[] = {
	{"state", 0, "STATES",
	 "Only these: pending, claimed, delivered, dead, suppressed; "
	 "several with commas."},
	{"channel", 0, "NAME", "Only of this channel."},
	{"source", 0, "NAME", "Only of alerts from this source."},
	{"alert", 0, "ID", "Only of this alert."},
	{"since", 0, "WHEN", "Only created since: 2h, 3d, or 2025-11-18T14:30:45Z."},
	{"limit", 'n', "N", "At most so many, newest first; the default is 50."},
	{"all", 0, NULL, "All of them."},
	OPTIONS_ONLINE,
};

static void collect(struct cli *cli, json_t *entry, void *data)
{
	(void)cli;
	json_array_append(data, entry);
}

static int list(struct cli *cli)
{
	static const char *const filters[] = {"state", "channel", "source", "alert"};
	struct buffer path = {0};
	json_t *deliveries = json_array();
	long long limit;
	int status = show_limit(cli, 50, &limit);

	buffer_puts(&path, "/api/v1/deliveries");
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		client_add_parameter(&path, filters[i], cli_get(cli, filters[i]));
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

static int show_one(struct cli *cli, const char *operand)
{
	struct buffer path = {0};
	json_t *delivery;
	long long id;
	int status;

	if (cli_number(operand, &id) < 0)
		return cli_error(STATUS_USAGE, "'%.60s' is not the number of a delivery", operand);
	buffer_printf(&path, "/api/v1/deliveries/%lld", id);
	status = cli_request(cli, "GET", buffer_text(&path), NULL, &delivery);
	buffer_done(&path);
	if (status == STATUS_DONE && cli->json)
		cli_print_json(cli, json_incref(delivery));
	else if (status == STATUS_DONE)
		show_delivery(cli, delivery);
	json_decref(delivery);
	return status;
}

static int run(struct cli *cli)
{
	const char *operand = cli_operand(cli, 0);

	return operand ? show_one(cli, operand) : list(cli);
}

const struct command command_deliveries = {
	.name = "deliveries",
	.operands = "[ID]",
	.most = 1,
	.summary = "list deliveries, or show one with its attempts",
	.description = "Lists deliveries, newest first, or shows all that is known of one: its "
		       "alert, the route that chose the channel, and every attempt.",
	.examples = "  tocsin deliveries --state pending,claimed\n"
		    "  tocsin deliveries --channel mail --since 2h\n"
		    "  tocsin deliveries 4711\n",
	.no = "there is no such delivery",
	OPTIONS(options),
	.run = run,
};
