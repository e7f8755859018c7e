/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that tocsin runs: real programs. */
#include "cron_setting.h"

#include <errno.h>

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

static void a_jitter_that_reaches_the_next_start_is_refused(void **unused)
{
	struct job_config *job = add("j", "exit 0");
	void *state = NULL;

	(void)unused;
	job->schedule = &hourly.schedule;
	job->jitter = H;
	assert_int_equal(tocsin_plugin.source->open(&self, host_of_tests(), &config, &state),
			 -EINVAL);
	assert_non_null(strstr(self.log,
			       "job j: 'jitter' must be shorter than the time between two "
			       "starts, and the schedule has some that are only 3600 s"));
	job->jitter = H - 1;
	open_cron();
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

static void what_another_schedule_planned_counts_no_more(void **unused)
{
	static const char *const kept[] = {
		/* it would have been at half past */
		"{\"name\":\"j\",\"plan\":{\"due\":1763469000000}}",
		/* it was missed */
		"{\"name\":\"j\",\"plan\":{\"due\":1763465400000}}",
		/* it would never have been */
		"{\"name\":\"j\",\"plan\":{\"due\":9223372036854775807}}",
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(kept); i++) {
		configure();
		host_set(&self, "job/j", kept[i]);
		add("j", "exit 0")->schedule = &hourly.schedule;
		begin();
		at(NOON + 1);
		assert_item("j", "next_run", "\"2025-11-18T13:00:00.000Z\"");
		at(NOON + 45 * M);
		assert_item("j", "total", "0");
		at(NOON + H);
		settle();
		assert_item("j", "total", "1");
		end();
		host_done(&self);
		host_init(&self);
	}
}

static void a_start_that_waited_is_forgotten_with_its_command(void **unused)
{
	(void)unused;
	host_set(&self, "job/j",
		 "{\"name\":\"j\",\"plan\":{\"due\":1763470800000,\"queued\":1763467200000}}");
	add("j", NULL)->schedule = &hourly.schedule;
	begin();
	at(NOON + 1);
	assert_true(duty_idle(cron));
	assert_item("j", "total", "0");
}

static void nobody_else_tells_the_end_of_a_program(void **unused)
{
	char report[128];
	json_t *answer;

	(void)unused;
	add("j", "sleep 0.3; echo all");
	begin();
	assert_int_equal(say("j", "run", "{}"), 200);
	answer = json_loads(answer_text, 0, NULL);
	snprintf(report, sizeof(report), "{\"event\":\"end\",\"exit\":0,\"id\":\"%s\"}",
		 json_string_value(json_object_get(answer, "id")));
	json_decref(answer);
	assert_int_equal(say("j", "report", report), 409);
	assert_item("j", "running", "1");
	settle();
	assert_int_equal(say("j", "report", report), 200);
	assert_item("j", "total", "1");
	assert_int_equal(say("j", "history", "{}"), 200);
	assert_non_null(strstr(answer_text, "\"output\":\"all"));
}

static void a_report_is_no_start_of_what_tocsin_itself_starts(void **unused)
{
	(void)unused;
	add("j", "exit 0")->schedule = &hourly.schedule;
	begin();
	at(NOON + 1);
	host_now_ms = NOON + 59 * M + 50 * S;
	assert_int_equal(say("j", "report", "{\"event\":\"start\",\"id\":\"1\"}"), 200);
	assert_int_equal(say("j", "report", "{\"event\":\"end\",\"id\":\"1\"}"), 200);
	assert_int_equal(say("j", "report", "{\"event\":\"end\",\"id\":\"2\"}"), 200);
	assert_item("j", "next_run", "\"2025-11-18T13:00:00.000Z\"");
	at(NOON + H);
	settle();
	assert_item("j", "total", "3");
}

static void a_job_that_nobody_expects_any_more_is_no_longer_missed(void **unused)
{
	struct job_config *job = add("j", NULL);

	(void)unused;
	job->schedule = &hourly.schedule;
	job->grace = M;
	begin();
	at(NOON + 1);
	at(NOON + 2 * H);
	assert_alert("CronJobMissed");
	end();
	host_forget(&self);
	config.jobs.n = 0;
	begin();
	at(NOON + 3 * H);
	at(NOON + 4 * H);
	assert_int_equal(self.n_alerts, 1);
	assert_alert("NO LONGER MISSED");
	assert_alert("j is no longer expected");
	assert_item("j", "state", "\"idle\"");
	assert_item("j", "reason", "null");
}

static void a_state_ends_with_the_labels_with_which_it_began(void **unused)
{
	static const struct tocsin_pair before[] = {{"team", "a"}}, after[] = {{"team", "b"}};
	struct job_config *job = add("j", NULL);

	(void)unused;
	job->schedule = &hourly.schedule;
	job->grace = M;
	job->labels = (struct tocsin_map){before, 1};
	begin();
	at(NOON + 1);
	at(NOON + 2 * H);
	assert_alert("alertname=CronJobMissed job=j trigger=missed team=a |");
	end();
	host_forget(&self);
	job->labels = (struct tocsin_map){after, 1};
	config.alertname = "Other";
	begin();
	host_now_ms = NOON + 2 * H + 1;
	assert_int_equal(say("j", "report", "{\"event\":\"end\"}"), 200);
	assert_int_equal(self.n_alerts, 1);
	assert_alert("alertname=CronJobMissed job=j trigger=missed team=a |");
	host_forget(&self);
	at(NOON + 4 * H + 2 * M);
	assert_alert("alertname=Other job=j trigger=missed team=b |");
}

/* --- how long, and how much --- */

static void a_clock_that_is_set_makes_no_program_run_longer(void **unused)
{
	struct job_config *job = add("j", "sleep 0.2");

	(void)unused;
	job->max_run = 10 * M;
	begin();
	at(NOON + 1);
	assert_int_equal(say("j", "run", "{}"), 200);
	/* by hand, two days ahead, and back */
	host_set_clock(48 * H);
	assert_true(at(host_now_ms) <= host_now_ms + 10 * M + 1);
	host_set_clock(-48 * H);
	at(host_now_ms);
	assert_int_equal(self.n_alerts, 0);
	assert_int_equal(say("j", "history", "{}"), 200);
	assert_null(strstr(answer_text, "\"duration_ms\":null"));
	at(NOON + 11 * M);
	assert_alert("FIRING 4 alertname=CronJobTooLong");
	host_set_clock(48 * H);
	settle();
	assert_alert("NO LONGER TOO_LONG");
	assert_int_equal(say("j", "history", "{}"), 200);
	assert_true(strtol(strstr(answer_text, "\"duration_ms\":") + 14, NULL, 10) < 60000);
}

/* Until it is executed a program has the memory of the daemon, and the system counts that. */
static void the_memory_of_the_daemon_is_not_that_of_a_program(void **unused)
{
	size_t mine = (size_t)16 << 20; /* some sanitizers take five times as much */
	char *memory = malloc(mine);

	(void)unused;
	assert_non_null(memory);
	memset(memory, 1, mine);
	add("large", "exit 0");
	add("small", "exit 0"); /* all share one script */
	begin();
	assert_int_equal(say("small", "run", "{}"), 200);
	script[2] = "dd if=/dev/zero of=/dev/null bs=512M count=1";
	assert_int_equal(say("large", "run", "{}"), 200);
	settle();
	free(memory);
	assert_int_equal(say("small", "history", "{}"), 200);
	assert_non_null(strstr(answer_text, "\"max_rss_kib\":null"));
	assert_int_equal(say("large", "history", "{}"), 200);
	assert_true(strtol(strstr(answer_text, "\"max_rss_kib\":") + 14, NULL, 10) >= 512 * 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_is_started_when_it_is_due_and_recorded),
		TEST(a_jitter_that_reaches_the_next_start_is_refused),
		TEST(how_a_program_ends_is_what_the_run_says),
		TEST(no_run_overlaps_unless_that_is_allowed),
		TEST(no_more_programs_run_at_once_than_may),
		TEST(a_paused_job_rests_also_after_a_restart),
		TEST(what_was_due_while_nobody_looked_runs_once),
		TEST(what_another_schedule_planned_counts_no_more),
		TEST(a_start_that_waited_is_forgotten_with_its_command),
		TEST(nobody_else_tells_the_end_of_a_program),
		TEST(a_report_is_no_start_of_what_tocsin_itself_starts),
		TEST(a_job_that_nobody_expects_any_more_is_no_longer_missed),
		TEST(a_state_ends_with_the_labels_with_which_it_began),
		TEST(a_clock_that_is_set_makes_no_program_run_longer),
		TEST(the_memory_of_the_daemon_is_not_that_of_a_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
