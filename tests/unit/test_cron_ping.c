/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that are told of by pings. */
#include "cron_setting.h"

#define RID "123e4567-e89b-12d3-a456-426614174000"

static void ping(const char *body)
{
	if (say("j", "ping", body) != 200)
		fail_msg("%s: %s", body, answer_text);
}

static void a_pair_of_pings_is_a_run(void **unused)
{
	static const struct {
		const char *end, *succeeded, *alert;
	} cases[] = {
		{"{}", "1", NULL},
		{"{\"kind\":\"success\",\"body\":\"{\\\"failed\\\":7}\"}", "1", "MANY_FAILURES"},
		{"{\"kind\":\"exit\",\"exit\":0}", "1", NULL},
		{"{\"kind\":\"exit\",\"exit\":3}", "0", "error=exit status 3"},
		{"{\"kind\":\"fail\",\"body\":\"no paper\"}", "0", "error=no paper"},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		configure();
		host_done(&self);
		host_init(&self);
		add("j", NULL);
		begin();
		ping("{\"kind\":\"start\"}");
		assert_item("j", "state", "\"running\"");
		host_now_ms += 10 * S;
		ping(cases[i].end);
		assert_item("j", "running", "0");
		assert_item("j", "total", "1");
		assert_item("j", "succeeded", cases[i].succeeded);
		assert_in_range(cron->job[0]->last.duration_ms, 10 * S, 12 * S);
		assert_int_equal(self.n_alerts, cases[i].alert != NULL);
		if (cases[i].alert)
			assert_alert(cases[i].alert);
		end();
	}
}

/* An answer was lost, or a spool is read again. */
static void a_ping_that_comes_again_changes_nothing(void **unused)
{
	static const char *const tied[] = {"{\"kind\":\"start\",\"rid\":\"" RID
					   "\",\"at\":\"2025-11-18T11:00:00.000Z\"}",
					   "{\"kind\":\"exit\",\"exit\":1,\"rid\":\"" RID
					   "\",\"at\":\"2025-11-18T11:00:10.000Z\"}",
					   NULL};
	static const char *const untied[] = {
		"{\"kind\":\"start\",\"at\":\"2025-11-18T11:00:00.000Z\"}",
		"{\"kind\":\"exit\",\"exit\":1,\"at\":\"2025-11-18T11:00:10.000Z\"}", NULL};
	static const char *const alone[] = {
		"{\"kind\":\"fail\",\"at\":\"2025-11-18T11:00:10.000Z\"}", NULL};
	static const char *const *const cases[] = {tied, untied, alone};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		host_done(&self);
		host_init(&self);
		begin();
		for (size_t k = 0; cases[i][k]; k++)
			for (int again = 0; again < 3; again++)
				ping(cases[i][k]);
		for (size_t k = 0; cases[i][k]; k++)
			ping(cases[i][k]);
		assert_non_null(strstr(answer_text, "\"known\":true"));
		assert_item("j", "total", "1");
		assert_item("j", "running", "0");
		assert_item("j", "average_ms", cases[i] == alone ? "0" : "10000");
		assert_int_equal(self.n_alerts, 1);
		end();
	}
}

static void an_end_without_an_id_ends_what_was_reported_alone(void **unused)
{
	(void)unused;
	add("j", "sleep 0.2");
	begin();
	assert_int_equal(say("j", "run", "{}"), 200);
	ping("{}");
	assert_item("j", "total", "1");
	assert_item("j", "running", "1");
	settle();
	assert_item("j", "total", "2");
}

static void what_is_no_ping_of_a_job_is_refused(void **unused)
{
	static const char *const cases[][2] = {
		{"{\"kind\":\"log\"}", "write success, start, fail or exit"},
		{"{\"kind\":7}", "kind: write"},
		{"{\"kind\":\"exit\"}", "exit: write a number from 0 to 255"},
		{"{\"kind\":\"exit\",\"exit\":256}", "exit: write a number from 0 to 255"},
		{"{\"rid\":7}", "rid: write a UUID"},
		{"{\"rid\":\"a b\"}", "id: write a UUID"},
		{"{\"at\":\"noon\"}", "at: write a time"},
		{"{\"at\":7}", "at: write a time"},
		{"{\"body\":7}", "body: write a text"},
	};

	(void)unused;
	begin();
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		assert_int_equal(say("j", "ping", cases[i][0]), 400);
		assert_non_null(strstr(answer_text, cases[i][1]));
	}
	assert_int_equal(say(NULL, "ping", "{}"), 400);
	config.unknown_jobs = UNKNOWN_REFUSE;
	assert_int_equal(say("j", "ping", "{}"), 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pair_of_pings_is_a_run),
		TEST(a_ping_that_comes_again_changes_nothing),
		TEST(an_end_without_an_id_ends_what_was_reported_alone),
		TEST(what_is_no_ping_of_a_job_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
