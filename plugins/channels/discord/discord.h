/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the discord channel that are pure: what is sent, and what an answer means. */
#ifndef DISCORD_H
#define DISCORD_H

#include <tocsin/plugin.h>

struct discord_config {
	const char *url;
	const char *thread_id;
	const char *username;
	const char *avatar_url;
	struct tocsin_strings mentions;
	const struct tocsin_template *title;
	const struct tocsin_template *message;
};

/* Discord's limits of an embed, in UTF-16 units; it counts them or fewer. */
#define DISCORD_TITLE 256
#define DISCORD_DESCRIPTION 4096
#define DISCORD_FIELDS 25
#define DISCORD_FIELD_NAME 256
#define DISCORD_FIELD_VALUE 1024
#define DISCORD_TOTAL 6000       /* of all of these and the footer together */
#define DISCORD_MENTIONS 50      /* they fit into the 2,000 characters of a message */

/* The texts of the templates for a delivery; NULL: the built-in ones. */
struct discord_texts {
	const char *title, *message;
};

/* The body of the request, for the caller to free(), or NULL when memory is short. */
char *discord_message(const struct discord_config *config, const struct tocsin_delivery *delivery,
		      const struct discord_texts *texts);
/* Is this entry of `mentions` one: everyone, here, user:ID, role:ID? */
bool discord_is_mention(const char *entry);

/* What the answers so far say of the webhook. Discord bans an address that makes 10,000 refused
 * requests in ten minutes, and asks never to use a webhook again that it does not know. */
#define DISCORD_WINDOW_MS (10 * 60 * 1000)
#define DISCORD_REFUSALS 100
struct discord_standing {
	bool gone;               /* 404 came */
	int64_t since_ms;        /* boot time of the first of the refusals that are counted */
	int refusals;            /* 401 and 403 since then */
	char why[256];           /* what the last of these answers said */
};

/* Is the webhook not to be asked now? Then why says so. */
bool discord_is_barred(const struct discord_standing *standing, int64_t now_ms, char why[512]);

/* Improves the standard verdict; judge_data is a struct discord_judge. */
struct discord_judge {
	struct discord_standing *standing;
};
void discord_judge(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		   const void *judge_data);

/* Boot time. */
int64_t discord_now_ms(void);

#endif
