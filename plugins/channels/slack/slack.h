/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the slack channel that are pure: what is sent, and what an answer means. */
#ifndef SLACK_H
#define SLACK_H

#include <tocsin/plugin.h>

struct slack_config {
	const char *url;
	const char *channel;
	const char *username;
	const char *icon_emoji;
};

/* Slack shows 4,000 characters of a text well and cuts at 40,000. Counted in bytes after
 * escaping, which is never less. */
#define SLACK_TEXT_MAX 4000
#define SLACK_FIELD_MAX 1000
#define SLACK_FIELDS_MAX 20

/* The body of the request, for the caller to free(), or NULL when memory is short. */
char *slack_message(const struct slack_config *config, const struct tocsin_delivery *delivery);

/* Improves the standard verdict: the words of Slack in plain language, and the errors that
 * come with status 200. */
void slack_judge(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		 const void *judge_data);

#endif
