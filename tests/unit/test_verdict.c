/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "delivery/verdict.h"

static enum tocsin_outcome outcome_of(int status)
{
	struct tocsin_reply reply = {.status = status, .body = "", .error = "timed out"};
	struct tocsin_verdict verdict;

	verdict_from_reply(&reply, &verdict);
	return verdict.outcome;
}

static void every_status_has_its_outcome(void **state)
{
	(void)state;
	for (int status = 100; status < 600; status++) {
		enum tocsin_outcome expected = TOCSIN_REJECTED;

		if (status >= 200 && status < 300)
			expected = TOCSIN_DELIVERED;
		else if (status == 429)
			expected = TOCSIN_THROTTLED;
		else if (status == 408 || status == 425 || status >= 500)
			expected = TOCSIN_UNAVAILABLE;
		assert_int_equal(outcome_of(status), expected);
	}
	assert_int_equal(outcome_of(0), TOCSIN_UNAVAILABLE);
}

static void a_final_answer_asks_for_no_pause(void **state)
{
	struct tocsin_reply reply = {.status = 202, .body = "", .retry_after_ms = 5000};
	struct tocsin_verdict verdict;

	(void)state;
	verdict_from_reply(&reply, &verdict);
	assert_int_equal(verdict.retry_after_ms, 0);
	reply.status = 404;
	verdict_from_reply(&reply, &verdict);
	assert_int_equal(verdict.retry_after_ms, 0);
	reply.status = 503;
	verdict_from_reply(&reply, &verdict);
	assert_int_equal(verdict.retry_after_ms, 5000);
}

static void a_judge_that_finds_an_error_in_a_success_keeps_the_pause(void **state)
{
	const struct tocsin_reply reply = {.status = 200, .body = "", .retry_after_ms = 5000};
	struct tocsin_verdict verdict;

	(void)state;
	verdict_from_reply(&reply, &verdict);
	verdict_keep_wait(&reply, &verdict);
	assert_int_equal(verdict.retry_after_ms, 0);
	verdict.outcome = TOCSIN_REJECTED;
	verdict_keep_wait(&reply, &verdict);
	assert_int_equal(verdict.retry_after_ms, 0);
	verdict.outcome = TOCSIN_THROTTLED;
	verdict_keep_wait(&reply, &verdict);
	assert_int_equal(verdict.retry_after_ms, 5000);
	verdict.retry_after_ms = 7000; /* the judge knew better */
	verdict_keep_wait(&reply, &verdict);
	assert_int_equal(verdict.retry_after_ms, 7000);
}

static void a_redirect_is_refused_in_words(void **state)
{
	static const int statuses[] = {301, 302, 303, 307, 308};

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct tocsin_reply reply = {.status = statuses[i], .body = "elsewhere"};
		struct tocsin_verdict verdict;

		verdict_from_reply(&reply, &verdict);
		assert_int_equal(verdict.outcome, TOCSIN_REJECTED);
		assert_non_null(strstr(verdict.why, "redirects are not followed"));
		assert_int_equal(strncmp(verdict.why, "status 30", 9), 0);
	}
}

static void the_reason_is_one_short_line(void **state)
{
	char body[1000];
	struct tocsin_reply reply = {.status = 404, .body = body, .body_length = sizeof(body) - 1};
	struct tocsin_verdict verdict;

	(void)state;
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	memcpy(body, "no\r\nservice\x1b", 12);
	verdict_from_reply(&reply, &verdict);
	assert_memory_equal(verdict.why, "status 404: no  service x", 25);
	assert_true(strlen(verdict.why) < 220);
}

static void retry_after_is_read_in_all_its_forms(void **state)
{
	int64_t now = INT64_C(1763470000) * 1000; /* 2025-11-18T12:46:40Z */

	(void)state;
	assert_int_equal(verdict_retry_after_ms("7", now), 7000);
	assert_int_equal(verdict_retry_after_ms("0.25", now), 250);
	assert_int_equal(verdict_retry_after_ms(" 3 ", now), 3000);
	assert_int_equal(verdict_retry_after_ms("Tue, 18 Nov 2025 12:47:40 GMT", now), 60000);
	assert_int_equal(verdict_retry_after_ms("Tue, 18 Nov 2025 12:00:00 GMT", now), 0);
	assert_int_equal(verdict_retry_after_ms("-5", now), 0);
	assert_int_equal(verdict_retry_after_ms("soon", now), 0);
	assert_int_equal(verdict_retry_after_ms("", now), 0);
	assert_int_equal(verdict_retry_after_ms("nan", now), 0);
	assert_int_equal(verdict_retry_after_ms("inf", now), 0);
	assert_true(verdict_retry_after_ms("1e300", now) > 0);
	assert_true(verdict_retry_after_ms("Nov 22 337026503", now) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_has_its_outcome),
		cmocka_unit_test(a_final_answer_asks_for_no_pause),
		cmocka_unit_test(a_judge_that_finds_an_error_in_a_success_keeps_the_pause),
		cmocka_unit_test(a_redirect_is_refused_in_words),
		cmocka_unit_test(the_reason_is_one_short_line),
		cmocka_unit_test(retry_after_is_read_in_all_its_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
