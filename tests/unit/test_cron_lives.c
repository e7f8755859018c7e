/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that tocsin runs, over lives of the daemon: starts, stops, reloads and deaths. */
#include "cron_setting.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* They wait in the spool, and come when the source listens. */
static void runs_of_the_time_without_a_daemon_come_before_it_judges(void **unused)
{
	struct job_config *job = add("j", NULL);

	(void)unused;
	job->schedule = &hourly.schedule;
	job->grace = M;
	job->max_run = 10 * M;
	begin();
	at(NOON + 1);
	assert_int_equal(
		say("j", "report",
		    "{\"event\":\"start\",\"id\":\"1\",\"started_at\":\"2025-11-18T12:00:00Z\"}"),
		200);
	end();
	host_now_ms = NOON + 90 * M;
	self.waits = 0; /* STOP at the first wait */
	open_cron();
	assert_int_equal(cron_run(cron), 0);
	assert_int_equal(self.n_alerts, 0);
	assert_int_equal(
		say("j", "report",
		    "{\"event\":\"end\",\"id\":\"1\",\"ended_at\":\"2025-11-18T12:05:00Z\"}"),
		200);
	assert_int_equal(
		say("j", "report",
		    "{\"event\":\"end\",\"id\":\"2\",\"started_at\":\"2025-11-18T13:00:00Z\","
		    "\"ended_at\":\"2025-11-18T13:05:00Z\"}"),
		200);
	assert_true(at(host_now_ms) <= host_now_ms + CRON_SETTLE_MS);
	cron->judge_from_ms = 0;
	at(host_now_ms);
	assert_int_equal(self.n_alerts, 0);
	assert_item("j", "succeeded", "2");
	at(NOON + 2 * H + 2 * M);
	assert_alert("CronJobMissed");
}

static void leave_running(const char *name, bool again)
{
	struct run run;
	char *json, *path;
	struct job job = {.name = (char *)(uintptr_t)name};

	run_init(&run, ID, CAUSE_SCHEDULE, NOON - M);
	run.own = true;
	run.again = again;
	run.due_ms = NOON - M;
	json = run_json(&run, name);
	path = run_value_name(&job, run.started_ms, run.id);
	host_set(&self, path, json);
	host_set(&self, "job/j", "{\"name\":\"j\",\"plan\":{\"due\":1763470800000}}");
	free(json);
	free(path);
}

static void a_run_that_ended_with_the_daemon_is_lost_and_made_up_for_once(void **unused)
{
	static const struct {
		enum catch_up catch_up;
		bool again;
		const char *total;
	} cases[] = {{CATCH_UP_LAST, false, "2"},
		     {CATCH_UP_ALL, false, "2"},
		     {CATCH_UP_NONE, false, "1"},
		     {CATCH_UP_LAST, true, "1"}};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		struct job_config *job;

		configure();
		host_done(&self);
		host_init(&self);
		job = add("j", "exit 0");
		job->schedule = &hourly.schedule;
		job->catch_up = cases[i].catch_up;
		leave_running("j", cases[i].again);
		host_now_ms = NOON + 1;
		begin();
		settle();
		assert_item("j", "total", cases[i].total);
		assert_int_equal(self.n_alerts, 1);
		assert_alert("EVENT 4 alertname=CronJobLost job=j trigger=lost |");
		end();
	}
}

static void what_a_lost_run_left_behind_is_killed(void **unused)
{
	pid_t child = fork();
	int status;

	(void)unused;
	if (child == 0) {
		static char variable[] = "TOCSIN_RUN=" ID;
		static char *const environment[] = {variable, NULL};
		static char *const arguments[] = {(char *)(uintptr_t) "sleep",
						  (char *)(uintptr_t) "60", NULL};

		execve("/bin/sleep", arguments, environment);
		_exit(127);
	}
	usleep(50000);
	add("j", NULL);
	leave_running("j", true);
	begin();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* A reload opens the new instance beside the old one. */
static void a_reload_takes_running_programs_over(void **unused)
{
	struct cron *before;

	(void)unused;
	add("j", "sleep 0.4; echo done");
	open_cron();
	before = cron;
	self.waits = 0; /* STOP at the first wait */
	assert_int_equal(cron_load(before), 0);
	assert_int_equal(say("j", "run", "{}"), 200);
	open_cron();
	assert_int_equal(cron_run(before), 0);
	tocsin_plugin.source->close(before);
	assert_int_equal(cron_load(cron), 0);
	assert_int_equal(duty_resume(cron), 0);
	assert_item("j", "running", "1");
	settle();
	assert_item("j", "succeeded", "1");
	assert_int_equal(self.n_alerts, 0);
}

static void a_stop_ends_the_programs(void **unused)
{
	(void)unused;
	add("j", "trap 'exit 3' TERM; sleep 60 & wait");
	open_cron();
	assert_int_equal(cron_load(cron), 0);
	assert_int_equal(say("j", "run", "{}"), 200);
	usleep(100000);
	self.waits = 0;
	assert_int_equal(cron_run(cron), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	end();
	/* the next life says so */
	self.waits = -1;
	begin();
	assert_alert("CronJobLost");
}

/* It heeded SIGTERM, and had done its work: nothing is to be made up for. */
static void what_ends_well_because_of_a_stop_is_recorded(void **unused)
{
	(void)unused;
	add("j", "trap 'echo all saved; exit 0' TERM; sleep 60 & wait")->schedule =
		&hourly.schedule;
	begin();
	at(NOON + 1);
	at(NOON + H);
	usleep(100000);
	self.waits = 0;
	assert_int_equal(cron_run(cron), 0);
	end();
	assert_int_equal(self.n_alerts, 0);
	self.waits = -1;
	begin();
	assert_item("j", "running", "0");
	assert_item("j", "total", "1");
	assert_item("j", "succeeded", "1");
	assert_int_equal(say("j", "history", "{}"), 200);
	assert_non_null(strstr(answer_text, "all saved"));
	assert_non_null(strstr(answer_text, "\"error_message\":null"));
	assert_int_equal(self.n_alerts, 0);
}

/* Between the last look at it and the stop. */
static void what_ended_before_a_stop_is_recorded(void **unused)
{
	(void)unused;
	for (int life = 0; life < 2; life++) {
		configure();
		add("j", "sleep 0.1; echo all done")->schedule = &hourly.schedule;
		self.waits = -1;
		begin();
		host_now_ms = NOON + 1;
		at(host_now_ms + life * H);
		at(NOON + H + life * H);
		assert_item("j", "running", "1");
		self.waits = 0; /* STOP at the first wait, when it has ended */
		self.stop_ms = 600;
		self.log[0] = '\0';
		assert_int_equal(cron_run(cron), 0);
		end();
		assert_null(strstr(self.log, "cannot be recorded"));
		self.waits = -1;
		begin();
		assert_item("j", "running", "0");
		assert_item("j", "total", life ? "2" : "1");
		assert_item("j", "succeeded", life ? "2" : "1");
		assert_int_equal(self.n_alerts, 0);
		end();
	}
}

/* A store that takes nothing holds up no stop, and the log says what that means. */
static void a_stop_with_a_store_that_is_full_says_what_it_loses(void **unused)
{
	(void)unused;
	add("j", "exit 0");
	begin();
	assert_int_equal(say("j", "run", "{}"), 200);
	self.waits = 0;
	self.stop_ms = 300;
	self.full = true;
	assert_int_equal(cron_run(cron), 0);
	end();
	assert_non_null(strstr(self.log, "what happened last cannot be recorded"));
	self.full = false;
	self.waits = -1;
	begin();
	assert_alert("CronJobLost");
}

/* Else who is told that it was not taken says it again, and it counts twice. */
static void what_was_said_when_the_stop_came_is_committed_and_answered_so(void **unused)
{
	(void)unused;
	add("j", NULL);
	begin();
	self.stopping = true;
	assert_int_equal(say("j", "report", "{\"event\":\"end\",\"exit\":0}"), 200);
	assert_int_equal(host_values(&self, "run/j/"), 1);
}

/* Its commit came too late: it is not recorded as begun, and not started either. */
static void a_start_that_a_stop_cuts_off_is_still_to_come(void **unused)
{
	struct job_config *job = add("j", "exit 0");

	(void)unused;
	job->schedule = &hourly.schedule;
	begin();
	at(NOON + 1);
	host_now_ms = NOON + H;
	self.stopping = true;
	self.waits = 0;
	assert_int_equal(cron_run(cron), 0);
	end();
	assert_int_equal(host_values(&self, "run/j/"), 0);
	self.waits = -1;
	begin();
	assert_item("j", "next_run", "\"2025-11-18T13:00:00.000Z\"");
	at(NOON + H + 5 * M);
	settle();
	assert_item("j", "succeeded", "1");
	assert_int_equal(self.n_alerts, 0);
	at(NOON + H + 6 * M);
	assert_item("j", "total", "1");
}

static void a_run_that_is_once_ends_when_its_programs_have(void **unused)
{
	(void)unused;
	add("j", "exit 0")->schedule = &hourly.schedule;
	self.once = true;
	host_set(&self, "job/j", "{\"name\":\"j\",\"plan\":{\"due\":1763467200000}}");
	open_cron();
	self.waits = 50;
	assert_int_equal(cron_run(cron), 0);
	assert_true(self.swept);
	assert_int_equal(host_values(&self, "run/j/"), 1);
	assert_non_null(strstr(host_value(&self, "job/j"), "\"succeeded\":1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runs_of_the_time_without_a_daemon_come_before_it_judges),
		TEST(a_run_that_ended_with_the_daemon_is_lost_and_made_up_for_once),
		TEST(what_a_lost_run_left_behind_is_killed),
		TEST(a_reload_takes_running_programs_over),
		TEST(a_stop_ends_the_programs),
		TEST(what_ends_well_because_of_a_stop_is_recorded),
		TEST(what_ended_before_a_stop_is_recorded),
		TEST(a_stop_with_a_store_that_is_full_says_what_it_loses),
		TEST(what_was_said_when_the_stop_came_is_committed_and_answered_so),
		TEST(a_start_that_a_stop_cuts_off_is_still_to_come),
		TEST(a_run_that_is_once_ends_when_its_programs_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
