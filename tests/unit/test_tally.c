/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/tally.h"

static void an_alert_is_begun_once_whatever_its_recipients(void **state)
{
	struct tally tally;
	int64_t number, of;

	(void)state;
	tally_init(&tally);
	tally_expect(&tally, 2);
	assert_true(tally_begin(&tally, "a", &number, &of));
	assert_false(tally_begin(&tally, "a", &number, &of));
	assert_true(tally_begin(&tally, "b", &number, &of));
	assert_int_equal(number, 2);
	assert_int_equal(of, 2);
	assert_true(tally_begin(&tally, "late", &number, &of));
	assert_int_equal(of, 3);
	tally_done(&tally);
}

static void a_failed_alert_is_counted_once_and_never_as_sent(void **state)
{
	struct tally tally;
	int64_t expected, sent, failed;
	char id[32];

	(void)state;
	tally_init(&tally);
	for (int i = 0; i < 10000; i++) {
		snprintf(id, sizeof(id), "alert-%d", i);
		if (i % 3 == 0) {
			tally_failed(&tally, id);
			tally_failed(&tally, id);
		}
		tally_settled(&tally, id);
	}
	tally_read(&tally, &expected, &sent, &failed);
	assert_int_equal(failed, 3334);
	assert_int_equal(sent, 6666);
	tally_done(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_is_begun_once_whatever_its_recipients),
		cmocka_unit_test(a_failed_alert_is_counted_once_and_never_as_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
