/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "delivery/retry.h"

static const struct retry_policy policy = {
	.first_ms = 1000, .max_ms = 900000, .give_up_after_ms = 3LL * 86400 * 1000};

static void waits_double_up_to_the_cap_within_the_jitter(void **state)
{
	int64_t expected = 1000;

	(void)state;
	for (int n = 1; n < 200; n++) {
		assert_int_equal(retry_wait_ms(&policy, n, 0.5), expected);
		assert_true(retry_wait_ms(&policy, n, 0.0) == expected * 8 / 10);
		assert_true(retry_wait_ms(&policy, n, 0.999999) <= expected * 12 / 10);
		expected = expected * 2 > policy.max_ms ? policy.max_ms : expected * 2;
	}
}

static void random_histories_keep_the_contract(void **state)
{
	unsigned int seed = 20261122;

	(void)state;
	print_message("seed %u\n", seed);
	for (int i = 0; i < 100000; i++) {
		int attempt = rand_r(&seed) % 400 + 1;
		int64_t created = 1000000, now = created + rand_r(&seed) % 400000000;
		int64_t after = rand_r(&seed) % 3 ? 0 : rand_r(&seed) % 40000000;
		double random = (double)(rand_r(&seed) % 1000) / 1000.0;
		struct retry_decision d = retry_decide(&policy, TOCSIN_UNAVAILABLE, attempt,
						       created, now, after, random);
		int64_t floor = after > RETRY_AFTER_CAP_MS ? RETRY_AFTER_CAP_MS : after;

		assert_true(d.due_ms >= now + retry_wait_ms(&policy, attempt, 0) ||
			    d.due_ms >= now + floor);
		assert_true(d.due_ms >= now + floor);
		assert_true(
			d.due_ms <=
			now + (floor > policy.max_ms * 12 / 10 ? floor : policy.max_ms * 12 / 10));
		assert_int_equal(d.state, d.due_ms - created > policy.give_up_after_ms
						  ? TOCSIN_STATE_DEAD
						  : TOCSIN_STATE_PENDING);
	}
}

static void each_outcome_has_its_state(void **state)
{
	static const struct {
		enum tocsin_outcome outcome;
		enum tocsin_state state;
	} row[] = {{TOCSIN_DELIVERED, TOCSIN_STATE_DELIVERED},
		   {TOCSIN_REJECTED, TOCSIN_STATE_DEAD},
		   {TOCSIN_RETRY, TOCSIN_STATE_PENDING},
		   {TOCSIN_UNAVAILABLE, TOCSIN_STATE_PENDING},
		   {TOCSIN_THROTTLED, TOCSIN_STATE_PENDING}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(retry_decide(&policy, row[i].outcome, 1, 0, 0, 0, 0.5).state,
				 row[i].state);
}

static void giving_up_is_told_apart_from_a_refusal(void **state)
{
	(void)state;
	assert_true(retry_decide(&policy, TOCSIN_RETRY, 50, 0, policy.give_up_after_ms, 0, 0.5)
			    .gave_up);
	assert_false(retry_decide(&policy, TOCSIN_REJECTED, 1, 0, 0, 0, 0.5).gave_up);
}

static void so_many_attempts_end_what_fails_for_its_own_sake(void **state)
{
	struct retry_policy twice = policy;

	(void)state;
	twice.attempts = 2;
	assert_int_equal(retry_decide(&twice, TOCSIN_RETRY, 1, 0, 0, 0, 0.5).state,
			 TOCSIN_STATE_PENDING);
	assert_int_equal(retry_decide(&twice, TOCSIN_RETRY, 2, 0, 0, 0, 0.5).state,
			 TOCSIN_STATE_DEAD);
	assert_true(retry_decide(&twice, TOCSIN_RETRY, 2, 0, 0, 0, 0.5).gave_up);
	/* A peer that is away, or asks to wait, is not the delivery's fault. */
	assert_int_equal(retry_decide(&twice, TOCSIN_UNAVAILABLE, 9, 0, 0, 0, 0.5).state,
			 TOCSIN_STATE_PENDING);
	assert_int_equal(retry_decide(&twice, TOCSIN_THROTTLED, 9, 0, 0, 0, 0.5).state,
			 TOCSIN_STATE_PENDING);
	twice.attempts = 1;
	assert_false(retry_decide(&twice, TOCSIN_RETRY, 1, 0, 0, 0, 0.5).gave_up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_up_to_the_cap_within_the_jitter),
		cmocka_unit_test(random_histories_keep_the_contract),
		cmocka_unit_test(each_outcome_has_its_state),
		cmocka_unit_test(giving_up_is_told_apart_from_a_refusal),
		cmocka_unit_test(so_many_attempts_end_what_fails_for_its_own_sake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
