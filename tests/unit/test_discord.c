/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/discord/discord.h"
#include "chat_fixture.h"
#include "judge.h"

#define URL "https://discord.example.com/api/webhooks/1/token"

static const struct discord_config plain = {.url = URL};

/* Posts and gives the message, of which the judge has nothing to say. */
static json_t *posted_by(const struct discord_config *config, struct fake_alert *fake)
{
	void *state = fake_open(config);

	assert_int_equal(fake_deliver(state, fake)->outcome, TOCSIN_DELIVERED);
	tocsin_plugin.channel->close(state);
	judge_discord(fake_self()->body, config->mentions.n, config->title || config->message);
	return json_loads(fake_self()->body, 0, NULL);
}

static json_t *posted(const struct discord_config *config, struct fake_alert *fake)
{
	fake_reset();
	return posted_by(config, fake);
}

static const json_t *embed_of(const json_t *message)
{
	return json_array_get(json_object_get(message, "embeds"), 0);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const char *field_of(const json_t *message, const char *name)
{
	const json_t *fields = json_object_get(embed_of(message), "fields"), *field;
	size_t i;

	json_array_foreach(fields, i, field)
	{
		if (strcmp(text_of(field, "name"), name) == 0)
			return text_of(field, "value");
	}
	return NULL;
}

static void a_message_is_an_embed_with_all_there_is_to_say(void **unused)
{
	struct fake_alert fake;
	const json_t *embed;
	json_t *message;

	(void)unused;
	fake_alert_init(&fake, "disk is full");
	fake_annotate(&fake, "description", "97 % of /var");
	fake_annotate(&fake, "metric_value", "97");
	fake_annotate(&fake, "owner", "storage");
	fake_annotate(&fake, "runbook_url", "https://example.com/disk_(full)");
	fake.alert.link = "https://example.com/db1?a=1&b=2";
	message = posted(&plain, &fake);
	assert_string_equal(fake_self()->url, URL "?wait=true");
	embed = embed_of(message);
	assert_string_equal(text_of(embed, "title"), "🚨 CRITICAL: disk is full");
	assert_string_equal(text_of(embed, "description"), "97 % of /var");
	assert_string_equal(text_of(embed, "url"), "https://example.com/db1?a=1&b=2");
	assert_int_equal(json_integer_value(json_object_get(embed, "color")), 0xd32f2f);
	assert_string_equal(text_of(embed, "timestamp"), "2025-11-18T14:30:45.123Z");
	assert_string_equal(text_of(json_object_get(embed, "footer"), "text"), "site-alerts");
	assert_string_equal(field_of(message, "Metric value"), "97");
	assert_string_equal(field_of(message, "site"), "www.example.com");
	assert_string_equal(field_of(message, "owner"), "storage");
	assert_string_equal(field_of(message, "Links"),
			    "[Runbook](https://example.com/disk_%28full%29)");
	assert_int_equal(json_array_size(json_object_get(embed, "fields")), 4);
	json_decref(message);
}

static void a_resolved_alert_is_green_and_mentions_nobody(void **unused)
{
	static const char *const who[] = {"everyone", "user:1", "role:2"};
	struct discord_config config = plain;
	struct fake_alert fake;
	const json_t *allowed;
	json_t *message;

	(void)unused;
	config.mentions = (struct tocsin_strings){who, 3};
	fake_alert_init(&fake, "disk is full @everyone");
	message = posted(&config, &fake);
	assert_string_equal(text_of(message, "content"), "@everyone <@1> <@&2>");
	allowed = json_object_get(message, "allowed_mentions");
	assert_string_equal(json_string_value(json_array_get(json_object_get(allowed, "parse"), 0)),
			    "everyone");
	assert_int_equal(json_array_size(json_object_get(allowed, "users")), 1);
	assert_int_equal(json_array_size(json_object_get(allowed, "roles")), 1);
	json_decref(message);
	fake.alert.status = TOCSIN_RESOLVED;
	message = posted(&config, &fake);
	assert_null(json_object_get(message, "content"));
	assert_int_equal(json_array_size(json_object_get(
				 json_object_get(message, "allowed_mentions"), "parse")),
			 0);
	assert_int_equal(json_integer_value(json_object_get(embed_of(message), "color")), 0x2e7d32);
	json_decref(message);
}

static void the_sender_and_the_thread_are_configured(void **unused)
{
	struct discord_config config = {.url = URL "?x=1",
					.thread_id = "77",
					.username = "tocsin",
					.avatar_url = "https://example.com/x.png"};
	struct fake_alert fake;
	json_t *message;

	(void)unused;
	fake_alert_init(&fake, "s");
	message = posted(&config, &fake);
	assert_string_equal(fake_self()->url, URL "?x=1&wait=true&thread_id=77");
	assert_string_equal(text_of(message, "username"), "tocsin");
	assert_string_equal(text_of(message, "avatar_url"), "https://example.com/x.png");
	json_decref(message);
}

static void a_configuration_that_discord_refuses_is_refused(void **unused)
{
	static const char *const odd[] = {"user:x"};
	char long_name[100];
	const struct {
		struct discord_config config;
		const char *said;
	} cases[] = {
		{{.url = URL}, NULL},
		{{.url = URL, .username = "Clydesdale"}, "clyde"},
		{{.url = URL, .username = "my Discord"}, "discord"},
		{{.url = URL, .username = ""}, "80 characters"},
		{{.url = URL, .username = long_name}, "80 characters"},
		{{.url = URL, .thread_id = "1x"}, "digits"},
		{{.url = URL "#x"}, "'#'"},
		{{.url = URL "/slack"}, "without /slack"},
		{{.url = URL, .mentions = {odd, 1}}, "user:x"},
	};
	char why[256];

	(void)unused;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		const char *said = tocsin_plugin.channel->check(&cases[i].config, why, sizeof(why));

		assert_int_equal(said != NULL, cases[i].said != NULL);
		assert_true(!said || strstr(said, cases[i].said));
	}
}

static void templates_take_the_place_of_the_words(void **unused)
{
	struct discord_config config = plain;
	struct fake_alert fake;
	json_t *message;

	(void)unused;
	fake_reset();
	config.title = fake_text("*my*\ntitle");
	config.message = fake_text("a **bold** \\*word\\*\n- list");
	fake_alert_init(&fake, "s");
	fake_annotate(&fake, "description", "not said");
	message = posted_by(&config, &fake);
	assert_string_equal(text_of(embed_of(message), "title"), "*my* title");
	assert_string_equal(text_of(embed_of(message), "description"),
			    "a **bold** \\*word\\*\n- list");
	json_decref(message);
	/* no text at all is no title and no reason to fail */
	fake_reset();
	config.title = fake_text(" ");
	config.message = fake_text("");
	message = posted_by(&config, &fake);
	assert_string_equal(text_of(embed_of(message), "title"), "🚨 CRITICAL: s");
	assert_null(json_object_get(embed_of(message), "description"));
	json_decref(message);
}

static void a_host_that_only_we_know_is_no_link_of_the_title(void **unused)
{
	static const char *const ours[] = {"http://localhost:9090/", "http://grafana/x",
					   "http://10.0.0.1/", "http://[::1]:80/",
					   "http://a..example.com/"};
	struct fake_alert fake;

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(ours); i++) {
		char expected[100];
		json_t *message;

		fake_alert_init(&fake, "s");
		fake.alert.link = ours[i];
		message = posted(&plain, &fake);
		assert_null(json_object_get(embed_of(message), "url"));
		snprintf(expected, sizeof(expected), "[Open](%s)", ours[i]);
		assert_string_equal(field_of(message, "Links"), expected);
		json_decref(message);
	}
}

static void times_beyond_the_calendar_are_left_out(void **unused)
{
	struct fake_alert fake;

	(void)unused;
	fake_alert_init(&fake, "s");
	fake.alert.starts_at_ms = INT64_MAX / 2;
	json_decref(posted(&plain, &fake));
	fake.alert.starts_at_ms = INT64_C(253402300799999);
	json_decref(posted(&plain, &fake));
}

enum slot { TITLE, DESCRIPTION, ANNOTATION, LABEL, SOURCE, ALL };

static void post_with(const char *text, enum slot slot)
{
	struct fake_alert fake;

	fake_alert_init(&fake, slot == TITLE || slot == ALL ? text : "s");
	if (slot == DESCRIPTION || slot == ALL)
		fake_annotate(&fake, "description", text);
	if (slot == ANNOTATION || slot == ALL)
		fake_annotate(&fake, "extra", text);
	if (slot == LABEL || slot == ALL)
		fake_label(&fake, text, text);
	if (slot == SOURCE || slot == ALL)
		fake.alert.source = text;
	fake.alert.link = "https://example.com/";
	fake_annotate(&fake, "runbook_url", "https://example.com/2");
	json_decref(posted(&plain, &fake));
}

/* Every length in all places together, and in turn in each place alone and of each kind of letter. */
static void no_length_of_any_text_breaks_a_limit(void **unused)
{
	static const char *const kinds[] = {"x", "*", "🚨", " ", "漢", "e\xcc\x81", "\n"};

	(void)unused;
	for (size_t n = 0; n <= 7000; n++) {
		char *text = chat_letters(n, "x"),
		     *other = chat_letters(n, kinds[n % TOCSIN_COUNT(kinds)]);

		post_with(text, ALL);
		post_with(other, (enum slot)(n % (ALL + 1)));
		free(text);
		free(other);
	}
}

static void a_text_that_fits_exactly_is_shown_whole(void **unused)
{
	struct fake_alert fake;

	(void)unused;
	for (size_t n = 4090; n <= 4100; n++) {
		char *text = chat_letters(n, "x");
		json_t *message;

		fake_alert_init(&fake, "s");
		fake_annotate(&fake, "description", text);
		message = posted(&plain, &fake);
		if (n <= 4096)
			assert_string_equal(text_of(embed_of(message), "description"), text);
		else
			assert_non_null(strstr(text_of(embed_of(message), "description"),
					       "… (cut here; the alert is longer)"));
		json_decref(message);
		free(text);
	}
}

static void fields_that_have_no_room_are_counted(void **unused)
{
	struct fake_alert fake;
	struct tocsin_pair labels[60];
	char names[60][8];
	json_t *message;

	(void)unused;
	fake_alert_init(&fake, "s");
	for (size_t i = 0; i < 60; i++) {
		snprintf(names[i], sizeof(names[i]), "l%zu", i);
		labels[i] = (struct tocsin_pair){names[i], "v"};
	}
	fake.alert.labels = (struct tocsin_map){labels, 60};
	message = posted(&plain, &fake);
	assert_int_equal(json_array_size(json_object_get(embed_of(message), "fields")), 25);
	assert_string_equal(text_of(json_object_get(embed_of(message), "footer"), "text"),
			    "site-alerts · 35 more details left out");
	json_decref(message);
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

static void a_message_is_whole_or_is_tried_again_when_memory_is_short(void **unused)
{
	static const char *const who[] = {"user:1", "everyone"};
	struct discord_config config = plain;
	struct chat_message *message = calloc(1, sizeof(*message));

	(void)unused;
	assert_non_null(message);
	config.mentions = (struct tocsin_strings){who, 2};
	config.username = "tocsin";
	message->config = &config;
	fake_alert_init(&message->fake, "disk is full \xff");
	fake_annotate(&message->fake, "description", "97 % of /var");
	fake_annotate(&message->fake, "metric_value", "97");
	fake_annotate(&message->fake, "runbook_url", "https://example.com/2");
	message->fake.alert.link = "https://example.com/?a=1";
	json_decref(posted(&config, &message->fake));
	chat_sweep(message, "discord message");
	free(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_an_embed_with_all_there_is_to_say),
		cmocka_unit_test(a_resolved_alert_is_green_and_mentions_nobody),
		cmocka_unit_test(the_sender_and_the_thread_are_configured),
		cmocka_unit_test(a_configuration_that_discord_refuses_is_refused),
		cmocka_unit_test(templates_take_the_place_of_the_words),
		cmocka_unit_test(a_host_that_only_we_know_is_no_link_of_the_title),
		cmocka_unit_test(times_beyond_the_calendar_are_left_out),
		cmocka_unit_test(no_length_of_any_text_breaks_a_limit),
		cmocka_unit_test(a_text_that_fits_exactly_is_shown_whole),
		cmocka_unit_test(fields_that_have_no_room_are_counted),
		cmocka_unit_test(nothing_hostile_means_anything),
		cmocka_unit_test(a_message_is_whole_or_is_tried_again_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
