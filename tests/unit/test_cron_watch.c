/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a program from starting, and when that, or how long it runs, is told. */
#include "cron_setting.h"

static struct host_schedule minutely = {{"* * * * *", NULL}, M};

static void a_run_of_somebody_else_keeps_no_program_from_starting(void **unused)
{
	static const enum overlap overlaps[] = {OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_ALLOW};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(overlaps); i++) {
		struct job_config *job;

		configure();
		host_done(&self);
		host_init(&self);
		job = add("j", "exit 0");
		job->schedule = &hourly.schedule;
		job->overlap = overlaps[i];
		begin();
		at(NOON + 1);
		assert_int_equal(say("j", "report", "{\"event\":\"start\",\"id\":\"1\"}"), 200);
		at(NOON + H);
		settle();
		assert_item("j", "succeeded", "1");
		assert_int_equal(say("j", "run", "{}"), 200);
		settle();
		assert_item("j", "succeeded", "2");
		assert_item("j", "running", "1");
		end();
	}
}

/* --- grace --- */

static struct job_config *hanging(enum overlap overlap, enum catch_up catch_up)
{
	struct job_config *job = add("hangs", "exec sleep 100");

	job->schedule = &minutely.schedule;
	job->grace = 10 * S;
	job->overlap = overlap;
	job->catch_up = catch_up;
	return job;
}

static void let_it_end(void)
{
	task_stop(job_own_run(cron->job[0])->id);
	settle();
}

static void a_start_that_is_left_out_is_missed_after_its_grace(void **unused)
{
	static const struct {
		enum overlap overlap;
		enum catch_up catch_up;
	} cases[] = {{OVERLAP_SKIP, CATCH_UP_LAST},
		     {OVERLAP_SKIP, CATCH_UP_NONE},
		     {OVERLAP_QUEUE, CATCH_UP_LAST},
		     {OVERLAP_SKIP, CATCH_UP_ALL}};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		configure();
		host_done(&self);
		host_init(&self);
		hanging(cases[i].overlap, cases[i].catch_up);
		begin();
		at(NOON + 1);
		at(NOON + M);
		assert_int_equal(at(NOON + 2 * M), NOON + 2 * M + 10 * S + 1);
		at(NOON + 2 * M + 10 * S);
		assert_int_equal(self.n_alerts, 0);
		at(NOON + 2 * M + 10 * S + 1);
		assert_alert("FIRING 4 alertname=CronJobMissed job=hangs");
		assert_alert("summary=hangs did not start: it was due at 2025-11-18 13:02:00 CET, "
			     "and the run before it still goes on");
		/* told once, also of the starts after it, and after a restart */
		at(NOON + 3 * M);
		at(NOON + 4 * M + 30 * S);
		assert_int_equal(self.n_alerts, 1);
		task_stop(job_own_run(cron->job[0])->id);
		end();
	}
}

static void what_is_made_up_for_within_its_grace_is_not_missed(void **unused)
{
	(void)unused;
	hanging(OVERLAP_SKIP, CATCH_UP_LAST);
	begin();
	at(NOON + 1);
	at(NOON + M);
	at(NOON + 2 * M);
	let_it_end();
	assert_alert("CronJobFailed"); /* by SIGTERM */
	host_forget(&self);
	script[2] = "exit 0";
	host_now_ms = NOON + 2 * M + 9 * S;
	assert_int_equal(say("hangs", "run", "{}"), 200);
	settle();
	at(NOON + 2 * M + 20 * S);
	assert_int_equal(self.n_alerts, 0);
}

static void a_job_that_was_missed_is_well_again_with_its_next_good_run(void **unused)
{
	(void)unused;
	hanging(OVERLAP_SKIP, CATCH_UP_LAST);
	begin();
	at(NOON + 1);
	at(NOON + M);
	at(NOON + 2 * M);
	at(NOON + 2 * M + 11 * S);
	let_it_end();
	host_forget(&self);
	script[2] = "exit 0";
	at(NOON + 3 * M);
	settle();
	assert_int_equal(self.n_alerts, 1);
	assert_alert("RESOLVED 4 alertname=CronJobMissed job=hangs");
	at(NOON + 3 * M + 30 * S);
	assert_int_equal(self.n_alerts, 1);
}

/* --- too long --- */

static void a_program_that_runs_too_long_is_not_looked_at_again_and_again(void **unused)
{
	struct job_config *job = add("long", "sleep 100");

	(void)unused;
	job->max_run = M;
	begin();
	assert_int_equal(say("long", "run", "{}"), 200);
	assert_true(at(NOON + 1) > NOON + M - 10 * S);
	for (int i = 1; i <= 3; i++) {
		host_boot_ahead_ms = i * M + 1;
		assert_true(at(NOON + i * M) > NOON + i * M);
	}
	assert_int_equal(self.n_alerts, 1);
	assert_alert("CronJobTooLong");
	let_it_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_of_somebody_else_keeps_no_program_from_starting),
		TEST(a_start_that_is_left_out_is_missed_after_its_grace),
		TEST(what_is_made_up_for_within_its_grace_is_not_missed),
		TEST(a_job_that_was_missed_is_well_again_with_its_next_good_run),
		TEST(a_program_that_runs_too_long_is_not_looked_at_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
