/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin templates list, tocsin templates render */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/build.h"
#include "cli/offline.h"
#include "cli/rehearsal.h"

/* --- list --- */

static const struct option_row list_options[] = {OPTIONS_OFFLINE};

struct listing {
	struct table table;
	json_t *list;
};

static void add_set(struct listing *listing, const struct channel_settings *channel,
		    const char *route, const struct template_set *set)
{
	for (size_t i = 0; set && i < set->n; i++) {
		const struct tocsin_template *template = set->entry[i].source;
		char place[32];
		struct buffer where = {0};

		/* of a route only what is its own */
		if (*route && template == set->entry[i].option)
			continue;
		snprintf(place, sizeof(place), ":%d:%d", template->place.line,
			 template->place.column);
		buffer_printf(&where, "%s%s", template->place.file, place);
		table_add(&listing->table, STYLE_BOLD, channel->name);
		table_add(&listing->table, STYLE_PLAIN, route);
		table_add(&listing->table, STYLE_PLAIN, template->name);
		table_add(&listing->table, STYLE_PLAIN, template->n ? "" : "constant");
		table_add(&listing->table, STYLE_PLAIN, buffer_text(&where));
		json_array_append_new(listing->list,
				      json_pack("{ss ss ss sI ss}", "channel", channel->name,
						"route", route, "template", template->name,
						"expressions", (json_int_t) template->n, "place",
						buffer_text(&where)));
		buffer_done(&where);
	}
}

static int list(struct cli *cli)
{
	static const struct column columns[] = {{"CHANNEL", false},
						{"ROUTE", false},
						{"TEMPLATE", false},
						{"", false},
						{"PLACE", false}};
	struct offline offline;
	struct listing listing = {.list = json_array()};
	int status = offline_valid(cli, &offline);

	table_init(&listing.table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; status == STATUS_DONE && i < offline.settings->n_channels; i++) {
		const struct channel_settings *channel = &offline.settings->channel[i];
		const struct template_sets *sets = channel->templates;

		if (!sets)
			continue;
		add_set(&listing, channel, "", sets->own);
		for (size_t k = 0; k < sets->n_routes; k++)
			add_set(&listing, channel, sets->route[k].route, sets->route[k].set);
	}
	if (status == STATUS_DONE && cli->json)
		cli_print_json(cli, json_incref(listing.list));
	else if (status == STATUS_DONE)
		table_print(&listing.table, &cli->out, cli->colour, cli->width);
	table_done(&listing.table);
	json_decref(listing.list);
	offline_done(&offline);
	return status;
}

const struct command command_templates_list = {
	.name = "templates list",
	.operands = "",
	.summary = "list the templates of a configuration",
	.description = "Lists the templates of every channel, and of the routes that put others "
		       "in their place, with file, line and column.",
	.examples = "  tocsin templates list --config ./conf.d\n",
	.no = "the configuration is not valid",
	OPTIONS(list_options),
	.run = list,
};

/* --- render --- */

static const struct option_row render_options[] = {
	{"channel", 'C', "NAME", "Only for this channel, whatever the routes say."},
	{"route", 'R', "NAME", "As if this route had chosen the channel."},
	{"alert", 'A', "ID", "A stored alert: its id, or its number in 'tocsin history'."},
	{"file", 'f', "FILE", "An alert as JSON, as the API takes it; - is standard input."},
	OPTION_LABEL,
	OPTION_ANNOTATION,
	OPTION_SEVERITY,
	OPTION_STATUS,
	OPTION_SUMMARY,
	OPTION_RECIPIENT,
	OPTION_LINK,
	OPTION_SOCKET,
	OPTIONS_OFFLINE,
};

/* All texts of one rehearsal; null where the built-in words stay. */
static json_t *texts_of(const struct rehearsal *rehearsal)
{
	const struct template_set *set = rehearsal->set;
	json_t *texts = json_object();

	for (size_t i = 0; set && i < set->n; i++) {
		const char *text = rendering_text(set, rehearsal->rendering, set->entry[i].option);
		char *masked = text ? strdup(text) : NULL;

		if (masked)
			log_mask(rehearsal->offline->log, masked);
		json_object_set_new(texts, set->entry[i].source->name,
				    masked ? json_string(masked) : json_null());
		free(masked);
	}
	return texts;
}

static void print_texts(struct cli *cli, const struct rehearsal *rehearsal, json_t *texts)
{
	const char *name;
	json_t *text;

	output_styled(&cli->out, cli->colour, STYLE_BOLD, rehearsal->pub.channel);
	buffer_puts(&cli->out, " by route ");
	output_safe(&cli->out, rehearsal->pub.route);
	if (*rehearsal->pub.recipient) {
		buffer_puts(&cli->out, " to ");
		output_safe(&cli->out, rehearsal->pub.recipient);
	}
	buffer_putc(&cli->out, '\n');
	json_object_foreach(texts, name, text)
	{
		buffer_puts(&cli->out, "  ");
		output_safe(&cli->out, name);
		buffer_puts(&cli->out, ": ");
		if (json_is_string(text))
			output_safe(&cli->out, json_string_value(text));
		else
			output_styled(&cli->out, cli->colour, STYLE_RED,
				      "failed; the built-in text takes its place");
		buffer_putc(&cli->out, '\n');
	}
	if (json_object_size(texts) == 0)
		buffer_puts(&cli->out, "  (no templates)\n");
}

static int render_one(struct cli *cli, const struct offline *offline, struct renderer **renderer,
		      const struct decision *decision, const struct alert *alert, json_t *out)
{
	struct rehearsal rehearsal;
	int status = rehearsal_begin(&rehearsal, cli, offline, renderer, decision, alert);
	json_t *texts;

	if (status == STATUS_DONE) {
		texts = texts_of(&rehearsal);
		if (!cli->json)
			print_texts(cli, &rehearsal, texts);
		json_array_append_new(out, json_pack("{ss ss ss sO}", "channel", decision->channel,
						     "route", decision->route, "recipient",
						     decision->recipient, "texts", texts));
		json_decref(texts);
		if (rehearsal.errors > 0)
			status = STATUS_NO;
	}
	rehearsal_done(&rehearsal);
	return status;
}

static int render_all(struct cli *cli, const struct offline *offline, const struct alert *alert)
{
	const char *channel = cli_get(cli, "channel"), *route = cli_get(cli, "route");
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
		struct decision *decision = &decisions.item[i];
		int one;

		if (decision->state != TOCSIN_STATE_PENDING)
			continue;
		if (route)
			decision->route = route;
		one = render_one(cli, offline, &renderer, decision, alert, out);
		status = one == STATUS_DONE ? status : one;
	}
	if (cli->json)
		cli_print_json(cli, json_incref(out));
	json_decref(out);
	renderer_free(renderer);
	return status;
}

/* A typing error must not look like an alert for nobody. */
static int check_names(struct cli *cli, const struct offline *offline)
{
	const char *channel = cli_get(cli, "channel"), *route = cli_get(cli, "route");

	if (channel && !settings_channel(offline->settings, channel))
		return cli_error(STATUS_NO, "there is no channel '%s'", channel);
	if (route && !routes_find(offline->settings->routes.root, route))
		return cli_error(STATUS_NO, "there is no route '%s'; see 'tocsin routes show'",
				 route);
	return STATUS_DONE;
}

static int render(struct cli *cli)
{
	struct offline offline;
	struct alert *alert = NULL;
	int status = offline_valid(cli, &offline);

	if (status == STATUS_DONE)
		status = check_names(cli, &offline);
	if (status == STATUS_DONE)
		status = rehearsal_alert(cli, &offline, cli_get(cli, "channel"), &alert);
	if (status == STATUS_DONE)
		status = render_all(cli, &offline, alert);
	alert_free(alert);
	offline_done(&offline);
	return status;
}

const struct command command_templates_render = {
	.name = "templates render",
	.operands = "",
	.summary = "show what the templates say for an alert, without sending",
	.description =
		"Prints what the templates of each channel say for an alert: one from the history, "
		"one from a file, one made of options, or a test alert. The routes decide about the "
		"channels, unless one is named. Nothing is sent. 'tocsin test CHANNEL --dry-run' "
		"shows the whole of what a channel would send.",
	.examples = "  tocsin templates render --alert 17\n"
		    "  tocsin templates render --channel chat --severity critical\n"
		    "  tocsin templates render --file alert.json --json\n",
	.no = "a template failed, the configuration is not valid, or there is no such channel or "
	      "alert",
	OPTIONS(render_options),
	.run = render,
};
