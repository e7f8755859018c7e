/* SPDX-License-Identifier: Apache-2.0 */
/* The threshold source at work. Runs when TOCSIN_TEST_POSTGRES names a server. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "threshold_host.h"

static const char *text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* --- stories --- */

static void a_breach_is_told_once_also_over_restarts_and_kills(void **state)
{
	struct fixture *f = *state;

	watch_add(f, "backlog", "SELECT queue, n FROM jobs", "> 10");
	watch_start(f);
	watch_sql(f, "UPDATE jobs SET n = 11 WHERE queue = 'mail'");
	watch_until(f, 1);
	watch_told(f, "firing critical backlog mail: 11 is critical (critical: > 10)\n");
	assert_int_equal(watch_stop(f), 0);
	for (int i = 0; i < 3; i++) {
		watch_start(f);
		usleep(150000);
		watch_die(f);
	}
	watch_told(f, "");
	watch_start(f);
	watch_sql(f, "UPDATE jobs SET n = 1");
	watch_until(f, 1);
	assert_ptr_equal(
		strstr(f->self.alerts, "resolved critical backlog mail: Back to normal after "),
		f->self.alerts);
	assert_int_equal(watch_stop(f), 0);
}

/* Killed between the result and the commit: the step is made again, and only once. */
static void a_breach_that_was_not_committed_is_told_by_the_next(void **state)
{
	struct fixture *f = *state;

	watch_add(f, "backlog", "SELECT max(n) FROM jobs", "> 10");
	watch_start(f);
	usleep(100000);
	watch_full(f, true);
	watch_sql(f, "UPDATE jobs SET n = 11");
	watch_refused(f, 1);
	watch_told(f, "");
	/* Whoever committed now would commit the new state without its alert. */
	json_decref(watch_ask(f, "pause", "backlog", 503));
	watch_die(f);
	watch_full(f, false);
	watch_start(f);
	watch_until(f, 1);
	watch_told(f, "firing critical backlog: 11 is critical (critical: > 10)\n");
	watch_full(f, true);
	watch_sql(f, "UPDATE jobs SET n = 1");
	watch_refused(f, 2);
	watch_full(f, false);
	watch_until(f, 1);
	assert_int_equal(watch_stop(f), 0);
}

/* Sets back up to when nothing was missed, as if tocsin had been off for so long since. */
static void was_off_for(struct fixture *f, int64_t ms)
{
	for (size_t i = 0; i < f->self.n_saved; i++) {
		struct value *saved = &f->self.saved[i];
		json_t *object = json_loads(saved->value, 0, NULL);
		int64_t until = json_integer_value(json_object_get(object, "until"));

		if (strcmp(saved->name, "check/backlog") == 0) {
			assert_true(until > 0);
			json_object_set_new(object, "until", json_integer(until - ms));
			free(saved->value);
			saved->value = json_dumps(object, JSON_COMPACT);
		}
		json_decref(object);
	}
}

static void a_turn_that_was_missed_is_taken_at_the_start_and_only_once(void **state)
{
	struct fixture *f = *state;

	watch_add(f, "backlog", "SELECT max(n) FROM jobs", "> 10");
	f->check[0].schedule = (const void *)"daily";
	watch_sql(f, "UPDATE jobs SET n = 11");
	watch_start(f); /* it is new: its turn is the next midnight */
	usleep(150000);
	watch_told(f, "");
	assert_int_equal(watch_stop(f), 0);
	was_off_for(f, 3 * 86400000LL);
	watch_start(f);
	watch_until(f, 1);
	watch_told(f, "firing critical backlog: 11 is critical (critical: > 10)\n");
	assert_int_equal(watch_stop(f), 0);
	watch_sql(f, "UPDATE jobs SET n = 1");
	watch_start(f);
	usleep(150000);
	watch_told(f, "");
	/* Nobody misses what is paused. */
	json_decref(watch_ask(f, "pause", "backlog", 200));
	assert_int_equal(watch_stop(f), 0);
	was_off_for(f, 3 * 86400000LL);
	watch_start(f);
	json_decref(watch_ask(f, "resume", "backlog", 200));
	usleep(150000);
	watch_told(f, "");
	assert_int_equal(watch_stop(f), 0);
}

static void a_check_that_is_taken_out_ends_its_alert(void **state)
{
	struct fixture *f = *state;

	watch_add(f, "backlog", "SELECT max(n) FROM jobs", "> 1");
	watch_add(f, "other", "SELECT 1", "> 1");
	assert_int_equal(watch_once(f), 0);
	watch_told(f, "firing critical backlog: 2 is critical (critical: > 1)\n");
	assert_string_equal(f->self.announced, "backlog;other;");
	assert_int_equal(watch_once(f), 0);
	watch_told(f, "");
	f->check[0].enabled = false;
	assert_int_equal(watch_once(f), 0);
	watch_told(f, "resolved warning backlog: The check is no longer configured\n");
	assert_int_equal(watch_once(f), 0);
	watch_told(f, "");
}

static void a_query_that_fails_is_an_error_of_its_check_alone(void **state)
{
	struct fixture *f = *state;

	watch_add(f, "broken", "SELECT n FROM nowhere", "> 1");
	watch_add(f, "slow", "SELECT 1 FROM pg_sleep(9)", "> 1");
	watch_add(f, "writes", "DELETE FROM jobs RETURNING n", "> 1");
	watch_add(f, "fine", "SELECT max(n) FROM jobs", "> 1");
	f->check[1].timeout = 100;
	assert_int_equal(watch_once(f), 0);
	assert_int_equal(f->self.n_alerts, 4);
	assert_non_null(strstr(f->self.alerts,
			       "firing warning broken: The check failed: option 'query': relation "
			       "\"nowhere\" does not exist (SQLSTATE 42P01); name a table that "
			       "exists"));
	assert_non_null(strstr(f->self.alerts, "firing warning slow: The check failed: option "
					       "'query': canceling statement due to statement "
					       "timeout"));
	assert_non_null(strstr(f->self.alerts, "firing warning writes: The check failed: option "
					       "'query': cannot execute DELETE in a read-only"));
	assert_non_null(strstr(f->self.alerts, "firing critical fine: 2 is"));
	assert_int_equal(watch_number(f, "SELECT count(*) FROM jobs"), 2);
}

static void checks_run_at_once_but_none_twice(void **state)
{
	struct fixture *f = *state;
	int64_t most = 0;

	watch_add(f, "slow", "SELECT 1 FROM pg_sleep(0.3)", "> 1");
	watch_add(f, "backlog", "SELECT max(n) FROM jobs", "> 10");
	watch_start(f);
	usleep(50000);
	watch_sql(f, "UPDATE jobs SET n = 11");
	for (int i = 0; i < 30; i++) {
		int64_t now = watch_number(f,
					   "SELECT count(*) FROM pg_stat_activity WHERE "
					   "application_name = 'watcher' AND state = 'active' AND "
					   "query LIKE '%pg_sleep%'");

		most = now > most ? now : most;
		usleep(10000);
	}
	watch_until(f, 1);
	assert_int_equal(most, 1);
	assert_int_equal(watch_stop(f), 0);
}

/* Somebody else asks, on a thread of his own. */
struct asked {
	struct fixture *f;
	json_t *answer;
	atomic_bool over;
};

static void *ask_slow(void *data)
{
	struct asked *asked = data;

	asked->answer = watch_ask(asked->f, "check", "slow", 200);
	asked->over = true;
	return NULL;
}

static int64_t asleep(struct fixture *f)
{
	return watch_number(f, "SELECT count(*) FROM pg_stat_activity WHERE application_name ="
			       " 'watcher' AND state = 'active' AND query LIKE '%pg_sleep(0.9)%'");
}

static int alerts(struct fixture *f)
{
	int n;

	pthread_mutex_lock(&f->self.lock);
	n = f->self.n_alerts;
	pthread_mutex_unlock(&f->self.lock);
	return n;
}

/* Asks for the slow check, and changes meanwhile what the other one sees. */
static void ask_and_look(struct fixture *f, const char *change)
{
	struct asked asked = {.f = f};
	int64_t began = database_now_ms(), most = 0, now;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, ask_slow, &asked), 0);
	watch_sql(f, change);
	while (!asked.over) {
		now = asleep(f);
		most = now > most ? now : most;
		if (!asked.over && database_now_ms() - began > 600)
			assert_int_equal(alerts(f), 1);
		usleep(5000);
	}
	pthread_join(thread, NULL);
	assert_int_equal(most, 1);
	assert_in_range(database_now_ms() - began, 600, 1500);
	assert_string_equal(text(asked.answer, "state"), "ok");
	json_decref(asked.answer);
}

/* By hand it runs beside the others, but neither beside itself nor so that they wait for it. */
static void a_check_by_hand_holds_up_nobody_and_does_not_run_twice(void **state)
{
	struct fixture *f = *state;

	watch_add(f, "slow", "SELECT 1 FROM pg_sleep(0.9)", "> 1");
	watch_add(f, "backlog", "SELECT max(n) FROM jobs", "> 10");
	watch_start(f);
	usleep(100000); /* it is under way */
	ask_and_look(f, "UPDATE jobs SET n = 11");
	assert_int_equal(watch_stop(f), 0);
	watch_told(f, "firing critical backlog: 11 is critical (critical: > 10)\n");
	f->check[0].every = 3600000;
	watch_start(f);
	usleep(1200000); /* it was, and is not due for long */
	ask_and_look(f, "UPDATE jobs SET n = 1");
	assert_int_equal(watch_stop(f), 0);
}

static void a_database_that_is_away_is_one_alert(void **state)
{
	struct fixture *f = *state;

	watch_add(f, "backlog", "SELECT max(n) FROM jobs", "> 1");
	watch_add(f, "other", "SELECT min(n) FROM jobs", "> 10");
	f->config.down_after = 100;
	watch_start(f);
	watch_until(f, 1);
	watch_told(f, "firing critical backlog: 2 is critical (critical: > 1)\n");
	/* Another role, which then may not connect any more, and whose connections end. */
	watch_sql(f, "CREATE ROLE w_watcher LOGIN SUPERUSER");
	assert_int_equal(watch_stop(f), 0);
	free(f->connection);
	assert_true(asprintf(&f->connection,
			     "%s options='-c search_path=w' user=w_watcher "
			     "application_name=watcher",
			     getenv("TOCSIN_TEST_POSTGRES")) > 0);
	f->config.connection = f->connection;
	watch_start(f);
	usleep(200000);
	/* committed first, or it connects again in between */
	watch_sql(f, "ALTER ROLE w_watcher NOLOGIN");
	watch_sql(f, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		     " WHERE application_name = 'watcher'");
	watch_until(f, 1);
	if (!strstr(f->self.alerts, "firing critical ThresholdDatabaseDown "))
		fail_msg("%s%s", f->self.alerts, f->self.log);
	assert_non_null(strstr(f->self.alerts, "w_watcher"));
	assert_int_equal(f->self.n_alerts, 1);
	*f->self.alerts = '\0';
	f->self.n_alerts = 0;
	/* A restart does not repeat it. */
	watch_die(f);
	watch_start(f);
	usleep(300000);
	watch_told(f, "");
	/* And it ends under the labels with which it fired, though the connection was corrected. */
	assert_int_equal(watch_stop(f), 0);
	free(f->connection);
	assert_true(asprintf(&f->connection, "%s options='-c search_path=w' host=localhost",
			     getenv("TOCSIN_TEST_POSTGRES")) > 0);
	f->config.connection = f->connection;
	watch_start(f);
	watch_until(f, 1);
	assert_non_null(strstr(f->self.alerts,
			       "resolved critical ThresholdDatabaseDown postgres on "
			       "127.0.0.1: "));
	assert_int_equal(f->self.n_alerts, 1);
	assert_int_equal(watch_stop(f), 0);
	watch_sql(f, "DROP ROLE w_watcher");
}

/* The first connection is gone and cannot be made again, the second one is there. */
static void what_is_connected_goes_on(void **state)
{
	struct fixture *f = *state;

	watch_add(f, "backlog", "SELECT max(n) FROM jobs", "> 10");
	watch_add(f, "slow", "SELECT 1 AS value, pg_sleep(1.5)::text = 'x' AS x", "> 10");
	f->check[1].every = 3600000;
	f->config.down_after = 60000;
	watch_sql(f, "CREATE ROLE w_second LOGIN SUPERUSER");
	free(f->connection);
	assert_true(asprintf(&f->connection,
			     "%s options='-c search_path=w' user=w_second "
			     "application_name=watcher",
			     getenv("TOCSIN_TEST_POSTGRES")) > 0);
	f->config.connection = f->connection;
	watch_start(f);
	usleep(400000);
	watch_sql(f, "ALTER ROLE w_second NOLOGIN");
	watch_sql(f, "UPDATE jobs SET n = 11; SELECT pg_terminate_backend(pid) FROM"
		     " pg_stat_activity WHERE application_name = 'watcher' AND query !~ 'sleep'");
	watch_until(f, 1);
	watch_told(f, "firing critical backlog: 11 is critical (critical: > 10)\n");
	assert_int_equal(watch_stop(f), 0);
	watch_sql(f, "DROP ROLE w_second");
}

static int waits(struct fixture *f)
{
	int n;

	pthread_mutex_lock(&f->self.lock);
	n = f->self.waits;
	pthread_mutex_unlock(&f->self.lock);
	return n;
}

static void an_idle_connection_that_ends_wakes_nobody(void **state)
{
	struct fixture *f = *state;
	int before;

	watch_add(f, "backlog", "SELECT max(n) FROM jobs", "> 1");
	f->config.every = 1500;
	watch_start(f);
	watch_until(f, 1);
	watch_told(f, "firing critical backlog: 2 is critical (critical: > 1)\n");
	watch_sql(f, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
		     "application_name = 'watcher'");
	usleep(50000);
	before = waits(f);
	usleep(300000);
	assert_in_range(waits(f) - before, 0, 3);
	/* The next run makes a new one, and nobody hears of it. */
	watch_sql(f, "UPDATE jobs SET n = 1");
	watch_until(f, 1);
	assert_non_null(strstr(f->self.alerts, "resolved critical backlog: "));
	assert_int_equal(watch_stop(f), 0);
}

static void without_a_database_one_run_fails(void **state)
{
	struct fixture *f = *state;

	watch_add(f, "backlog", "SELECT max(n) FROM jobs", "> 1");
	f->config.connection = "host=/nonexistent";
	f->config.down_after = 60000;
	assert_int_equal(watch_once(f), -ENOTCONN);
	assert_non_null(strstr(f->self.log, "cannot connect to the database"));
	assert_int_equal(f->self.swept, 0);
}

static void what_keeps_a_check_from_saying_anything_is_its_reason(void **state)
{
	struct fixture *f = *state;
	const char *const connection[] = {"host=/nonexistent", f->config.connection};
	static const char *const reason[] = {"cannot connect", "its query is under way"};

	watch_add(f, "slow", "SELECT 1 FROM pg_sleep(0.8)", "> 1");
	f->config.down_after = 60000;
	for (int i = 0; i < 2; i++) {
		json_t *item;

		f->config.connection = connection[i];
		watch_start(f);
		usleep(300000);
		item = watch_ask(f, "show", "slow", 200);
		assert_non_null(strstr(text(item, "reason"), reason[i]));
		json_decref(item);
		assert_int_equal(watch_stop(f), 0);
	}
}

static void words_from_outside_are_answered(void **state)
{
	struct fixture *f = *state;
	json_t *answer, *item;

	watch_add(f, "backlog", "SELECT queue, n FROM jobs", "> 10");
	watch_add(f, "sleepy", "SELECT 1 FROM pg_sleep(0.01)", "> 10");
	f->check[0].every = 3600000;
	watch_start(f);
	usleep(200000);
	answer = watch_ask(f, "list", NULL, 200);
	item = json_array_get(json_object_get(answer, "checks"), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "checks")), 2);
	assert_string_equal(text(item, "state"), "ok");
	assert_int_equal(json_array_size(json_object_get(item, "rows")), 2);
	json_decref(answer);
	/* By hand: the truth of now, and nothing is kept or told of it. */
	watch_sql(f, "UPDATE jobs SET n = 12 WHERE queue = 'web'");
	answer = watch_ask(f, "check", "backlog", 200);
	assert_string_equal(text(answer, "state"), "critical");
	assert_int_equal(json_integer_value(json_object_get(answer, "exit")), 2);
	assert_string_equal(text(answer, "perfdata"), "'backlog mail'=1;;10 'backlog web'=12;;10");
	json_decref(answer);
	answer = watch_ask(f, "show", "backlog", 200);
	assert_string_equal(text(answer, "state"), "ok");
	assert_int_equal(json_array_size(json_object_get(answer, "history")), 1);
	json_decref(answer);
	watch_told(f, "");
	json_decref(watch_ask(f, "show", "nobody", 404));
	json_decref(watch_ask(f, "dance", "backlog", 400));
	/* Paused over a restart; resumed it runs at once. */
	answer = watch_ask(f, "pause", "backlog", 200);
	assert_string_equal(text(answer, "state"), "paused");
	json_decref(answer);
	watch_die(f);
	watch_start(f);
	usleep(150000);
	watch_told(f, "");
	answer = watch_ask(f, "resume", "backlog", 200);
	json_decref(answer);
	watch_until(f, 1);
	watch_told(f, "firing critical backlog web: 12 is critical (critical: > 10)\n");
	assert_int_equal(watch_stop(f), 0);
}

static void a_check_by_hand_needs_no_run(void **state)
{
	struct fixture *f = *state;
	struct tocsin_call call = {
		.size = sizeof(call), .verb = "check", .item = "backlog", .body = "{}"};
	struct tocsin_call *calls[] = {&call};

	watch_add(f, "backlog", "SELECT max(n) FROM jobs", "> 1");
	assert_int_equal(
		tocsin_plugin.source->open(&f->self, &watch_host, &f->config, &f->self.state), 0);
	tocsin_plugin.source->call(f->self.state, calls, 1);
	assert_int_equal(call.status, 200);
	assert_non_null(strstr(call.answer, "\"exit\":2"));
	free(call.answer);
	call.verb = "list";
	call.item = call.answer = NULL;
	tocsin_plugin.source->call(f->self.state, calls, 1);
	assert_non_null(call.answer);
	assert_non_null(strstr(call.answer, "\"unknown\""));
	free(call.answer);
	tocsin_plugin.source->close(f->self.state);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, watch_begin, watch_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_breach_is_told_once_also_over_restarts_and_kills),
		STORY(a_breach_that_was_not_committed_is_told_by_the_next),
		STORY(a_turn_that_was_missed_is_taken_at_the_start_and_only_once),
		STORY(a_check_that_is_taken_out_ends_its_alert),
		STORY(a_query_that_fails_is_an_error_of_its_check_alone),
		STORY(checks_run_at_once_but_none_twice),
		STORY(a_check_by_hand_holds_up_nobody_and_does_not_run_twice),
		STORY(a_database_that_is_away_is_one_alert),
		STORY(what_is_connected_goes_on),
		STORY(an_idle_connection_that_ends_wakes_nobody),
		STORY(without_a_database_one_run_fails),
		STORY(what_keeps_a_check_from_saying_anything_is_its_reason),
		STORY(words_from_outside_are_answered),
		STORY(a_check_by_hand_needs_no_run),
	};

	if (!getenv("TOCSIN_TEST_POSTGRES")) {
		print_message("TOCSIN_TEST_POSTGRES is not set: skipped\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
