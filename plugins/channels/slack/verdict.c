/* SPDX-License-Identifier: Apache-2.0 */
#include "slack.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

/* What Slack says in one word, and what somebody can do about it. */
static const struct meaning {
	const char *word;
	enum tocsin_outcome outcome;
	const char *sentence;
} meanings[] = {
	{"account_inactive", TOCSIN_REJECTED, "the account of the webhook was switched off"},
	{"action_prohibited", TOCSIN_REJECTED, "an admin of the workspace forbids this webhook"},
	{"channel_is_archived", TOCSIN_REJECTED,
	 "the channel is archived; unarchive it or make a webhook for another one"},
	{"channel_not_found", TOCSIN_REJECTED, "there is no such channel; check 'channel'"},
	{"fatal_error", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"internal_error", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"invalid_auth", TOCSIN_REJECTED, "the token in 'url' is not valid"},
	{"invalid_blocks", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_payload", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_token", TOCSIN_REJECTED,
	 "the token in 'url' is not valid; make a new webhook and use its URL"},
	{"is_archived", TOCSIN_REJECTED,
	 "the channel is archived; unarchive it or use another one"},
	{"msg_too_long", TOCSIN_REJECTED, "the message is too long"},
	{"no_active_hooks", TOCSIN_REJECTED, "the webhook was switched off"},
	{"no_service", TOCSIN_REJECTED,
	 "the webhook was removed or switched off; make a new one and use its URL"},
	{"no_service_id", TOCSIN_REJECTED, "'url' is not complete"},
	{"no_team", TOCSIN_REJECTED, "the workspace in 'url' does not exist"},
	{"no_text", TOCSIN_REJECTED, "the message has no text"},
	{"not_in_channel", TOCSIN_REJECTED, "the webhook's app is not a member of the channel"},
	{"posting_to_general_channel_denied", TOCSIN_REJECTED,
	 "an admin forbids posting to the general channel"},
	{"rate_limited", TOCSIN_THROTTLED, "too many messages"},
	{"ratelimited", TOCSIN_THROTTLED, "too many messages"},
	{"request_timeout", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"restricted_action", TOCSIN_REJECTED, "an admin of the workspace forbids this"},
	{"rollup_error", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"service_unavailable", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"team_disabled", TOCSIN_REJECTED, "the workspace was switched off"},
	{"token_revoked", TOCSIN_REJECTED, "the token in 'url' was revoked"},
	{"too_many_attachments", TOCSIN_REJECTED, "the message has too many attachments"},
	{"user_not_found", TOCSIN_REJECTED, "there is no such user; check 'channel'"},
};

static const struct meaning *meaning_of(const char *word)
{
	for (size_t i = 0; i < TOCSIN_COUNT(meanings); i++) {
		if (strcmp(meanings[i].word, word) == 0)
			return &meanings[i];
	}
	return NULL;
}

/* A plain body is the word itself, perhaps with a newline; JSON has it in "error". False:
 * the body says nothing that looks like a word. */
static bool error_word(const char *body, const json_t *object, char word[64])
{
	const char *text = object ? json_string_value(json_object_get(object, "error")) : body;
	size_t length = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz_") : 0;

	if (length == 0 || length >= 64 || text[length + strspn(text + length, " \r\n")] != '\0')
		return false;
	memcpy(word, text, length);
	word[length] = '\0';
	return true;
}

static void explain(const struct meaning *meaning, const char *word, int status,
		    struct tocsin_verdict *verdict)
{
	snprintf(verdict->why, sizeof(verdict->why), "Slack says %d %s: %s", status, word,
		 meaning ? meaning->sentence : "see Slack's documentation of webhooks");
}

/* Status 200 means taken only when the body does not say otherwise. */
static void judge_success(const struct tocsin_reply *reply, const struct meaning *meaning,
			  const char *word, const json_t *object, struct tocsin_verdict *verdict)
{
	const char *body = reply->body ? reply->body : "";
	const json_t *ok = json_object_get(object, "ok");

	if (json_is_false(ok)) {
		verdict->outcome = meaning ? meaning->outcome : TOCSIN_REJECTED;
		explain(meaning, *word ? word : "no", reply->status, verdict);
	} else if (!object && meaning) {
		verdict->outcome = meaning->outcome;
		explain(meaning, word, reply->status, verdict);
	} else if (body[strspn(body, " \t\r\n")] == '<') {
		/* A proxy or a login page answers in place of Slack. */
		verdict->outcome = TOCSIN_UNAVAILABLE;
		snprintf(verdict->why, sizeof(verdict->why),
			 "a web page came in place of Slack's answer; is 'url' right, is a proxy "
			 "in between?");
	}
}

void slack_judge(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		 const void *judge_data)
{
	const char *body = reply->body ? reply->body : "";
	const struct meaning *meaning = NULL;
	json_t *object;
	char word[64] = "";

	(void)judge_data;
	if (reply->status == 0)
		return;
	object = json_loads(body, 0, NULL);
	/* Perhaps memory was short, which jansson does not tell: it may be a refusal. */
	if (!object && *body == '{') {
		*verdict =
			(struct tocsin_verdict){TOCSIN_RETRY, 0, "Slack's answer cannot be read"};
		return;
	}
	if (error_word(body, object, word))
		meaning = meaning_of(word);
	if (reply->status >= 200 && reply->status < 300) {
		judge_success(reply, meaning, word, object, verdict);
	} else if (meaning) {
		/* The status decides, except that trouble on their side is worth another try. */
		if (meaning->outcome != TOCSIN_REJECTED)
			verdict->outcome = meaning->outcome;
		explain(meaning, word, reply->status, verdict);
	}
	json_decref(object);
}
