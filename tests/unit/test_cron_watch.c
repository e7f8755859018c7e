/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a program from starting, and when that, or how long it runs, is told. */
#include "../../plugins/sources/cron/task.h"
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
		assert_in_range(at(NOON + 2 * M), NOON + 2 * M + 8 * S, NOON + 2 * M + 10 * S + 1);
		at(NOON + 2 * M + 5 * S);
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
	for (int i = 2; i <= 4; i++)
		assert_true(at(NOON + i * M) > NOON + i * M);
	assert_int_equal(self.n_alerts, 1);
	assert_alert("CronJobTooLong");
	let_it_end();
}

/* --- a clock that is set --- */

static const int64_t leaps[] = {H, -H, 24 * H, -24 * H, 3653 * 24 * H, -3653 * 24 * H};

static void begin_report(void)
{
	struct job_config *job = add("reported", NULL);

	job->schedule = &hourly.schedule;
	job->grace = 10 * M;
	job->max_run = 10 * M;
	host_now_ms = NOON + 1;
	host_set_ms = NOON;
	begin();
	at(NOON + 1);
	assert_int_equal(say("reported", "report", "{\"event\":\"start\",\"id\":\"1\"}"), 200);
}

static void a_clock_that_is_set_raises_nothing(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(leaps); i++) {
		configure();
		host_done(&self);
		host_init(&self);
		hanging(OVERLAP_SKIP, CATCH_UP_LAST)->schedule = &hourly.schedule;
		hanging(OVERLAP_SKIP, CATCH_UP_NONE)->name = "rests";
		begin_report();
		assert_int_equal(say("hangs", "run", "{}"), 200);
		for (int back = 0; back < 2; back++) {
			host_set_clock(back ? -leaps[i] : leaps[i]);
			for (int look = 0; look < 3; look++)
				at(host_now_ms + S);
			if (self.n_alerts > 0)
				fail_msg("leap %zu: %s", i, self.alerts);
		}
		/* and yet its time passes */
		at(host_now_ms + 10 * M);
		assert_alert("CronJobTooLong job=reported");
		assert_null(strstr(self.alerts, "CronJobLost"));
		task_stop(job_own_run(cron->job[0])->id);
		end();
	}
}

static void a_start_after_the_clock_was_set_is_missed_as_ever(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(leaps); i++) {
		configure();
		host_done(&self);
		host_init(&self);
		begin_report();
		assert_int_equal(say("reported", "report", "{\"event\":\"end\",\"id\":\"1\"}"),
				 200);
		host_set_clock(leaps[i]);
		at(host_now_ms + S);
		at(host_now_ms + 30 * M);
		assert_int_equal(self.n_alerts, 0);
		at(host_now_ms + 2 * H);
		assert_alert("CronJobMissed");
		end();
	}
}

static void what_ran_before_the_clock_was_set_back_is_not_the_newest_for_ever(void **unused)
{
	(void)unused;
	add("j", NULL)->triggers.failures_in_a_row = 2;
	begin();
	host_set_clock(3653 * 24 * H);
	assert_int_equal(say("j", "report", "{\"event\":\"end\",\"exit\":1}"), 200);
	host_set_clock(-3653 * 24 * H);
	host_forget(&self);
	assert_int_equal(say("j", "report", "{\"event\":\"end\",\"exit\":1}"), 200);
	assert_alert("FIRING 4 alertname=CronJobFailing");
	assert_int_equal(say("j", "report", "{\"event\":\"end\",\"exit\":0}"), 200);
	assert_alert("RESOLVED 4 alertname=CronJobFailing");
	assert_item("j", "reason", "null");
}

static void a_run_that_is_told_of_by_pings_takes_as_long_as_it_does(void **unused)
{
	(void)unused;
	begin();
	assert_int_equal(say("j", "report", "{\"event\":\"start\"}"), 200);
	host_set_clock(24 * H);
	host_now_ms += 10 * S;
	assert_int_equal(say("j", "report", "{\"event\":\"end\"}"), 200);
	assert_true(cron->job[0]->last.duration_ms >= 10 * S);
	assert_true(cron->job[0]->last.duration_ms < 20 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_of_somebody_else_keeps_no_program_from_starting),
		TEST(a_start_that_is_left_out_is_missed_after_its_grace),
		TEST(what_is_made_up_for_within_its_grace_is_not_missed),
		TEST(a_job_that_was_missed_is_well_again_with_its_next_good_run),
		TEST(a_program_that_runs_too_long_is_not_looked_at_again_and_again),
		TEST(a_clock_that_is_set_raises_nothing),
		TEST(a_start_after_the_clock_was_set_is_missed_as_ever),
		TEST(what_ran_before_the_clock_was_set_back_is_not_the_newest_for_ever),
		TEST(a_run_that_is_told_of_by_pings_takes_as_long_as_it_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
