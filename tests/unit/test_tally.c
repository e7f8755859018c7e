/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/tally.h"

static void an_alert_is_begun_once_whatever_its_recipients(void **state)
{
	struct tally tally;
	int64_t number, of;

	(void)state;
	tally_init(&tally, true);
	tally_expect(&tally, 2);
	assert_true(tally_begin(&tally, 1, &number, &of));
	assert_false(tally_begin(&tally, 1, &number, &of));
	assert_true(tally_begin(&tally, 2, &number, &of));
	assert_int_equal(number, 2);
	assert_int_equal(of, 2);
	assert_true(tally_begin(&tally, 3, &number, &of));
	assert_int_equal(of, 3);
	tally_done(&tally);
}

static void a_failed_alert_is_counted_once_and_never_as_sent(void **state)
{
	struct tally tally;
	int64_t expected, sent, failed;

	(void)state;
	tally_init(&tally, true);
	for (int i = 0; i < 10000; i++) {
		if (i % 3 == 0) {
			tally_failed(&tally, i);
			tally_failed(&tally, i);
		}
		tally_settled(&tally, i);
	}
	tally_read(&tally, &expected, &sent, &failed);
	assert_int_equal(failed, 3334);
	assert_int_equal(sent, 6666);
	tally_refused(&tally, "row 1");
	tally_refused(&tally, "row 1");
	tally_read(&tally, &expected, &sent, &failed);
	assert_int_equal(failed, 3335);
	tally_delivered(&tally, 0); /* by its fallback */
	tally_delivered(&tally, 20000);
	tally_read(&tally, &expected, &sent, &failed);
	assert_int_equal(failed, 3334);
	assert_int_equal(sent, 6668);
	tally_done(&tally);
}

/* It may run for years, and remembers nothing for an end that nobody sums up. */
static void a_daemon_remembers_nothing_of_what_failed(void **state)
{
	struct tally tally;
	int64_t expected, sent, failed;

	(void)state;
	tally_init(&tally, false);
	for (int i = 0; i < 1000; i++)
		tally_failed(&tally, i);
	tally_refused(&tally, "row 1");
	tally_read(&tally, &expected, &sent, &failed);
	assert_int_equal(failed, 0);
	assert_null(tally.failed);
	tally_done(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_is_begun_once_whatever_its_recipients),
		cmocka_unit_test(a_failed_alert_is_counted_once_and_never_as_sent),
		cmocka_unit_test(a_daemon_remembers_nothing_of_what_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
