/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/verdict.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/text.h"

#define EXCERPT 200 /* bytes of a reply's body that are kept with the reason */
#define FAR_AWAY_MS INT64_C(1000000000000) /* 30 years: a longer wait means no more than this */

/* "status 404: no_service": the body's beginning on one line. */
static void describe(const struct tocsin_reply *reply, struct tocsin_verdict *verdict)
{
	const char *body = reply->body ? reply->body : "";
	size_t length = text_prefix(body, reply->body ? reply->body_length : 0, EXCERPT);
	char excerpt[EXCERPT + 1];

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)body[i];

		excerpt[i] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
	}
	while (length > 0 && excerpt[length - 1] == ' ')
		length--;
	excerpt[length] = '\0';
	snprintf(verdict->why, sizeof(verdict->why), "status %d%s%s", reply->status,
		 *excerpt ? ": " : "", excerpt);
}

/* Where it points is the receiver's business until somebody writes it into the configuration. */
static void describe_redirect(const struct tocsin_reply *reply, struct tocsin_verdict *verdict)
{
	snprintf(verdict->why, sizeof(verdict->why),
		 "status %d: the server sends elsewhere, and redirects are not followed; write the "
		 "final URL",
		 reply->status);
}

static bool is_redirect(int status)
{
	return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

static bool is_final(const struct tocsin_verdict *verdict)
{
	return verdict->outcome == TOCSIN_DELIVERED || verdict->outcome == TOCSIN_REJECTED;
}

void verdict_from_reply(const struct tocsin_reply *reply, struct tocsin_verdict *verdict)
{
	int status = reply->status;

	*verdict = (struct tocsin_verdict){.retry_after_ms = reply->retry_after_ms};
	if (status == 0) {
		verdict->outcome = TOCSIN_UNAVAILABLE;
		snprintf(verdict->why, sizeof(verdict->why), "%s",
			 reply->error ? reply->error : "no reply");
		return;
	}
	if (is_redirect(status))
		describe_redirect(reply, verdict);
	else
		describe(reply, verdict);
	if (status >= 200 && status < 300)
		verdict->outcome = TOCSIN_DELIVERED;
	else if (status == 429)
		verdict->outcome = TOCSIN_THROTTLED;
	else if (status == 408 || status == 425 || status >= 500)
		verdict->outcome = TOCSIN_UNAVAILABLE;
	else
		verdict->outcome = TOCSIN_REJECTED;
	/* Beside an answer that is final it says when to ask for a result, not when to send the next. */
	if (is_final(verdict))
		verdict->retry_after_ms = 0;
}

void verdict_keep_wait(const struct tocsin_reply *reply, struct tocsin_verdict *verdict)
{
	if (!is_final(verdict) && verdict->retry_after_ms == 0)
		verdict->retry_after_ms = reply->retry_after_ms;
}

int64_t verdict_retry_after_ms(const char *value, int64_t now_ms)
{
	char *end;
	double seconds = strtod(value, &end);
	time_t date;

	while (*end == ' ' || *end == '\t')
		end++;
	if (end != value && *end == '\0') {
		if (!isfinite(seconds) || seconds <= 0)
			return 0;
		return seconds > 1e9 ? FAR_AWAY_MS : (int64_t)ceil(seconds * 1000.0);
	}
	/* libcurl takes years of nine digits, which are too many milliseconds. */
	date = curl_getdate(value, NULL);
	if (date > (now_ms + FAR_AWAY_MS) / 1000)
		return FAR_AWAY_MS;
	if (date < 0 || (int64_t)date * 1000 <= now_ms)
		return 0;
	return (int64_t)date * 1000 - now_ms;
}
