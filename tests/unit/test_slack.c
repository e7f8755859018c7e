/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/slack/slack.h"
#include "chat_fixture.h"
#include "judge.h"

static const struct slack_config plain = {.url = "https://hooks.example.com/services/T/B/x",
					  .threads = true};

/* Posts and gives the message, of which the judge has nothing to say. */
static json_t *posted_by(const struct slack_config *config, struct fake_alert *fake)
{
	void *state = fake_open(config);

	assert_int_equal(fake_deliver(state, fake)->outcome, TOCSIN_DELIVERED);
	tocsin_plugin.channel->close(state);
	judge_slack(fake_self()->body, config->title || config->message);
	return json_loads(fake_self()->body, 0, NULL);
}

static json_t *posted(const struct slack_config *config, struct fake_alert *fake)
{
	fake_reset();
	return posted_by(config, fake);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const json_t *block_of(const json_t *message, size_t i)
{
	const json_t *attachment = json_array_get(json_object_get(message, "attachments"), 0);

	return json_array_get(json_object_get(attachment, "blocks"), i);
}

static const char *said_in(const json_t *block)
{
	return text_of(json_object_get(block, "text"), "text");
}

static const json_t *header_of(const json_t *message)
{
	return json_array_get(json_object_get(message, "blocks"), 0);
}

static const char *field_of(const json_t *message, size_t block, size_t i)
{
	return text_of(json_array_get(json_object_get(block_of(message, block), "fields"), i),
		       "text");
}

static void a_message_is_blocks_beside_a_bar(void **unused)
{
	struct slack_config config = plain;
	struct fake_alert fake;
	const json_t *buttons, *context;
	json_t *message;

	(void)unused;
	config.username = "tocsin";
	fake_alert_init(&fake, "disk is <full>");
	fake_annotate(&fake, "description", "97 % of *var*");
	fake_annotate(&fake, "runbook_url", "https://example.com/full");
	fake_annotate(&fake, "state", "*broken* and _old_");
	fake.alert.link = "https://example.com/?a=1&b=2";
	message = posted(&config, &fake);
	assert_string_equal(text_of(message, "text"), "🚨 CRITICAL: disk is &lt;full&gt;");
	assert_string_equal(text_of(message, "username"), "tocsin");
	assert_null(json_object_get(message, "channel"));
	assert_string_equal(said_in(header_of(message)), "🚨 CRITICAL: disk is &lt;full&gt;");
	assert_string_equal(said_in(block_of(message, 0)), "97 % of *var*");
	assert_string_equal(text_of(json_object_get(block_of(message, 0), "text"), "type"),
			    "plain_text");
	assert_string_equal(field_of(message, 1, 0), "*site*\nwww.example.com");
	assert_string_equal(field_of(message, 1, 1), "state\n*broken* and _old_");
	buttons = json_object_get(block_of(message, 2), "elements");
	assert_int_equal(json_array_size(buttons), 2);
	assert_string_equal(text_of(json_array_get(buttons, 0), "url"),
			    "https://example.com/?a=1&b=2");
	context = json_object_get(block_of(message, 3), "elements");
	assert_string_equal(text_of(json_array_get(context, 0), "text"), "site-alerts");
	assert_string_equal(text_of(json_array_get(context, 1), "text"),
			    "<!date^1763476245^{date_num} {time_secs}|2025-11-18T14:30:45.123Z>");
	json_decref(message);
}

static void what_is_cut_off_in_the_header_is_said_below(void **unused)
{
	struct fake_alert fake;
	char title[400];
	json_t *message;

	(void)unused;
	memset(title, 'x', sizeof(title) - 1);
	title[sizeof(title) - 1] = '\0';
	fake_alert_init(&fake, title);
	message = posted(&plain, &fake);
	assert_int_equal(judge_units(said_in(header_of(message))), SLACK_HEADER);
	assert_string_equal(said_in(block_of(message, 0)), title);
	json_decref(message);
}

static void templates_take_the_place_of_the_words(void **unused)
{
	struct slack_config config = plain;
	struct fake_alert fake;
	json_t *message;

	(void)unused;
	fake_reset();
	config.title = fake_text("*my* <https://example.com|title> &amp;\nx");
	config.message = fake_text("_text_\n&gt; quote");
	fake_alert_init(&fake, "s");
	message = posted_by(&config, &fake);
	assert_string_equal(said_in(header_of(message)),
			    "*my* <https://example.com|title> &amp; x");
	assert_string_equal(said_in(block_of(message, 0)), "_text_\n&gt; quote");
	json_decref(message);
	fake_reset();
	config.title = fake_text("");
	config.message = fake_text(" ");
	message = posted_by(&config, &fake);
	assert_string_equal(said_in(header_of(message)), "🚨 CRITICAL: s");
	assert_string_equal(field_of(message, 0, 0), "*site*\nwww.example.com");
	json_decref(message);
}

static void many_and_long_fields_fit_and_the_rest_is_counted(void **unused)
{
	struct tocsin_pair labels[60];
	struct fake_alert fake;
	char names[60][8], value[1600];

	(void)unused;
	memset(value, 'x', sizeof(value) - 1);
	for (size_t length = 1; length < sizeof(value); length += 140) {
		value[length] = '\0';
		fake_alert_init(&fake, "s");
		fake_annotate(&fake, "description", value);
		for (size_t i = 0; i < 60; i++) {
			snprintf(names[i], sizeof(names[i]), "l%zu", i);
			labels[i] = (struct tocsin_pair){names[i], value};
		}
		fake.alert.labels = (struct tocsin_map){labels, 60};
		json_decref(posted(&plain, &fake));
		assert_non_null(strstr(fake_self()->body, length < 200
								  ? "\"40 more details left out\""
								  : " more details left out\""));
		value[length] = 'x';
	}
}

static void no_length_of_any_text_breaks_a_limit(void **unused)
{
	static const char *const kinds[] = {"x", "&", "🚨", " ", "漢", "*", "\n"};
	struct fake_alert fake;

	(void)unused;
	for (size_t n = 0; n <= 7000; n += 1 + n / 500) {
		char *text = chat_letters(n, kinds[n % TOCSIN_COUNT(kinds)]);

		fake_alert_init(&fake, text);
		fake_annotate(&fake, "description", text);
		fake_annotate(&fake, "extra", text);
		fake_label(&fake, text, text);
		fake.alert.source = text;
		json_decref(posted(&plain, &fake));
		free(text);
	}
}

static void post_plain(struct fake_alert *fake)
{
	json_decref(posted(&plain, fake));
}

static void nothing_hostile_means_anything(void **unused)
{
	(void)unused;
	chat_each_hostile(post_plain);
}

static void a_configuration_is_of_a_webhook_or_of_a_bot(void **unused)
{
	static const struct slack_config good[] = {
		{.url = "https://x", .threads = true},
		{.token = "xoxb-1", .channel = "#a", .threads = true, .update = true},
		{.token = "xoxb-1", .channel = "#a"},
	};
	static const struct slack_config bad[] = {
		{.threads = true},
		{.url = "https://x", .token = "xoxb-1", .channel = "#a"},
		{.token = "xoxb-1"},
		{.url = "https://x", .threads = true, .update = true},
		{.token = "xoxb-1", .channel = "#a", .thread_broadcast = true},
	};
	char why[256];

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(good); i++)
		assert_null(tocsin_plugin.channel->check(&good[i], why, sizeof(why)));
	for (size_t i = 0; i < TOCSIN_COUNT(bad); i++)
		assert_non_null(tocsin_plugin.channel->check(&bad[i], why, sizeof(why)));
}

static void a_message_is_whole_or_is_tried_again_when_memory_is_short(void **unused)
{
	static const char body[] = "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"2.2\"}";
	static const struct tocsin_reply reply = {.size = sizeof(reply),
						  .status = 200,
						  .body = body,
						  .body_length = sizeof(body) - 1};
	static const struct slack_config bot = {.token = "xoxb-1",
						.api_url = "https://api.example.com",
						.channel = "#a",
						.threads = true};
	struct slack_config classic = plain;
	struct chat_message *message = calloc(1, sizeof(*message));

	(void)unused;
	assert_non_null(message);
	fake_alert_init(&message->fake, "disk is full \xff");
	fake_annotate(&message->fake, "description", "97 % of /var");
	fake_annotate(&message->fake, "metric_value", "97");
	message->fake.alert.link = "https://example.com/?a=1";
	message->config = &plain;
	chat_sweep(message, "slack message");
	classic.layout = SLACK_CLASSIC;
	message->config = &classic;
	chat_sweep(message, "slack classic message");
	/* a bot replies in the thread, or not at all for now: it does not begin another one */
	message->config = &bot;
	message->reply = &reply;
	message->note = "1.1 C1 open #a";
	chat_sweep(message, "slack bot");
	assert_non_null(strstr(message->wanted, "\"thread_ts\":\"1.1\""));
	free(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_blocks_beside_a_bar),
		cmocka_unit_test(what_is_cut_off_in_the_header_is_said_below),
		cmocka_unit_test(templates_take_the_place_of_the_words),
		cmocka_unit_test(many_and_long_fields_fit_and_the_rest_is_counted),
		cmocka_unit_test(no_length_of_any_text_breaks_a_limit),
		cmocka_unit_test(nothing_hostile_means_anything),
		cmocka_unit_test(a_configuration_is_of_a_webhook_or_of_a_bot),
		cmocka_unit_test(a_message_is_whole_or_is_tried_again_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
