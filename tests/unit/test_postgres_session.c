/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the postgres source lives with its server and with other dispatchers.
 * Against a real server: see postgres_fixture.h.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "postgres_fixture.h"

static void a_settle_statement_without_effect_is_told_and_sends_nothing_twice(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'b')");
	f->config.settle = "UPDATE alerts SET message = message WHERE id = $1";
	host_start(&f->host, &f->config);
	assert_true(host_until(&f->host, host_seen, 1));
	sleep(3);
	assert_int_equal(host_stop(&f->host), 0);
	assert_true(f->host.errors > 1);
	assert_true(host_logged(&f->host, "option 'settle': row"));
	assert_null(strstr(strstr(f->host.log, "option 'settle'") + 1, "option 'settle'"));
	assert_int_equal(f->host.seen[0].accepted, 1);
	assert_true(f->host.known > 0);
}

static void one_row_that_refuses_its_mark_keeps_no_other_from_it(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(
		f,
		"ALTER TABLE alerts ADD CHECK (NOT (message = 'odd' AND email_sent));"
		"INSERT INTO alerts (site_url, message) SELECT 'a', CASE n WHEN 30 THEN 'odd' ELSE"
		" 'b' END FROM generate_series(1, 60) n");
	assert_int_equal(host_once(&f->host, &f->config), -EINVAL);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 59);
}

static void rows_are_marked_with_and_without_an_index_of_their_key(void **state)
{
	struct fixture *f = *state;
	static const char *const change[] = {"ANALYZE alerts",
					     "ALTER TABLE alerts DROP CONSTRAINT alerts_pkey"};

	for (size_t i = 0; i < TOCSIN_COUNT(change); i++) {
		fixture_sql(f, "DROP TABLE IF EXISTS alerts");
		fixture_sql(f, f->shipped);
		fixture_sql(f, change[i]);
		fixture_sql(f, "INSERT INTO alerts (site_url, message)"
			       " SELECT 'a', 'b' FROM generate_series(1, 60)");
		assert_int_equal(host_once(&f->host, &f->config), 0);
		assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"),
				 60);
	}
}

static void what_was_given_up_stays_pending_unless_told_otherwise(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'b')");
	f->host.outcome = TOCSIN_SETTLED_DEAD;
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 0);
	f->config.on_dead = ON_DEAD_SETTLE;
	assert_int_equal(host_once(&f->host, &f->config), 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 1);
}

static void a_new_row_is_seen_within_milliseconds(void **state)
{
	struct fixture *f = *state;
	int64_t worst = 0;

	fixture_sql(f, f->shipped);
	f->config.poll = 60000;
	host_start(&f->host, &f->config);
	assert_true(host_until(&f->host, host_swept, 1));
	for (int i = 1; i <= 20; i++) {
		int64_t began = database_now_ms(), took;

		fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'b')");
		assert_true(host_until(&f->host, host_seen, i));
		took = database_now_ms() - began;
		worst = took > worst ? took : worst;
		/* Now and then also while the last one is being settled. */
		usleep((useconds_t)(i * 1000));
	}
	assert_true(host_until(&f->host, host_told, 20));
	assert_int_equal(host_stop(&f->host), 0);
	print_message("worst of 20: %lld ms\n", (long long)worst);
	assert_in_range(worst, 0, 500);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 20);
}

static void a_row_that_commits_late_with_an_old_time_is_found(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(f, "DROP TRIGGER tocsin_announce ON alerts");
	f->host.deliver = false;
	host_start(&f->host, &f->config);
	fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'now')");
	assert_true(host_until(&f->host, host_seen, 1));
	fixture_sql(f, "INSERT INTO alerts (site_url, message, triggered_at)"
		       " VALUES ('a', 'b', '2020-01-01')");
	assert_true(host_until(&f->host, host_seen, 2));
	assert_int_equal(host_stop(&f->host), 0);
}

static void after_a_lost_connection_alerts_are_parked_and_read_again(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'b')");
	f->host.deliver = false;
	host_start(&f->host, &f->config);
	assert_true(host_until(&f->host, host_swept, 1));
	assert_int_equal(f->host.parked, 1);
	fixture_sql(f, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		       " WHERE application_name = 'tocsin'");
	assert_true(host_until(&f->host, host_parked, 3));
	assert_true(host_until(&f->host, host_swept, 2));
	assert_true(f->host.known > 0);
	assert_true(host_logged(&f->host, "connection to the database lost"));
	pthread_mutex_lock(&f->host.lock);
	f->host.seen[0].done = true;
	pthread_mutex_unlock(&f->host.lock);
	assert_true(host_until(&f->host, host_told, 1));
	assert_int_equal(host_stop(&f->host), 0);
	assert_int_equal(f->host.seen[0].accepted, 1);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 1);
}

static void a_single_run_outlives_a_lost_connection(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'b')");
	f->host.deliver = false;
	f->host.once = true;
	host_start(&f->host, &f->config);
	assert_true(host_until(&f->host, host_swept, 1));
	fixture_sql(f, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		       " WHERE application_name = 'tocsin'");
	assert_true(host_until(&f->host, host_parked, 2));
	pthread_mutex_lock(&f->host.lock);
	f->host.seen[0].done = true;
	pthread_mutex_unlock(&f->host.lock);
	assert_true(host_until(&f->host, host_told, 1));
	assert_int_equal(host_stop(&f->host), 0);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM alerts WHERE email_sent"), 1);
}

static void of_two_dispatchers_one_works_and_the_other_takes_over(void **state)
{
	struct fixture *f = *state;
	struct tocsin_self second, third;

	fixture_sql(f, f->shipped);
	fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'b')");
	f->host.deliver = false;
	host_init(&second);
	host_init(&third);
	host_start(&f->host, &f->config);
	assert_true(host_until(&f->host, host_swept, 1));
	host_start(&second, &f->config);
	assert_int_equal(host_once(&third, &f->config), 0);
	assert_int_equal(third.n, 0);
	assert_true(host_logged(&third, "another dispatcher is at work on table alerts; nothing"));
	sleep(2);
	assert_int_equal(second.n, 0);
	assert_int_equal(second.parked, 0);
	assert_true(host_logged(&second, "standing by"));
	assert_int_equal(host_stop(&f->host), 0);
	assert_true(host_until(&second, host_told, 1));
	assert_int_equal(host_stop(&second), 0);
	host_done(&second);
	host_done(&third);
}

static void a_row_settled_while_the_store_is_full_is_not_handed_in_again(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'b')");
	f->host.deliver = false;
	host_start(&f->host, &f->config);
	assert_true(host_until(&f->host, host_seen, 1));
	pthread_mutex_lock(&f->host.lock);
	f->host.full = f->host.settle_when_full = true;
	pthread_mutex_unlock(&f->host.lock);
	assert_true(host_until(&f->host, host_told, 1));
	sleep(2);
	assert_int_equal(host_stop(&f->host), 0);
	assert_true(f->host.refusals > 0);
	assert_int_equal(f->host.seen[0].accepted, 1);
}

static void a_table_made_anew_is_looked_at_anew(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	host_start(&f->host, &f->config);
	assert_true(host_until(&f->host, host_swept, 1));
	fixture_sql(f, "DROP TABLE alerts");
	fixture_sql(f, f->shipped);
	fixture_sql(f, "INSERT INTO alerts (site_url, message) VALUES ('a', 'b')");
	assert_true(host_until(&f->host, host_told, 1));
	assert_int_equal(host_stop(&f->host), 0);
}

static void no_transaction_is_open_while_alerts_wait(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, f->shipped);
	fixture_sql(f, "INSERT INTO alerts (site_url, message)"
		       " SELECT 'a', 'b' FROM generate_series(1, 50)");
	f->config.batch = 10;
	f->host.full = true;
	host_start(&f->host, &f->config);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(
			fixture_number(f,
				       "SELECT count(*) FROM pg_stat_activity WHERE"
				       " application_name = 'tocsin' AND state LIKE"
				       " 'idle in%' AND state_change < now() - interval '100 ms'"),
			0);
		usleep(20000);
	}
	pthread_mutex_lock(&f->host.lock);
	f->host.full = false;
	pthread_mutex_unlock(&f->host.lock);
	assert_true(host_until(&f->host, host_told, 50));
	assert_int_equal(host_stop(&f->host), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(a_settle_statement_without_effect_is_told_and_sends_nothing_twice),
		SERVER_TEST(one_row_that_refuses_its_mark_keeps_no_other_from_it),
		SERVER_TEST(rows_are_marked_with_and_without_an_index_of_their_key),
		SERVER_TEST(what_was_given_up_stays_pending_unless_told_otherwise),
		SERVER_TEST(a_new_row_is_seen_within_milliseconds),
		SERVER_TEST(a_row_that_commits_late_with_an_old_time_is_found),
		SERVER_TEST(after_a_lost_connection_alerts_are_parked_and_read_again),
		SERVER_TEST(a_single_run_outlives_a_lost_connection),
		SERVER_TEST(of_two_dispatchers_one_works_and_the_other_takes_over),
		SERVER_TEST(a_row_settled_while_the_store_is_full_is_not_handed_in_again),
		SERVER_TEST(a_table_made_anew_is_looked_at_anew),
		SERVER_TEST(no_transaction_is_open_while_alerts_wait),
	};

	if (!fixture_server())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
