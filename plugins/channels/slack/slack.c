/* SPDX-License-Identifier: Apache-2.0 */
/* Posts alerts to Slack: through an incoming webhook, which similar services have too, or as a bot. */
#include "slack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const layouts[] = {"blocks", "classic", NULL};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(URL, struct slack_config, api_url, .preset = "https://slack.com/api",
		      .help = "Where a bot finds the API, for instance https://slack-gov.com/api."),
	TOCSIN_OPTION(
		STRING, struct slack_config, channel, .example = "\"#alerts\"",
		.help = "With `token`: the channel to post to, its id or its name. With `url`: posts "
			"there instead of to the webhook's own channel; only old webhooks and "
			"Slack-compatible services obey it."),
	TOCSIN_OPTION(
		STRING, struct slack_config, icon_emoji, .example = "\":bell:\"",
		.help = "The picture of the sender. Of webhooks, only old ones and Slack-compatible "
			"services obey it; a bot needs the scope chat:write.customize."),
	TOCSIN_OPTION(
		CHOICE, struct slack_config, layout, .preset = "blocks", .choices = layouts,
		.help = "'blocks' is Slack's Block Kit; 'classic' suits services that understand "
			"Slack's older messages, such as Mattermost and Rocket.Chat."),
	TOCSIN_OPTION(
		TEMPLATE, struct slack_config, message, .escape = TOCSIN_ESCAPE_MRKDWN,
		.text = true, .example = "\"{{ .annotations.description }}\"",
		.help = "The text of the message, in Slack's mrkdwn, in place of the description."),
	TOCSIN_OPTION(BOOL, struct slack_config, thread_broadcast, .preset = "false",
		      .help = "Shows replies in a thread in the channel, too."),
	TOCSIN_OPTION(
		BOOL, struct slack_config, threads, .preset = "true",
		.help = "A bot attaches what it says later about an alert to the first message: "
			"repeats and the news that it is resolved are replies in its thread."),
	TOCSIN_OPTION(
		TEMPLATE, struct slack_config, title, .escape = TOCSIN_ESCAPE_MRKDWN, .text = true,
		.example = "\"*{{ .severity }}* {{ .title }}\"",
		.help = "The heading of the message, one line of mrkdwn, in place of severity and "
			"summary."),
	TOCSIN_OPTION(
		SECRET, struct slack_config, token, .example = "\"${cred:slack-token}\"",
		.help = "Token of a bot (xoxb-...) with the scope chat:write, in place of `url`."),
	TOCSIN_OPTION(
		BOOL, struct slack_config, update, .preset = "false",
		.help = "Changes the first message in place of replying to it. Slack notifies "
			"nobody of a change."),
	TOCSIN_OPTION(SECRET_URL, struct slack_config, url, .example = "\"${cred:slack-url}\"",
		      .help = "URL of the incoming webhook. Whoever knows it can post, so it is a "
			      "secret."),
	TOCSIN_OPTION(
		STRING, struct slack_config, username, .example = "tocsin",
		.help = "The name of the sender. Of webhooks, only old ones and Slack-compatible "
			"services obey it; a bot needs the scope chat:write.customize."),
};

static const char *slack_check(const void *data, char *why, size_t why_size)
{
	const struct slack_config *config = data;

	(void)why;
	(void)why_size;
	if (!config->url == !config->token)
		return "needs either 'url' (of a webhook) or 'token' (of a bot)";
	if (config->token && (!config->channel || !*config->channel))
		return "'token' needs a 'channel' to post to";
	if (config->token && strlen(config->channel) > 200)
		return "'channel' is too long";
	if (config->url && (config->update || config->thread_broadcast))
		return "'update' and 'thread_broadcast' need a 'token': a webhook cannot attach "
		       "messages to earlier ones";
	if (!config->threads && (config->update || config->thread_broadcast))
		return "'update' and 'thread_broadcast' need 'threads'";
	return NULL;
}

static void slack_close(void *state)
{
	struct slack *slack = state;

	free(slack->authorization);
	free(slack->post_url);
	free(slack->update_url);
	free(slack);
}

static char *joined(const char *first, const char *second)
{
	size_t length = strlen(first) + strlen(second) + 1;
	char *text = malloc(length);

	if (text)
		snprintf(text, length, "%s%s", first, second);
	return text;
}

static int slack_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		      void **state)
{
	struct slack *slack = calloc(1, sizeof(*slack));

	if (!slack)
		return -ENOMEM;
	slack->self = self;
	slack->host = host;
	slack->config = config;
	if (slack->config->token) {
		slack->authorization = joined("Bearer ", slack->config->token);
		slack->post_url = joined(slack->config->api_url, "/chat.postMessage");
		slack->update_url = joined(slack->config->api_url, "/chat.update");
		if (!slack->authorization || !slack->post_url || !slack->update_url) {
			slack_close(slack);
			return -ENOMEM;
		}
	}
	*state = slack;
	return 0;
}

static void webhook_deliver(const struct slack *slack, struct tocsin_delivery *delivery)
{
	const struct slack_config *config = slack->config;
	const struct tocsin_host *host = slack->host;
	const struct slack_texts texts = {.title = host->text(delivery, config->title),
					  .message = host->text(delivery, config->message)};
	const struct slack_place place = {.kind = SLACK_NEW, .channel = config->channel};
	char *body = slack_message(config, delivery->alert, &texts, &place);
	struct tocsin_request request = {
		.size = sizeof(request),
		.url = config->url,
		.body = body,
		.body_length = body ? strlen(body) : 0,
		.judge = slack_judge,
	};

	if (body)
		host->post(delivery, &request);
	else
		host->done(delivery, TOCSIN_RETRY, 0, "out of memory");
	free(body);
}

static void slack_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct slack *slack = state;

	for (size_t i = 0; i < n; i++) {
		if (slack->config->token)
			slack_bot_deliver(slack, batch[i]);
		else
			webhook_deliver(slack, batch[i]);
	}
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = slack_open,
	.deliver = slack_deliver,
	.close = slack_close,
	.check = slack_check,
};

/* Slack takes one message a second and channel, and switches off apps that ignore that. */
TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "slack", .version = "2.0",
	      .summary = "posts alerts to Slack through a webhook or as a bot", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct slack_config),
	      .channel = &ops, .rate = "1/s", .concurrency = 1,
	      .supports = TOCSIN_SUPPORTS_THREADS | TOCSIN_SUPPORTS_UPDATE |
			  TOCSIN_SUPPORTS_RICH_TEXT | TOCSIN_SUPPORTS_LINKS,
	      .limits = "heading 150, text 3000, 50 blocks, 13,200 characters in all", );
