/* SPDX-License-Identifier: Apache-2.0 */
/* What answers mean, by rules of the configuration. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/webhook/reply.h"
#include "scarce.h"

#define NOW_MS INT64_C(1700000000000)
#define STRINGS(...) \
	{ \
		(const char *const[]){__VA_ARGS__}, \
			sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *) \
	}

/* Indexes into the words of the option. */
enum { DELIVERED, RETRY, REJECTED, UNAVAILABLE, THROTTLED };

static struct webhook_config config;

static int set_up(void **state)
{
	static const char *const statuses[] = {"2xx"};

	(void)state;
	config = (struct webhook_config){.success.status = {statuses, 1}};
	return 0;
}

/* The standard mapping as the core does it, in short. */
static struct tocsin_verdict standard(const struct tocsin_reply *reply)
{
	struct tocsin_verdict verdict = {.outcome = TOCSIN_REJECTED,
					 .retry_after_ms = reply->retry_after_ms};

	if (reply->status >= 200 && reply->status < 300)
		verdict.outcome = TOCSIN_DELIVERED;
	else if (reply->status == 429)
		verdict.outcome = TOCSIN_THROTTLED;
	else if (reply->status == 0 || reply->status >= 500)
		verdict.outcome = TOCSIN_UNAVAILABLE;
	snprintf(verdict.why, sizeof(verdict.why), "status %d: %.100s", reply->status, reply->body);
	return verdict;
}

static struct tocsin_verdict judge_with(int status, const char *body, const char *header,
					const char *value, int64_t retry_after_ms)
{
	struct tocsin_pair pair = {header, value};
	struct tocsin_map headers = {&pair, header ? 1 : 0};
	struct tocsin_reply reply = {.size = sizeof(reply),
				     .status = status,
				     .body = body,
				     .body_length = strlen(body),
				     .headers = &headers,
				     .retry_after_ms = retry_after_ms};
	struct tocsin_verdict verdict = standard(&reply);

	webhook_judge_at(&reply, &verdict, &config, NOW_MS);
	return verdict;
}

static struct tocsin_verdict judge(int status, const char *body)
{
	return judge_with(status, body, NULL, NULL, 0);
}

static void assert_outcome(int status, const char *body, enum tocsin_outcome outcome)
{
	struct tocsin_verdict verdict = judge(status, body);

	if (verdict.outcome != outcome)
		fail_msg("%d %s: outcome %d (%s), not %d", status, body, (int)verdict.outcome,
			 verdict.why, (int)outcome);
}

static void without_rules_the_standard_mapping_stands(void **state)
{
	(void)state;
	assert_outcome(200, "", TOCSIN_DELIVERED);
	assert_outcome(204, "{\"ok\":false}", TOCSIN_DELIVERED);
	assert_outcome(404, "", TOCSIN_REJECTED);
	assert_outcome(429, "", TOCSIN_THROTTLED);
	assert_outcome(503, "", TOCSIN_UNAVAILABLE);
	assert_outcome(0, "", TOCSIN_UNAVAILABLE);
	assert_string_equal(judge(404, "no such hook").why, "status 404: no such hook");
}

static void success_can_be_other_statuses(void **state)
{
	(void)state;
	config.success.status = (struct tocsin_strings)STRINGS("202", "300-302", "409");
	assert_outcome(202, "", TOCSIN_DELIVERED);
	assert_outcome(409, "", TOCSIN_DELIVERED);
	assert_outcome(301, "", TOCSIN_DELIVERED);
	assert_outcome(303, "", TOCSIN_REJECTED);
	assert_outcome(200, "", TOCSIN_REJECTED);
	assert_outcome(429, "", TOCSIN_THROTTLED);
	assert_non_null(strstr(judge(200, "").why, "not a status that means success"));
}

static void success_needs_the_right_body(void **state)
{
	(void)state;
	config.success.json = "errcode";
	config.success.is = "0";
	config.reason = (struct tocsin_strings)STRINGS("nothing", "errmsg");
	assert_outcome(200, "{\"errcode\":0}", TOCSIN_DELIVERED);
	assert_outcome(200, "{\"errcode\":0.0}", TOCSIN_DELIVERED);
	assert_outcome(200, "{\"errcode\":\"0\"}", TOCSIN_DELIVERED);
	assert_outcome(200, "{\"errcode\":1}", TOCSIN_REJECTED);
	assert_outcome(200, "{\"errcode\":null}", TOCSIN_REJECTED);
	assert_outcome(200, "{\"errcode\":[0]}", TOCSIN_REJECTED);
	assert_outcome(200, "{}", TOCSIN_REJECTED);
	assert_outcome(200, "", TOCSIN_REJECTED);
	assert_outcome(200, "{\"errcode\":0", TOCSIN_REJECTED);
	assert_outcome(200, " <html>login</html>", TOCSIN_UNAVAILABLE);
	assert_outcome(500, "{\"errcode\":0}", TOCSIN_UNAVAILABLE);
	assert_string_equal(judge(200, "{\"errcode\":7,\"errmsg\":\"bad\\nkey\"}").why,
			    "status 200: the answer is not the one that means success: bad key");
}

/* What the core keeps of a long answer is its beginning. */
static void a_cut_answer_is_not_judged_as_if_it_were_whole(void **state)
{
	static char body[64 * 1024 + 1];

	(void)state;
	memset(body, 'x', sizeof(body) - 1);
	memcpy(body, "{\"text\":\"", 9);
	config.success.json = "ok";
	assert_outcome(200, body, TOCSIN_REJECTED);
	assert_non_null(strstr(judge(200, body).why, "longer than 64 KiB and was cut"));
	memcpy(body, "<html>", 6);
	assert_outcome(200, body, TOCSIN_UNAVAILABLE);
	config.success.json = NULL;
	config.success.contains = "done";
	assert_non_null(strstr(judge(200, body).why, "longer than 64 KiB and was cut"));
	assert_outcome(500, body, TOCSIN_UNAVAILABLE);
	memcpy(body, "done", 4);
	assert_outcome(200, body, TOCSIN_DELIVERED);
	body[64 * 1024 - 1] = '\0';
	config.success.contains = "nothing";
	assert_null(strstr(judge(200, body).why, "was cut"));
}

static void a_success_can_be_a_truth_one_of_many_or_a_text(void **state)
{
	(void)state;
	config.success.json = "ok";
	assert_outcome(200, "{\"ok\":true}", TOCSIN_DELIVERED);
	assert_outcome(200, "{\"ok\":0}", TOCSIN_DELIVERED);
	assert_outcome(200, "{\"ok\":false}", TOCSIN_REJECTED);
	assert_outcome(200, "{\"ok\":null}", TOCSIN_REJECTED);
	config.success.in = (struct tocsin_strings)STRINGS("true", "yes");
	assert_outcome(200, "{\"ok\":true}", TOCSIN_DELIVERED);
	assert_outcome(200, "{\"ok\":\"yes\"}", TOCSIN_DELIVERED);
	assert_outcome(200, "{\"ok\":\"no\"}", TOCSIN_REJECTED);
	set_up(NULL);
	config.success.text = "ok";
	assert_outcome(200, "ok", TOCSIN_DELIVERED);
	assert_outcome(200, " ok\r\n", TOCSIN_DELIVERED);
	assert_outcome(200, "okay", TOCSIN_REJECTED);
	assert_outcome(200, "", TOCSIN_REJECTED);
}

static void the_first_rule_that_holds_decides(void **state)
{
	const struct webhook_rule rules[] = {
		{.when = {.status = STRINGS("409")}, .outcome = DELIVERED},
		{.when = {.json = "error.code", .in = STRINGS("7", "8")},
		 .outcome = THROTTLED,
		 .why = "too much"},
		{.when = {.status = STRINGS("4xx"), .contains = "Rate limit"}, .outcome = RETRY},
		{.when = {.status = STRINGS("4xx"), .json = "error.text", .contains = "gone"},
		 .outcome = UNAVAILABLE},
		{.when = {.status = STRINGS("200")}, .outcome = REJECTED, .why = "never"},
	};

	(void)state;
	config.replies = (struct tocsin_sections){rules, 5};
	config.reason = (struct tocsin_strings)STRINGS("error.text");
	assert_outcome(409, "", TOCSIN_DELIVERED);
	assert_outcome(200, "{\"error\":{\"code\":8}}", TOCSIN_THROTTLED);
	assert_outcome(500, "{\"error\":{\"code\":7}}", TOCSIN_THROTTLED);
	assert_outcome(400, "Rate limit reached", TOCSIN_RETRY);
	assert_outcome(400, "{\"error\":{\"text\":\"it is gone\"}}", TOCSIN_UNAVAILABLE);
	assert_outcome(400, "it is gone", TOCSIN_REJECTED);
	assert_outcome(200, "", TOCSIN_REJECTED);
	assert_outcome(201, "", TOCSIN_DELIVERED);
	assert_outcome(0, "", TOCSIN_UNAVAILABLE);
	assert_string_equal(judge(200, "{\"error\":{\"code\":8,\"text\":\"slow\"}}").why,
			    "status 200: too much: slow");
	assert_string_equal(judge(200, "").why, "status 200: never");
}

static int64_t waits(int status, const char *body, const char *header, int64_t retry_after_ms)
{
	return judge_with(status, body, header ? "x-reset" : NULL, header, retry_after_ms)
		.retry_after_ms;
}

static void the_wait_is_what_the_answer_says(void **state)
{
	struct webhook_rule rule = {.outcome = THROTTLED,
				    .retry_after = "parameters.retry_after",
				    .retry_after_ms = "ms",
				    .retry_after_header = "X-Reset",
				    .wait = 600000};

	(void)state;
	config.replies = (struct tocsin_sections){&rule, 1};
	assert_int_equal(waits(429, "{\"parameters\":{\"retry_after\":3}}", NULL, 0), 3000);
	assert_int_equal(waits(429, "{\"parameters\":{\"retry_after\":0.25}}", NULL, 0), 250);
	assert_int_equal(waits(429, "{\"parameters\":{\"retry_after\":\"2\"}}", NULL, 0), 2000);
	assert_int_equal(waits(429, "{\"ms\":1500}", NULL, 0), 1500);
	assert_int_equal(waits(429, "{\"ms\":1500}", "2", 0), 2000);
	assert_int_equal(waits(429, "{}", "1700000005", 0), 5000);
	assert_int_equal(waits(429, "{}", "1700000005500", 0), 5500);
	assert_int_equal(waits(429, "{}", "1699999999", 4000), 4000);
	assert_int_equal(waits(429, "{}", NULL, 7000), 7000);
	assert_int_equal(waits(429, "{}", NULL, 0), 600000);
	assert_int_equal(waits(429, "", "soon", 0), 600000);
}

static void no_wait_is_longer_than_a_year_or_shorter_than_none(void **state)
{
	static const char *const numbers[] = {
		"1e300",  "-1e300", "1e999", "-5",    "NaN",       "99999999999999999999",
		"0",      "null",   "{}",    "\"x\"", "\"1e999\"", "\"inf\"",
		"\"nan\""};
	struct webhook_rule rule = {.outcome = THROTTLED, .retry_after = "n"};
	char body[64];

	(void)state;
	config.replies = (struct tocsin_sections){&rule, 1};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int64_t wait;

		snprintf(body, sizeof(body), "{\"n\":%s}", numbers[i]);
		wait = waits(429, body, NULL, 0);
		assert_true(wait >= 0 && wait <= INT64_C(31536000000));
	}
	rule = (struct webhook_rule){.outcome = THROTTLED, .retry_after_header = "x-reset"};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int64_t wait = waits(429, "", numbers[i], 0);

		assert_true(wait >= 0 && wait <= INT64_C(31536000000));
	}
}

static void the_reason_is_one_line_whatever_the_server_says(void **state)
{
	char body[4000] = "{\"error\":\"";
	struct tocsin_verdict verdict;

	(void)state;
	config.reason = (struct tocsin_strings)STRINGS("error");
	for (int i = 0; i < 300; i++)
		strncat(body, "é\\r\\n\\u001b", sizeof(body) - strlen(body) - 1);
	strncat(body, "\"}", sizeof(body) - strlen(body) - 1);
	verdict = judge(400, body);
	assert_non_null(memchr(verdict.why, 0, sizeof(verdict.why)));
	assert_int_equal(strncmp(verdict.why, "status 400: é", 14), 0);
	assert_null(strpbrk(verdict.why, "\r\n\x1b"));
	config.reason = (struct tocsin_strings)STRINGS("code");
	assert_string_equal(judge(400, "{\"code\":7}").why, "status 400: 7");
}

static int judge_once(void *data)
{
	const struct webhook_rule rule = {.when = {.json = "code", .is = "7"}, .outcome = REJECTED};
	struct tocsin_verdict verdict;

	(void)data;
	config.replies = (struct tocsin_sections){&rule, 1};
	config.success.json = "ok";
	verdict = judge(200, "{\"ok\":true,\"code\":8,\"more\":[1,2,{\"a\":\"b\"}]}");
	if (verdict.outcome == TOCSIN_DELIVERED)
		return 0;
	if (verdict.outcome != TOCSIN_RETRY)
		scarce_fail("a delivery died because memory was short");
	return -ENOMEM;
}

static void without_memory_it_is_tried_again(void **state)
{
	(void)state;
	assert_true(scarce_sweep("judge", judge_once, NULL) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_rules_the_standard_mapping_stands, set_up),
		cmocka_unit_test_setup(success_can_be_other_statuses, set_up),
		cmocka_unit_test_setup(success_needs_the_right_body, set_up),
		cmocka_unit_test_setup(a_cut_answer_is_not_judged_as_if_it_were_whole, set_up),
		cmocka_unit_test_setup(a_success_can_be_a_truth_one_of_many_or_a_text, set_up),
		cmocka_unit_test_setup(the_first_rule_that_holds_decides, set_up),
		cmocka_unit_test_setup(the_wait_is_what_the_answer_says, set_up),
		cmocka_unit_test_setup(no_wait_is_longer_than_a_year_or_shorter_than_none, set_up),
		cmocka_unit_test_setup(the_reason_is_one_line_whatever_the_server_says, set_up),
		cmocka_unit_test_setup(without_memory_it_is_tried_again, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
