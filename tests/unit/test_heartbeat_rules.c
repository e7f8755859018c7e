/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, what cannot be read, and questions, with a real PostgreSQL. See heartbeat_tables.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "heartbeat_tables.h"

static struct rule_config rules[] = {
	{.name = "NoNextRun",
	 .query = "SELECT type, status FROM h WHERE started IS NULL",
	 .severity = TOCSIN_ERROR,
	 .summary = "Schedule {type} has no next run ({status}{nothing})"},
	{.name = "Other", .query = "SELECT 1 WHERE false", .severity = TOCSIN_WARNING},
};

static void test_rules(void **unused)
{
	(void)unused;
	need_server();
	config.query = NULL;
	config.rules = (struct tocsin_sections){rules, 2};
	sql("INSERT INTO h VALUES ('n/1', 'x', now(), NULL), ('n2', 'y', now(), now())");
	beats_open(&self, &config);
	await("firing 4 alertname=NoNextRun type=n/1: Schedule n/1 has no next run (x{nothing})");
	sql("UPDATE h SET started = NULL, status = 'z'");
	await("firing 4 alertname=NoNextRun type=n2: Schedule n2 has no next run (z{nothing})");
	beats_close(&self);
	beats_open(&self, &config); /* what fires is remembered */
	look_around();
	assert_int_equal(self.n_alerts, 2);
	sql("UPDATE h SET started = now() WHERE type = 'n/1'");
	await("resolved 4 alertname=NoNextRun type=n/1: Schedule n/1 has no next run (x{nothing})");
	beats_close(&self);
	config.rules = (struct tocsin_sections){rules + 1, 1}; /* and resolved when nobody asks */
	beats_open(&self, &config);
	await("resolved 4 alertname=NoNextRun type=n2");
	assert_int_equal(self.n_alerts, 4);
	beats_close(&self);
}

/* Else both rows would be one alert. */
static void test_a_key_that_is_no_column(void **unused)
{
	static const char *const misspelt[] = {"status", "Type"}, *const right[] = {"type"};
	struct rule_config rule = {.name = "Bad",
				   .query = "SELECT type, status FROM h",
				   .keys = {misspelt, 2},
				   .severity = TOCSIN_ERROR};

	(void)unused;
	need_server();
	config.query = NULL;
	config.rules = (struct tocsin_sections){&rule, 1};
	sql("INSERT INTO h VALUES ('a', 'x', now(), NULL), ('b', 'x', now(), NULL)");
	beats_open(&self, &config);
	await("firing 5 alertname=HeartbeatQueryFails query=Bad: Bad could not be read for 0 seconds: "
	      "option 'keys' of rule 'Bad': the query has no column Type; name ones that it has");
	assert_non_null(strstr(self.log, "the query has no column Type"));
	assert_int_equal(self.n_alerts, 1);
	beats_close(&self);
	rule.keys = (struct tocsin_strings){right, 1};
	beats_open(&self, &config);
	await("firing 4 alertname=Bad type=b: Bad: b");
	assert_non_null(strstr(self.alerts, "firing 4 alertname=Bad type=a: Bad: a"));
	assert_non_null(strstr(self.alerts, "resolved 5 alertname=HeartbeatQueryFails query=Bad"));
	beats_close(&self);
}

static void not_at_first(struct tocsin_self *host)
{
	host->full = strstr(host->log, "x") != NULL && host->waits % 7 != 0;
}

static void test_a_rule_when_the_store_is_full(void **unused)
{
	(void)unused;
	need_server();
	config.query = NULL;
	config.rules = (struct tocsin_sections){rules, 1};
	sql("INSERT INTO h VALUES ('n', 'x', now(), NULL)");
	strcpy(self.log, "x");
	self.in_wait = not_at_first;
	self.full = true;
	beats_open(&self, &config);
	self.full = false;
	json_object_clear(self.kept);
	self.sleeps = true;
	for (int i = 0; i < 30 && self.n_alerts == 0; i++)
		beats_run(&self, 6 + 7);
	assert_int_equal(self.n_alerts, 1);
	beats_close(&self);
}

static void test_a_query_that_fails(void **unused)
{
	(void)unused;
	need_server();
	sql("INSERT INTO h VALUES ('d', 'x', now())");
	config.period = 1000;
	beats_open(&self, &config);
	look_around();
	rename_table("ALTER TABLE h RENAME TO gone");
	await("firing 5 alertname=HeartbeatQueryFails query=query: query could not be read for 0 "
	      "seconds: option 'query': relation \"h\" does not exist");
	self.alerts[0] = '\0';
	usleep(1100000);
	look_around(); /* 'd' is too old by now, but nobody can see that */
	assert_null(strstr(self.alerts, "HeartbeatDown"));
	beats_close(&self);
	beats_open(&self, &config); /* the alert is remembered */
	look_around();
	rename_table("ALTER TABLE gone RENAME TO h");
	await("resolved 5 alertname=HeartbeatQueryFails query=query: query can be read again");
	await("firing 5 alertname=HeartbeatDown heartbeat=d");
	beats_close(&self);
}

/* What nobody reads any more is not said to fail for ever, with and without a database. */
static void test_a_query_that_fails_and_is_taken_out(void **unused)
{
	static const struct rule_config bad[] = {
		{.name = "lost/1", .query = "SELECT * FROM nowhere"},
		{.name = "lost2", .query = "SELECT * FROM nowhere"},
		{.name = "stays", .query = "SELECT * FROM nowhere"}};

	(void)unused;
	need_server();
	config.query = NULL;
	config.rules = (struct tocsin_sections){bad, 3};
	beats_open(&self, &config);
	await("firing 5 alertname=HeartbeatQueryFails query=lost/1: lost/1 could not be read");
	await("query=lost2");
	await("query=stays");
	beats_close(&self);
	config.rules = (struct tocsin_sections){bad + 1, 2};
	beats_open(&self, &config);
	self.full = true; /* at first */
	beats_run(&self, 2);
	assert_int_equal(self.n_alerts, 3);
	self.full = false;
	await("resolved 5 alertname=HeartbeatQueryFails query=lost/1: lost/1 is no longer read; it "
	      "could not be read for");
	look_around();
	assert_int_equal(self.n_alerts, 4);
	beats_close(&self);
	json_object_set_new(self.saved, "failing/stays", json_string("not a number"));
	config.connection = NULL;
	config.create = true;
	config.rules = (struct tocsin_sections){0};
	self.sleeps = false;
	for (int i = 0; i < 2; i++) { /* once */
		beats_open(&self, &config);
		assert_int_equal(beats_run(&self, 2), 0);
		beats_close(&self);
	}
	assert_non_null(
		strstr(self.alerts, "resolved 5 alertname=HeartbeatQueryFails query=lost2"));
	assert_non_null(
		strstr(self.alerts, "resolved 5 alertname=HeartbeatQueryFails query=stays"));
	assert_int_equal(self.n_alerts, 6);
}

/* Asked while it runs, as the core does it: again and again until it is answered. */
static struct tocsin_call question;
static int put_off;

static void ask(struct tocsin_self *host)
{
	struct tocsin_call *calls[] = {&question};

	if (question.answer)
		return;
	tocsin_plugin.source->call(host->state, calls, 1);
	if (question.answer)
		return;
	assert_in_range(question.status, TOCSIN_CALL_LATER, TOCSIN_CALL_LATEST);
	beats_tell(host, "list", NULL, "{}", 200); /* meanwhile it listens to others */
	if (++put_off == 3)
		sql("COMMIT");
}

static void ask_while_it_runs(const char *item)
{
	question = (struct tocsin_call){
		.size = sizeof(question), .verb = "check", .item = item, .body = "{}"};
	put_off = 0;
	self.in_wait = ask;
	for (int i = 0; i < 100 && !question.answer; i++)
		assert_int_equal(beats_run(&self, 10), 0);
	self.in_wait = NULL;
	assert_non_null(question.answer);
}

static void test_a_question_does_not_hold_up_the_others(void **unused)
{
	(void)unused;
	need_server();
	sql("INSERT INTO h VALUES ('d', 'x', now())");
	beats_open(&self, &config);
	look_around();
	/* The database answers only after three waits. */
	rename_table("ROLLBACK; BEGIN; LOCK TABLE h; UPDATE h SET last_heartbeat_at = now() -"
		     " interval '10 minutes'; INSERT INTO h VALUES ('new', 'x', now())");
	ask_while_it_runs("d");
	assert_in_range(put_off, 3, 100);
	assert_int_equal(question.status, 200);
	assert_non_null(strstr(question.answer, "no heartbeat for 10 minutes"));
	free(question.answer);
	sql("BEGIN; UPDATE h SET last_heartbeat_at = now(); COMMIT; BEGIN");
	ask_while_it_runs("d");
	assert_non_null(strstr(question.answer, "\"healthy\":true"));
	free(question.answer);
	ask_while_it_runs("nobody");
	assert_int_equal(question.status, 404);
	free(question.answer);
	rename_table("ROLLBACK; ALTER TABLE h RENAME TO gone");
	sql("BEGIN");
	ask_while_it_runs("d");
	assert_int_equal(question.status, 503);
	assert_non_null(strstr(question.answer, "relation \"h\" does not exist"));
	free(question.answer);
	beats_close(&self);
}

static void test_once(void **unused)
{
	(void)unused;
	need_server();
	self.once = self.sleeps = true;
	sql("INSERT INTO h VALUES ('old', 'x', now() - interval '26 hours')");
	config.rules = (struct tocsin_sections){rules, 2};
	beats_open(&self, &config);
	assert_int_equal(beats_run(&self, 30), 0);
	assert_true(self.swept);
	assert_int_equal(self.n_alerts, 2);
	beats_close(&self);
	config.query = "SELECT nonsense";
	self.swept = false;
	beats_open(&self, &config);
	assert_true(beats_run(&self, 30) < 0);
	assert_true(self.swept);
	beats_close(&self);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, tables_setup, tables_teardown)
	const struct CMUnitTest tests[] = {
		ONE(test_rules),
		ONE(test_a_key_that_is_no_column),
		ONE(test_a_rule_when_the_store_is_full),
		ONE(test_a_query_that_fails),
		ONE(test_a_query_that_fails_and_is_taken_out),
		ONE(test_a_question_does_not_hold_up_the_others),
		ONE(test_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
