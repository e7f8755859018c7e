/* SPDX-License-Identifier: Apache-2.0 */
/* When checks run, and the clock that counts what lasts. */
#include "threshold_made.h"

static void the_steady_clock_neither_jumps_nor_goes_back(void **state)
{
	static const struct {
		int64_t saved, boot, saved_boot, wall, saved_wall;
		int same;
		int64_t expected;
	} cases[] = {
		{5000, 9000, 8000, 1000000, 500000, 1, 6000}, /* same boot: the wall is nothing */
		{5000, 9000, 8000, 0, 500000, 1, 6000},       /* even if set back */
		{5000, 10, 8000, 560000, 500000, 0, 65000},   /* a reboot: a minute */
		{5000, 10, 8000, 400000, 500000, 0, 5000},    /* into the past: not back */
		{5000, 10, 8000, INT64_C(9000000000000), 500000, 0, 5000 + INT64_C(31622400000)},
	};
	struct steady_clock one, two;
	char text[120];

	(void)state;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++)
		assert_int_equal(steady_reckon(cases[i].saved, cases[i].boot, cases[i].saved_boot,
					       cases[i].wall, cases[i].saved_wall, cases[i].same),
				 cases[i].expected);
	steady_open(&one, NULL);
	assert_in_range(steady_now(&one).now_ms, 1, 60000);
	one.offset_ms += 123456789;
	steady_save(&one, text, sizeof(text));
	steady_open(&two, text);
	assert_in_range(steady_now(&two).now_ms - steady_now(&one).now_ms + 1000, 0, 2000);
	steady_open(&two, "nonsense");
	assert_in_range(steady_now(&two).now_ms, 1, 60000);
}

static int64_t next_minute(const struct tocsin_schedule *schedule, const struct tocsin_zone *zone,
			   int64_t after_ms)
{
	(void)schedule, (void)zone;
	return (after_ms / 60000 + 1) * 60000;
}

static void runs_keep_their_rhythm(void **state)
{
	const struct tocsin_host host = {.size = sizeof(host), .next = next_minute};
	struct config config = {.every = 60000};
	struct made made;
	int64_t now = steady_boot_ms(), first;

	(void)state;
	made_begin(&made);
	due_first(&made.config, &host, &made.check);
	assert_int_equal(due_in_ms(&made.check, steady_boot_ms(), steady_wall_ms()), 0);
	first = made.check.due_ms;
	due_next(&made.check, &config, &host);
	assert_int_equal(made.check.due_ms, first + 60000);
	made.check.ran = true;
	/* Late by five and a half turns: those are gone. */
	made.check.due_ms = now - 330000;
	due_next(&made.check, &config, &host);
	assert_int_equal(made.check.due_ms, now - 330000 + 360000);
	assert_in_range(due_in_ms(&made.check, steady_boot_ms(), steady_wall_ms()), 20000, 30000);
	assert_in_range(due_wall_ms(&made.check) - steady_wall_ms(), 20000, 30000);
	made.config.every = 1000;
	made.check.due_ms = now;
	due_next(&made.check, &config, &host);
	assert_in_range(made.check.due_ms, now + 1000, now + 2000);
	made.config.schedule = (const void *)"x";
	due_first(&made.config, &host, &made.check);
	assert_int_equal(made.check.due_ms % 60000, 0);
	assert_in_range(due_in_ms(&made.check, steady_boot_ms(), steady_wall_ms()), 0, 60000);
	made_settle(&made);
	made.check.paused = true;
	assert_true(due_in_ms(&made.check, steady_boot_ms(), steady_wall_ms()) == INT64_MAX);
	assert_int_equal(due_wall_ms(&made.check), 0);
	made.check.paused = false;
	made.config.jitter = 10000;
	made.config.schedule = NULL;
	made.config.every = 60000;
	made.check.ran = false;
	made.check.due_ms = now;
	due_next(&made.check, &config, &host);
	assert_in_range(made.check.due_ms, now + 60000, now + 70000);
	made_done(&made);
}

/* What was due while nobody was there is due once, now; what was not, and what is new, in its turn. */
static void a_missed_turn_of_a_schedule_is_made_up_for(void **state)
{
	const struct tocsin_host host = {.size = sizeof(host), .next = next_minute};
	struct config config = {.every = 60000};
	struct made made;
	int64_t now = steady_wall_ms(), minute = now - now % 60000;

	(void)state;
	made_begin(&made);
	made.config.schedule = (const void *)"x";
	made.check.until_ms = minute - 600000;
	due_first(&made.config, &host, &made.check);
	assert_int_equal(due_in_ms(&made.check, steady_boot_ms(), now), 0);
	due_next(&made.check, &config, &host);
	assert_true(made.check.due_ms > now);
	assert_true(made.check.until_ms >= now);
	for (size_t i = 0; i < 3; i++) {
		const int64_t until[] = {0, now, now + 3600000};

		made.check.until_ms = until[i];
		due_first(&made.config, &host, &made.check);
		assert_true(made.check.due_ms > now);
		assert_in_range(made.check.until_ms, now, steady_wall_ms());
	}
	made_done(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_steady_clock_neither_jumps_nor_goes_back),
		cmocka_unit_test(runs_keep_their_rhythm),
		cmocka_unit_test(a_missed_turn_of_a_schedule_is_made_up_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
