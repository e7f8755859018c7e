/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a real PostgreSQL as heartbeats. See heartbeat_tables.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "heartbeat_tables.h"

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

/* Columns that say no zone: as the database has it, or as somebody says. */
static void test_times_without_a_zone(void **unused)
{
	static const struct tocsin_zone utc = {"UTC"};
	char elsewhere[700];

	(void)unused;
	need_server();
	snprintf(elsewhere, sizeof(elsewhere),
		 "%s options='-c search_path=%s -c TimeZone=Asia/Kolkata'",
		 getenv("TOCSIN_TEST_POSTGRES"), tables_schema);
	config.connection = elsewhere;
	config.start_column = "started";
	sql("CREATE TABLE bare (type text, last_heartbeat_at timestamp DEFAULT now(), started timestamp)");
	config.query = "SELECT * FROM bare WHERE last_heartbeat_at > now() - interval '1 hour'";
	sql("SET TimeZone = 'Asia/Kolkata'; INSERT INTO bare VALUES ('young'), ('old');"
	    " UPDATE bare SET last_heartbeat_at = now() - interval '6 minutes' WHERE type = 'old'");
	beats_open(&self, &config);
	await("firing 5 alertname=HeartbeatDown heartbeat=old: old is down: no heartbeat for 6 "
	      "minutes");
	assert_string_equal(beats_ask(&self, "young", "state"), "up");
	assert_in_range(atoi(beats_ask(&self, "young", "age_ms")), 0, 60000);
	beats_close(&self);
	config.database_timezone = &utc;
	beats_open(&self, &config);
	sql("SET TimeZone = 'UTC'; UPDATE bare SET last_heartbeat_at = now(), started = now()");
	await("resolved 5 alertname=HeartbeatDown heartbeat=old");
	assert_in_range(atoi(beats_ask(&self, "young", "age_ms")), 0, 60000);
	assert_int_equal(self.n_alerts, 2);
	beats_close(&self);
}

/* A row without an end does not keep the others from being read. */
static void test_a_time_that_is_infinite(void **unused)
{
	(void)unused;
	need_server();
	config.start_column = "started";
	sql("INSERT INTO h VALUES ('for ever', 'x', 'infinity', '-infinity'), ('never', 'x', '-infinity',"
	    " NULL), ('young', 'x', now(), 'infinity')");
	beats_open(&self, &config);
	look_around();
	assert_string_equal(beats_ask(&self, "young", "state"), "up");
	assert_string_equal(beats_ask(&self, "for ever", "healthy"), "false");
	assert_string_equal(beats_ask(&self, "never", "reason"), "the time in its row is infinite");
	sql("UPDATE h SET last_heartbeat_at = now()");
	assert_string_equal(beats_ask(&self, "for ever", "healthy"), "true");
	assert_string_equal(self.alerts, "");
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
	sql("INSERT INTO h VALUES ('d', 'Running', now(), now() - interval '2 s')");
	beats_open(&self, &config);
	look_around();
	assert_string_equal(beats_ask(&self, "d", "status"), "Running");
	sql("UPDATE h SET status = 'failed', last_heartbeat_at = now()");
	await("firing 5 alertname=HeartbeatDown heartbeat=d: d is down: its status is 'failed'");
	sql("UPDATE h SET status = 'idle', started = started + interval '1 s'");
	await("resolved 5 alertname=HeartbeatDown heartbeat=d");
	sql("UPDATE h SET started = started + interval '1 s'");
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

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, tables_setup, tables_teardown)
	const struct CMUnitTest tests[] = {
		ONE(test_rows_are_heartbeats),
		ONE(test_times_without_a_zone),
		ONE(test_a_time_that_is_infinite),
		ONE(test_a_row_that_goes),
		ONE(test_only_listed_rows),
		ONE(test_status_and_starts),
		ONE(test_a_row_that_is_down_and_comes_back),
		ONE(test_starts_over_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
