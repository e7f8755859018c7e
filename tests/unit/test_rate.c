/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "delivery/rate.h"

static void unlimited_takes_all(void **state)
{
	struct rate rate = {0};

	(void)state;
	rate_init(&rate, (struct tocsin_rate){0}, 0, 0);
	assert_int_equal(rate_take(&rate, 1000000, 0), 1000000);
	assert_int_equal(rate_next_ms(&rate, 5), 5);
}

static void no_second_sees_more_than_rate_and_burst(void **state)
{
	struct rate rate = {0};
	size_t taken = 0;

	(void)state;
	rate_init(&rate, (struct tocsin_rate){.count = 10, .per_ms = 1000}, 0, 0);
	for (int64_t now = 0; now < 10000; now += 7)
		taken += rate_take(&rate, 100, now);
	assert_in_range(taken, 105, 110); /* ten seconds of ten, and a full bucket to begin with */
}

static void a_slow_rate_gives_one_at_a_time(void **state)
{
	struct rate rate = {0};

	(void)state;
	rate_init(&rate, (struct tocsin_rate){.count = 30, .per_ms = 60000}, 0, 0);
	assert_int_equal(rate_take(&rate, 5, 0), 1);
	assert_int_equal(rate_take(&rate, 5, 1999), 0);
	assert_int_equal(rate_next_ms(&rate, 1999), 2000);
	assert_int_equal(rate_take(&rate, 5, 2000), 1);
}

static void burst_bounds_what_gathers(void **state)
{
	struct rate rate = {0};

	(void)state;
	rate_init(&rate, (struct tocsin_rate){.count = 1, .per_ms = 1000}, 5, 0);
	assert_int_equal(rate_take(&rate, 100, 3600000), 5);
}

static void a_clock_that_stands_gives_nothing(void **state)
{
	struct rate rate = {0};

	(void)state;
	rate_init(&rate, (struct tocsin_rate){.count = 1, .per_ms = 1000}, 1, 5000);
	assert_int_equal(rate_take(&rate, 1, 5000), 1);
	assert_int_equal(rate_take(&rate, 1, 5000), 0);
	assert_int_equal(rate_take(&rate, 1, 4000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unlimited_takes_all),
		cmocka_unit_test(no_second_sees_more_than_rate_and_burst),
		cmocka_unit_test(a_slow_rate_gives_one_at_a_time),
		cmocka_unit_test(burst_bounds_what_gathers),
		cmocka_unit_test(a_clock_that_stands_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
