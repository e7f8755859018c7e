/* SPDX-License-Identifier: Apache-2.0 */
/* When a job is due: made-up clocks, made-up schedules, no waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/sources/cron/cron.h"

#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)
#define D (24 * H)
#define BASE (20000 * D) /* midnight of some day */

/* At every multiple of the period, but for moments that do not exist (a zone's clock leaps). */
struct every {
	int64_t period, offset, never_from, never_to;
};

static int64_t next_of(const void *data, int64_t after)
{
	const struct every *every = data;
	int64_t at = (after - every->offset) / every->period * every->period + every->offset;

	while (at <= after || (at >= every->never_from && at < every->never_to))
		at += every->period;
	return at;
}

static const struct every minute = {.period = M}, hour = {.period = H},
			  daily = {.period = D, .offset = 3 * H}, second = {.period = S};

static struct plan_schedule by(const struct every *every)
{
	return (struct plan_schedule){next_of, every};
}

static int64_t never(const void *data, int64_t after)
{
	(void)data;
	(void)after;
	return PLAN_NEVER;
}

struct tally {
	int starts, misses;
	int64_t missed, last_due, wake;
};

/* All that is to be done at this moment. */
static struct tally look(struct plan *plan, const struct every *every,
			 const struct plan_rules *rules, int64_t now)
{
	struct plan_schedule schedule = by(every);
	struct tally tally = {0};

	for (int i = 0; i < 1000; i++) {
		struct plan_step step = plan_step(plan, &schedule, rules, now);

		if (step.action == PLAN_WAIT) {
			tally.wake = step.wake_ms;
			return tally;
		}
		tally.starts += step.action == PLAN_START;
		tally.misses += step.action == PLAN_MISS;
		tally.missed += step.missed;
		tally.last_due = step.due_ms;
	}
	fail_msg("it never waits");
	return tally;
}

static const struct plan_rules own_last = {.own = true, .catch_up = CATCH_UP_LAST};
static const struct plan_rules own_none = {.own = true, .catch_up = CATCH_UP_NONE};
static const struct plan_rules own_all = {.own = true, .catch_up = CATCH_UP_ALL};

static void every_start_is_made_once_and_at_its_time(void **unused)
{
	static const struct every *const all[] = {&second, &minute, &hour, &daily};
	const struct plan_rules *rules[] = {&own_last, &own_none, &own_all};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(all); i++) {
		for (size_t k = 0; k < TOCSIN_COUNT(rules); k++) {
			struct plan plan = {0};
			int64_t now = BASE + 1, expected;

			assert_int_equal(look(&plan, all[i], rules[k], now).starts, 0);
			expected = plan.due_ms;
			for (int n = 0; n < 50; n++) {
				struct tally tally = look(&plan, all[i], rules[k], now);

				assert_int_equal(tally.starts, now == expected);
				if (tally.starts) {
					assert_int_equal(tally.last_due, expected);
					expected = next_of(all[i], expected);
				}
				assert_true(tally.wake > now);
				now = tally.wake;
			}
		}
	}
}

/* What was missed, by how late we look and by the policy. */
static void missed_starts_are_made_up_for_as_configured(void **unused)
{
	static const struct {
		const struct plan_rules *rules;
		const struct every *every;
		int64_t late; /* of the first start that is due */
		int starts, misses;
		int64_t missed;
	} cases[] = {
		{&own_last, &hour, 0, 1, 0, 1},
		{&own_last, &hour, 59 * S, 1, 0, 1},
		{&own_last, &hour, 10 * H + M, 1, 0, 1},
		{&own_last, &minute, 10 * D, 1, 0, 1},
		{&own_none, &hour, 59 * S, 1, 0, 1},
		{&own_none, &hour, 61 * S, 0, 1, 1},
		{&own_none, &hour, 3 * H + M, 0, 1, 4},
		{&own_none, &minute, 3650 * D, 0, 1, PLAN_CATCH_UP},
		{&own_all, &hour, 0, 1, 0, 1},
		{&own_all, &hour, 5 * H + M, 6, 0, 6},
		{&own_all, &daily, 3 * D, 4, 0, 4},
		{&own_all, &minute, 3650 * D, PLAN_CATCH_UP, 0, PLAN_CATCH_UP},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		struct plan plan = {0};
		int64_t due;
		struct tally tally;

		(void)look(&plan, cases[i].every, cases[i].rules, BASE + 1);
		due = plan.due_ms;
		tally = look(&plan, cases[i].every, cases[i].rules, due + cases[i].late);
		if (tally.starts != cases[i].starts || tally.misses != cases[i].misses ||
		    tally.missed != cases[i].missed)
			fail_msg("case %zu: %d starts, %d misses, %lld missed", i, tally.starts,
				 tally.misses, (long long)tally.missed);
		assert_true(plan.due_ms > due + cases[i].late);
	}
}

static void all_of_them_one_after_the_other(void **unused)
{
	struct plan plan = {0};
	struct plan_rules rules = own_all;

	(void)unused;
	(void)look(&plan, &hour, &rules, BASE + 1);
	rules.busy = true;
	assert_int_equal(look(&plan, &hour, &rules, BASE + 5 * H).starts, 0);
	assert_int_equal(plan.due_ms, BASE + H);
	rules.busy = false;
	assert_int_equal(look(&plan, &hour, &rules, BASE + 5 * H).starts, 5);
}

/* The clock is set while the job waits, or just after it ran; how often it then runs in the time in
 * which it should have run that often. */
static void a_clock_that_is_set_skips_and_repeats_nothing_it_need_not(void **unused)
{
	static const struct {
		const struct every *every;
		int64_t jump, then; /* and how long we look on, by that clock */
		int least, most;
	} cases[] = {
		{&daily, -H, 2 * H, 0, 0},  /* not again today ... */
		{&daily, -H, 26 * H, 1, 1}, /* ... but tomorrow */
		{&daily, H, 26 * H, 1, 1},
		{&daily, -D, 25 * H, 1, 1},
		{&daily, D, M, 1, 1},          /* one that was leapt over */
		{&minute, -H, 30 * M, 29, 31}, /* it goes on, an hour of silence would be worse */
		{&minute, H, 30 * M, 30, 32},
		{&minute, 3650 * D, 10 * M, 10, 12},
		{&minute, -3650 * D, 10 * M, 9, 11},
		{&hour, -3650 * D, 5 * H, 4, 6},
		{&second, -10 * S, 10 * S, 9, 11},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		struct plan plan = {0};
		int64_t now = BASE + 1, end;
		int starts = 0;

		(void)look(&plan, cases[i].every, &own_last, now);
		now = plan.due_ms + 10;
		assert_int_equal(look(&plan, cases[i].every, &own_last, now).starts, 1);
		now += cases[i].jump;
		for (end = now + cases[i].then; now < end;) {
			struct tally tally = look(&plan, cases[i].every, &own_last, now);

			starts += tally.starts;
			now = tally.wake < now + CRON_WAKE_MS ? tally.wake : now + CRON_WAKE_MS;
		}
		if (starts < cases[i].least || starts > cases[i].most)
			fail_msg("case %zu: %d starts", i, starts);
	}
}

static void jitter_delays_each_start_by_its_own_time(void **unused)
{
	struct plan_rules rules = own_last;
	int64_t first, other;
	bool differs = false;

	(void)unused;
	rules.jitter_ms = 5 * M;
	rules.seed = 7;
	first = plan_jittered(&rules, BASE);
	assert_true(first >= BASE && first < BASE + 5 * M);
	assert_int_equal(plan_jittered(&rules, BASE), first);
	for (int64_t due = BASE; due < BASE + 100 * H; due += H) {
		other = plan_jittered(&rules, due) - due;
		assert_true(other >= 0 && other < 5 * M);
		differs |= other != first - BASE;
	}
	assert_true(differs);
	/* a start is made at its own moment, and only once */
	{
		struct plan plan = {0};
		int starts = 0;

		(void)look(&plan, &hour, &rules, BASE + 1);
		for (int64_t now = BASE + 1; now < BASE + 10 * H + 6 * M; now += 10 * S)
			starts += look(&plan, &hour, &rules, now).starts;
		assert_int_equal(starts, 10);
	}
}

static void a_job_of_somebody_else_is_missed_after_its_grace(void **unused)
{
	struct plan_rules rules = {.grace_ms = 5 * M};
	struct plan_schedule schedule = by(&hour);
	struct plan plan = {0};
	struct tally tally;

	(void)unused;
	tally = look(&plan, &hour, &rules, BASE + 1);
	assert_int_equal(tally.wake, BASE + H + 5 * M + 1);
	assert_int_equal(look(&plan, &hour, &rules, BASE + H + 5 * M).misses, 0);
	tally = look(&plan, &hour, &rules, BASE + H + 5 * M + 1);
	assert_int_equal(tally.misses, 1);
	assert_int_equal(tally.last_due, BASE + H);
	/* three hours of silence are one message */
	tally = look(&plan, &hour, &rules, BASE + 4 * H + 6 * M);
	assert_int_equal(tally.misses, 1);
	assert_int_equal(tally.missed, 3);
	/* it starts in time, a little early, late: nothing is missed */
	plan_started(&plan, &schedule, BASE + 5 * H);
	plan_started(&plan, &schedule, BASE + 6 * H - 30 * S);
	plan_started(&plan, &schedule, BASE + 7 * H + 4 * M);
	assert_int_equal(plan.due_ms, BASE + 8 * H);
	assert_int_equal(look(&plan, &hour, &rules, BASE + 8 * H + M).misses, 0);
	/* much too early is another run, not this one */
	plan_started(&plan, &schedule, BASE + 8 * H - 20 * M);
	assert_int_equal(plan.due_ms, BASE + 8 * H);
	assert_int_equal(look(&plan, &hour, &rules, BASE + 8 * H + 6 * M).misses, 1);
}

static void without_grace_nobody_is_missed(void **unused)
{
	struct plan_rules rules = {0};
	struct plan plan = {0};

	(void)unused;
	(void)look(&plan, &hour, &rules, BASE + 1);
	assert_int_equal(look(&plan, &hour, &rules, BASE + 100 * H).misses, 0);
	assert_true(plan.due_ms > BASE + 100 * H);
}

static void a_schedule_that_never_comes_round_waits_for_ever(void **unused)
{
	struct plan_schedule schedule = {never, NULL};
	struct plan plan = {0};
	struct plan_step step = plan_step(&plan, &schedule, &own_last, BASE);

	(void)unused;
	assert_int_equal(step.action, PLAN_WAIT);
	assert_int_equal(step.wake_ms, PLAN_NEVER);
	plan_started(&plan, &schedule, BASE);
	assert_int_equal(plan.due_ms, PLAN_NEVER);
}

/* As when a machine wakes up in a wrong year, and somebody mends that. */
static void a_clock_that_leapt_ahead_and_comes_back_costs_no_start(void **unused)
{
	static const int64_t leaps[] = {3 * D, 365 * D, 3650 * D};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(leaps); i++) {
		struct plan plan = {0};
		int64_t now = BASE + 1;

		(void)look(&plan, &daily, &own_last, now);
		assert_int_equal(look(&plan, &daily, &own_last, now + leaps[i]).starts, 1);
		assert_int_equal(look(&plan, &daily, &own_last, now).starts, 0);
		assert_int_equal(plan.due_ms, BASE + 3 * H);
		assert_int_equal(look(&plan, &daily, &own_last, BASE + 3 * H).starts, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_start_is_made_once_and_at_its_time),
		cmocka_unit_test(missed_starts_are_made_up_for_as_configured),
		cmocka_unit_test(all_of_them_one_after_the_other),
		cmocka_unit_test(a_clock_that_is_set_skips_and_repeats_nothing_it_need_not),
		cmocka_unit_test(a_clock_that_leapt_ahead_and_comes_back_costs_no_start),
		cmocka_unit_test(jitter_delays_each_start_by_its_own_time),
		cmocka_unit_test(a_job_of_somebody_else_is_missed_after_its_grace),
		cmocka_unit_test(without_grace_nobody_is_missed),
		cmocka_unit_test(a_schedule_that_never_comes_round_waits_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
