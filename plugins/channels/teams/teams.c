/* SPDX-License-Identifier: Apache-2.0 */
/* Posts alerts to a channel or chat of Microsoft Teams through the webhook of a workflow. */
#include "teams.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const envelopes[] = {"message", "card", NULL};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(
		CHOICE, struct teams_config, envelope, .preset = "message", .choices = envelopes,
		.help = "What the flow takes: 'message' (the template 'Send webhook alerts to a "
			"channel' and others that go through attachments), or 'card', the card alone "
			"(flows with 'Post card in a chat or channel')."),
	TOCSIN_OPTION(
		BOOL, struct teams_config, legacy, .preset = "false",
		.help = "The URL is of a connector (Office 365, or one that is compatible), which "
			"answers 200 whatever happened: only the text 1 counts as delivered then."),
	TOCSIN_OPTION(
		MAP, struct teams_config, mentions, .example = "{Ann Onymous: ann@example.com}",
		.help = "Whom every message mentions, except about resolved alerts: the name to "
			"show, and the address (UPN) or the object id. Nobody else is ever "
			"mentioned, whatever an alert says."),
	TOCSIN_OPTION(
		TEMPLATE, struct teams_config, message, .escape = TOCSIN_ESCAPE_MARKDOWN,
		.text = true, .example = "\"{{ .annotations.description }}\"",
		.help = "The text of the card, in the Markdown of Adaptive Cards, in place of "
			"the description."),
	TOCSIN_OPTION(
		TEMPLATE, struct teams_config, title, .escape = TOCSIN_ESCAPE_MARKDOWN,
		.text = true, .example = "\"{{ .severity }}: {{ .title }}\"",
		.help = "The heading of the card, one line, in place of severity and summary."),
	TOCSIN_OPTION(SECRET_URL, struct teams_config, url, .required = true,
		      .example = "\"${cred:teams-url}\"",
		      .help = "URL of the flow's trigger. Whoever knows it can post, so it is a "
			      "secret."),
};

struct teams {
	const struct tocsin_host *host;
	const struct teams_config *config;
};

static const char *teams_check(const void *data, char *why, size_t why_size)
{
	const struct teams_config *config = data;

	for (size_t i = 0; i < config->mentions.n; i++) {
		const struct tocsin_pair *one = &config->mentions.pair[i];

		if (*one->name && !strpbrk(one->name, "<>&\\") && one->value && *one->value)
			continue;
		snprintf(why, why_size,
			 "'mentions' has '%.40s'; it needs a name without < > & \\ and an id",
			 one->name);
		return why;
	}
	return config->mentions.n > 20 ? "'mentions' may have 20 entries at most" : NULL;
}

static int teams_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		      void **state)
{
	struct teams *teams = calloc(1, sizeof(*teams));

	(void)self;
	if (!teams)
		return -ENOMEM;
	teams->host = host;
	teams->config = config;
	*state = teams;
	return 0;
}

static void deliver_one(const struct teams *teams, struct tocsin_delivery *delivery)
{
	const struct tocsin_host *host = teams->host;
	struct teams_texts texts = {.title = host->text(delivery, teams->config->title),
				    .message = host->text(delivery, teams->config->message)};
	char *body = teams_message(teams->config, delivery, &texts);
	struct tocsin_request request = {.size = sizeof(request),
					 .url = teams->config->url,
					 .body = body,
					 .body_length = body ? strlen(body) : 0,
					 .judge = teams_judge,
					 .judge_data = teams->config};

	if (body)
		host->post(delivery, &request);
	else
		host->done(delivery, TOCSIN_RETRY, 0, "out of memory");
	free(body);
}

static void teams_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		deliver_one(state, batch[i]);
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = teams_open,
	.deliver = teams_deliver,
	.close = free,
	.check = teams_check,
};

/* Teams throttles a channel at four messages a second, and a flow at the actions of its licence. */
TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "teams", .version = "1.0",
	      .summary = "posts alerts to Microsoft Teams through a workflow", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct teams_config),
	      .channel = &ops, .rate = "1/s", .concurrency = 1,
	      .supports = TOCSIN_SUPPORTS_RICH_TEXT | TOCSIN_SUPPORTS_LINKS, .limits = "28 KB", );
