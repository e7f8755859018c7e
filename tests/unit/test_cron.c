/* SPDX-License-Identifier: Apache-2.0 */
/* The cron source with a clock that the test sets, and real programs. */
#include "cron_host.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)
#define NOON INT64_C(1763467200000) /* 2025-11-18T12:00:00Z */

static struct tocsin_self self;
static struct job_config jobs[4];
static struct cron_config config;
static struct host_schedule hourly = {{"0 * * * *", NULL}, H};
static const char *script[] = {"/bin/sh", "-c", "exit 0"};
static struct cron *cron;

static void configure(void)
{
	static const struct triggers as_source = {-1, -1, -1, -1, -1, -1, -1};

	memset(jobs, 0, sizeof(jobs));
	for (size_t i = 0; i < TOCSIN_COUNT(jobs); i++)
		jobs[i] = (struct job_config){.directory = "/",
					      .kill_after = 2000,
					      .catch_up = CATCH_UP_LAST,
					      .triggers = as_source};
	config = (struct cron_config){.jobs = {jobs, 0},
				      .triggers = {.failed = 1,
						   .error_rate = 50,
						   .min_tasks = 3,
						   .failed_tasks = 5,
						   .processing_errors = 3},
				      .severity = TOCSIN_ERROR,
				      .error_rate_severity = TOCSIN_WARNING,
				      .at_once = 16,
				      .keep_runs = 100};
}

static struct job_config *add(const char *name, const char *command)
{
	struct job_config *job = &jobs[config.jobs.n++];

	job->name = name;
	if (!command)
		return job;
	script[2] = command;
	job->command = (struct tocsin_strings){script, 3};
	return job;
}

static void open_cron(void)
{
	void *state = NULL;

	assert_int_equal(tocsin_plugin.source->open(&self, host_of_tests(), &config, &state), 0);
	cron = state;
}

static void begin(void)
{
	open_cron();
	assert_int_equal(cron_load(cron), 0);
	assert_int_equal(duty_resume(cron), 0);
	assert_int_equal(book_flush(cron), 0);
}

static void end(void)
{
	tocsin_plugin.source->close(cron);
	cron = NULL;
}

static int setup(void **state)
{
	(void)state;
	host_init(&self);
	configure();
	host_now_ms = NOON + 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (cron)
		end();
	host_done(&self);
	return 0;
}

/* At this moment; returns when something is due next. */
static int64_t at(int64_t ms)
{
	int64_t wake;
	int rc;

	host_now_ms = ms;
	assert_int_equal(duty_collect(cron), 0);
	wake = duty_look(cron, ms, &rc);
	assert_int_equal(rc, 0);
	assert_int_equal(book_flush(cron), 0);
	return wake;
}

/* Until no program runs. */
static void settle(void)
{
	struct pollfd bell = {.fd = cron->notify, .events = POLLIN};

	for (int i = 0; i < 1000 && !duty_idle(cron); i++) {
		(void)poll(&bell, 1, 20);
		at(host_now_ms);
	}
	assert_true(duty_idle(cron));
}

static char answer_text[65536];

static int say(const char *item, const char *verb, const char *body)
{
	struct tocsin_call call = {.size = sizeof(call), .verb = verb, .item = item, .body = body};
	struct tocsin_call *const calls[] = {&call};

	tocsin_plugin.source->call(cron, calls, 1);
	assert_non_null(call.answer);
	snprintf(answer_text, sizeof(answer_text), "%s", call.answer);
	free(call.answer);
	return call.status;
}

static json_t *item_of(const char *name)
{
	json_t *item;

	assert_int_equal(say(name, "show", "{}"), 200);
	item = json_loads(answer_text, 0, NULL);
	assert_non_null(item);
	return item;
}

static void assert_item(const char *name, const char *key, const char *value)
{
	json_t *item = item_of(name);
	char *text = json_dumps(json_object_get(item, key), JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text ? text : "absent", value);
	free(text);
	json_decref(item);
}

static void assert_alert(const char *word)
{
	if (!strstr(self.alerts, word))
		fail_msg("'%s' not in: %s", word, self.alerts);
}

/* --- reports --- */

#define ID "0f8fad5b-d9cb-469f-a165-70867728950e"

static void a_run_is_reported_in_two_halves(void **unused)
{
	(void)unused;
	add("backup", NULL);
	begin();
	assert_int_equal(say("backup", "report",
			     "{\"event\":\"start\",\"id\":\"" ID
			     "\",\"started_at\":\"2025-11-18T12:00:00.000Z\",\"host\":\"h1\"}"),
			 200);
	assert_item("backup", "state", "\"running\"");
	assert_int_equal(self.n_alerts, 0);
	assert_int_equal(host_values(&self, "run/backup/"), 1);
	assert_int_equal(say("backup", "report",
			     "{\"event\":\"end\",\"id\":\"" ID
			     "\",\"ended_at\":\"2025-11-18T12:00:45.300Z\",\"exit\":1,"
			     "\"output\":\"connecting\\nconnection refused\\n\"}"),
			 200);
	assert_item("backup", "state", "\"idle\"");
	assert_item("backup", "total", "1");
	assert_item("backup", "succeeded", "0");
	assert_int_equal(self.n_alerts, 1);
	assert_alert("EVENT 4 alertname=CronJobFailed job=backup trigger=failed |");
	assert_alert("headline=🔴 Cron Job Alert: backup");
	assert_alert("status=FAILED");
	assert_alert("execution_id=0f8fad5b…");
	assert_alert("error=connection refused");
	assert_alert("summary=backup failed: connection refused");
	assert_int_equal(host_values(&self, "run/backup/"), 1);
}

static void a_report_that_comes_again_changes_nothing(void **unused)
{
	static const char *const start = "{\"event\":\"start\",\"id\":\"" ID "\"}";
	static const char *const stop = "{\"event\":\"end\",\"id\":\"" ID "\",\"exit\":1}";

	(void)unused;
	begin();
	for (int i = 0; i < 3; i++)
		assert_int_equal(say("backup", "report", start), 200);
	for (int i = 0; i < 3; i++)
		assert_int_equal(say("backup", "report", stop), 200);
	assert_int_equal(say("backup", "report", start), 200);
	assert_non_null(strstr(answer_text, "\"known\":true"));
	assert_int_equal(self.n_alerts, 1);
	assert_item("backup", "total", "1");
	end();
	/* also after a restart */
	begin();
	assert_int_equal(say("backup", "report", stop), 200);
	assert_int_equal(self.n_alerts, 1);
	assert_item("backup", "total", "1");
}

static void an_end_alone_is_a_whole_run(void **unused)
{
	(void)unused;
	begin();
	assert_int_equal(say("backup", "report",
			     "{\"event\":\"end\",\"id\":\"" ID "\",\"exit\":0,\"duration_ms\":1500,"
			     "\"ended_at\":\"2025-11-18T11:00:00Z\"}"),
			 200);
	assert_item("backup", "succeeded", "1");
	assert_item("backup", "average_ms", "1500");
	assert_int_equal(self.n_alerts, 0);
	assert_non_null(host_value(&self, "run/backup/0001763463598500-" ID));
}

static void pings_without_an_id_find_their_run(void **unused)
{
	(void)unused;
	begin();
	assert_int_equal(say("backup", "report", "{\"event\":\"start\"}"), 200);
	host_now_ms += 5000;
	assert_int_equal(say("backup", "report", "{\"event\":\"end\"}"), 200);
	assert_item("backup", "total", "1");
	assert_item("backup", "average_ms", "5000");
}

static void hostile_reports_are_refused_with_a_sentence(void **unused)
{
	static const struct {
		const char *body, *word;
	} cases[] = {
		{"{}", "event"},
		{"[]", "JSON object"},
		{"{\"event\":\"middle\"}", "event"},
		{"{\"event\":\"end\",\"exit\":256}", "exit"},
		{"{\"event\":\"end\",\"exit\":\"1\"}", "exit"},
		{"{\"event\":\"start\",\"id\":\"a/b\"}", "id"},
		{"{\"event\":\"start\",\"id\":\"\"}", "id"},
		{"{\"event\":\"start\",\"started_at\":\"yesterday\"}", "started_at"},
		{"{\"event\":\"end\",\"ended_at\":\"12:00\"}", "ended_at"},
	};

	(void)unused;
	begin();
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		assert_int_equal(say("backup", "report", cases[i].body), 400);
		if (!strstr(answer_text, cases[i].word))
			fail_msg("%s: %s", cases[i].body, answer_text);
	}
	assert_int_equal(say("backup", "dance", "{}"), 400);
	assert_int_equal(say("", "report", "{\"event\":\"start\"}"), 400);
	assert_int_equal(say("a\nb", "report", "{\"event\":\"start\"}"), 400);
	assert_int_equal(say("nobody", "show", "{}"), 404);
	assert_int_equal(host_values(&self, "run/"), 0);
}

static void unknown_jobs_can_be_refused(void **unused)
{
	(void)unused;
	config.unknown_jobs = UNKNOWN_REFUSE;
	add("backup", NULL);
	begin();
	assert_int_equal(say("other", "report", "{\"event\":\"start\"}"), 404);
	assert_int_equal(say("backup", "report", "{\"event\":\"start\"}"), 200);
	assert_int_equal(self.announced, 1);
}

/* A clock ahead, or a report of what has yet to happen. */
static void nothing_has_happened_in_the_future(void **unused)
{
	(void)unused;
	begin();
	assert_int_equal(say("backup", "report",
			     "{\"event\":\"start\",\"id\":\"" ID
			     "\",\"started_at\":\"2099-01-01T00:00:00Z\"}"),
			 200);
	assert_non_null(host_value(&self, "run/backup/0001763467200001-" ID));
}

static void a_full_store_answers_later_and_forgets_nothing(void **unused)
{
	(void)unused;
	begin();
	self.full = true;
	assert_int_equal(
		say("backup", "report", "{\"event\":\"end\",\"id\":\"" ID "\",\"exit\":1}"), 503);
	assert_int_equal(host_values(&self, "run/"), 0);
	self.full = false;
	assert_int_equal(
		say("backup", "report", "{\"event\":\"end\",\"id\":\"" ID "\",\"exit\":1}"), 200);
	assert_int_equal(self.n_alerts, 1);
	assert_int_equal(host_values(&self, "run/"), 1);
}

static void old_runs_go_and_figures_stay(void **unused)
{
	char body[128];

	(void)unused;
	config.keep_runs = 5;
	begin();
	for (int i = 0; i < 12; i++) {
		host_now_ms += S;
		snprintf(body, sizeof(body), "{\"event\":\"end\",\"id\":\"r%02d\",\"exit\":0}", i);
		assert_int_equal(say("a/b%c", "report", body), 200);
	}
	assert_int_equal(host_values(&self, "run/a%2Fb%25c/"), 5);
	assert_item("a/b%c", "total", "12");
	end();
	begin();
	assert_item("a/b%c", "total", "12");
	assert_int_equal(say("a/b%c", "history", "{\"limit\":3}"), 200);
	assert_non_null(strstr(answer_text, "r11"));
	assert_null(strstr(answer_text, "r08"));
	assert_int_equal(say("a/b%c", "history", "{\"limit\":0}"), 400);
	assert_int_equal(say("a/b%c", "history", "{\"before\":\"2025-11-18T12:00:10Z\"}"), 200);
	assert_null(strstr(answer_text, "r11"));
	assert_non_null(strstr(answer_text, "r08"));
}

static void results_raise_the_alerts_of_their_triggers(void **unused)
{
	(void)unused;
	begin();
	assert_int_equal(say("process-stuck-tasks", "report",
			     "{\"event\":\"end\",\"exit\":0,\"duration_ms\":45300,\"results\":"
			     "{\"completed\":1,\"failed\":2,\"errors\":3,\"total_found\":3}}"),
			 200);
	assert_int_equal(self.n_alerts, 1);
	assert_alert("EVENT 3 alertname=CronJobErrors job=process-stuck-tasks "
		     "trigger=high_error_rate |");
	assert_alert("duration=45.3s");
	assert_alert("results=Completed: 1, Failed: 2, Errors: 3");
	assert_alert("Also: PROCESSING_ERRORS");
	assert_alert("color=ff9800");
}

static void failures_in_a_row_are_a_state_that_ends(void **unused)
{
	(void)unused;
	config.triggers.failed = 0;
	config.triggers.failures_in_a_row = 3;
	begin();
	for (int i = 0; i < 5; i++) {
		host_now_ms += M;
		assert_int_equal(say("b", "report", "{\"event\":\"end\",\"exit\":1}"), 200);
		assert_int_equal(self.n_alerts, i >= 2);
	}
	assert_alert("FIRING 4 alertname=CronJobFailing job=b trigger=failures_in_a_row |");
	assert_alert("b failed 3 times in a row");
	host_forget(&self);
	end();
	begin();
	host_now_ms += M;
	assert_int_equal(say("b", "report", "{\"event\":\"end\",\"exit\":0}"), 200);
	assert_int_equal(self.n_alerts, 1);
	assert_alert("RESOLVED 4 alertname=CronJobFailing");
	assert_alert("after it had failed for 3m 0s");
}

/* --- watched jobs --- */

static void a_run_that_does_not_end_is_told_of_and_then_lost(void **unused)
{
	(void)unused;
	add("backup", NULL)->max_run = H;
	begin();
	assert_int_equal(say("backup", "report", "{\"event\":\"start\",\"id\":\"" ID "\"}"), 200);
	assert_int_equal(at(NOON + H), NOON + H + 2);
	assert_int_equal(self.n_alerts, 0);
	at(NOON + H + 2);
	assert_alert("FIRING 4 alertname=CronJobTooLong job=backup trigger=too_long |");
	host_forget(&self);
	at(NOON + 2 * H + 2);
	assert_alert("RESOLVED 4 alertname=CronJobTooLong");
	assert_alert("EVENT 4 alertname=CronJobLost");
	assert_item("backup", "running", "0");
	/* and it ended after all */
	host_forget(&self);
	assert_int_equal(
		say("backup", "report", "{\"event\":\"end\",\"id\":\"" ID "\",\"exit\":0}"), 200);
	assert_item("backup", "total", "1");
	assert_item("backup", "succeeded", "1");
}

static void a_start_that_fails_to_come_is_missed(void **unused)
{
	struct job_config *job = add("backup", NULL);

	(void)unused;
	job->schedule = &hourly.schedule;
	job->grace = 5 * M;
	begin();
	at(NOON + 1);
	at(NOON + H + 5 * M);
	assert_int_equal(self.n_alerts, 0);
	at(NOON + H + 5 * M + 1);
	assert_alert("FIRING 4 alertname=CronJobMissed job=backup trigger=missed |");
	assert_alert("it was due at 2025-11-18T13:00:00.000Z");
	assert_item("backup", "state", "\"late\"");
	assert_item("backup", "total", "0");
	host_forget(&self);
	/* it goes on being missed, and is not told of again */
	at(NOON + 2 * H + 6 * M);
	assert_int_equal(self.n_alerts, 0);
	host_now_ms = NOON + 3 * H;
	assert_int_equal(say("backup", "report", "{\"event\":\"end\",\"exit\":0}"), 200);
	assert_alert("RESOLVED 4 alertname=CronJobMissed");
	at(NOON + 3 * H + 10 * M);
	assert_item("backup", "state", "\"idle\"");
}

/* --- own runs --- */

static void a_job_is_started_when_it_is_due_and_recorded(void **unused)
{
	struct job_config *job = add(
		"report", "echo $TOCSIN_JOB $TOCSIN_DUE; echo '{\"completed\":4,\"failed\":1}'");

	(void)unused;
	job->schedule = &hourly.schedule;
	begin();
	assert_int_equal(at(NOON + 1), NOON + H);
	assert_item("report", "next_run", "\"2025-11-18T13:00:00.000Z\"");
	at(NOON + H);
	assert_item("report", "state", "\"running\"");
	/* the record was committed before */
	assert_int_equal(host_values(&self, "run/report/"), 1);
	settle();
	assert_item("report", "succeeded", "1");
	assert_int_equal(say("report", "history", "{}"), 200);
	assert_non_null(strstr(answer_text, "report 2025-11-18T13:00:00.000Z"));
	assert_non_null(strstr(answer_text, "\"completed\":4"));
	assert_non_null(strstr(answer_text, "\"max_rss_kib\":"));
	assert_int_equal(self.n_alerts, 0);
	at(NOON + H + 1);
	at(NOON + 2 * H - 1);
	assert_item("report", "total", "1");
}

static void how_a_program_ends_is_what_the_run_says(void **unused)
{
	static const struct {
		const char *command, *alert;
	} cases[] = {
		{"echo oh; exit 7", "error=oh"},
		{"exit 7", "error=exit status 7"},
		{"kill -9 $$", "error=killed by SIGKILL"},
		{"sleep 60", "error=it did not end within its time limit"},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		configure();
		add("j", cases[i].command)->time_limit = 300;
		host_forget(&self);
		begin();
		assert_int_equal(say("j", "run", "{}"), 200);
		settle();
		assert_int_equal(self.n_alerts, 1);
		assert_alert(cases[i].alert);
		end();
	}
	configure();
	jobs[0].directory = "/nonexistent";
	add("j", "exit 0");
	host_forget(&self);
	begin();
	assert_int_equal(say("j", "run", "{}"), 200);
	settle();
	assert_alert("cannot enter the directory of the command: No such file");
}

static void no_run_overlaps_unless_that_is_allowed(void **unused)
{
	static const enum overlap overlaps[] = {OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_ALLOW};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(overlaps); i++) {
		struct job_config *job;
		json_t *item;

		configure();
		host_done(&self);
		host_init(&self);
		job = add("slow", "sleep 0.3");
		job->schedule = &hourly.schedule;
		job->overlap = overlaps[i];
		config.triggers.overlapped = 1;
		begin();
		at(NOON + 1);
		at(NOON + H);
		at(NOON + 2 * H);
		item = item_of("slow");
		assert_int_equal(json_integer_value(json_object_get(item, "running")),
				 overlaps[i] == OVERLAP_ALLOW ? 2 : 1);
		json_decref(item);
		assert_int_equal(say("slow", "run", "{}"),
				 overlaps[i] == OVERLAP_ALLOW ? 200 : 409);
		settle();
		assert_item("slow", "total",
			    overlaps[i] == OVERLAP_SKIP    ? "1"
			    : overlaps[i] == OVERLAP_QUEUE ? "2"
							   : "3");
		assert_int_equal(self.n_alerts, overlaps[i] == OVERLAP_SKIP);
		end();
	}
}

static void no_more_programs_run_at_once_than_may(void **unused)
{
	static const char *const names[] = {"a", "b", "c"};

	(void)unused;
	config.at_once = 2;
	for (size_t i = 0; i < 3; i++)
		add(names[i], "sleep 0.2")->schedule = &hourly.schedule;
	begin();
	at(NOON + 1);
	at(NOON + H);
	assert_item("a", "running", "1");
	assert_item("c", "running", "0");
	settle();
	for (size_t i = 0; i < 3; i++)
		assert_item(names[i], "succeeded", "1");
}

static void a_paused_job_rests_also_after_a_restart(void **unused)
{
	add("j", "exit 0")->schedule = &hourly.schedule;

	(void)unused;
	begin();
	at(NOON + 1);
	assert_int_equal(say("j", "pause", "{}"), 200);
	assert_item("j", "next_run", "null");
	end();
	begin();
	at(NOON + 5 * H);
	assert_item("j", "total", "0");
	assert_int_equal(say("j", "resume", "{}"), 200);
	at(NOON + 5 * H + 1);
	assert_item("j", "next_run", "\"2025-11-18T18:00:00.000Z\"");
	assert_item("j", "total", "0");
}

static void what_was_due_while_nobody_looked_runs_once(void **unused)
{
	add("j", "exit 0")->schedule = &hourly.schedule;

	(void)unused;
	begin();
	at(NOON + 1);
	end();
	begin();
	at(NOON + 10 * H + 1);
	settle();
	at(NOON + 10 * H + 2);
	assert_item("j", "total", "1");
	end();
	begin();
	at(NOON + 10 * H + 3);
	assert_item("j", "total", "1");
}

/* --- lives of the daemon --- */

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

static void impossible_options_are_refused_with_a_sentence(void **unused)
{
	static const char *const relative[] = {"backup"};
	static const struct tocsin_pair bad[] = {{"TOCSIN_X", "1"}};
	char why[512];

	(void)unused;
#define REFUSED(word) \
	do { \
		const char *said = cron_check(&config, why, sizeof(why)); \
		assert_non_null(said); \
		if (!strstr(said, word)) \
			fail_msg("%s: %s", word, said); \
		configure(); \
	} while (0)
	add("", NULL);
	REFUSED("1 to 200 bytes");
	add("a", NULL);
	add("a", NULL);
	REFUSED("'a' stands twice");
	add("a", NULL)->command = (struct tocsin_strings){relative, 1};
	REFUSED("absolute path");
	add("a", NULL)->user = "nobody";
	REFUSED("'user' is for jobs with a 'command'");
	add("a", NULL)->time_limit = 5;
	REFUSED("max_run");
	add("a", NULL)->grace = 5;
	REFUSED("schedule");
	add("a", "x")->environment = (struct tocsin_map){bad, 1};
	REFUSED("TOCSIN_X");
	config.table.table = "t";
	REFUSED("'connection' is missing");
	config.table.connection = "host=x";
	REFUSED("either 'table' or 'query'");
	config.table.connection = "host=x";
	config.table.table = "t";
	config.table.columns = (struct tocsin_map){bad, 1};
	REFUSED("'TOCSIN_X' is not known");
	add("fine", "exit 0");
	assert_null(cron_check(&config, why, sizeof(why)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_is_reported_in_two_halves),
		TEST(a_report_that_comes_again_changes_nothing),
		TEST(an_end_alone_is_a_whole_run),
		TEST(pings_without_an_id_find_their_run),
		TEST(hostile_reports_are_refused_with_a_sentence),
		TEST(unknown_jobs_can_be_refused),
		TEST(nothing_has_happened_in_the_future),
		TEST(a_full_store_answers_later_and_forgets_nothing),
		TEST(old_runs_go_and_figures_stay),
		TEST(results_raise_the_alerts_of_their_triggers),
		TEST(failures_in_a_row_are_a_state_that_ends),
		TEST(a_run_that_does_not_end_is_told_of_and_then_lost),
		TEST(a_start_that_fails_to_come_is_missed),
		TEST(a_job_is_started_when_it_is_due_and_recorded),
		TEST(how_a_program_ends_is_what_the_run_says),
		TEST(no_run_overlaps_unless_that_is_allowed),
		TEST(no_more_programs_run_at_once_than_may),
		TEST(a_paused_job_rests_also_after_a_restart),
		TEST(what_was_due_while_nobody_looked_runs_once),
		TEST(a_run_that_ended_with_the_daemon_is_lost_and_made_up_for_once),
		TEST(what_a_lost_run_left_behind_is_killed),
		TEST(a_reload_takes_running_programs_over),
		TEST(a_stop_ends_the_programs),
		TEST(a_run_that_is_once_ends_when_its_programs_have),
		TEST(impossible_options_are_refused_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
