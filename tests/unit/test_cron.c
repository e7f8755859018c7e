/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that others report, and jobs that are watched. */
#include "cron_setting.h"

#include <errno.h>

#include "scarce.h"

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
	assert_in_range(at(NOON + H - 10 * S), NOON + H - 10 * S, NOON + H + 2);
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
	assert_alert("it was due at 2025-11-18 14:00:00 CET");
	assert_item("backup", "state", "\"late\"");
	assert_item("backup", "total", "0");
	/* one zone in all that people read */
	assert_item("backup", "reason", "\"it did not start at 2025-11-18 14:00:00 CET\"");
	assert_null(strstr(self.alerts, "00Z"));
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

static void a_paused_job_is_not_missed_but_its_failures_are_told(void **unused)
{
	struct job_config *job = add("backup", NULL);

	(void)unused;
	job->schedule = &hourly.schedule;
	job->grace = M;
	job->max_run = 10 * M;
	begin();
	at(NOON + 1);
	at(NOON + H + 2 * M);
	assert_alert("FIRING 4 alertname=CronJobMissed");
	host_forget(&self);
	host_now_ms = NOON + H + 3 * M;
	assert_int_equal(say("backup", "pause", "{}"), 200);
	assert_int_equal(self.n_alerts, 1);
	assert_alert("RESOLVED 4 alertname=CronJobMissed");
	assert_alert("backup is paused, and not expected until it is resumed");
	assert_item("backup", "reason", "null");
	host_forget(&self);
	at(NOON + 9 * H + 30 * M);
	assert_int_equal(self.n_alerts, 0);
	assert_int_equal(say("backup", "report", "{\"event\":\"end\",\"exit\":3}"), 200);
	assert_alert("EVENT 4 alertname=CronJobFailed");
	assert_int_equal(say("backup", "report", "{\"event\":\"start\",\"id\":\"1\"}"), 200);
	at(NOON + 9 * H + 45 * M);
	assert_alert("FIRING 4 alertname=CronJobTooLong");
	assert_int_equal(self.n_alerts, 2);
	assert_item("backup", "state", "\"paused\"");
}

static void a_run_is_found_by_its_id_among_any_number(void **unused)
{
	json_t *answer;

	(void)unused;
	add("backup", NULL)->keep_runs = 50;
	begin();
	assert_int_equal(say("backup", "report", "{\"event\":\"start\",\"id\":\"mine\"}"), 200);
	host_now_ms += S;
	assert_int_equal(say("backup", "report", "{\"event\":\"start\",\"id\":\"mine-2\"}"), 200);
	answer = item_of("backup");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(answer, "current"), "id")),
		"mine-2");
	json_decref(answer);
	for (int i = 0; i < 60; i++) {
		host_now_ms += S;
		assert_int_equal(say("backup", "report", "{\"event\":\"end\",\"id\":null}") / 100,
				 2);
		assert_int_equal(say("backup", "report", "{\"event\":\"start\"}"), 200);
	}
	assert_int_equal(say("backup", "report", "{\"event\":\"start\",\"id\":\"other\"}"), 200);
	assert_int_equal(say("backup", "history", "{\"id\":\"mine\"}"), 200);
	answer = json_loads(answer_text, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "runs")), 1);
	assert_non_null(strstr(answer_text, "\"id\":\"mine\""));
	json_decref(answer);
	assert_int_equal(say("backup", "history", "{\"id\":\"min\"}"), 404);
	assert_string_equal(answer_text, "job 'backup' has no run 'min': there was none, or it is "
					 "not among the last 50, which are kept");
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

/* One report, with as little memory as there is: all of it counts, or nothing. */
static int report_once(void *unused)
{
	static const char *const body =
		"{\"event\":\"end\",\"id\":\"" ID "\",\"exit\":1,\"output\":\"no paper\","
		"\"results\":{\"completed\":1,\"failed\":2,\"errors\":[\"a\"]},\"host\":\"h\"}";
	struct tocsin_call call = {
		.size = sizeof(call), .verb = "report", .item = "backup", .body = body};
	struct tocsin_call *const calls[] = {&call};
	void *state = NULL;
	size_t runs;

	(void)unused;
	host_done(&self);
	host_init(&self);
	if (tocsin_plugin.source->open(&self, host_of_tests(), &config, &state) != 0)
		return -ENOMEM;
	tocsin_plugin.source->call(state, calls, 1);
	tocsin_plugin.source->close(state);
	free(call.answer);
	runs = host_values(&self, "run/backup/");
	if (runs != host_values(&self, "job/backup") || (int)runs != self.n_alerts)
		scarce_fail("half a report");
	if (call.status == 200 && runs != 1)
		scarce_fail("a report that was answered is not there");
	return call.status == 200 ? 0 : -ENOMEM;
}

static void a_report_is_taken_whole_or_not_at_all(void **unused)
{
	(void)unused;
	assert_true(scarce_sweep("report", report_once, NULL) > 0);
}

static void runs_that_never_end_are_given_up_when_there_are_too_many(void **unused)
{
	char report[64];

	(void)unused;
	config.keep_runs = 3;
	begin();
	for (int i = 0; i < CRON_OPEN + 2; i++) {
		host_now_ms = NOON + i;
		snprintf(report, sizeof(report), "{\"event\":\"start\",\"id\":\"%d\"}", i);
		assert_int_equal(say("j", "report", report), 200);
	}
	assert_item("j", "running", "1000");
	assert_item("j", "total", "2");
	assert_int_equal(host_values(&self, "run/j/"), CRON_OPEN);
	assert_int_equal(self.n_alerts, 2);
	assert_alert("CronJobLost");
}

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
		TEST(a_paused_job_is_not_missed_but_its_failures_are_told),
		TEST(a_run_is_found_by_its_id_among_any_number),
		TEST(a_report_is_taken_whole_or_not_at_all),
		TEST(impossible_options_are_refused_with_a_sentence),
		TEST(runs_that_never_end_are_given_up_when_there_are_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
