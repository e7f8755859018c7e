/* SPDX-License-Identifier: Apache-2.0 */
/* Posts alerts to an incoming webhook of Slack, or of a service that understands the same. */
#include "slack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(STRING, struct slack_config, channel, .example = "\"#alerts\"",
		      .help = "Posts to this channel instead of the webhook's own. Only old "
			      "webhooks and Slack-compatible services obey it."),
	TOCSIN_OPTION(STRING, struct slack_config, icon_emoji, .example = "\":bell:\"",
		      .help = "The picture of the sender. Only old webhooks and Slack-compatible "
			      "services obey it."),
	TOCSIN_OPTION(SECRET_URL, struct slack_config, url, .required = true,
		      .example = "\"${cred:slack-url}\"",
		      .help = "URL of the incoming webhook. Whoever knows it can post, so it is a "
			      "secret."),
	TOCSIN_OPTION(STRING, struct slack_config, username, .example = "tocsin",
		      .help = "The name of the sender. Only old webhooks and Slack-compatible "
			      "services obey it."),
};

struct slack {
	const struct tocsin_host *host;
	const struct slack_config *config;
};

static int slack_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		      void **state)
{
	struct slack *slack = calloc(1, sizeof(*slack));

	(void)self;
	if (!slack)
		return -ENOMEM;
	slack->host = host;
	slack->config = config;
	*state = slack;
	return 0;
}

static void deliver_one(const struct slack *slack, struct tocsin_delivery *delivery)
{
	char *body = slack_message(slack->config, delivery);
	struct tocsin_request request = {
		.size = sizeof(request),
		.url = slack->config->url,
		.body = body,
		.body_length = body ? strlen(body) : 0,
		.judge = slack_judge,
	};

	if (body)
		slack->host->post(delivery, &request);
	else
		slack->host->done(delivery, TOCSIN_RETRY, 0, "out of memory");
	free(body);
}

static void slack_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		deliver_one(state, batch[i]);
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = slack_open,
	.deliver = slack_deliver,
	.close = free,
};

/* Slack takes one message a second and webhook, and switches off apps that ignore that. */
TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "slack", .version = "1.0",
	      .summary = "posts alerts to an incoming webhook of Slack", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct slack_config),
	      .channel = &ops, .rate = "1/s", .concurrency = 1, );
