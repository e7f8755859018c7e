/* SPDX-License-Identifier: Apache-2.0 */
/* Posts alerts to a webhook of Discord, as embeds. */
#include "discord.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../common/clip.h"

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(URL, struct discord_config, avatar_url,
		      .example = "https://example.com/bell.png",
		      .help = "The picture of the sender, in place of the webhook's own."),
	TOCSIN_OPTION(
		STRINGS, struct discord_config, mentions,
		.example = "[\"role:123456789012345678\", \"user:123456789012345678\"]",
		.help = "Whom every message mentions, except about resolved alerts: 'everyone', "
			"'here', 'role:ID', 'user:ID'. Nothing else is ever mentioned, whatever an "
			"alert says."),
	TOCSIN_OPTION(TEMPLATE, struct discord_config, message, .escape = TOCSIN_ESCAPE_MARKDOWN,
		      .text = true, .example = "\"{{ .annotations.description }}\"",
		      .help = "The text of the embed, in Discord's Markdown, in place of the "
			      "description."),
	TOCSIN_OPTION(STRING, struct discord_config, thread_id, .example = "\"123456789012345678\"",
		      .help = "Posts into this thread of the webhook's channel. Forums need one."),
	TOCSIN_OPTION(
		TEMPLATE, struct discord_config, title, .escape = TOCSIN_ESCAPE_MARKDOWN,
		.text = true, .example = "\"{{ .severity }}: {{ .title }}\"",
		.help = "The title of the embed, one line, in place of severity and summary."),
	TOCSIN_OPTION(SECRET_URL, struct discord_config, url, .required = true,
		      .example = "\"${cred:discord-url}\"",
		      .help = "URL of the webhook. Whoever knows it can post, so it is a secret."),
	TOCSIN_OPTION(STRING, struct discord_config, username, .example = "tocsin",
		      .help = "The name of the sender, in place of the webhook's own."),
};

struct discord {
	const struct tocsin_host *host;
	const struct discord_config *config;
	char *url; /* with what is asked of the webhook */
	struct discord_standing standing;
	struct discord_judge judge;
};

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static const char *check_username(const char *name)
{
	size_t length = clip_length(name);

	if (length < 1 || length > 80)
		return "'username' must have 1 to 80 characters";
	if (strcasestr(name, "clyde") || strcasestr(name, "discord"))
		return "Discord refuses a 'username' with 'clyde' or 'discord' in it";
	return NULL;
}

static const char *discord_check(const void *data, char *why, size_t why_size)
{
	const struct discord_config *config = data;
	const char *wrong = config->username ? check_username(config->username) : NULL;

	if (wrong)
		return wrong;
	if (config->thread_id && !is_number(config->thread_id))
		return "'thread_id' is the number of the thread: digits only";
	if (strchr(config->url, '#'))
		return "'url' must not have a '#'";
	if (ends_in(config->url, "/slack") || ends_in(config->url, "/github"))
		return "'url' must end in the webhook's token, without /slack or /github";
	if (config->mentions.n > DISCORD_MENTIONS)
		return "'mentions' may have 50 entries at most";
	for (size_t i = 0; i < config->mentions.n; i++) {
		if (discord_is_mention(config->mentions.item[i]))
			continue;
		snprintf(why, why_size,
			 "'mentions' has '%.40s'; entries are everyone, here, role:ID and user:ID",
			 config->mentions.item[i]);
		return why;
	}
	return NULL;
}

/* With wait=true, Discord answers when the message is kept; without, it says nothing of errors. */
static char *request_url(const struct discord_config *config)
{
	bool thread = config->thread_id != NULL;
	char *url;

	if (asprintf(&url, "%s%cwait=true%s%s", config->url, strchr(config->url, '?') ? '&' : '?',
		     thread ? "&thread_id=" : "", thread ? config->thread_id : "") < 0)
		return NULL;
	return url;
}

static void discord_close(void *state)
{
	struct discord *discord = state;

	free(discord->url);
	free(discord);
}

static int discord_open(struct tocsin_self *self, const struct tocsin_host *host,
			const void *config, void **state)
{
	struct discord *discord = calloc(1, sizeof(*discord));

	(void)self;
	if (!discord)
		return -ENOMEM;
	discord->host = host;
	discord->config = config;
	discord->judge.standing = &discord->standing;
	discord->url = request_url(discord->config);
	if (!discord->url) {
		free(discord);
		return -ENOMEM;
	}
	*state = discord;
	return 0;
}

static void deliver_one(struct discord *discord, struct tocsin_delivery *delivery)
{
	const struct tocsin_host *host = discord->host;
	struct discord_texts texts = {.title = host->text(delivery, discord->config->title),
				      .message = host->text(delivery, discord->config->message)};
	struct tocsin_request request = {.size = sizeof(request),
					 .url = discord->url,
					 .judge = discord_judge,
					 .judge_data = &discord->judge};
	char why[512], *body;

	if (discord_is_barred(&discord->standing, discord_now_ms(), why)) {
		host->done(delivery, TOCSIN_REJECTED, 0, why);
		return;
	}
	body = discord_message(discord->config, delivery, &texts);
	if (!body) {
		host->done(delivery, TOCSIN_RETRY, 0, "out of memory");
		return;
	}
	request.body = body;
	request.body_length = strlen(body);
	host->post(delivery, &request);
	free(body);
}

static void discord_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		deliver_one(state, batch[i]);
}

/* A reload of the configuration: somebody says that the webhook may be asked again. */
static void discord_reopen(void *state)
{
	struct discord *discord = state;

	discord->standing = (struct discord_standing){0};
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = discord_open,
	.deliver = discord_deliver,
	.close = discord_close,
	.check = discord_check,
	.reopen = discord_reopen,
};

/* Discord tells after each message how many more it takes, and the plugin obeys, for which there must
 * be one at a time; the rate only smooths the bursts. */
TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "discord", .version = "1.0",
	      .summary = "posts alerts to a webhook of Discord", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct discord_config),
	      .channel = &ops, .rate = "2/s", .concurrency = 1,
	      .supports = TOCSIN_SUPPORTS_RICH_TEXT | TOCSIN_SUPPORTS_LINKS,
	      .limits = "title 256, description 4096, 25 fields, 6000 characters in all", );
