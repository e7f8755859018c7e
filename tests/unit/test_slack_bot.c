/* SPDX-License-Identifier: Apache-2.0 */
/* What a bot says where: first messages, replies in their threads, changes, and when these are gone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/slack/slack.h"
#include "hostile.h"
#include "judge.h"

static struct slack_config config;
static struct tocsin_host host;

/* Answers in the order they come, and what was asked for. */
static struct script {
	const char *answers[4];
	int status;
	size_t n;
	char urls[4][128];
	json_t *bodies[4];
} script;

static int scripted_http(struct tocsin_self *self, const struct tocsin_request *request,
			 tocsin_reply_fn *reply_fn, void *data)
{
	const char *answer = script.answers[script.n];
	struct tocsin_reply reply = {
		.size = sizeof(reply), .status = script.status, .body = answer};

	assert_ptr_equal(self, fake_self());
	assert_non_null(answer);
	reply.body_length = strlen(answer);
	assert_string_equal(request->headers.pair[0].name, "Authorization");
	assert_string_equal(request->headers.pair[0].value, "Bearer xoxb-1");
	assert_string_equal(request->content_type, "application/json; charset=utf-8");
	judge_slack(request->body, false);
	snprintf(script.urls[script.n], sizeof(script.urls[0]), "%s", request->url);
	script.bodies[script.n++] = json_loads(request->body, 0, NULL);
	reply_fn(&reply, data);
	return 0;
}

#define TAKEN "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"1763476245.000100\"}"
#define REFUSED(word) "{\"ok\":false,\"error\":\"" word "\"}"

static int setup(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < script.n; i++)
		json_decref(script.bodies[i]);
	script = (struct script){.status = 200};
	config = (struct slack_config){.token = "xoxb-1",
				       .api_url = "https://slack.example.com/api",
				       .channel = "#ops",
				       .threads = true};
	host = fake_host;
	host.http = scripted_http;
	fake_reset();
	return 0;
}

static const struct fake_done *say(enum tocsin_status status, const char *first, const char *second)
{
	struct fake_alert fake;
	const struct fake_done *done;
	void *state;

	for (size_t i = 0; i < script.n; i++)
		json_decref(script.bodies[i]);
	script = (struct script){.answers = {first, second}, .status = 200};
	fake_alert_init(&fake, "disk is full");
	fake.alert.status = status;
	assert_int_equal(tocsin_plugin.channel->open(fake_self(), &host, &config, &state), 0);
	done = fake_deliver(state, &fake);
	tocsin_plugin.channel->close(state);
	return done;
}

static const char *of(size_t request, const char *key)
{
	return json_string_value(json_object_get(script.bodies[request], key));
}

static void the_first_message_is_noted_and_later_ones_reply_to_it(void **unused)
{
	(void)unused;
	assert_int_equal(say(TOCSIN_FIRING, TAKEN, NULL)->outcome, TOCSIN_DELIVERED);
	assert_string_equal(script.urls[0], "https://slack.example.com/api/chat.postMessage");
	assert_string_equal(of(0, "channel"), "#ops");
	assert_null(of(0, "thread_ts"));
	assert_string_equal(fake_self()->note, "1763476245.000100 C1 open #ops");
	say(TOCSIN_FIRING, "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"2.2\"}", NULL);
	assert_string_equal(of(0, "channel"), "C1");
	assert_string_equal(of(0, "thread_ts"), "1763476245.000100");
	assert_null(json_object_get(script.bodies[0], "reply_broadcast"));
	say(TOCSIN_RESOLVED, TAKEN, NULL);
	assert_string_equal(of(0, "thread_ts"), "1763476245.000100");
	assert_string_equal(fake_self()->note, "1763476245.000100 C1 closed #ops");
	/* the news once more, and then a new story */
	say(TOCSIN_RESOLVED, TAKEN, NULL);
	assert_string_equal(of(0, "thread_ts"), "1763476245.000100");
	say(TOCSIN_FIRING, "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"3.3\"}", NULL);
	assert_null(of(0, "thread_ts"));
	assert_string_equal(fake_self()->note, "3.3 C1 open #ops");
}

/* Slack repeats the message behind its number, and the core keeps the beginning of a long answer. */
static void an_answer_that_was_cut_in_the_message_is_noted(void **unused)
{
	(void)unused;
	say(TOCSIN_FIRING,
	    "{\"ok\": true, \"channel\": \"C1\", \"ts\": \"4.4\" , \"message\": {\"ts\": \"5",
	    NULL);
	assert_string_equal(fake_self()->note, "4.4 C1 open #ops");
	fake_reset();
	assert_int_equal(say(TOCSIN_FIRING, "{\"ok\":true,\"message\":{\"ts\":\"5", NULL)->outcome,
			 TOCSIN_DELIVERED);
	assert_string_equal(fake_self()->note, "");
}

static void events_and_channels_without_threads_note_nothing(void **unused)
{
	(void)unused;
	say(TOCSIN_EVENT, TAKEN, NULL);
	assert_string_equal(fake_self()->note, "");
	config.threads = false;
	say(TOCSIN_FIRING, TAKEN, NULL);
	assert_string_equal(fake_self()->note, "");
}

static void replies_are_shown_in_the_channel_when_asked_for(void **unused)
{
	(void)unused;
	config.thread_broadcast = true;
	say(TOCSIN_FIRING, TAKEN, NULL);
	assert_null(json_object_get(script.bodies[0], "reply_broadcast"));
	say(TOCSIN_FIRING, TAKEN, NULL);
	assert_true(json_is_true(json_object_get(script.bodies[0], "reply_broadcast")));
}

static void the_first_message_is_changed_when_asked_for(void **unused)
{
	(void)unused;
	config.update = true;
	config.username = "tocsin";
	say(TOCSIN_FIRING, TAKEN, NULL);
	say(TOCSIN_RESOLVED, TAKEN, NULL);
	assert_string_equal(script.urls[0], "https://slack.example.com/api/chat.update");
	assert_string_equal(of(0, "channel"), "C1");
	assert_string_equal(of(0, "ts"), "1763476245.000100");
	assert_null(of(0, "username"));
	assert_string_equal(fake_self()->note, "1763476245.000100 C1 closed #ops");
}

static void a_message_that_is_gone_is_followed_by_a_new_one(void **unused)
{
	static const char *const words[] = {
		REFUSED("message_not_found"),
		REFUSED("thread_not_found"),
		REFUSED("cant_update_message"),
		REFUSED("edit_window_closed"),
		REFUSED("restricted_action_thread_locked"),
		REFUSED("channel_not_found"),
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(words); i++) {
		strcpy(fake_self()->note, "1.1 C9 open #ops");
		config.update = i % 2;
		assert_int_equal(say(TOCSIN_FIRING, words[i], TAKEN)->outcome, TOCSIN_DELIVERED);
		assert_int_equal(script.n, 2);
		assert_string_equal(script.urls[1],
				    "https://slack.example.com/api/chat.postMessage");
		assert_string_equal(of(1, "channel"), "#ops");
		assert_null(of(1, "thread_ts"));
		assert_string_equal(fake_self()->note, "1763476245.000100 C1 open #ops");
	}
	/* not found again: that is an answer about the configuration */
	strcpy(fake_self()->note, "1.1 C9 open #ops");
	assert_int_equal(say(TOCSIN_FIRING, words[5], words[5])->outcome, TOCSIN_REJECTED);
	assert_int_equal(script.n, 2);
	assert_string_equal(fake_self()->note, "");
}

static void other_errors_do_not_begin_a_new_message(void **unused)
{
	(void)unused;
	strcpy(fake_self()->note, "1.1 C9 open #ops");
	assert_int_equal(say(TOCSIN_FIRING, REFUSED("not_in_channel"), NULL)->outcome,
			 TOCSIN_REJECTED);
	assert_int_equal(say(TOCSIN_FIRING, REFUSED("ratelimited"), NULL)->outcome,
			 TOCSIN_THROTTLED);
	assert_int_equal(say(TOCSIN_FIRING, REFUSED("internal_error"), NULL)->outcome,
			 TOCSIN_UNAVAILABLE);
	assert_string_equal(fake_self()->note, "1.1 C9 open #ops");
}

static void a_note_of_another_channel_or_kind_is_not_believed(void **unused)
{
	static const char *const odd[] = {"1.1 C9 open #other",
					  "",
					  "x",
					  "1.1 C9 open",
					  "1.1 c9 open #ops",
					  "x C9 open #ops",
					  "1.1 C9 ajar #ops",
					  "1.1  open #ops"};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(odd); i++) {
		strcpy(fake_self()->note, odd[i]);
		say(TOCSIN_FIRING, TAKEN, NULL);
		assert_null(of(0, "thread_ts"));
		assert_string_equal(of(0, "channel"), "#ops");
	}
}

static void an_answer_without_a_number_is_delivered_and_not_noted(void **unused)
{
	static const char *const odd[] = {"{\"ok\":true}",
					  "{\"ok\":true,\"ts\":\"1\",\"channel\":\"c d\"}",
					  "{\"ok\":true,\"ts\":\"x\",\"channel\":\"C1\"}",
					  "{\"ok\":true,\"ts\":1,\"channel\":\"C1\"}"};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(odd); i++) {
		assert_int_equal(say(TOCSIN_FIRING, odd[i], NULL)->outcome, TOCSIN_DELIVERED);
		assert_string_equal(fake_self()->note, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_message_is_noted_and_later_ones_reply_to_it,
				       setup),
		cmocka_unit_test_setup(an_answer_that_was_cut_in_the_message_is_noted, setup),
		cmocka_unit_test_setup(events_and_channels_without_threads_note_nothing, setup),
		cmocka_unit_test_setup(replies_are_shown_in_the_channel_when_asked_for, setup),
		cmocka_unit_test_setup(the_first_message_is_changed_when_asked_for, setup),
		cmocka_unit_test_setup(a_message_that_is_gone_is_followed_by_a_new_one, setup),
		cmocka_unit_test_setup(other_errors_do_not_begin_a_new_message, setup),
		cmocka_unit_test_setup(a_note_of_another_channel_or_kind_is_not_believed, setup),
		cmocka_unit_test_setup(an_answer_without_a_number_is_delivered_and_not_noted,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
