/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../plugins/channels/slack/slack.h"
#include "fake_host.h"
#include "scarce.h"

static const struct slack_config plain = {.url = "https://hooks.example.com/services/T/B/x"};

static json_t *posted(const struct slack_config *config, struct fake_alert *fake)
{
	void *state;
	json_t *message;

	fake_reset();
	state = fake_open(config);
	assert_int_equal(fake_deliver(state, fake)->outcome, TOCSIN_DELIVERED);
	tocsin_plugin.channel->close(state);
	message = json_loads(fake_self()->body, 0, NULL);
	assert_non_null(message);
	return message;
}

static const char *text_of(const json_t *message)
{
	return json_string_value(json_object_get(message, "text"));
}

static void a_message_has_severity_summary_and_details(void **unused)
{
	struct slack_config config = plain;
	struct fake_alert fake;
	json_t *message, *attachment;

	(void)unused;
	config.username = "tocsin";
	fake_alert_init(&fake, "disk is full");
	fake_annotate(&fake, "description", "97 % of /var");
	message = posted(&config, &fake);
	assert_string_equal(fake_self()->url, plain.url);
	assert_string_equal(text_of(message), "🚨 *CRITICAL: disk is full*\n97 % of /var");
	assert_string_equal(json_string_value(json_object_get(message, "username")), "tocsin");
	assert_null(json_object_get(message, "channel"));
	attachment = json_array_get(json_object_get(message, "attachments"), 0);
	assert_string_equal(json_string_value(json_object_get(attachment, "color")), "#d32f2f");
	assert_int_equal(json_array_size(json_object_get(attachment, "fields")), 1);
	json_decref(message);
}

static void no_text_becomes_a_mention_or_a_link(void **unused)
{
	static const char attack[] = "<!channel> <@U1> <http://x|https://bank.example.com> & \xff";
	struct fake_alert fake;
	json_t *message;

	(void)unused;
	fake_alert_init(&fake, attack);
	fake_annotate(&fake, "description", attack);
	fake_label(&fake, "x", attack);
	message = posted(&plain, &fake);
	assert_null(strpbrk(fake_self()->body, "<>"));
	assert_non_null(strstr(text_of(message), "&lt;!channel&gt; &lt;@U1&gt;"));
	assert_null(json_object_get(message, "link_names"));
	json_decref(message);
}

static void a_link_stays_one_link(void **unused)
{
	struct fake_alert fake;
	json_t *message;

	(void)unused;
	fake_alert_init(&fake, "a|b>c");
	fake.alert.link = "https://example.com/?a=1&b=<x>|\"y";
	message = posted(&plain, &fake);
	assert_string_equal(text_of(message), "🚨 *CRITICAL: <https://example.com/?a=1&amp;b=%3Cx%3E"
					      "%7C%22y|a¦b&gt;c>*");
	json_decref(message);
	fake.alert.link = "https://example.com/\xff\xc3\xa9";
	message = posted(&plain, &fake);
	assert_non_null(strstr(text_of(message), "<https://example.com/%FF%C3%A9|a¦b"));
	json_decref(message);
	fake.alert.link = "javascript:alert(1)";
	message = posted(&plain, &fake);
	assert_string_equal(text_of(message), "🚨 *CRITICAL: a|b&gt;c*");
	json_decref(message);
}

/* Every length around the limit, with letters of every size: cut whole, and said so. */
static void long_texts_are_cut_between_characters(void **unused)
{
	static const char *const letters[] = {"x", "&", "é", "漢", "🚨"};
	char text[20000];

	(void)unused;
	for (size_t letter = 0; letter < TOCSIN_COUNT(letters); letter++) {
		size_t size = strlen(letters[letter]);

		for (size_t length = 3900 / size; length < 4100 / size; length++) {
			struct fake_alert fake;
			json_t *message;

			text[0] = '\0';
			for (size_t i = 0; i < length; i++)
				memcpy(text + i * size, letters[letter], size + 1);
			fake_alert_init(&fake, "s");
			fake_annotate(&fake, "description", text);
			fake_annotate(&fake, "extra", text);
			message = posted(&plain, &fake);
			assert_true(strlen(text_of(message)) <= SLACK_TEXT_MAX);
			assert_true(size == 1 || !strstr(text_of(message), "\xef\xbf\xbd"));
			json_decref(message);
		}
	}
}

static void a_long_link_is_left_out_whole(void **unused)
{
	struct fake_alert fake;
	char link[5000];
	json_t *message;

	(void)unused;
	memset(link, 'a', sizeof(link) - 1);
	link[sizeof(link) - 1] = '\0';
	memcpy(link, "https://", 8);
	fake_alert_init(&fake, "s");
	fake.alert.link = link;
	message = posted(&plain, &fake);
	assert_string_equal(text_of(message), "🚨 *CRITICAL: s*");
	json_decref(message);
}

static const struct fake_done *answer(int status, const char *body)
{
	struct tocsin_reply reply = {
		.size = sizeof(reply),
		.status = status,
		.body = body,
		.body_length = body ? strlen(body) : 0,
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
	assert_int_equal(answer(200, "{\"ok\":false}")->outcome, TOCSIN_REJECTED);
	assert_int_equal(answer(200, "invalid_payload")->outcome, TOCSIN_REJECTED);
	assert_int_equal(answer(200, "<html>please log in</html>")->outcome, TOCSIN_UNAVAILABLE);
}

struct sweep {
	struct fake_alert fake;
	char wanted[sizeof(((struct tocsin_self *)0)->body)];
};

/* The whole message goes out, or none and the core tries again. */
static int send_one(void *data)
{
	struct sweep *sweep = data;
	const struct fake_done *done;
	void *state = NULL;
	int result;

	fake_reset();
	result = tocsin_plugin.channel->open(fake_self(), &fake_host, &plain, &state);
	if (result < 0)
		return result;
	done = fake_deliver(state, &sweep->fake);
	tocsin_plugin.channel->close(state);
	if (done->outcome == TOCSIN_RETRY)
		return -ENOMEM;
	if (done->outcome != TOCSIN_DELIVERED || strcmp(fake_self()->body, sweep->wanted) != 0)
		scarce_fail("half a message");
	return 0;
}

static void a_message_is_whole_or_is_tried_again_when_memory_is_short(void **unused)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));

	(void)unused;
	fake_alert_init(&sweep->fake, "disk is full \xff");
	fake_annotate(&sweep->fake, "description", "97 % of /var");
	fake_annotate(&sweep->fake, "metric_value", "97");
	sweep->fake.alert.link = "https://example.com/?a=1";
	json_decref(posted(&plain, &sweep->fake));
	strcpy(sweep->wanted, fake_self()->body);
	assert_true(scarce_sweep("slack message", send_one, sweep) > 0);
	free(sweep);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_has_severity_summary_and_details),
		cmocka_unit_test(no_text_becomes_a_mention_or_a_link),
		cmocka_unit_test(a_link_stays_one_link),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(a_long_link_is_left_out_whole),
		cmocka_unit_test(the_words_of_slack_are_explained),
		cmocka_unit_test(an_error_in_a_success_is_an_error),
		cmocka_unit_test(a_message_is_whole_or_is_tried_again_when_memory_is_short),
		cmocka_unit_test(a_refusal_is_none_the_less_one_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
