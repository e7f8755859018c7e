/* SPDX-License-Identifier: Apache-2.0 */
#include "reply.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "../../common/text.h"
#include "path.h"
#include "predicate.h"

#define LONGEST_MS INT64_C(31536000000) /* a year: no receiver means more */
#define KEPT (64 * 1024)                /* bytes of an answer that the core keeps */
#define REASON 160                      /* bytes of the receiver's own words */

static int64_t wait_of(double ms)
{
	if (!isfinite(ms) || ms <= 0)
		return 0;
	/* Rounded up: a little later is never too early. */
	return ms >= (double)LONGEST_MS ? LONGEST_MS : (int64_t)(ms + 0.999);
}

/* A number, or a text that is one. */
static double number_of(const json_t *value)
{
	const char *text = json_string_value(value);
	char *end;
	double number;

	if (!text)
		return json_number_value(value);
	number = strtod(text, &end);
	return end != text && *end == '\0' ? number : 0;
}

/* Seconds to wait, or a moment in seconds or milliseconds since 1970: nobody waits thirty years. */
static int64_t header_wait(const struct tocsin_reply *reply, const char *name, int64_t now_ms)
{
	for (size_t i = 0; reply->headers && i < reply->headers->n; i++) {
		const struct tocsin_pair *header = &reply->headers->pair[i];
		double number;
		char *end;

		if (strcasecmp(header->name, name) != 0)
			continue;
		number = strtod(header->value, &end);
		if (end == header->value || *end != '\0')
			continue;
		if (number >= 1e12)
			return wait_of(number - (double)now_ms);
		if (number >= 1e9)
			return wait_of(number * 1000 - (double)now_ms);
		return wait_of(number * 1000);
	}
	return 0;
}

/* The longest of what the answer says; else what the rule says. */
static int64_t rule_wait(const struct webhook_rule *rule, struct answer *answer, int64_t now_ms)
{
	int64_t wait = 0, other;

	if (rule->retry_after)
		wait = wait_of(
			number_of(webhook_path_find(answer_json(answer), rule->retry_after)) *
			1000);
	other = rule->retry_after_ms ? wait_of(number_of(webhook_path_find(answer_json(answer),
									   rule->retry_after_ms)))
				     : 0;
	wait = other > wait ? other : wait;
	other = rule->retry_after_header
			? header_wait(answer->reply, rule->retry_after_header, now_ms)
			: 0;
	wait = other > wait ? other : wait;
	if (wait == 0)
		wait = answer->reply->retry_after_ms;
	return wait > 0 ? wait : rule->wait;
}

/* On one line, valid, and not longer than it may be. */
static void copy_line(char *out, size_t size, const char *text)
{
	size_t length = 0;
	uint32_t point;
	char bytes[4];

	while ((point = text_next(&text)) != 0) {
		size_t n;

		if (text_is_control(point))
			point = ' ';
		n = text_encode(point, bytes);
		if (length + n >= size)
			break;
		memcpy(out + length, bytes, n);
		length += n;
	}
	out[length] = '\0';
}

/* The receiver's own words about it, "" when it says none. */
static void find_reason(const struct webhook_config *config, struct answer *answer,
			char out[REASON])
{
	*out = '\0';
	for (size_t i = 0; *out == '\0' && i < config->reason.n; i++) {
		const json_t *value =
			webhook_path_find(answer_json(answer), config->reason.item[i]);

		if (json_is_string(value))
			copy_line(out, REASON, json_string_value(value));
		else if (json_is_integer(value))
			snprintf(out, REASON, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	}
}

/* "status 429: the robot sends too much: freq limit". Without anything better the standard words
 * stay, which quote the body. */
static void explain(const struct webhook_config *config, const char *why, struct answer *answer,
		    struct tocsin_verdict *verdict)
{
	char reason[REASON], line[sizeof(verdict->why) * 2];

	find_reason(config, answer, reason);
	if (!why && !*reason)
		return;
	snprintf(line, sizeof(line), "status %d: %.200s%s%s", answer->reply->status, why ? why : "",
		 why && *reason ? ": " : "", reason);
	copy_line(verdict->why, sizeof(verdict->why), line);
}

static const struct webhook_rule *find_rule(const struct webhook_config *config,
					    struct answer *answer)
{
	const struct webhook_rule *rule = config->replies.item;

	for (size_t i = 0; i < config->replies.n; i++)
		if (webhook_status_fits(&rule[i].when.status, answer->reply->status) &&
		    webhook_body_fits(&rule[i].when, answer))
			return &rule[i];
	return NULL;
}

static void apply(const struct webhook_config *config, const struct webhook_rule *rule,
		  struct answer *answer, int64_t now_ms, struct tocsin_verdict *verdict)
{
	verdict->outcome = (enum tocsin_outcome)(rule->outcome + 1);
	verdict->retry_after_ms = 0;
	if (verdict->outcome != TOCSIN_DELIVERED && verdict->outcome != TOCSIN_REJECTED)
		verdict->retry_after_ms = rule_wait(rule, answer, now_ms);
	explain(config, rule->why, answer, verdict);
}

static bool is_page(const struct tocsin_reply *reply)
{
	const char *body = reply->body ? reply->body : "";

	return body[strspn(body, " \t\r\n")] == '<';
}

/* The status was right, the body was not: a refusal in other clothes, or another server's answer. Of a
 * long one the end is missing, in which success may stand: it would be cut again each time, after the
 * receiver took the alert once more, and so that ends here. */
static void refuse_body(const struct webhook_config *config, struct answer *answer,
			struct tocsin_verdict *verdict)
{
	const char *why = "the answer is not the one that means success";
	const struct webhook_predicate *success = &config->success;
	bool was_cut = answer->reply->body_length >= KEPT;

	verdict->outcome = TOCSIN_REJECTED;
	if (was_cut)
		why = "the answer is longer than 64 KiB and was cut; whether it means success is "
		      "not known";
	if (success->json && !answer_json(answer)) {
		why = was_cut ? why : "the answer is not JSON";
		if (answer->memory_is_short) {
			verdict->outcome = TOCSIN_RETRY;
			why = "out of memory";
		} else if (is_page(answer->reply)) {
			verdict->outcome = TOCSIN_UNAVAILABLE;
			why = "a web page came in place of an answer; is the URL right, is a proxy "
			      "in between?";
		}
	}
	explain(config, why, answer, verdict);
}

static void apply_success(const struct webhook_config *config, struct answer *answer,
			  struct tocsin_verdict *verdict)
{
	const struct webhook_predicate *success = &config->success;
	int status = answer->reply->status;

	if (!webhook_status_fits(&success->status, status)) {
		if (verdict->outcome == TOCSIN_DELIVERED)
			verdict->outcome = TOCSIN_REJECTED;
		explain(config,
			status >= 200 && status < 300 ? "not a status that means success" : NULL,
			answer, verdict);
	} else if (webhook_body_fits(success, answer)) {
		verdict->outcome = TOCSIN_DELIVERED;
		verdict->retry_after_ms = 0;
	} else {
		refuse_body(config, answer, verdict);
	}
}

void webhook_judge_at(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		      const struct webhook_config *config, int64_t now_ms)
{
	struct answer answer = {.reply = reply};
	const struct webhook_rule *rule;

	if (reply->status == 0)
		return;
	rule = find_rule(config, &answer);
	if (answer.memory_is_short) {
		/* Another rule might have held, had we read the body. */
		*verdict = (struct tocsin_verdict){.outcome = TOCSIN_RETRY, .why = "out of memory"};
	} else if (rule) {
		apply(config, rule, &answer, now_ms, verdict);
	} else {
		apply_success(config, &answer, verdict);
	}
	answer_done(&answer);
}

void webhook_judge(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		   const void *data)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_REALTIME, &now);
	webhook_judge_at(reply, verdict, data, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}
