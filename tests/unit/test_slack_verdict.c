/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/slack/slack.h"
#include "fake_host.h"
#include "scarce.h"

static const struct slack_config plain = {.url = "https://hooks.example.com/services/T/B/x"};

static const struct fake_done *answer(int status, const char *body)
{
	struct tocsin_reply reply = {
		.size = sizeof(reply),
		.status = status,
		.body = body,
		.body_length = body ? strlen(body) : 0,
		.retry_after_ms = 5000,
	};
	struct fake_alert fake;
	void *state;

	fake_reset();
	fake_alert_init(&fake, "s");
	state = fake_open(&plain);
	fake_self()->reply = &reply;
	(void)fake_deliver(state, &fake);
	tocsin_plugin.channel->close(state);
	return &fake_self()->done[0];
}

static void the_words_of_slack_are_explained(void **unused)
{
	const struct fake_done *done = answer(404, "no_service");

	(void)unused;
	assert_int_equal(done->outcome, TOCSIN_REJECTED);
	assert_string_equal(done->why,
			    "Slack says 404 no_service: the webhook was removed or switched "
			    "off; make a new one and use its URL");
	assert_non_null(strstr(answer(410, "channel_is_archived\n")->why, "archived; unarchive"));
	assert_int_equal(answer(500, "rollup_error")->outcome, TOCSIN_UNAVAILABLE);
	/* unknown words leave the standard verdict */
	assert_string_equal(answer(400, "never_heard_of")->why, "status 400");
	assert_int_equal(answer(0, NULL)->outcome, TOCSIN_UNAVAILABLE);
}

static void an_error_in_a_success_is_an_error(void **unused)
{
	(void)unused;
	assert_int_equal(answer(200, "ok")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(200, "")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(204, NULL)->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(200, "{\"ok\":true}")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(200, "{\"success\":true}")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(200, "{\"ok\":false,\"error\":\"channel_not_found\"}")->outcome,
			 TOCSIN_REJECTED);
	assert_int_equal(answer(200, "{\"ok\":false,\"error\":\"ratelimited\"}")->outcome,
			 TOCSIN_THROTTLED);
	assert_int_equal(answer(200, "{\"ok\":false,\"error\":\"ratelimited\"}")->retry_after_ms,
			 5000);
	assert_int_equal(answer(200, "{\"ok\":false}")->outcome, TOCSIN_REJECTED);
	assert_int_equal(answer(200, "invalid_payload")->outcome, TOCSIN_REJECTED);
	assert_int_equal(answer(200, "<html>please log in</html>")->outcome, TOCSIN_UNAVAILABLE);
}

/* The message that Slack repeats in it does not fit into what the core keeps. */
static void an_answer_that_was_cut_behind_ok_is_a_success(void **unused)
{
	(void)unused;
	assert_int_equal(
		answer(200, "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"1.2\",\"message\":{\"te")
			->outcome,
		TOCSIN_DELIVERED);
	assert_int_equal(answer(200, " { \"ok\" : true , \"mess")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(200, "{\"ok\":false,\"error\":\"inval")->outcome, TOCSIN_RETRY);
	assert_int_equal(answer(200, "{\"ok\":tru")->outcome, TOCSIN_RETRY);
	assert_int_equal(answer(200, "{\"ok\":true")->outcome, TOCSIN_RETRY);
	assert_int_equal(answer(500, "{\"ok\":true,\"mess")->outcome, TOCSIN_RETRY);
}

/* A refusal stays one also when its JSON cannot be read for want of memory. */
static int judge_one(void *data)
{
	struct tocsin_verdict verdict = {.outcome = TOCSIN_DELIVERED};

	slack_judge(data, &verdict, NULL);
	if (verdict.outcome == TOCSIN_DELIVERED)
		scarce_fail("a refusal counts as delivered");
	return verdict.outcome == TOCSIN_REJECTED ? 0 : -ENOMEM;
}

static void a_refusal_is_none_the_less_one_when_memory_is_short(void **unused)
{
	static const char body[] = "{\"ok\":false,\"error\":\"channel_not_found\"}";
	struct tocsin_reply reply = {.size = sizeof(reply), .status = 200, .body = body};

	(void)unused;
	reply.body_length = strlen(body);
	assert_true(scarce_sweep("slack verdict", judge_one, &reply) > 0);
}

/* Whatever comes, it is neither lost nor taken for a success. */
static void unknown_words_are_refusals_that_name_themselves(void **unused)
{
	const struct fake_done *done = answer(200, "{\"ok\":false,\"error\":\"new_error\"}");

	(void)unused;
	assert_int_equal(done->outcome, TOCSIN_REJECTED);
	assert_string_equal(done->why, "Slack says 200 new_error: see Slack's documentation");
	done = answer(200, "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"chat:write\"}");
	assert_string_equal(done->why, "Slack says 200 missing_scope: the bot lacks a scope; add "
				       "chat:write and install it again: chat:write");
	done = answer(200, "{\"ok\":false,\"error\":\"invalid_blocks\",\"response_metadata\":"
			   "{\"messages\":[\"[ERROR] no more than 50 items allowed\"]}}");
	assert_non_null(strstr(done->why, ": [ERROR] no more than 50 items allowed"));
	assert_int_equal(answer(200, "{\"ok\":false,\"error\":\"team_added_to_org\"}")->outcome,
			 TOCSIN_RETRY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_of_slack_are_explained),
		cmocka_unit_test(an_error_in_a_success_is_an_error),
		cmocka_unit_test(an_answer_that_was_cut_behind_ok_is_a_success),
		cmocka_unit_test(unknown_words_are_refusals_that_name_themselves),
		cmocka_unit_test(a_refusal_is_none_the_less_one_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
