/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of a queue on a real server, and what it remembers of its rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres_fixture.h"

/* Of the shipped table. The texts are constants: nobody frees them. */
static struct queue_names names(void)
{
#define TEXT(text) (char *)(uintptr_t)(text)
	return (struct queue_names){
		.table = TEXT("jobs"),
		.key = TEXT("id"),
		.key_type = TEXT("bigint"),
		.token_type = TEXT("uuid"),
		.log = TEXT("job_log"),
		.status = TEXT("status"),
		.scheduled_at = TEXT("scheduled_at"),
		.attempts = TEXT("attempts"),
		.token = TEXT("claim_token"),
		.lease_until = TEXT("lease_until"),
		.owner = TEXT("claimed_by"),
		.max_attempts = TEXT("max_attempts"),
		.started_at = TEXT("started_at"),
		.completed_at = TEXT("completed_at"),
		.duration_ms = TEXT("duration_ms"),
		.last_error = TEXT("last_error"),
		.output = TEXT("output"),
		.per_key = TEXT("user_id"),
		.pending = TEXT("'pending'::text"),
		.processing = TEXT("'processing'::text"),
		.completed = TEXT("'completed'::text"),
		.failed = TEXT("'failed'::text"),
		.due = TEXT("status = 'pending'::text AND scheduled_at <= now()"),
		.columns = TEXT("id::text, scheduled_at::text, NULL"),
		.too_long = TEXT("NULL::text"),
	};
#undef TEXT
}

/* Runs a statement of ours and returns its answer. */
static PGresult *run(struct fixture *f, char *sql, int n, const char *const *value)
{
	PGresult *result = PQexecParams(f->admin, sql, n, NULL, value, NULL, NULL, 0);

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s\n%s", PQerrorMessage(f->admin), sql);
	free(sql);
	return result;
}

/* Claims up to so many; returns how many it got. */
static int claim(struct fixture *f, const struct queue_config *config, const char *most)
{
	const struct queue_names q = names();
	const char *const value[] = {most, "15000", "me"};
	PGresult *result = run(f, queue_sql_claim(&q, config), 3, value);
	int n = PQntuples(result);

	for (int i = 1; i < n; i++) /* the oldest first */
		assert_true(strcmp(PQgetvalue(result, i - 1, 1), PQgetvalue(result, i, 1)) <= 0);
	PQclear(result);
	return n;
}

static void make_jobs(struct fixture *f)
{
	fixture_sql(f, f->jobs);
}

static void the_oldest_due_rows_are_claimed_under_tokens_of_their_own(void **state)
{
	struct fixture *f = *state;
	struct queue_config config = fixture_queue;

	make_jobs(f);
	config.max_running = config.max_per_key = 0;
	fixture_sql(f, "INSERT INTO jobs (scheduled_at, user_id) SELECT now() - n * interval '1 s',"
		       " 'u' FROM generate_series(1, 30) AS n;"
		       "INSERT INTO jobs (scheduled_at) VALUES (now() + interval '1 min');"
		       "INSERT INTO jobs (status) VALUES ('completed')");
	assert_int_equal(claim(f, &config, "20"), 20);
	assert_int_equal(fixture_number(f, "SELECT min(id) FROM jobs WHERE status = 'processing'"),
			 11);
	assert_int_equal(fixture_number(f, "SELECT count(DISTINCT claim_token) FROM jobs WHERE"
					   " status = 'processing' AND attempts = 1 AND claimed_by"
					   " = 'me' AND lease_until BETWEEN now() + interval '10 s'"
					   " AND now() + interval '16 s'"),
			 20);
	assert_int_equal(claim(f, &config, "20"), 10);
	assert_int_equal(claim(f, &config, "20"), 0);
}

static void limits_count_what_others_have_claimed(void **state)
{
	static const struct {
		int64_t max_running, max_per_key;
		int running, of_user;         /* claimed already: in all, and of the busy user */
		int waiting_of_user, waiting; /* of the busy user, who comes first; of nobody */
		int expected;
	} row[] = {
		{10, 2, 0, 0, 30, 0, 2},      {10, 2, 0, 0, 30, 30, 10}, {10, 2, 10, 0, 5, 5, 0},
		{10, 2, 12, 0, 5, 5, 0},      {10, 2, 7, 0, 5, 5, 3},    {10, 2, 0, 2, 5, 0, 0},
		{10, 2, 0, 1, 5, 0, 1},       {0, 2, 50, 0, 5, 30, 20},  {10, 0, 0, 9, 30, 0, 1},
		{0, 0, 90, 9, 30, 0, 20}, /* A long line of one user hides the others until the next claim. */
		{100, 3, 20, 1, 1000, 40, 2},
	};
	struct fixture *f = *state;
	struct queue_config config = fixture_queue;

	make_jobs(f);
	for (size_t i = 0; i < TOCSIN_COUNT(row); i++) {
		char *sql = sql_format(
			"TRUNCATE jobs; INSERT INTO jobs (status, user_id, lease_until)"
			" SELECT 'processing', CASE WHEN n <= %d THEN 'busy' END, now() + interval"
			" '9 s' FROM generate_series(1, %d) AS n; INSERT INTO jobs (scheduled_at,"
			" user_id) SELECT now() - interval '1 h', 'busy' FROM generate_series(1, %d);"
			" INSERT INTO jobs DEFAULT VALUES; DELETE FROM jobs WHERE status = 'pending'"
			" AND user_id IS NULL; INSERT INTO jobs (scheduled_at) SELECT now()"
			" FROM generate_series(1, %d)",
			row[i].of_user, row[i].running + row[i].of_user, row[i].waiting_of_user,
			row[i].waiting);
		int got;

		fixture_sql(f, sql);
		free(sql);
		config.max_running = row[i].max_running;
		config.max_per_key = row[i].max_per_key;
		got = claim(f, &config, "20");
		if (got != row[i].expected)
			fail_msg("row %zu: %d", i, got);
	}
	config.max_per_key = 3;
	config.max_running = 100;
	assert_int_equal(claim(f, &config, "20"), 20);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE status = 'processing'"
					   " AND user_id = 'busy'"),
			 3);
}

/* Somebody looks at the first rows of a user, or refers to them: those behind are claimed. */
static void what_others_have_locked_does_not_stand_for_the_rest(void **state)
{
	static const char *const lock[] = {"FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE"};
	struct fixture *f = *state;
	struct queue_config config = fixture_queue;

	make_jobs(f);
	config.max_per_key = 2;
	for (size_t i = 0; i < TOCSIN_COUNT(lock); i++) {
		PGconn *other = PQconnectdb(f->connection);
		char *sql = sql_format("BEGIN; SELECT FROM jobs ORDER BY id LIMIT 2 %s", lock[i]);
		int got;

		fixture_sql(f, "TRUNCATE jobs; INSERT INTO jobs (scheduled_at, user_id)"
			       " SELECT now() - interval '1 h' + n * interval '1 s', 'ann'"
			       " FROM generate_series(1, 60) n");
		PQclear(PQexec(other, sql));
		free(sql);
		assert_int_equal(PQtransactionStatus(other), PQTRANS_INTRANS);
		got = claim(f, &config, "20");
		PQfinish(other);
		assert_int_equal(got, 2);
		assert_int_equal(claim(f, &config, "20"), 0); /* her limit holds */
	}
}

static void a_claim_that_ran_out_counts_no_more_and_is_recovered(void **state)
{
	struct fixture *f = *state;
	const struct queue_names q = names();
	const char *const value[] = {"me"};
	PGresult *result;

	make_jobs(f);
	fixture_sql(f,
		    "INSERT INTO jobs (status, claimed_by, claim_token, lease_until, attempts,"
		    " max_attempts) SELECT 'processing', 'you', gen_random_uuid(), now() + s *"
		    " interval '1 s', a, m FROM (VALUES (-1, 1, NULL), (-1, 3, NULL), (-1, 3, 4),"
		    " (9, 3, NULL), (NULL, 1, NULL)) AS v(s, a, m)");
	result = run(f, queue_sql_recover(&q, &fixture_queue), 1, value);
	assert_string_equal(PQgetvalue(result, 0, 0), "2");
	assert_string_equal(PQgetvalue(result, 0, 1), "1");
	PQclear(result);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE id IN (1, 3) AND status"
					   " = 'pending' AND claim_token IS NULL"),
			 2);
	assert_int_equal(fixture_number(f, "SELECT id FROM jobs WHERE status = 'failed' AND"
					   " completed_at IS NOT NULL AND last_error LIKE '%you%'"),
			 2);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM job_log WHERE status = 'lost' AND"
					   " worker = 'you'"),
			 3);
	/* Its attempts are no reason to forget the others. */
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE status = 'processing'"),
			 2);
}

#define TOKEN(n) "00000000-0000-4000-8000-00000000000" #n
#define THEIRS "11111111-1111-4111-8111-111111111111"

/* Six claimed rows with known tokens. */
static void claimed(struct fixture *f)
{
	make_jobs(f);
	fixture_sql(
		f,
		"INSERT INTO jobs (status, claimed_by, claim_token, lease_until, attempts,"
		" scheduled_at) SELECT 'processing', 'me', ('00000000-0000-4000-8000-00000000000'"
		" || n)::uuid, now() + interval '1 s', CASE n WHEN 3 THEN 3 ELSE 1 END,"
		" '2020-01-01' FROM generate_series(1, 6) AS n");
}

static void each_end_is_written_where_the_token_stands(void **state)
{
	static const char *const value[] = {
		"{1,2,3,4,5,6}",
		"{" TOKEN(1) "," TOKEN(2) "," TOKEN(3) "," TOKEN(4) "," TOKEN(5) "," THEIRS "}",
		"{done,failed,failed,back,later,done}",
		"{\"\",\"exit \\\"3\\\"\",last,\"\",no channel,\"\"}",
		"{1000,1000,1000,0,0,1000}",
		"{1250,1250,1250,0,0,1250}",
		"{said,\"\",\"\",\"\",\"\",late}",
		"me"};
	struct fixture *f = *state;
	const struct queue_names q = names();
	PGresult *result;

	claimed(f);
	result = run(f, queue_sql_finish(&q, &fixture_queue), 8, value);
	assert_int_equal(PQntuples(result), 5);
	for (int i = 0; i < 5; i++)
		assert_string_equal(PQgetvalue(result, i, 2), "ended");
	PQclear(result);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE id = 1 AND status ="
					   " 'completed' AND duration_ms = 250 AND output = 'said'"
					   " AND last_error IS NULL AND completed_at = started_at +"
					   " interval '250 ms'"),
			 1);
	assert_int_equal(fixture_number(f,
					"SELECT count(*) FROM jobs WHERE id = 2 AND status ="
					" 'pending' AND attempts = 1 AND last_error = 'exit \"3\"'"
					" AND scheduled_at BETWEEN now() + interval '0.7 s' AND"
					" now() + interval '1.2 s' AND completed_at IS NULL"),
			 1);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE id = 3 AND status ="
					   " 'failed' AND attempts = 3 AND completed_at IS NOT NULL"
					   " AND scheduled_at = '2020-01-01'"),
			 1);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM jobs WHERE id = 4 AND status ="
					   " 'pending' AND attempts = 0 AND scheduled_at ="
					   " '2020-01-01' AND claimed_by IS NULL"),
			 1);
	assert_int_equal(fixture_number(f,
					"SELECT count(*) FROM jobs WHERE id = 5 AND status ="
					" 'pending' AND attempts = 0 AND scheduled_at > now() AND"
					" last_error = 'no channel'"),
			 1);
	/* The one whose token is another one by now. */
	assert_int_equal(
		fixture_number(f,
			       "SELECT count(*) FROM jobs WHERE id = 6 AND status ="
			       " 'processing' AND output IS NULL AND claim_token = '" TOKEN(6) "'"),
		1);
	assert_int_equal(
		fixture_number(f, "SELECT count(*) FROM jobs WHERE lease_until IS NOT NULL"), 1);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM job_log WHERE (job_id, status) IN"
					   " ((1, 'completed'), (2, 'failed'), (3, 'failed'))"),
			 3);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM job_log"), 3);
}

/* The answer was lost: what is told again changes nothing, and is no end of somebody else's row. */
static void an_end_that_is_told_again_is_recognised(void **state)
{
	static const char *const value[] = {
		"{1,2,3,4,5}",
		"{" TOKEN(1) "," TOKEN(2) "," TOKEN(3) "," TOKEN(4) "," TOKEN(5) "}",
		"{done,failed,back,done,done}",
		"{\"\",x,\"\",\"\",\"\"}",
		"{1,1,0,1,1}",
		"{2,2,0,2,2}",
		"{\"\",\"\",\"\",\"\",\"\"}",
		"me"};
	static const char digest[] = "SELECT ('x' || substr(md5(string_agg(jobs::text, ' ' ORDER BY"
				     " id)), 1, 8))::bit(32)::int FROM jobs WHERE id < 4";
	struct fixture *f = *state;
	const struct queue_names q = names();
	PGresult *result;
	int64_t before;

	claimed(f);
	/* One was cancelled, and one was recovered and claimed by somebody else. */
	fixture_sql(f, "UPDATE jobs SET status = 'cancelled' WHERE id = 4;"
		       "UPDATE jobs SET claim_token = '" THEIRS "' WHERE id = 5");
	result = run(f, queue_sql_finish(&q, &fixture_queue), 8, value);
	assert_int_equal(PQntuples(result), 3);
	PQclear(result);
	before = fixture_number(f, digest);
	result = run(f, queue_sql_finish(&q, &fixture_queue), 8, value);
	assert_int_equal(PQntuples(result), 3);
	for (int i = 0; i < 3; i++)
		assert_string_equal(PQgetvalue(result, i, 2), "again");
	PQclear(result);
	assert_int_equal(fixture_number(f, digest), before);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM job_log"), 2);
}

static void only_what_is_ours_is_renewed(void **state)
{
	static const char *const value[] = {"{1,2,3}", "{" TOKEN(1) "," THEIRS "," TOKEN(3) "}",
					    "60000"};
	struct fixture *f = *state;
	const struct queue_names q = names();
	PGresult *result;

	claimed(f);
	fixture_sql(f, "UPDATE jobs SET status = 'cancelled' WHERE id = 3");
	result = run(f, queue_sql_renew(&q), 3, value);
	assert_int_equal(PQntuples(result), 1);
	assert_string_equal(PQgetvalue(result, 0, 0), "1 " TOKEN(1));
	assert_string_equal(PQgetvalue(result, 0, 1), "t");
	PQclear(result);
	assert_int_equal(fixture_number(f,
					"SELECT id FROM jobs WHERE lease_until > now() + interval"
					" '30 s'"),
			 1);
}

static void pauses_double_up_to_the_longest(void **state)
{
	struct fixture *f = *state;
	const struct queue_names q = names();
	struct queue_config config = fixture_queue;

	make_jobs(f);
	config.retry.attempts = 1000;
	for (int attempt = 1; attempt < 60; attempt++) {
		const char *const value[] = {"{1}", "{" TOKEN(1) "}", "{failed}", "{x}", "{0}",
					     "{0}", "{\"\"}",         "me"};
		int64_t wait = attempt > 6 ? 60000 : INT64_C(1000) << (attempt - 1), ms;
		char *sql = sql_format(
			"TRUNCATE jobs RESTART IDENTITY; INSERT INTO jobs (status,"
			" claim_token, attempts) VALUES ('processing', '" TOKEN(1) "', %d)",
			attempt);

		fixture_sql(f, sql);
		free(sql);
		fixture_sql(f, "BEGIN");
		PQclear(run(f, queue_sql_finish(&q, &config), 8, value));
		ms = fixture_number(f, "SELECT (extract(epoch FROM scheduled_at - now()) * 1000)"
				       "::bigint FROM jobs");
		fixture_sql(f, "COMMIT");
		assert_in_range(ms, wait * 8 / 10 - 1, wait * 12 / 10 + 1);
	}
}

static void what_is_held_is_found_by_its_mark(void **state)
{
	struct held_set set = {0};
	struct held **list;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i % 500);
		assert_int_equal(held_add(&set, key, i < 500 ? "a" : "b"), 0);
		assert_int_equal(held_add(&set, key, i < 500 ? "a" : "b"), 0);
	}
	assert_int_equal(set.n, 1000);
	assert_string_equal(held_find(&set, "7 b")->key, "7");
	assert_string_equal(held_find(&set, "7 b")->token, "b");
	assert_null(held_find(&set, "7 c"));
	held_remove(&set, "7 b");
	held_remove(&set, "7 b");
	assert_null(held_find(&set, "7 b"));
	assert_non_null(held_find(&set, "7 a"));
	list = held_list(&set);
	assert_int_equal(set.n, 999);
	for (size_t i = 1; i < set.n; i++)
		assert_true(strcmp(list[i - 1]->mark, list[i]->mark) < 0);
	free(list);
	held_clear(&set);
	assert_int_equal(set.n, 0);
}

int main(void)
{
	const struct CMUnitTest held[] = {
		cmocka_unit_test(what_is_held_is_found_by_its_mark),
	};
	const struct CMUnitTest tests[] = {
		SERVER_TEST(the_oldest_due_rows_are_claimed_under_tokens_of_their_own),
		SERVER_TEST(limits_count_what_others_have_claimed),
		SERVER_TEST(what_others_have_locked_does_not_stand_for_the_rest),
		SERVER_TEST(a_claim_that_ran_out_counts_no_more_and_is_recovered),
		SERVER_TEST(each_end_is_written_where_the_token_stands),
		SERVER_TEST(an_end_that_is_told_again_is_recognised),
		SERVER_TEST(only_what_is_ours_is_renewed),
		SERVER_TEST(pauses_double_up_to_the_longest),
	};
	int failed = cmocka_run_group_tests(held, NULL, NULL);

	if (failed)
		return failed;
	return fixture_server() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
