/* SPDX-License-Identifier: Apache-2.0 */
#include "slack.h"

#include <stdio.h>
#include <string.h>

/* What Slack says in one word, as the answer of a webhook or of chat.postMessage and chat.update,
 * and what somebody can do about it. */
static const struct meaning {
	const char *word;
	enum tocsin_outcome outcome;
	const char *sentence;
} meanings[] = {
	{"access_denied", TOCSIN_REJECTED, "the token may not do this"},
	{"accesslimited", TOCSIN_REJECTED, "the workspace limits what apps may do"},
	{"account_inactive", TOCSIN_REJECTED,
	 "the account of the webhook or token was switched off"},
	{"action_prohibited", TOCSIN_REJECTED, "an admin of the workspace forbids this webhook"},
	{"as_user_not_supported", TOCSIN_REJECTED, "the token is of a kind that cannot post"},
	{"cannot_reply_to_message", TOCSIN_REJECTED, "this message takes no replies"},
	{"cant_broadcast_message", TOCSIN_REJECTED,
	 "replies to this message cannot be shown in the channel"},
	{"cant_update_message", TOCSIN_REJECTED, "the message is not the bot's own"},
	{"channel_is_archived", TOCSIN_REJECTED,
	 "the channel is archived; unarchive it or make a webhook for another one"},
	{"channel_not_found", TOCSIN_REJECTED,
	 "there is no such channel, or the bot cannot see it; check 'channel'"},
	{"channel_type_not_supported", TOCSIN_REJECTED,
	 "Slack takes no messages in this kind of channel"},
	{"deprecated_endpoint", TOCSIN_REJECTED, "this version of tocsin is too old for Slack"},
	{"edit_window_closed", TOCSIN_REJECTED, "the message is too old to be changed"},
	{"ekm_access_denied", TOCSIN_REJECTED, "an admin of the workspace suspended posting"},
	{"enterprise_is_restricted", TOCSIN_REJECTED,
	 "the token may not be used in this organisation"},
	{"external_channel_migrating", TOCSIN_RETRY, "Slack moves the channel; again later"},
	{"fatal_error", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"internal_error", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"invalid_arg_name", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_arguments", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_array_arg", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_attachments", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_auth", TOCSIN_REJECTED, "the token is not valid"},
	{"invalid_blocks", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_blocks_format", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_charset", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_form_data", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_payload", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_post_type", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"invalid_token", TOCSIN_REJECTED,
	 "the token in 'url' is not valid; make a new webhook and use its URL"},
	{"is_archived", TOCSIN_REJECTED,
	 "the channel is archived; unarchive it or use another one"},
	{"is_inactive", TOCSIN_REJECTED, "the message or channel cannot be changed any more"},
	{"message_limit_exceeded", TOCSIN_RETRY, "the workspace sends too many messages"},
	{"message_not_found", TOCSIN_REJECTED, "the message is not there any more"},
	{"messages_tab_disabled", TOCSIN_REJECTED,
	 "the app takes no direct messages; check 'channel'"},
	{"metadata_too_large", TOCSIN_REJECTED, "the message is too long"},
	{"method_deprecated", TOCSIN_REJECTED, "this version of tocsin is too old for Slack"},
	{"missing_charset", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"missing_post_type", TOCSIN_REJECTED, "Slack did not understand the message"},
	{"missing_scope", TOCSIN_REJECTED,
	 "the bot lacks a scope; add chat:write and install it again"},
	{"msg_blocks_too_long", TOCSIN_REJECTED, "the message is too long"},
	{"msg_too_long", TOCSIN_REJECTED, "the message is too long"},
	{"no_active_hooks", TOCSIN_REJECTED, "the webhook was switched off"},
	{"no_permission", TOCSIN_REJECTED, "the bot may not post there"},
	{"no_service", TOCSIN_REJECTED,
	 "the webhook was removed or switched off; make a new one and use its URL"},
	{"no_service_id", TOCSIN_REJECTED, "'url' is not complete"},
	{"no_team", TOCSIN_REJECTED, "the workspace in 'url' does not exist"},
	{"no_text", TOCSIN_REJECTED, "the message has no text"},
	{"not_allowed_token_type", TOCSIN_REJECTED,
	 "the token is of a kind that cannot post; use a bot's (xoxb-)"},
	{"not_authed", TOCSIN_REJECTED, "Slack saw no token"},
	{"not_in_channel", TOCSIN_REJECTED,
	 "the app is not a member of the channel; invite it there"},
	{"org_login_required", TOCSIN_RETRY, "Slack moves the workspace; again later"},
	{"posting_to_general_channel_denied", TOCSIN_REJECTED,
	 "an admin forbids posting to the general channel"},
	{"rate_limited", TOCSIN_THROTTLED, "too many messages"},
	{"ratelimited", TOCSIN_THROTTLED, "too many messages"},
	{"request_timeout", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"restricted_action", TOCSIN_REJECTED, "an admin of the workspace forbids this"},
	{"restricted_action_non_threadable_channel", TOCSIN_REJECTED,
	 "this channel has no threads"},
	{"restricted_action_read_only_channel", TOCSIN_REJECTED, "the channel is read-only"},
	{"restricted_action_thread_locked", TOCSIN_REJECTED, "the thread is locked"},
	{"restricted_action_thread_only_channel", TOCSIN_REJECTED,
	 "the channel takes replies only"},
	{"rollup_error", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"server_error", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"service_unavailable", TOCSIN_UNAVAILABLE, "Slack is in trouble"},
	{"slack_connect_canvas_sharing_blocked", TOCSIN_REJECTED,
	 "an admin of the workspace forbids this"},
	{"slack_connect_file_link_sharing_blocked", TOCSIN_REJECTED,
	 "an admin of the workspace forbids this"},
	{"slack_connect_lists_sharing_blocked", TOCSIN_REJECTED,
	 "an admin of the workspace forbids this"},
	{"team_access_not_granted", TOCSIN_REJECTED, "the bot may not post in this workspace"},
	{"team_added_to_org", TOCSIN_RETRY, "Slack moves the workspace; again later"},
	{"team_disabled", TOCSIN_REJECTED, "the workspace was switched off"},
	{"team_not_found", TOCSIN_REJECTED, "the workspace does not exist"},
	{"thread_not_found", TOCSIN_REJECTED, "the message to reply to is not there any more"},
	{"token_expired", TOCSIN_REJECTED, "the token expired; make a new one"},
	{"token_revoked", TOCSIN_REJECTED, "the token was revoked; make a new one"},
	{"too_many_attachments", TOCSIN_REJECTED, "the message has too many attachments"},
	{"two_factor_setup_required", TOCSIN_REJECTED,
	 "the token's user must set up a second factor first"},
	{"update_failed", TOCSIN_RETRY, "Slack could not change the message"},
	{"upgrade_required", TOCSIN_REJECTED, "this version of tocsin is too old for Slack"},
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

/* What the API adds: the scope that is needed, or the part that it did not understand. */
static const char *detail_of(const json_t *object)
{
	const json_t *metadata = json_object_get(object, "response_metadata");
	const char *needed = json_string_value(json_object_get(object, "needed"));

	return needed ? needed
		      : json_string_value(json_array_get(json_object_get(metadata, "messages"), 0));
}

static void explain(const struct meaning *meaning, const char *word, int status,
		    const json_t *object, struct tocsin_verdict *verdict)
{
	const char *detail = detail_of(object);

	/* What Slack wrote freely stands last and is cut there only: so the core masks a secret in it. */
	snprintf(verdict->why, sizeof(verdict->why), "Slack says %d %s: %s%s%s", status, word,
		 meaning ? meaning->sentence : "see Slack's documentation", detail ? ": " : "",
		 detail ? detail : "");
}

/* Status 200 means taken only when the body does not say otherwise. */
static void judge_success(const struct tocsin_reply *reply, const struct meaning *meaning,
			  const char *word, const json_t *object, struct tocsin_verdict *verdict)
{
	const char *body = reply->body ? reply->body : "";
	const json_t *ok = json_object_get(object, "ok");

	if (json_is_false(ok)) {
		verdict->outcome = meaning ? meaning->outcome : TOCSIN_REJECTED;
		explain(meaning, *word ? word : "no", reply->status, object, verdict);
	} else if (!object && meaning) {
		verdict->outcome = meaning->outcome;
		explain(meaning, word, reply->status, object, verdict);
	} else if (body[strspn(body, " \t\r\n")] == '<') {
		/* A proxy or a login page answers in place of Slack. */
		verdict->outcome = TOCSIN_UNAVAILABLE;
		snprintf(verdict->why, sizeof(verdict->why),
			 "a web page came in place of Slack's answer; is 'url' right, is a proxy "
			 "in between?");
	}
}

/* Slack says first of all that it took a message, and repeats it then: with each letter as \uXXXX that may
 * be longer than what the core keeps of an answer. */
static bool begins_with_ok(const char *body)
{
	static const char *const tokens[] = {"{", "\"ok\"", ":", "true"};

	for (size_t i = 0; i < TOCSIN_COUNT(tokens); i++) {
		body += strspn(body, " \t\r\n");
		if (strncmp(body, tokens[i], strlen(tokens[i])) != 0)
			return false;
		body += strlen(tokens[i]);
	}
	return *body && strchr(" \t\r\n,}", *body);
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
	if (!object && reply->status >= 200 && reply->status < 300 && begins_with_ok(body))
		return;
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
		if (verdict->outcome != TOCSIN_DELIVERED && verdict->outcome != TOCSIN_REJECTED)
			verdict->retry_after_ms = reply->retry_after_ms;
	} else if (meaning) {
		/* The status decides, except that trouble on their side is worth another try. */
		if (meaning->outcome != TOCSIN_REJECTED)
			verdict->outcome = meaning->outcome;
		explain(meaning, word, reply->status, object, verdict);
	}
	json_decref(object);
}
