/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rehearsal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "cli/capture.h"
#include "plugin/self.h"

int rehearsal_begin(struct rehearsal *rehearsal, struct cli *cli, const struct offline *offline,
		    struct renderer **renderer, const struct decision *decision,
		    const struct alert *alert)
{
	const char *const parts[] = {alert->pub.id, decision->channel, decision->recipient};
	const struct channel_settings *channel =
		settings_channel(offline->settings, decision->channel);
	struct renderer_program *program = NULL;
	struct render_job job = {.delivery = &rehearsal->pub};
	struct error err;

	*rehearsal = (struct rehearsal){.cli = cli, .offline = offline, .requests = json_array()};
	if (!channel)
		return cli_error(STATUS_NO, "there is no channel '%s'", decision->channel);
	if (!rehearsal->requests || id_derive(parts, 3, rehearsal->key) < 0)
		return cli_error(STATUS_NO, "out of memory");
	rehearsal->channel = channel;
	rehearsal->pub = (struct tocsin_delivery){
		.size = sizeof(rehearsal->pub),
		.id = 1,
		.key = rehearsal->key,
		.recipient = decision->recipient,
		.channel = decision->channel,
		.route = decision->route,
		.attempt = 1,
		.alert = &alert->pub,
	};
	if (channel->templates)
		rehearsal->set = template_sets_of(channel->templates, decision->route);
	if (!rehearsal->set || !rehearsal->set->program)
		return STATUS_DONE;
	if (!*renderer)
		*renderer = renderer_new(offline->log, NULL);
	if (!*renderer)
		return cli_error(STATUS_NO, "out of memory");
	if (renderer_add(*renderer, rehearsal->set, channel->name, &program, &err) < 0)
		return cli_error(STATUS_NO, "%s", err.text);
	job.program = program;
	renderer_render(*renderer, &job, 1);
	renderer_remove(program);
	rehearsal->rendering = job.rendering;
	rehearsal->errors = job.errors;
	return STATUS_DONE;
}

void rehearsal_done(struct rehearsal *rehearsal)
{
	rendering_free(rehearsal->rendering);
	json_decref(rehearsal->requests);
	free(rehearsal->preview);
}

/* The channel is opened, fed and closed as the HTTP engine would do it. */
static int run_posting(struct rehearsal *rehearsal)
{
	const struct channel_settings *channel = rehearsal->channel;
	const struct tocsin_channel_ops *ops = &channel->plugin->channel;
	struct tocsin_delivery *batch[] = {&rehearsal->pub};
	struct tocsin_self self;
	void *state = NULL;
	int result;

	self_init(&self, channel->name, rehearsal->offline->log, NULL, rehearsal);
	result = ops->open(&self, capture_host(), channel->config, &state);
	if (result == 0) {
		ops->deliver(state, batch, 1);
		ops->close(state);
	}
	self_done(&self);
	return result == 0 ? STATUS_DONE
			   : cli_error(STATUS_NO, "channel '%s' cannot be opened: %s",
				       channel->name, strerror(-result));
}

int rehearsal_run(struct rehearsal *rehearsal)
{
	const struct channel_settings *channel = rehearsal->channel;
	const struct plugin *plugin = channel->plugin;

	if (plugin->channel.preview) {
		rehearsal->preview =
			plugin->channel.preview(capture_host(), channel->config, &rehearsal->pub);
		if (!rehearsal->preview)
			return cli_error(STATUS_NO, "channel '%s' has nothing to show for it",
					 channel->name);
		log_mask(rehearsal->offline->log, rehearsal->preview);
		return STATUS_DONE;
	}
	if (!plugin->it.blocking)
		return run_posting(rehearsal);
	return cli_error(STATUS_NO,
			 "channel '%s': the plugin %s cannot show what it would send; see 'tocsin "
			 "templates render' for its texts",
			 channel->name, plugin->it.name);
}
