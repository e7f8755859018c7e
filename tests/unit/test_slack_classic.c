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
#include "chat_fixture.h"
#include "judge.h"

static const struct slack_config plain = {.url = "https://hooks.example.com/services/T/B/x",
					  .layout = SLACK_CLASSIC};

static json_t *posted(const struct slack_config *config, struct fake_alert *fake)
{
	void *state;
	json_t *message;

	fake_reset();
	state = fake_open(config);
	assert_int_equal(fake_deliver(state, fake)->outcome, TOCSIN_DELIVERED);
	tocsin_plugin.channel->close(state);
	judge_slack_classic(fake_self()->body, false);
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

		for (size_t length = 3900 / size; length < 4100; length += 1 + length % 3) {
			struct fake_alert fake;
			json_t *message;

			text[0] = '\0';
			for (size_t i = 0; i < length; i++)
				memcpy(text + i * size, letters[letter], size + 1);
			fake_alert_init(&fake, "s");
			fake_annotate(&fake, "description", text);
			fake_annotate(&fake, "extra", text);
			message = posted(&plain, &fake);
			assert_true(judge_units(text_of(message)) <= SLACK_TEXT);
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

static void post_plain(struct fake_alert *fake)
{
	json_decref(posted(&plain, fake));
}

static void nothing_hostile_is_a_control_sequence(void **unused)
{
	(void)unused;
	chat_each_hostile(post_plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_has_severity_summary_and_details),
		cmocka_unit_test(no_text_becomes_a_mention_or_a_link),
		cmocka_unit_test(a_link_stays_one_link),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(a_long_link_is_left_out_whole),
		cmocka_unit_test(nothing_hostile_is_a_control_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
