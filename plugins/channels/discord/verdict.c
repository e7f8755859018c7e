/* SPDX-License-Identifier: Apache-2.0 */
#include "discord.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

/* Codes of Discord's errors, and what somebody can do about them. */
static const struct meaning {
	json_int_t code;
	const char *sentence;
} meanings[] = {
	{10003, "there is no such channel or thread; check 'thread_id'"},
	{10015, "the webhook was deleted; make a new one and use its URL"},
	{20016, "the channel is in slow mode"},
	{30046, "Discord takes no more messages like this for now"},
	{40005, "the message is too large"},
	{50001, "the webhook may not see the channel"},
	{50006, "the message is empty"},
	{50013, "the webhook lacks a permission in the channel"},
	{50027, "the token in 'url' is not valid; copy the webhook's URL again"},
	{50035, "Discord did not understand the message"},
	{50083, "the thread is archived; check 'thread_id'"},
	{160005, "the thread is locked; check 'thread_id'"},
	{220001, "the webhook's channel is a forum; say in 'thread_id' where to post"},
	{220003, "the webhook cannot start threads there; check 'thread_id'"},
};

static const char *meaning_of(json_int_t code)
{
	for (size_t i = 0; i < TOCSIN_COUNT(meanings); i++) {
		if (meanings[i].code == code)
			return meanings[i].sentence;
	}
	return NULL;
}

int64_t discord_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *header(const struct tocsin_reply *reply, const char *name)
{
	for (size_t i = 0; reply->headers && i < reply->headers->n; i++) {
		if (strcmp(reply->headers->pair[i].name, name) == 0)
			return reply->headers->pair[i].value;
	}
	return NULL;
}

/* Seconds with a fraction, rounded up; 0: no such time. */
static int64_t seconds_to_ms(double seconds)
{
	double ms = (seconds < 1e6 ? seconds : 1e6) * 1000;

	if (!(seconds > 0))
		return 0;
	return (int64_t)ms + ((double)(int64_t)ms < ms);
}

static int64_t header_ms(const struct tocsin_reply *reply, const char *name)
{
	const char *value = header(reply, name);

	return value ? seconds_to_ms(strtod(value, NULL)) : 0;
}

/* The first complaint about a part of the message: "embeds.0.title: Must be 256 or fewer". */
static const char *first_error(json_t *errors, char path[128])
{
	const json_t *list = json_object_get(errors, "_errors");
	const char *found = NULL, *key;
	json_t *value;

	if (json_array_size(list) > 0)
		return json_string_value(json_object_get(json_array_get(list, 0), "message"));
	json_object_foreach(errors, key, value)
	{
		size_t length = strlen(path);

		if (json_is_object(value) && length + strlen(key) + 2 < 128) {
			snprintf(path + length, 128 - length, "%s%s", length ? "." : "", key);
			found = first_error(value, path);
			break;
		}
	}
	return found;
}

static void explain(const struct tocsin_reply *reply, const json_t *object,
		    struct tocsin_verdict *verdict)
{
	const json_t *code = json_object_get(object, "code");
	const char *sentence = meaning_of(json_integer_value(code)), *detail;
	const char *said = json_string_value(json_object_get(object, "message"));
	char path[128] = "";

	if (!json_is_integer(code) || (!sentence && !said))
		return;
	detail = sentence ? first_error(json_object_get(object, "errors"), path) : NULL;
	/* What Discord wrote stands last and is cut there only: the core masks a secret in it, and the
	 * beginning of one at the end, but not one without its end in the middle. */
	snprintf(verdict->why, sizeof(verdict->why), "Discord says %d, code %lld: %s%s%s%s%s",
		 reply->status, (long long)json_integer_value(code), sentence ? sentence : said,
		 detail ? ": " : "", detail ? path : "", detail ? ": " : "", detail ? detail : "");
}

static void judge_pace(const struct tocsin_reply *reply, const json_t *object,
		       struct tocsin_verdict *verdict)
{
	const char *scope = header(reply, "x-ratelimit-scope");
	double seconds = json_number_value(json_object_get(object, "retry_after"));
	int64_t wait = seconds_to_ms(seconds);

	if (json_is_true(json_object_get(object, "global")))
		scope = "global";
	if (wait == 0)
		wait = header_ms(reply, "x-ratelimit-reset-after");
	if (wait > 0)
		verdict->retry_after_ms = wait;
	snprintf(verdict->why, sizeof(verdict->why),
		 "Discord says 429: too many messages, again in %.1f s (limit: %.20s)",
		 (double)verdict->retry_after_ms / 1000, scope ? scope : "not named");
}

/* When this was the last one that the webhook takes for now, the next one waits. */
static void obey_pace(const struct tocsin_reply *reply, struct tocsin_verdict *verdict)
{
	const char *remaining = header(reply, "x-ratelimit-remaining");

	if (remaining && strcmp(remaining, "0") == 0)
		verdict->retry_after_ms = header_ms(reply, "x-ratelimit-reset-after");
}

/* Takes note of answers after which Discord wants fewer requests, or none. */
static void note_standing(struct discord_standing *standing, int status, const char *why)
{
	int64_t now = discord_now_ms();

	if (status >= 200 && status < 300)
		standing->refusals = 0;
	if (status != 401 && status != 403 && status != 404)
		return;
	snprintf(standing->why, sizeof(standing->why), "%s", why);
	if (status == 404) {
		standing->gone = true;
		return;
	}
	if (standing->refusals == 0 || now - standing->since_ms >= DISCORD_WINDOW_MS) {
		standing->refusals = 0;
		standing->since_ms = now;
	}
	standing->refusals++;
}

bool discord_is_barred(const struct discord_standing *standing, int64_t now_ms, char why[512])
{
	if (standing->gone) {
		snprintf(
			why, 512,
			"not sent, because nothing more may be sent to a webhook that is not there; "
			"mend 'url' or 'thread_id' and reload: %s",
			standing->why);
		return true;
	}
	if (standing->refusals < DISCORD_REFUSALS ||
	    now_ms - standing->since_ms >= DISCORD_WINDOW_MS)
		return false;
	snprintf(
		why, 512,
		"not sent, because Discord refused %d messages within ten minutes and bans who goes "
		"on: %s",
		standing->refusals, standing->why);
	return true;
}

static void judge_success(const struct tocsin_reply *reply, struct tocsin_verdict *verdict)
{
	const char *body = reply->body ? reply->body : "";

	if (body[strspn(body, " \t\r\n")] != '<')
		return;
	/* A proxy or a login page answers in place of Discord. */
	verdict->outcome = TOCSIN_UNAVAILABLE;
	snprintf(verdict->why, sizeof(verdict->why),
		 "a web page came in place of Discord's answer; is 'url' right, is a proxy in "
		 "between?");
}

void discord_judge(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		   const void *judge_data)
{
	const struct discord_judge *judge = judge_data;
	json_t *object;

	if (reply->status == 0)
		return;
	object = json_loads(reply->body ? reply->body : "", 0, NULL);
	if (reply->status >= 200 && reply->status < 300) {
		judge_success(reply, verdict);
		obey_pace(reply, verdict);
	} else if (reply->status == 429) {
		judge_pace(reply, object, verdict);
	} else {
		explain(reply, object, verdict);
		if (verdict->outcome == TOCSIN_REJECTED)
			obey_pace(reply, verdict);
	}
	json_decref(object);
	note_standing(judge->standing, reply->status, verdict->why);
}
