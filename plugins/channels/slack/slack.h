/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the slack channel that are pure: what is sent, and what an answer means. */
#ifndef SLACK_H
#define SLACK_H

#include <jansson.h>

#include <tocsin/plugin.h>

enum slack_layout { SLACK_BLOCKS, SLACK_CLASSIC };

struct slack_config {
	const char *url;       /* of a webhook; or else */
	const char *token;     /* of a bot, which uses */
	const char *api_url;
	const char *channel;
	const char *username;
	const char *icon_emoji;
	int64_t layout;        /* enum slack_layout */
	bool threads;
	bool thread_broadcast;
	bool update;
	const struct tocsin_template *title;
	const struct tocsin_template *message;
};

/* Slack's limits, in UTF-16 units; it counts them or fewer. */
#define SLACK_HEADER 150
#define SLACK_SECTION 3000
#define SLACK_SECTION_FIELDS 10
#define SLACK_BLOCKS_TOTAL 13000 /* what Slack takes in all blocks of a message, by experience */
/* Our own bounds, so that all of it together stays below that. */
#define SLACK_TITLE 1000         /* of a title that does not fit into the header */
#define SLACK_FIELD_NAME 150
#define SLACK_FIELD_VALUE 1500
#define SLACK_FIELDS 20
#define SLACK_FIELDS_TOTAL 6000
/* Of the classic layout: Slack shows 4,000 characters of a text well and cuts at 40,000. */
#define SLACK_TEXT 4000
#define SLACK_FALLBACK 500       /* what a phone shows of a message */

/* The texts of the templates for a delivery; NULL: the built-in ones. */
struct slack_texts {
	const char *title, *message;
};

/* Where a message goes. */
enum slack_kind { SLACK_NEW, SLACK_REPLY, SLACK_UPDATE };
struct slack_place {
	enum slack_kind kind;
	const char *channel; /* name or id; NULL: the webhook's own */
	const char *ts;      /* of the message to reply to, or to update */
};

/* The body of the request, for the caller to free(), or NULL when memory is short. */
char *slack_message(const struct slack_config *config, const struct tocsin_alert *alert,
		    const struct slack_texts *texts, const struct slack_place *place);

/* Parts of it; new references, NULL when memory is short. */
json_t *slack_heading_blocks(const struct tocsin_alert *alert, const char *title);
json_t *slack_blocks_attachment(const struct tocsin_alert *alert, const struct slack_texts *texts);
json_t *slack_classic_text(const struct tocsin_alert *alert, const struct slack_texts *texts);
json_t *slack_classic_attachment(const struct tocsin_alert *alert);

/* The first message about an alert, as the note of the channel keeps it. */
struct slack_thread {
	char ts[40];
	char channel[40];    /* the id that Slack gave */
	bool closed;         /* the alert was resolved there: the next one begins anew */
};
#define SLACK_NOTE 512
/* False when the note is not one for this configured channel. */
bool slack_thread_read(const char *note, const char *configured, struct slack_thread *thread);
/* False when it does not fit, or says nothing. */
bool slack_thread_write(const struct slack_thread *thread, const char *configured,
			char note[SLACK_NOTE]);
/* What an answer says of the message that was posted; false when it says nothing. */
bool slack_thread_from_reply(const struct tocsin_reply *reply, struct slack_thread *thread);
/* Is the message gone that this was to be attached to? */
bool slack_thread_is_lost(const struct tocsin_reply *reply);

/* Improves the standard verdict: the words of Slack in plain language, and the errors that
 * come with status 200. */
void slack_judge(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		 const void *judge_data);

/* bot.c: one delivery through the API, to its end. */
struct slack {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct slack_config *config;
	char *authorization; /* of a bot: "Bearer ..." */
	char *post_url, *update_url;
};
void slack_bot_deliver(struct slack *slack, struct tocsin_delivery *delivery);

#endif
