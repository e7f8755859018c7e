/* SPDX-License-Identifier: Apache-2.0 */
/* A message as the webhook and the API take it, around the layout. */
#include "slack.h"

#include <stdlib.h>
#include <string.h>

#include "../../common/body.h"
#include "../../common/clip.h"
#include "../../common/headline.h"
#include "../../common/notice.h"

/* What a phone shows; those who see the blocks do not see it. */
static json_t *fallback_text(const struct tocsin_alert *alert, const char *title)
{
	struct clip clip;
	json_t *value;
	char *text;

	clip_begin(&clip, SLACK_FALLBACK, "…");
	if (title && title[strspn(title, " \t\r\n")]) {
		clip_markup(&clip, title, false);
	} else {
		headline_put(&clip, alert, CLIP_ENTITIES);
	}
	text = clip_end(&clip);
	value = json_string(text);
	free(text);
	return value;
}

static bool set(json_t *message, const char *key, const char *value)
{
	return !value || !*value || json_object_set_new(message, key, json_string(value)) == 0;
}

static bool set_flag(json_t *message, const char *key, bool flag)
{
	return json_object_set_new(message, key, json_boolean(flag)) == 0;
}

static json_t *laid_out(const struct slack_config *config, const struct tocsin_alert *alert,
			const struct slack_texts *texts)
{
	if (config->layout == SLACK_CLASSIC)
		return json_pack("{so s[o]}", "text", slack_classic_text(alert, texts),
				 "attachments", slack_classic_attachment(alert));
	return json_pack("{so so s[o]}", "text", fallback_text(alert, texts->title), "blocks",
			 slack_heading_blocks(alert, texts->title), "attachments",
			 slack_blocks_attachment(alert, texts));
}

/* What only a message of its own has, and not the new words of an old one. */
static bool add_manners(json_t *message, const struct slack_config *config,
			const struct slack_place *place)
{
	if (place->kind == SLACK_UPDATE)
		return set(message, "ts", place->ts);
	if (place->kind == SLACK_REPLY && config->thread_broadcast &&
	    !set_flag(message, "reply_broadcast", true))
		return false;
	/* Unfurling would fetch what alert text links to. */
	return set_flag(message, "unfurl_links", false) &&
	       set_flag(message, "unfurl_media", false) &&
	       set(message, "username", config->username) &&
	       set(message, "icon_emoji", config->icon_emoji) &&
	       (place->kind == SLACK_NEW || set(message, "thread_ts", place->ts));
}

char *slack_message(const struct slack_config *config, const struct tocsin_alert *alert,
		    const struct slack_texts *texts, const struct slack_place *place)
{
	json_t *message = laid_out(config, alert, texts);
	char *body = NULL;

	if (message && set(message, "channel", place->channel) &&
	    add_manners(message, config, place))
		body = body_of(message);
	json_decref(message);
	return body;
}
