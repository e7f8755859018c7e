/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the teams channel that are pure: what is sent, and what an answer means. */
#ifndef TEAMS_H
#define TEAMS_H

#include <tocsin/plugin.h>

enum teams_envelope { TEAMS_MESSAGE, TEAMS_CARD };

struct teams_config {
	const char *url;
	int64_t envelope;           /* enum teams_envelope */
	bool legacy;
	struct tocsin_map mentions; /* name: id */
	const struct tocsin_template *title;
	const struct tocsin_template *message;
};

#define TEAMS_BODY 28000        /* bytes; Teams drops a message over 28 KB, and says so nowhere */
#define TEAMS_TITLE 250
#define TEAMS_TEXT 20000        /* units of the text, and */
#define TEAMS_FACTS 40          /* facts, when the whole is small enough */
#define TEAMS_FACT_NAME 120
#define TEAMS_FACT_VALUE 1000

/* The texts of the templates for a delivery; NULL: the built-in ones. */
struct teams_texts {
	const char *title, *message;
};

/* The body of the request, for the caller to free(), or NULL when memory is short. */
char *teams_message(const struct teams_config *config, const struct tocsin_delivery *delivery,
		    const struct teams_texts *texts);

/* Improves the standard verdict; judge_data is the config. */
void teams_judge(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		 const void *judge_data);

#endif
