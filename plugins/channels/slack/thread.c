/* SPDX-License-Identifier: Apache-2.0 */
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both are short and plain; anything else is not what Slack gives. */
static bool is_number(const char *ts)
{
	size_t length = strspn(ts, "0123456789.");

	return length > 0 && ts[length] == '\0';
}

static bool is_id(const char *channel)
{
	size_t length = strspn(channel, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return length > 0 && channel[length] == '\0';
}

bool slack_thread_read(const char *note, const char *configured, struct slack_thread *thread)
{
	char state[8];
	int used = 0;

	*thread = (struct slack_thread){0};
	if (sscanf(note, "%39s %39s %7s %n", thread->ts, thread->channel, state, &used) != 3 ||
	    used == 0)
		return false;
	thread->closed = strcmp(state, "closed") == 0;
	return (thread->closed || strcmp(state, "open") == 0) && is_number(thread->ts) &&
	       is_id(thread->channel) && strcmp(note + used, configured) == 0;
}

bool slack_thread_write(const struct slack_thread *thread, const char *configured,
			char note[SLACK_NOTE])
{
	int length = snprintf(note, SLACK_NOTE, "%s %s %s %s", thread->ts, thread->channel,
			      thread->closed ? "closed" : "open", configured);

	return *thread->ts && *thread->channel && length > 0 && length < SLACK_NOTE;
}

/* What stands before the message that Slack repeats; all that is there when that was cut. */
static json_t *read_head(const char *body)
{
	const char *message = strstr(body, "\"message\"");
	size_t length = message ? (size_t)(message - body) : 0;
	char *head = strndup(body, length);
	json_t *object = NULL;

	while (length > 0 && strchr(" \t\r\n", body[length - 1]))
		length--;
	if (head && length > 0) {
		head[length - 1] = '}'; /* in place of the comma */
		object = json_loads(head, 0, NULL);
	}
	free(head);
	return object;
}

bool slack_thread_from_reply(const struct tocsin_reply *reply, struct slack_thread *thread)
{
	const char *body = reply->body ? reply->body : "";
	json_t *whole = json_loads(body, 0, NULL), *object = whole ? whole : read_head(body);
	const char *ts = json_string_value(json_object_get(object, "ts"));
	const char *channel = json_string_value(json_object_get(object, "channel"));
	bool good = ts && channel && strlen(ts) < sizeof(thread->ts) &&
		    strlen(channel) < sizeof(thread->channel) && is_number(ts) && is_id(channel);

	*thread = (struct slack_thread){0};
	if (good) {
		snprintf(thread->ts, sizeof(thread->ts), "%s", ts);
		snprintf(thread->channel, sizeof(thread->channel), "%s", channel);
	}
	json_decref(object);
	return good;
}

bool slack_thread_is_lost(const struct tocsin_reply *reply)
{
	static const char *const words[] = {
		"cannot_reply_to_message",
		"cant_update_message",
		"channel_not_found",
		"edit_window_closed",
		"message_not_found",
		"restricted_action_non_threadable_channel",
		"restricted_action_thread_locked",
		"thread_not_found",
	};
	json_t *object = json_loads(reply->body ? reply->body : "", 0, NULL);
	const char *error = json_string_value(json_object_get(object, "error"));
	bool lost = false;

	for (size_t i = 0; error && i < TOCSIN_COUNT(words); i++)
		lost = lost || strcmp(error, words[i]) == 0;
	json_decref(object);
	return lost;
}
