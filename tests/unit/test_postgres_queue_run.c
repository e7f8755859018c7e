/* SPDX-License-Identifier: Apache-2.0 */
/* The source as a worker of a queue, on a real server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postgres_fixture.h"

static void make_jobs(struct fixture *f)
{
	fixture_sql(f, f->jobs);
}

static void a_row_goes_through_and_comes_back(void **state)
{
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;

	make_jobs(f);
	fixture_sql(f, "INSERT INTO jobs (kind, user_id, payload) VALUES ('mail', 'ann',"
		       " '{\"to\": 1}')");
	f->config.queue = fixture_queue;
	assert_int_equal(host_once(host, &f->config), 0);
	assert_int_equal(host->n, 1);
	assert_string_equal(host->seen[0].labels, "alertname=jobs;job=1;kind=mail;user=ann;");
	assert_string_equal(host->seen[0].annotations, "payload={\"to\": 1};");
	assert_int_equal(strlen(host->seen[0].mark), 2 + 36);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE status = 'completed'"),
			 1);
	assert_true(host->leased_ms > 0);
}

static bool host_refused(struct tocsin_self *self, int64_t n)
{
	return self->refusals >= n;
}

/* What the store did not take is claimed again, and counts once. */
static void what_comes_again_is_expected_once(void **state)
{
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;

	make_jobs(f);
	fixture_sql(f, "INSERT INTO jobs (kind) VALUES ('a'), ('b')");
	f->config.queue = fixture_queue;
	host->full = true;
	host_start(host, &f->config);
	assert_true(host_until(host, host_refused, 2));
	pthread_mutex_lock(&host->lock);
	host->full = false;
	pthread_mutex_unlock(&host->lock);
	assert_true(host_until(host, host_told, 2));
	assert_int_equal(host_stop(host), 0);
	assert_int_equal(host->expected, 2);
}

/* Somebody looks into a row and forgets to commit: the others must not be lost for that. */
static void a_locked_row_keeps_no_other_from_being_renewed(void **state)
{
	static const char renewed[] =
		"SELECT coalesce(sum(id), 0) FROM jobs WHERE status = 'processing' AND"
		" attempts = 1 AND lease_until > clock_timestamp()";
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;

	make_jobs(f);
	fixture_sql(f, "INSERT INTO jobs (kind) VALUES ('mail'), ('mail')");
	f->config.queue = fixture_queue;
	f->config.queue.lease = 900;
	host->deliver = false;
	host_start(host, &f->config);
	assert_true(host_until(host, host_seen, 2));
	fixture_sql(f, "BEGIN; SELECT FROM jobs WHERE id = 1 FOR UPDATE");
	usleep(1400000);
	assert_int_equal(fixture_number(f, renewed), 2);
	/* Nor from being ended. */
	pthread_mutex_lock(&host->lock);
	assert_true(host->withdrawn > 0); /* what of the locked one has not begun */
	for (size_t i = 0; i < host->n; i++)
		host->seen[i].done = true;
	pthread_mutex_unlock(&host->lock);
	assert_true(host_until(host, host_told, 1));
	assert_int_equal(fixture_number(f, "SELECT id FROM jobs WHERE status = 'completed' AND"
					   " attempts = 1"),
			 2);
	fixture_sql(f, "COMMIT");
	assert_true(host_until(host, host_told, 2));
	assert_int_equal(host_stop(host), 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE status = 'completed'"),
			 2);
	assert_false(host_logged(host, "refused"));
}

/* What somebody keeps locked is waited for no longer than it is ours. */
static void a_locked_row_is_waited_for_until_its_lease_is_over(void **state)
{
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;
	int64_t began;
	const char *said;

	make_jobs(f);
	fixture_sql(f, "INSERT INTO jobs (kind) VALUES ('mail')");
	f->config.queue = fixture_queue;
	f->config.queue.lease = 1200;
	host->deliver = false;
	host_start(host, &f->config);
	assert_true(host_until(host, host_seen, 1));
	fixture_sql(f, "BEGIN; SELECT FROM jobs FOR UPDATE");
	usleep(1000000);
	began = database_now_ms();
	assert_int_equal(host_end(host, 8000), 0);
	assert_in_range(database_now_ms() - began, 0, 1500);
	said = strstr(host->log, "cannot be renewed");
	assert_non_null(said);
	assert_null(strstr(said + 1, "cannot be renewed"));
	fixture_sql(f, "COMMIT");
}

/* Else it would be found by polling for as long as the connection lasts. */
static void a_table_that_is_locked_at_first_is_listened_to(void **state)
{
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;

	make_jobs(f);
	f->config.queue = fixture_queue;
	f->config.queue.poll = 60000;
	f->config.statement_timeout = 300;
	fixture_sql(f, "BEGIN; LOCK TABLE jobs");
	host_start(host, &f->config);
	usleep(600000);
	fixture_sql(f, "COMMIT");
	assert_true(host_until(host, host_swept, 1));
	assert_true(host_logged(host, "timeout"));
	fixture_sql(f, "INSERT INTO jobs (kind) VALUES ('mail')");
	assert_true(host_until(host, host_seen, 1));
	assert_int_equal(host_stop(host), 0);
}

/* Half a payload is none: such a job does not run, and no attempt would make it shorter. */
static void what_is_too_long_for_an_alert_fails_untried(void **state)
{
	static const char failed[] =
		"SELECT count(*) FROM jobs JOIN job_log ON job_id = jobs.id WHERE jobs.status ="
		" 'failed' AND job_log.status = 'failed' AND attempts = 1 AND completed_at IS NOT NULL"
		" AND lease_until IS NULL AND last_error = error AND (jobs.id, error) IN ("
		"(2, 'payload has 16001 characters, most is 16000; let the program read it by its key'),"
		"(4, 'kind has 1001 characters, most is 1000; let the program read it by its key'))";
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;

	make_jobs(f);
	fixture_sql(f,
		    "INSERT INTO jobs (kind, payload) SELECT repeat('k', k), to_jsonb(repeat("
		    "'\u00e9', p - 2)) FROM (VALUES (1, 2), (1, 16001), (1000, 16000), (1001, 2),"
		    " (1, 2)) AS v(k, p)");
	f->config.queue = fixture_queue;
	assert_int_equal(host_once(host, &f->config), 0);
	assert_int_equal(host->n, 3);
	assert_int_equal(fixture_number(f, "SELECT sum(id) FROM jobs WHERE status = 'completed'"),
			 1 + 3 + 5);
	assert_int_equal(fixture_number(f, failed), 2);
	assert_true(
		host_logged(host, "error: 2 rows of jobs failed untried, such as 2: payload has"));
	/* All that is claimed at once, and in arrays. */
	fixture_sql(
		f, "ALTER TABLE jobs ALTER payload DROP DEFAULT, ALTER payload TYPE text[] USING"
		   " NULL, ALTER payload DROP NOT NULL; TRUNCATE jobs; INSERT INTO jobs (payload)"
		   " SELECT array_fill('x'::text, ARRAY[n]) FROM generate_series(9000, 9002) AS n");
	host->n = 0;
	assert_int_equal(host_once(host, &f->config), 0);
	assert_int_equal(host->n, 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE last_error LIKE"
					   " 'payload has 1800% characters%' OR last_error LIKE"
					   " 'payload has 17999 %'"),
			 3);
}

/* Two jobs with what they say; each must have run once and have ended as it ended. */
static void run_two(struct fixture *f, const char *alter, const char *status)
{
	struct tocsin_self *host = &f->host;
	char *ended =
		sql_format("SELECT count(*) FROM jobs WHERE status = '%s' AND attempts = 1 AND"
			   " lease_until IS NULL AND completed_at IS NOT NULL",
			   status);

	fixture_sql(f, "SET client_min_messages = warning; DROP TABLE IF EXISTS jobs, job_log");
	make_jobs(f);
	fixture_sql(f, "INSERT INTO jobs (kind, max_attempts) VALUES ('mail', 1), ('mail', 1)");
	fixture_sql(f, alter);
	host->n = 0;
	*host->log = '\0';
	if (host_once(host, &f->config) || fixture_number(f, ended) != 2)
		fail_msg("%s: %s", alter, host->log);
	free(ended);
}

/* A job that ended has ended, whatever the table does not want to know of it. */
static void what_the_table_refuses_of_an_end_is_left_out(void **state)
{
	static const char *const alter[] = {
		"ALTER TABLE jobs ALTER output TYPE varchar(10)",
		"ALTER TABLE job_log ALTER output TYPE varchar(10)",
		"ALTER TABLE jobs ALTER last_error TYPE varchar(10)",
		"ALTER TABLE jobs ALTER last_error SET DEFAULT '', ALTER output SET DEFAULT '';"
		"UPDATE jobs SET last_error = '', output = '';"
		"ALTER TABLE jobs ALTER last_error SET NOT NULL, ALTER output SET NOT NULL,"
		" ADD CHECK (length(output) < 10 AND length(last_error) < 10)",
		"CREATE INDEX ON job_log (output)",
	};
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;
	char *output = calloc(1, 100001);
	uint32_t random = 1;

	for (size_t i = 0; i < 100000; i++)
		output[i] = (char)('a' + (random = random * 1103515245 + 12345) / 65536 % 26);
	f->config.queue = fixture_queue;
	host->output = output;
	host->reason = "it ended with status 3";
	for (size_t i = 0; i < TOCSIN_COUNT(alter); i++) {
		host->outcome = TOCSIN_SETTLED_DEAD;
		run_two(f, alter[i], "failed");
		assert_true(host_logged(host, "warning: row 1 of jobs: its end (failed) is written"
					      " without output and error"));
		host->outcome = TOCSIN_SETTLED;
		if (!strstr(alter[i], "ALTER last_error TYPE"))
			run_two(f, alter[i], "completed");
	}
	assert_false(host_logged(host, "warning: row 2")); /* once a minute */
	run_two(f, "SELECT 1", "completed");
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE length(output) > 9999"),
			 2);
	free(output);
}

/* Most programs write signs that LATIN1 has not. */
static void a_database_in_another_encoding_takes_every_end(void **state)
{
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;
	char *connection = sql_format("%s dbname=tocsin_latin1", getenv("TOCSIN_TEST_POSTGRES"));
	PGconn *before = f->admin;

	fixture_sql(f, "DROP DATABASE IF EXISTS tocsin_latin1");
	fixture_sql(f, "CREATE DATABASE tocsin_latin1 ENCODING LATIN1 LOCALE 'C' TEMPLATE"
		       " template0");
	f->admin = PQconnectdb(connection);
	f->config.connection = connection;
	f->config.queue = fixture_queue;
	host->output = "10 \xe2\x82\xac";
	run_two(f, "SELECT 1", "completed");
	assert_true(host_logged(host, "is written without output and error"));
	host->output = "caf\xc3\xa9";
	run_two(f, "SELECT 1", "completed");
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE length(output) = 4"),
			 2);
	PQfinish(f->admin);
	f->admin = before;
	fixture_sql(f, "DROP DATABASE tocsin_latin1");
	free(connection);
}

/* Whoever waits for his turn sees what was claimed meanwhile, whatever the role's transactions see. */
static void limits_hold_where_transactions_see_the_past(void **state)
{
	static const char waiting[] =
		"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND"
		" classid = 1953457009 AND objid = 'jobs'::regclass";
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;
	char *connection = sql_format("%s options='-c search_path=t -c"
				      " default_transaction_isolation=repeatable\\\\ read'",
				      getenv("TOCSIN_TEST_POSTGRES"));

	make_jobs(f);
	fixture_sql(f, "INSERT INTO jobs (user_id) VALUES ('ann'), ('ann')");
	fixture_sql(f,
		    "BEGIN; SELECT pg_advisory_xact_lock(1953457009, 'jobs'::regclass::oid::int)");
	f->config.queue = fixture_queue;
	f->config.connection = connection;
	host_start(host, &f->config);
	for (int i = 0; i < 1000 && fixture_number(f, waiting) == 0; i++)
		usleep(1000);
	assert_int_equal(fixture_number(f, waiting), 1);
	fixture_sql(f, "INSERT INTO jobs (user_id, status, lease_until) SELECT 'ann',"
		       " 'processing', now() + interval '1 h' FROM generate_series(1, 2); COMMIT");
	assert_true(host_until(host, host_swept, 1));
	assert_int_equal(host_stop(host), 0);
	assert_int_equal(host->n, 0);
	free(connection);
}

/* A role that only reads unless it says otherwise. */
static void a_role_that_reads_by_default_can_work(void **state)
{
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;
	char *connection = sql_format("%s options='-c search_path=t -c"
				      " default_transaction_read_only=on'",
				      getenv("TOCSIN_TEST_POSTGRES"));

	make_jobs(f);
	fixture_sql(f, "INSERT INTO jobs (kind) VALUES ('mail'), ('mail'); INSERT INTO jobs"
		       " (status, lease_until, attempts) VALUES ('processing', now() - interval"
		       " '1 s', 1)");
	f->config.queue = fixture_queue;
	f->config.queue.max_running = f->config.queue.max_per_key = 0;
	f->config.connection = connection;
	assert_int_equal(host_once(host, &f->config), 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE status = 'completed'"),
			 3);
	free(connection);
}

/*
 * The server's clock was set forward: the claim is over though its worker lives. What runs is claimed a second
 * time beside itself, which the page says; but only one end is written, that of the newer claim.
 */
static void when_leases_end_at_once_only_the_newest_claim_counts(void **state)
{
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;

	make_jobs(f);
	fixture_sql(f, "INSERT INTO jobs (kind) VALUES ('mail')");
	f->config.queue = fixture_queue;
	f->config.queue.poll = 50;
	host->deliver = false;
	host_start(host, &f->config);
	assert_true(host_until(host, host_seen, 1));
	fixture_sql(f, "UPDATE jobs SET lease_until = lease_until - interval '1 h'");
	assert_true(host_until(host, host_seen, 2));
	pthread_mutex_lock(&host->lock);
	assert_string_not_equal(host->seen[0].mark, host->seen[1].mark);
	host->seen[0].done = true;
	pthread_mutex_unlock(&host->lock);
	assert_true(host_until(host, host_told, 1));
	assert_true(host_logged(host, "its end (done) was refused"));
	assert_int_equal(fixture_number(f, "SELECT attempts FROM jobs WHERE status = 'processing'"),
			 2);
	pthread_mutex_lock(&host->lock);
	host->seen[1].done = true;
	pthread_mutex_unlock(&host->lock);
	assert_true(host_until(host, host_told, 2));
	assert_int_equal(host_stop(host), 0);
	assert_int_equal(fixture_number(f, "SELECT attempts FROM jobs WHERE status = 'completed'"),
			 2);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM job_log WHERE (attempt, status) IN"
					   " ((1, 'lost'), (2, 'completed'))"),
			 2);
}

/* Somebody else's claims, or those of a program of before: not ours to judge, but not to be forgotten. */
static void rows_without_a_lease_are_spoken_of(void **state)
{
	struct fixture *f = *state;
	struct tocsin_self *host = &f->host;

	make_jobs(f);
	fixture_sql(f, "INSERT INTO jobs (status, started_at) SELECT 'processing', now() - interval"
		       " '1 h' FROM generate_series(1, 3)");
	f->config.queue = fixture_queue;
	f->config.queue.poll = 10;
	host_start(host, &f->config);
	for (int i = 0; i < 500 && !host_logged(host, "3 rows of jobs are 'processing' without");
	     i++)
		usleep(10000);
	assert_true(host_logged(host, "UPDATE jobs SET lease_until = now() WHERE status ="
				      " 'processing' AND lease_until IS NULL"));
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE status = 'processing'"),
			 3);
	/* What the log says to do. */
	fixture_sql(f, "UPDATE jobs SET lease_until = now() WHERE status = 'processing' AND"
		       " lease_until IS NULL");
	assert_true(host_until(host, host_told, 3));
	assert_int_equal(host_stop(host), 0);
	assert_null(strstr(strstr(host->log, "without a lease") + 1, "without a lease"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(a_locked_row_keeps_no_other_from_being_renewed),
		SERVER_TEST(a_locked_row_is_waited_for_until_its_lease_is_over),
		SERVER_TEST(a_table_that_is_locked_at_first_is_listened_to),
		SERVER_TEST(what_is_too_long_for_an_alert_fails_untried),
		SERVER_TEST(what_the_table_refuses_of_an_end_is_left_out),
		SERVER_TEST(a_database_in_another_encoding_takes_every_end),
		SERVER_TEST(a_role_that_reads_by_default_can_work),
		SERVER_TEST(when_leases_end_at_once_only_the_newest_claim_counts),
		SERVER_TEST(rows_without_a_lease_are_spoken_of),
		SERVER_TEST(limits_hold_where_transactions_see_the_past),
		SERVER_TEST(what_comes_again_is_expected_once),
		SERVER_TEST(a_row_goes_through_and_comes_back),
	};

	return fixture_server() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
