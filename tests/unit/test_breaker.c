/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "delivery/breaker.h"

static bool fails(struct breaker *breaker, int times, int64_t now)
{
	bool opened = false;

	for (int i = 0; i < times; i++)
		opened |= breaker_report(breaker, true, 0.5, now);
	return opened;
}

static void failures_in_a_row_open_it(void **state)
{
	struct breaker breaker;

	(void)state;
	breaker_init(&breaker, 0);
	assert_false(fails(&breaker, BREAKER_CONSECUTIVE - 1, 0));
	assert_int_equal(breaker_allow(&breaker, 9, 0, 0), 9);
	assert_true(fails(&breaker, 1, 0));
	assert_int_equal(breaker_allow(&breaker, 9, 0, BREAKER_OPEN_MS - 1), 0);
	assert_int_equal(breaker_next_ms(&breaker, 0), BREAKER_OPEN_MS);
}

static void one_probe_passes_and_a_failure_doubles_the_wait(void **state)
{
	struct breaker breaker;
	int64_t at = BREAKER_OPEN_MS;

	(void)state;
	breaker_init(&breaker, 0);
	fails(&breaker, BREAKER_CONSECUTIVE, 0);
	assert_int_equal(breaker_allow(&breaker, 9, 0, at), 1);
	assert_int_equal(breaker_allow(&breaker, 9, 0, at), 0);
	assert_false(fails(&breaker, 1, at)); /* it was open before: nothing new to tell */
	assert_int_equal(breaker_next_ms(&breaker, at), at + 2 * BREAKER_OPEN_MS);
	for (int i = 0; i < 20; i++) {
		at = breaker_next_ms(&breaker, at);
		breaker_allow(&breaker, 1, 0, at);
		fails(&breaker, 1, at);
	}
	assert_int_equal(breaker_next_ms(&breaker, at), at + BREAKER_OPEN_MAX_MS);
}

static void a_success_closes_it_and_lets_in_more_and_more(void **state)
{
	struct breaker breaker;
	size_t allowed = 1;

	(void)state;
	breaker_init(&breaker, 0);
	fails(&breaker, BREAKER_CONSECUTIVE, 0);
	assert_int_equal(breaker_allow(&breaker, 5000, 0, BREAKER_OPEN_MS), 1);
	while (allowed < 5000) {
		assert_false(breaker_report(&breaker, false, 0, BREAKER_OPEN_MS));
		assert_true(breaker_room(&breaker, 5000, 0, BREAKER_OPEN_MS) > allowed);
		allowed = breaker_room(&breaker, 5000, 0, BREAKER_OPEN_MS);
	}
}

static void half_of_many_recent_failures_open_it(void **state)
{
	struct breaker breaker;
	bool opened = false;

	(void)state;
	breaker_init(&breaker, 0);
	for (int i = 0; i < BREAKER_WINDOW; i++)
		opened |= breaker_report(&breaker, i % 2 == 1, 0.5, i);
	assert_true(opened);
	breaker_init(&breaker, 0);
	opened = false;
	for (int i = 0; i < BREAKER_WINDOW * 3; i++) /* the same share, spread over hours */
		opened |= breaker_report(&breaker, i % 2 == 1, 0.5, (int64_t)i * BREAKER_WINDOW_MS);
	assert_false(opened);
}

static void a_pause_holds_everything_without_counting_as_failure(void **state)
{
	struct breaker breaker;

	(void)state;
	breaker_init(&breaker, 0);
	breaker_pause(&breaker, 3000);
	assert_int_equal(breaker_allow(&breaker, 1, 0, 2999), 0);
	assert_int_equal(breaker_next_ms(&breaker, 0), 3000);
	assert_int_equal(breaker_allow(&breaker, 7, 0, 3000), 7);
	assert_string_equal(breaker_name(&breaker), "closed");
}

static void it_knows_since_when_it_is_not_closed(void **state)
{
	struct breaker breaker;

	(void)state;
	breaker_init(&breaker, 100);
	for (int i = 0; i < BREAKER_CONSECUTIVE; i++)
		breaker_report(&breaker, true, 0, 1000 + i);
	assert_int_equal(breaker.opened_ms, 1004);
	/* a probe that fails changes nothing of that */
	assert_int_equal(breaker_allow(&breaker, 1, 0, 2000), 1);
	breaker_report(&breaker, true, 0, 2001);
	assert_int_equal(breaker.opened_ms, 1004);
	assert_int_equal(breaker_allow(&breaker, 1, 0, 9000), 1);
	breaker_report(&breaker, false, 0, 9001);
	for (int i = 0; i < BREAKER_CONSECUTIVE; i++)
		breaker_report(&breaker, true, 0, 9100);
	assert_int_equal(breaker.opened_ms, 9100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_in_a_row_open_it),
		cmocka_unit_test(one_probe_passes_and_a_failure_doubles_the_wait),
		cmocka_unit_test(a_success_closes_it_and_lets_in_more_and_more),
		cmocka_unit_test(half_of_many_recent_failures_open_it),
		cmocka_unit_test(a_pause_holds_everything_without_counting_as_failure),
		cmocka_unit_test(it_knows_since_when_it_is_not_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
