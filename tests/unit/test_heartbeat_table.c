/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat source and a real PostgreSQL: rows as heartbeats, rules, and a database that cannot be read.
 * Runs when TOCSIN_TEST_POSTGRES is the connection string of a superuser of a server made for tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "heartbeat_host.h"

#define MINUTE 60000
#define HOUR (60 * MINUTE)

static struct tocsin_self self;
static struct config config;
static PGconn *db;
static char connection[600];

static void sql(const char *text)
{
	PGresult *result = PQexec(db, text);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", text, PQerrorMessage(db));
	PQclear(result);
}

static int setup(void **state)
{
	const char *server = getenv("TOCSIN_TEST_POSTGRES");

	*state = NULL;
	if (!server || !*server)
		return 0;
	snprintf(connection, sizeof(connection), "%s options='-c search_path=beats'", server);
	db = PQconnectdb(connection);
	assert_int_equal(PQstatus(db), CONNECTION_OK);
	sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS beats CASCADE;"
	    " CREATE SCHEMA beats; CREATE TABLE h (type text, status text, last_heartbeat_at timestamptz,"
	    " started timestamptz)");
	beats_host_init(&self);
	config = (struct config){
		.misses = 1,
		.period = 5 * MINUTE,
		.severity = TOCSIN_CRITICAL,
		.starts_severity = TOCSIN_WARNING,
		.starts_within = HOUR,
		.alertname = "HeartbeatDown",
		.starts_alertname = "HeartbeatRestarts",
		.outage = 120000,
		.body_limit = 100,
		.connection = connection,
		.query = "SELECT * FROM h -- all of them",
		.name_column = "type",
		.time_column = "last_heartbeat_at",
		.poll = 10,
		.statement_timeout = 5000,
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (!db)
		return 0;
	PQfinish(db);
	db = NULL;
	beats_host_done(&self);
	return 0;
}

static void need_server(void)
{
	if (!db)
		skip();
}

/* Lets it run until the alert is there. */
static void await(const char *text)
{
	self.sleeps = true;
	for (int i = 0; i < 500 && !strstr(self.alerts, text); i++)
		assert_int_equal(beats_run(&self, 1), 0);
	if (!strstr(self.alerts, text))
		fail_msg("no alert \"%s\" in:\n%s%s", text, self.alerts, self.log);
}

/* Lets it read everything twice. */
static void look_around(void)
{
	self.sleeps = true;
	for (int i = 0; i < 12; i++)
		assert_int_equal(beats_run(&self, 1), 0);
}

/* Renames a table between two readings: one that is under way holds it until the source runs on. */
static void rename_table(const char *text)
{
	bool done = false;

	sql("SET lock_timeout = '100ms'");
	for (int i = 0; i < 100 && !done; i++) {
		PGresult *result;

		assert_int_equal(beats_run(&self, 1), 0);
		result = PQexec(db, text);
		done = PQresultStatus(result) == PGRES_COMMAND_OK;
		PQclear(result);
	}
	assert_true(done);
}

static void test_rows_are_heartbeats(void **unused)
{
	(void)unused;
	need_server();
	sql("INSERT INTO h VALUES ('old', 'x', now() - interval '26 hours'), ('young', 'x', now()),"
	    " ('empty', 'x', NULL), (NULL, 'x', now()), ('a/b', 'x', now() + interval '1 hour')");
	beats_open(&self, &config);
	await("firing 5 alertname=HeartbeatDown heartbeat=old: old is down: no heartbeat for 1 day and 2 "
	      "hours, at most 5 minutes allowed");
	assert_string_equal(self.names, "a/b empty old young");
	assert_string_equal(beats_ask(&self, "young", "state"), "up");
	assert_string_equal(beats_ask(&self, "young", "feed"), "query");
	assert_string_equal(beats_ask(&self, "empty", "state"), "new");
	assert_string_equal(beats_ask(&self, "empty", "healthy"), "false");
	assert_string_equal(beats_ask(&self, "a/b", "state"), "up");
	/* A question is answered by the table as it is now. */
	sql("UPDATE h SET last_heartbeat_at = now() - interval '10 minutes' WHERE type = 'young'");
	assert_string_equal(beats_ask(&self, "young", "healthy"), "false");
	assert_string_equal(
		beats_ask(&self, "young", "line"),
		"young is down: no heartbeat for 10 minutes, at most 5 minutes allowed");
	sql("UPDATE h SET last_heartbeat_at = now() WHERE type IN ('young', 'old')");
	assert_string_equal(beats_ask(&self, "young", "healthy"), "true");
	await("resolved 5 alertname=HeartbeatDown heartbeat=old: old is up again; it was down for");
	beats_close(&self);
}

static void test_a_row_that_goes(void **unused)
{
	static const struct beat_config listed[] = {{.name = "listed", .period = 50}};

	(void)unused;
	need_server();
	config.heartbeats = (struct tocsin_sections){listed, 1};
	sql("INSERT INTO h VALUES ('listed', 'x', now()), ('other', 'x', now() - interval '1 hour')");
	beats_open(&self, &config);
	await("firing 5 alertname=HeartbeatDown heartbeat=other");
	sql("DELETE FROM h");
	await("resolved 5 alertname=HeartbeatDown heartbeat=other: other is no longer watched");
	await("firing 5 alertname=HeartbeatDown heartbeat=listed: listed is down: ");
	beats_close(&self);
	beats_open(&self, &config); /* and so it is after a start */
	look_around();
	assert_string_equal(self.names, "listed");
	assert_int_equal(self.n_alerts, 3);
	beats_close(&self);
}

static void test_only_listed_rows(void **unused)
{
	static const struct beat_config listed[] = {{.name = "b"}};

	(void)unused;
	need_server();
	config.heartbeats = (struct tocsin_sections){listed, 1};
	config.rows = ROWS_LISTED;
	sql("INSERT INTO h VALUES ('a', 'x', now()), ('b', 'x', now())");
	beats_open(&self, &config);
	look_around();
	assert_string_equal(self.names, "b");
	assert_string_equal(beats_ask(&self, "b", "state"), "up");
	beats_close(&self);
}

static void test_status_and_starts(void **unused)
{
	static const char *const healthy[] = {"running", "idle"};

	(void)unused;
	need_server();
	config.status_column = "status";
	config.healthy_status = (struct tocsin_strings){healthy, 2};
	config.start_column = "started";
	config.max_starts = 1;
	sql("INSERT INTO h VALUES ('d', 'Running', now(), now())");
	beats_open(&self, &config);
	look_around();
	assert_string_equal(beats_ask(&self, "d", "status"), "Running");
	sql("UPDATE h SET status = 'failed', last_heartbeat_at = now()");
	await("firing 5 alertname=HeartbeatDown heartbeat=d: d is down: its status is 'failed'");
	sql("UPDATE h SET status = 'idle', started = now()");
	await("resolved 5 alertname=HeartbeatDown heartbeat=d");
	sql("UPDATE h SET started = now()");
	await("firing 3 alertname=HeartbeatRestarts heartbeat=d: d started 2 times within 1 hour, at "
	      "most 1 allowed");
	beats_close(&self);
	config.max_starts = 0; /* nobody counts any more */
	beats_open(&self, &config);
	await("resolved 3 alertname=HeartbeatRestarts heartbeat=d");
	beats_close(&self);
}

/* A row that is down by its status goes and comes back, as it was and then well, with the same time. */
static void test_a_row_that_is_down_and_comes_back(void **unused)
{
	static const struct beat_config listed[] = {{.name = "listed"}, {.name = "never"}};
	static const char *const healthy[] = {"running"};

	(void)unused;
	need_server();
	config.status_column = "status";
	config.healthy_status = (struct tocsin_strings){healthy, 1};
	config.heartbeats = (struct tocsin_sections){listed, 2};
	sql("CREATE TABLE gone AS TABLE h; INSERT INTO h VALUES ('listed', 'failed', now() - interval"
	    " '1 s'), ('other', 'failed', now() - interval '1 s')");
	beats_open(&self, &config);
	await("firing 5 alertname=HeartbeatDown heartbeat=listed: listed is down: its status is "
	      "'failed'");
	await("firing 5 alertname=HeartbeatDown heartbeat=other");
	assert_string_equal(beats_ask(&self, "never", "state"), "new");
	assert_string_equal(beats_ask(&self, "never", "reason"), "there is no row for it");
	for (int i = 0; i < 3; i++) {
		/* After one that is under way, just this reading is without the row of the other. */
		assert_string_equal(beats_ask(&self, "listed", "state"), "down");
		sql("WITH d AS (DELETE FROM h RETURNING *) INSERT INTO gone SELECT * FROM d");
		assert_string_equal(beats_ask(&self, "listed", "state"), "down");
		sql("WITH d AS (DELETE FROM gone RETURNING *) INSERT INTO h SELECT * FROM d");
		look_around();
	}
	sql("WITH d AS (DELETE FROM h WHERE type = 'listed' RETURNING *) INSERT INTO gone SELECT *"
	    " FROM d");
	look_around();
	assert_string_equal(beats_ask(&self, "listed", "state"), "down");
	beats_close(&self);
	beats_open(&self, &config); /* and tocsin starts meanwhile */
	look_around();
	assert_int_equal(self.n_alerts, 2);
	sql("INSERT INTO h SELECT type, 'running', last_heartbeat_at FROM gone");
	await("resolved 5 alertname=HeartbeatDown heartbeat=listed: listed is up again");
	sql("DELETE FROM h WHERE type = 'other'");
	await("resolved 5 alertname=HeartbeatDown heartbeat=other: other is no longer watched");
	assert_int_equal(self.n_alerts, 4);
	beats_close(&self);
}

/* It starts too often, though tocsin starts in between. */
static void test_starts_over_restarts(void **unused)
{
	(void)unused;
	need_server();
	config.start_column = "started";
	config.max_starts = 2;
	sql("INSERT INTO h VALUES ('d', 'x', now(), now())");
	for (int i = 0; i < 3; i++) {
		beats_open(&self, &config);
		look_around();
		assert_string_equal(self.alerts, "");
		sql("UPDATE h SET started = now(), last_heartbeat_at = now()");
		if (i < 2)
			look_around();
		else
			await("firing 3 alertname=HeartbeatRestarts heartbeat=d: d started 3 times");
		beats_close(&self);
	}
}

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
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ONE(test_rows_are_heartbeats),
		ONE(test_a_row_that_goes),
		ONE(test_only_listed_rows),
		ONE(test_status_and_starts),
		ONE(test_a_row_that_is_down_and_comes_back),
		ONE(test_starts_over_restarts),
		ONE(test_rules),
		ONE(test_a_rule_when_the_store_is_full),
		ONE(test_a_query_that_fails),
		ONE(test_a_query_that_fails_and_is_taken_out),
		ONE(test_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
