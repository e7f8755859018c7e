/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges of what channels send to chats: written apart from the plugins, from the services' own
 * documentation. They stop the program at the first thing that the service would refuse, or that
 * came from an alert and means something there. For unit tests and fuzzers.
 */
#ifndef JUDGE_H
#define JUDGE_H

#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* UTF-16 units of a text that must be valid UTF-8. */
size_t judge_units(const char *text);
/* Valid UTF-8 with no controls but those in `but`, nothing that turns the direction of reading. */
void judge_clean(const char *text, const char *but);
/* Markdown without any meaning: nothing is bold, a link, a mention, a list, a heading, code. */
void judge_inert_markdown(const char *text);
/* Slack's mrkdwn or plain text without a control sequence: & < > are entities. */
void judge_slack_text(const char *text);
/* An http(s) address of safe characters. */
void judge_url(const char *url, size_t most);
/* The object has these keys only; `keys` is "|a|b|". */
void judge_keys(const json_t *object, const char *keys);
/* The text under a key, which must be one of 1 to `most` units. */
const char *judge_text(const json_t *object, const char *key, size_t most);
/* The JSON of a request body; no key twice. For the caller to json_decref(). */
json_t *judge_json(const char *body);

/* Whole bodies. mentions: how many the configuration has; marked: a template's own markup is there. */
void judge_discord(const char *body, size_t mentions, bool marked);
/* The card alone when card is true, else the message with it. */
void judge_teams(const char *body, bool card, size_t mentions, bool marked);
/* In Block Kit, or as Slack's older messages. */
void judge_slack(const char *body, bool marked);
void judge_slack_classic(const char *body, bool marked);

#endif
