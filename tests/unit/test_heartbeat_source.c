/* SPDX-License-Identifier: Apache-2.0 */
/* The heartbeat source with a host of one page: words and answers, what is saved, what is raised. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "heartbeat_host.h"

#define HOUR 3600000

static struct tocsin_self self;

static const struct beat_config two[] = {
	{.name = "backup",
	 .period = 24 * HOUR,
	 .grace = HOUR,
	 .link = "https://example.com/backup"},
	{.name = "queue", .period = 60, .severity = 1 + TOCSIN_WARNING},
};

static int setup(void **state)
{
	(void)state;
	beats_host_init(&self);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	beats_host_done(&self);
	return 0;
}

static void assert_alert(const char *text)
{
	if (!strstr(self.alerts, text))
		fail_msg("no alert \"%s\" in:\n%s", text, self.alerts);
}

/* However the two clocks tick against each other. */
static void test_what_a_schedule_plans_is_a_full_second(void **unused)
{
	const struct tocsin_schedule hourly = {.text = "3600000"};
	const struct beat_config scheduled = {.name = "n", .schedule = &hourly, .grace = HOUR};
	static const char *const names[] = {"next_ping", "down_at"};
	struct config config = beats_config(&scheduled, 1);

	(void)unused;
	beats_open(&self, &config);
	beats_tell(&self, "ping", "n", "{}", 200);
	for (int i = 0; i < 300; i++) {
		json_t *item = beats_call(&self, "show", "n", "{}", 200);

		for (size_t k = 0; k < TOCSIN_COUNT(names); k++) {
			const char *text = json_string_value(json_object_get(item, names[k]));

			assert_non_null(text);
			assert_non_null(strstr(text, ":00:00.000Z"));
		}
		json_decref(item);
		usleep(100);
	}
	beats_close(&self);
}

static void test_ping_and_answer(void **unused)
{
	struct config config = beats_config(two, 2);
	json_t *item, *pings;

	(void)unused;
	beats_open(&self, &config);
	assert_string_equal(beats_ask(&self, "backup", "state"), "new");
	assert_string_equal(beats_ask(&self, "backup", "healthy"), "false");
	item = beats_call(&self, "ping", "backup", "{}", 200);
	assert_string_equal(json_string_value(json_object_get(item, "state")), "up");
	assert_string_equal(json_string_value(json_object_get(item, "feed")), "ping");
	assert_int_equal(json_integer_value(json_object_get(item, "period_ms")), 24 * HOUR);
	assert_true(json_is_null(json_object_get(item, "schedule")));
	assert_true(json_is_string(json_object_get(item, "last_ping")));
	assert_true(json_is_string(json_object_get(item, "down_at")));
	json_decref(item);
	assert_string_equal(beats_ask(&self, "backup", "healthy"), "true");
	beats_tell(&self, "ping", "backup", "{\"kind\": \"start\", \"rid\": \"0123-ab\"}", 200);
	assert_string_equal(beats_ask(&self, "backup", "state"), "started");
	beats_tell(
		&self, "ping", "backup",
		"{\"kind\": \"exit\", \"exit\": 7, \"rid\": \"0123-ab\", \"body\": \"disk full\"}",
		200);
	assert_string_equal(beats_ask(&self, "backup", "state"), "down");
	assert_string_equal(beats_ask(&self, "backup", "reason"), "it ended with exit status 7");
	assert_alert("firing 5 alertname=HeartbeatDown heartbeat=backup: backup is down: it ended "
		     "with exit status 7");
	beats_tell(&self, "ping", "backup", "{\"kind\": \"success\"}", 200);
	assert_alert(
		"resolved 5 alertname=HeartbeatDown heartbeat=backup: backup is up again; it was "
		"down for");
	item = beats_call(&self, "show", "backup", "{}", 200);
	pings = json_object_get(item, "pings");
	assert_int_equal(json_array_size(pings), 4);
	assert_string_equal(json_string_value(json_object_get(json_array_get(pings, 1), "body")),
			    "disk full");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(pings, 1), "exit")), 7);
	assert_true(json_is_integer(json_object_get(json_array_get(pings, 1), "duration_ms")));
	json_decref(item);
	beats_close(&self);
}

static void test_list_and_wrong_words(void **unused)
{
	static const struct {
		const char *body, *sentence;
	} wrong[] = {
		{"[]", "the body must be a JSON object"},
		{"{", "the body must be a JSON object"},
		{"{\"kind\": \"maybe\"}", "\"kind\" must be success, fail, start, log or exit"},
		{"{\"kind\": 3}", "\"kind\" must be success, fail, start, log or exit"},
		{"{\"kind\": \"exit\"}", "\"exit\" must be a whole number from 0 to 255"},
		{"{\"kind\": \"exit\", \"exit\": 256}",
		 "\"exit\" must be a whole number from 0 to 255"},
		{"{\"rid\": \"x y\"}", "\"rid\" must be a UUID"},
		{"{\"rid\": 5}", "\"rid\" must be a UUID"},
		{"{\"body\": 5}", "\"body\" must be a text"},
		{"{\"at\": \"yesterday\"}",
		 "\"at\" must be a time such as 2026-01-31T12:00:00.000Z"},
		{"{\"at\": 5}", "\"at\" must be a time such as 2026-01-31T12:00:00.000Z"},
	};
	struct config config = beats_config(two, 2);
	json_t *answer;

	(void)unused;
	beats_open(&self, &config);
	answer = beats_call(&self, "list", NULL, "{}", 200);
	assert_int_equal(json_array_size(json_object_get(answer, "heartbeats")), 2);
	json_decref(answer);
	for (size_t i = 0; i < TOCSIN_COUNT(wrong); i++) {
		answer = beats_call(&self, "ping", "backup", wrong[i].body, 400);
		assert_string_equal(json_string_value(answer), wrong[i].sentence);
		json_decref(answer);
	}
	answer = beats_call(&self, "ping", "bakcup", "{}", 404);
	assert_string_equal(json_string_value(answer), "there is no heartbeat 'bakcup'");
	json_decref(answer);
	beats_tell(&self, "show", NULL, "{}", 400);
	beats_tell(&self, "dance", "backup", "{}", 404);
	beats_close(&self);
}

static void test_what_is_committed_outlives_a_kill(void **unused)
{
	struct config config = beats_config(two, 2);

	(void)unused;
	beats_open(&self, &config);
	beats_tell(&self, "ping", "backup", "{\"kind\": \"fail\", \"body\": \"\xc3\xa4\"}", 200);
	beats_tell(&self, "pause", "queue", "{}", 200);
	beats_close(&self); /* run never ended: nothing was saved at the end */
	beats_open(&self, &config);
	assert_string_equal(beats_ask(&self, "backup", "state"), "down");
	assert_string_equal(beats_ask(&self, "queue", "state"), "paused");
	assert_int_equal(self.n_alerts, 1);
	beats_close(&self);
}

static void test_a_store_that_is_full_changes_nothing(void **unused)
{
	struct config config = beats_config(two, 2);
	json_t *item;

	(void)unused;
	config.create = true;
	config.period = HOUR;
	beats_open(&self, &config);
	self.full = true;
	beats_tell(&self, "ping", "backup", "{}", 503);
	assert_string_equal(beats_ask(&self, "backup", "state"), "new");
	self.full = false;
	beats_tell(&self, "ping", "backup", "{}", 200);
	self.full = true;
	beats_tell(&self, "ping", "backup", "{\"kind\": \"fail\"}", 503);
	beats_tell(&self, "ping", "fresh", "{}", 503);
	beats_tell(&self, "pause", "backup", "{}", 503);
	beats_tell(&self, "show", "backup", "{}", 200);
	assert_string_equal(beats_ask(&self, "backup", "state"), "up");
	beats_tell(&self, "show", "fresh", "{}", 404);
	self.full = false;
	/* What was refused does not come in with the next one. */
	beats_tell(&self, "ping", "queue", "{}", 200);
	beats_close(&self);
	beats_open(&self, &config);
	assert_string_equal(beats_ask(&self, "backup", "state"), "up");
	beats_tell(&self, "show", "fresh", "{}", 404);
	assert_int_equal(self.n_alerts, 0);
	item = beats_call(&self, "ping", "fresh", "{}", 201);
	json_decref(item);
	beats_tell(&self, "ping", "fresh", "{}", 200);
	beats_close(&self);
}

static void test_many_words_share_one_commit(void **unused)
{
	struct config config = beats_config(two, 2);
	struct tocsin_call call[50], *calls[50];
	size_t before;

	(void)unused;
	beats_open(&self, &config);
	beats_tell(&self, "ping", "backup", "{}", 200);
	before = self.commits;
	for (size_t i = 0; i < 50; i++) {
		call[i] = (struct tocsin_call){.size = sizeof(call[i]),
					       .verb = "ping",
					       .item = i % 2 ? "backup" : "queue",
					       .body = i % 3 ? "{}" : "{\"kind\": \"fail\"}"};
		calls[i] = &call[i];
	}
	tocsin_plugin.source->call(self.state, calls, 50);
	for (size_t i = 0; i < 50; i++) {
		assert_int_equal(call[i].status, 200);
		free(call[i].answer);
	}
	assert_int_equal(self.commits, before + 1);
	beats_close(&self);
}

static void test_only_the_latest_pings_are_kept(void **unused)
{
	struct config config = beats_config(two, 2);
	json_t *item;
	const char *name;
	json_t *value;
	size_t n = 0;

	(void)unused;
	beats_open(&self, &config);
	for (int i = 0; i < 50; i++)
		beats_tell(&self, "ping", "backup", "{\"body\": \"x\"}", 200);
	item = beats_call(&self, "show", "backup", "{}", 200);
	assert_int_equal(json_array_size(json_object_get(item, "pings")), 20);
	json_decref(item);
	json_object_foreach(self.saved, name, value) n += strncmp(name, "ping/", 5) == 0;
	assert_int_equal(n, 20);
	beats_close(&self);
}

static void test_a_long_body_is_cut_where_a_character_ends(void **unused)
{
	struct config config = beats_config(two, 2);
	char body[400] = "{\"body\": \"x";
	json_t *item;

	(void)unused;
	for (int i = 0; i < 100; i++)
		strcat(body, "\xc3\xa4");
	strcat(body, "\"}");
	beats_open(&self, &config);
	beats_tell(&self, "ping", "backup", body, 200);
	item = beats_call(&self, "show", "backup", "{}", 200);
	assert_int_equal(strlen(json_string_value(json_object_get(
				 json_array_get(json_object_get(item, "pings"), 0), "body"))),
			 99);
	json_decref(item);
	beats_close(&self);
}

static void test_spooled_pings(void **unused)
{
	struct config config = beats_config(two, 2);
	json_t *item;
	char body[200];

	(void)unused;
	beats_open(&self, &config);
	snprintf(body, sizeof(body), "{\"kind\": \"fail\", \"at\": \"2020-01-31T12:00:00.000Z\"}");
	beats_tell(&self, "ping", "backup", body, 200);
	assert_string_equal(beats_ask(&self, "backup", "last_ping"), "2020-01-31T12:00:00.000Z");
	/* once more, after a crash */
	beats_tell(&self, "ping", "backup", body, 200);
	item = beats_call(&self, "show", "backup", "{}", 200);
	assert_int_equal(json_array_size(json_object_get(item, "pings")), 1);
	json_decref(item);
	beats_tell(&self, "ping", "backup", "{}", 200);
	/* one from before the last ping is remembered, but changes nothing */
	beats_tell(&self, "ping", "backup",
		   "{\"kind\": \"fail\", \"at\": \"2020-01-31T12:00:01.000Z\"}", 200);
	assert_string_equal(beats_ask(&self, "backup", "state"), "up");
	beats_close(&self);
}

static void test_time_makes_it_down(void **unused)
{
	struct config config = beats_config(two, 2);

	(void)unused;
	self.sleeps = true;
	beats_open(&self, &config);
	beats_tell(&self, "ping", "queue", "{}", 200);
	assert_int_equal(beats_run(&self, 2), 0);
	assert_alert(
		"firing 3 alertname=HeartbeatDown heartbeat=queue: queue is down: no heartbeat "
		"for 6");
	assert_string_equal(self.names, "backup queue");
	beats_close(&self);
	assert_int_equal(self.n_alerts, 1);
}

/* A store that is full delays the alert, and it comes. */
static void make_room(struct tocsin_self *host)
{
	host->full = host->waits > 1;
}

static void test_an_alert_waits_for_the_store(void **unused)
{
	struct config config = beats_config(two, 2);

	(void)unused;
	beats_open(&self, &config);
	beats_tell(&self, "ping", "queue", "{}", 200);
	usleep(70000);
	self.full = true;
	self.in_wait = make_room;
	assert_int_equal(beats_run(&self, 4), 0);
	beats_close(&self);
	assert_int_equal(self.n_alerts, 1);
}

static void test_after_a_start_pings_come_first(void **unused)
{
	struct config config = beats_config(two, 2);

	(void)unused;
	config.settle = HOUR;
	beats_open(&self, &config);
	beats_tell(&self, "ping", "queue", "{}", 200);
	usleep(70000);
	assert_int_equal(beats_run(&self, 5), 0);
	beats_close(&self);
	assert_int_equal(self.n_alerts, 0);
}

static void test_one_that_is_no_longer_configured_is_resolved(void **unused)
{
	struct config config = beats_config(two, 2), less = beats_config(two + 1, 1);

	(void)unused;
	beats_open(&self, &config);
	beats_tell(&self, "ping", "backup", "{\"kind\": \"fail\"}", 200);
	beats_close(&self);
	beats_open(&self, &less);
	beats_tell(&self, "show", "backup", "{}", 404);
	assert_alert("resolved 5 alertname=HeartbeatDown heartbeat=backup: backup is no longer "
		     "watched; it was down for");
	assert_null(json_object_get(self.saved, "beat/backup"));
	assert_null(json_object_get(self.saved, "ping/backup/0000000000000001"));
	beats_close(&self);
}

/* An alert is resolved by the labels with which it fired, though others are configured by then. */
static void test_labels_that_change_while_it_is_down(void **unused)
{
	static const struct tocsin_pair one = {"team", "one"}, two_ = {"team", "two"};
	const struct beat_config before = {.name = "a", .period = HOUR, .labels = {&one, 1}},
				 after = {.name = "a", .period = HOUR, .labels = {&two_, 1}};
	struct config config = beats_config(&before, 1), other = beats_config(&after, 1),
		      none = beats_config(two, 1);

	(void)unused;
	beats_open(&self, &config);
	beats_tell(&self, "ping", "a", "{\"kind\": \"fail\"}", 200);
	beats_close(&self);
	beats_open(&self, &other);
	beats_tell(&self, "ping", "a", "{}", 200);
	assert_alert("resolved 5 alertname=HeartbeatDown heartbeat=a team=one");
	beats_tell(&self, "ping", "a", "{\"kind\": \"fail\"}", 200);
	assert_alert("firing 5 alertname=HeartbeatDown heartbeat=a team=two");
	beats_close(&self);
	beats_open(&self, &none);
	beats_tell(&self, "show", "a", "{}", 404);
	assert_alert("resolved 5 alertname=HeartbeatDown heartbeat=a team=two: a is no longer");
	beats_close(&self);
}

static void test_files(void **unused)
{
	char path[] = "/tmp/tocsin-beat-XXXXXX";
	int fd = mkstemp(path);
	const struct timespec old[] = {{1000000000, 0}, {1000000000, 0}};
	const struct beat_config beat = {.name = "f", .period = HOUR, .file = path};
	struct config config = beats_config(&beat, 1);

	(void)unused;
	beats_open(&self, &config);
	assert_string_equal(beats_ask(&self, "f", "state"), "up");
	assert_int_equal(futimens(fd, old), 0);
	assert_int_equal(beats_run(&self, 1), 0);
	assert_string_equal(beats_ask(&self, "f", "state"), "down");
	assert_string_equal(beats_ask(&self, "f", "feed"), "file");
	assert_int_equal(futimens(fd, NULL), 0);
	assert_string_equal(beats_ask(&self, "f", "state"), "up");
	unlink(path);
	close(fd);
	beats_close(&self);
}

static void test_once(void **unused)
{
	char path[] = "/tmp/tocsin-beat-XXXXXX";
	int fd = mkstemp(path);
	const struct timespec old[] = {{1000000000, 0}, {1000000000, 0}};
	const struct beat_config beat = {.name = "f", .period = HOUR, .file = path};
	struct config config = beats_config(&beat, 1);

	(void)unused;
	self.once = true;
	config.settle = HOUR;
	futimens(fd, old);
	beats_open(&self, &config);
	assert_int_equal(beats_run(&self, 1), 0);
	assert_true(self.swept);
	assert_int_equal(self.n_alerts, 1);
	unlink(path);
	close(fd);
	beats_close(&self);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ONE(test_what_a_schedule_plans_is_a_full_second),
		ONE(test_ping_and_answer),
		ONE(test_list_and_wrong_words),
		ONE(test_what_is_committed_outlives_a_kill),
		ONE(test_a_store_that_is_full_changes_nothing),
		ONE(test_many_words_share_one_commit),
		ONE(test_only_the_latest_pings_are_kept),
		ONE(test_a_long_body_is_cut_where_a_character_ends),
		ONE(test_spooled_pings),
		ONE(test_time_makes_it_down),
		ONE(test_an_alert_waits_for_the_store),
		ONE(test_after_a_start_pings_come_first),
		ONE(test_one_that_is_no_longer_configured_is_resolved),
		ONE(test_labels_that_change_while_it_is_down),
		ONE(test_files),
		ONE(test_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
