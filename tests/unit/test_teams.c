/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/teams/teams.h"
#include "chat_fixture.h"
#include "judge.h"

static const struct teams_config plain = {.url = "https://flow.example.com/x?sig=y"};

/* Posts and gives the card, of which the judge has nothing to say. */
static json_t *posted_by(const struct teams_config *config, struct fake_alert *fake)
{
	bool alone = config->envelope == TEAMS_CARD,
	     resolved = fake->alert.status == TOCSIN_RESOLVED;
	void *state = fake_open(config);
	json_t *message, *card;

	assert_int_equal(fake_deliver(state, fake)->outcome, TOCSIN_DELIVERED);
	tocsin_plugin.channel->close(state);
	judge_teams(fake_self()->body, alone, resolved ? 0 : config->mentions.n,
		    config->title || config->message);
	message = json_loads(fake_self()->body, 0, NULL);
	if (alone)
		return message;
	card = json_incref(json_object_get(
		json_array_get(json_object_get(message, "attachments"), 0), "content"));
	json_decref(message);
	return card;
}

static json_t *posted(const struct teams_config *config, struct fake_alert *fake)
{
	fake_reset();
	return posted_by(config, fake);
}

static const json_t *block_of(const json_t *card, size_t i)
{
	return json_array_get(json_object_get(card, "body"), i);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const char *heading_of(const json_t *card)
{
	return text_of(json_array_get(json_object_get(block_of(card, 0), "items"), 0), "text");
}

static void a_message_is_a_card_with_all_there_is_to_say(void **unused)
{
	struct fake_alert fake;
	const json_t *facts;
	json_t *card;

	(void)unused;
	fake_alert_init(&fake, "disk is full");
	fake_annotate(&fake, "description", "97 % of /var\nand\n\nmore");
	fake_annotate(&fake, "metric_value", "97");
	fake_annotate(&fake, "runbook_url", "https://example.com/full");
	fake.alert.link = "https://example.com/db1?a=1&b=2";
	card = posted(&plain, &fake);
	assert_string_equal(fake_self()->url, plain.url);
	assert_string_equal(heading_of(card), "🚨 CRITICAL: disk is full");
	assert_string_equal(text_of(block_of(card, 0), "style"), "attention");
	assert_string_equal(text_of(block_of(card, 1), "text"), "97 % of /var\n\nand\n\nmore");
	facts = json_object_get(block_of(card, 2), "facts");
	assert_int_equal(json_array_size(facts), 2);
	assert_string_equal(text_of(json_array_get(facts, 0), "title"), "Metric value");
	assert_string_equal(text_of(json_array_get(facts, 1), "value"), "www.example.com");
	assert_string_equal(text_of(block_of(card, 3), "text"),
			    "site-alerts · {{DATE(2025-11-18T14:30:45Z, SHORT)}} "
			    "{{TIME(2025-11-18T14:30:45Z)}}");
	assert_int_equal(json_array_size(json_object_get(card, "actions")), 2);
	assert_string_equal(text_of(json_array_get(json_object_get(card, "actions"), 0), "url"),
			    "https://example.com/db1?a=1&b=2");
	json_decref(card);
	fake.alert.status = TOCSIN_RESOLVED;
	card = posted(&plain, &fake);
	assert_string_equal(text_of(block_of(card, 0), "style"), "good");
	json_decref(card);
}

static void the_card_goes_alone_when_the_flow_wants_it_so(void **unused)
{
	struct teams_config config = plain;
	struct fake_alert fake;

	(void)unused;
	config.envelope = TEAMS_CARD;
	fake_alert_init(&fake, "s");
	json_decref(posted(&config, &fake));
}

static void only_who_is_configured_is_mentioned(void **unused)
{
	static const struct tocsin_pair who[] = {{"Ann", "ann@example.com"}, {"Bob", "1-2-3"}};
	static const struct tocsin_pair odd[] = {{"<at>", "x"}}, none[] = {{"Ann", ""}};
	struct teams_config config = plain;
	struct fake_alert fake;
	char why[256];

	(void)unused;
	config.mentions = (struct tocsin_map){who, 2};
	assert_null(tocsin_plugin.channel->check(&config, why, sizeof(why)));
	fake_alert_init(&fake, "<at>Everyone</at>");
	json_decref(posted(&config, &fake));
	assert_non_null(strstr(fake_self()->body, "\"<at>Ann</at> <at>Bob</at>\""));
	fake.alert.status = TOCSIN_RESOLVED;
	json_decref(posted(&config, &fake));
	assert_null(strstr(fake_self()->body, "\"<at>Ann"));
	config.mentions = (struct tocsin_map){odd, 1};
	assert_non_null(tocsin_plugin.channel->check(&config, why, sizeof(why)));
	config.mentions = (struct tocsin_map){none, 1};
	assert_non_null(tocsin_plugin.channel->check(&config, why, sizeof(why)));
}

static void templates_take_the_place_of_the_words(void **unused)
{
	struct teams_config config = plain;
	struct fake_alert fake;
	json_t *card;

	(void)unused;
	fake_reset();
	config.title = fake_text("my\n**title**");
	config.message = fake_text("- a\n- **b** \\*c\\*");
	fake_alert_init(&fake, "s");
	card = posted_by(&config, &fake);
	assert_string_equal(heading_of(card), "my **title**");
	assert_string_equal(text_of(block_of(card, 1), "text"), "- a\n- **b** \\*c\\*");
	json_decref(card);
	fake_reset();
	config.title = fake_text("\n");
	config.message = fake_text(" ");
	card = posted_by(&config, &fake);
	assert_string_equal(heading_of(card), "🚨 CRITICAL: s");
	assert_string_equal(text_of(block_of(card, 1), "type"), "FactSet");
	json_decref(card);
}

static void no_length_of_any_text_makes_it_too_large(void **unused)
{
	static const char *const kinds[] = {"x", "*", "🚨", " ", "漢", "\"", "\n"};
	struct fake_alert fake;

	(void)unused;
	for (size_t n = 0; n <= 70000; n += n < 7000 ? 13 : 997) {
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

static void the_text_is_cut_before_facts_are_left_out(void **unused)
{
	struct tocsin_pair labels[60];
	struct fake_alert fake;
	char names[60][8], *text = chat_letters(19000, "漢"), *value = chat_letters(990, "漢");
	json_t *card;

	(void)unused;
	fake_alert_init(&fake, "s");
	fake_annotate(&fake, "description", text);
	card = posted(&plain, &fake);
	assert_non_null(strstr(text_of(block_of(card, 1), "text"), "… (cut here;"));
	assert_true(strlen(fake_self()->body) > TEAMS_BODY * 2 / 3);
	assert_null(strstr(fake_self()->body, "left out"));
	json_decref(card);
	for (size_t i = 0; i < 60; i++) {
		snprintf(names[i], sizeof(names[i]), "l%zu", i);
		labels[i] = (struct tocsin_pair){names[i], value};
	}
	fake.alert.labels = (struct tocsin_map){labels, 60};
	card = posted(&plain, &fake);
	assert_non_null(strstr(fake_self()->body, " · 55 more details left out"));
	json_decref(card);
	free(text);
	free(value);
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

static const struct fake_done *answer(bool legacy, int status, const char *body)
{
	static struct fake_alert fake;
	struct teams_config config = plain;
	struct tocsin_reply reply = {.size = sizeof(reply),
				     .status = status,
				     .body = body,
				     .body_length = body ? strlen(body) : 0};
	void *state;

	config.legacy = legacy;
	fake_reset();
	fake_alert_init(&fake, "s");
	state = fake_open(&config);
	fake_self()->reply = &reply;
	(void)fake_deliver(state, &fake);
	tocsin_plugin.channel->close(state);
	return &fake_self()->done[0];
}

static void the_errors_of_flows_are_explained(void **unused)
{
	static const char gone[] = "{\"error\":{\"code\":\"WorkflowNotFound\",\"message\":\"x\"}}";

	(void)unused;
	assert_int_equal(answer(false, 202, "")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(false, 200, "{}")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(false, 200, "<html>")->outcome, TOCSIN_UNAVAILABLE);
	assert_int_equal(answer(false, 404, gone)->outcome, TOCSIN_REJECTED);
	assert_string_equal(fake_self()->done[0].why,
			    "Teams says 404 WorkflowNotFound: the flow is not "
			    "there any more; make one and use its URL");
	assert_non_null(strstr(
		answer(false, 400, "{\"error\":{\"code\":\"TriggerInputSchemaMismatch\"}}")->why,
		"other 'envelope'"));
	assert_string_equal(
		answer(false, 403, "{\"error\":{\"code\":\"New\",\"message\":\"m\"}}")->why,
		"Teams says 403 New: m");
	assert_int_equal(answer(false, 400, "{\"error\":{\"code\":\"TooManyRequests\"}}")->outcome,
			 TOCSIN_THROTTLED);
	assert_string_equal(answer(false, 400, "{\"error\":3}")->why, "status 400");
	assert_int_equal(answer(false, 502, "bad gateway")->outcome, TOCSIN_UNAVAILABLE);
	assert_int_equal(answer(false, 0, NULL)->outcome, TOCSIN_UNAVAILABLE);
}

static void a_connector_has_delivered_only_what_it_says_1_to(void **unused)
{
	static const char limited[] = "Webhook message delivery failed with error: Microsoft Teams "
				      "endpoint returned HTTP error 429 with ContextId x";

	(void)unused;
	assert_int_equal(answer(true, 200, "1")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(true, 200, " 1\r\n")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(true, 200, limited)->outcome, TOCSIN_THROTTLED);
	assert_non_null(strstr(fake_self()->done[0].why, "says 200, but: Webhook message"));
	assert_int_equal(answer(true, 200, "HTTP error 413")->outcome, TOCSIN_REJECTED);
	assert_int_equal(answer(true, 200, "HTTP error 503")->outcome, TOCSIN_UNAVAILABLE);
	assert_int_equal(answer(true, 200, "12")->outcome, TOCSIN_REJECTED);
	assert_int_equal(answer(true, 200, "")->outcome, TOCSIN_REJECTED);
	/* and without the option a flow may answer what it likes */
	assert_int_equal(answer(false, 200, limited)->outcome, TOCSIN_DELIVERED);
}

static void a_message_is_whole_or_is_tried_again_when_memory_is_short(void **unused)
{
	static const struct tocsin_pair who[] = {{"Ann", "ann@example.com"}};
	struct teams_config config = plain;
	struct chat_message *message = calloc(1, sizeof(*message));

	(void)unused;
	assert_non_null(message);
	config.mentions = (struct tocsin_map){who, 1};
	message->config = &config;
	fake_alert_init(&message->fake, "disk is full \xff");
	fake_annotate(&message->fake, "description", "97 % of /var\n.");
	fake_annotate(&message->fake, "runbook_url", "https://example.com/2");
	json_decref(posted(&config, &message->fake));
	chat_sweep(message, "teams message");
	free(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_a_card_with_all_there_is_to_say),
		cmocka_unit_test(the_card_goes_alone_when_the_flow_wants_it_so),
		cmocka_unit_test(only_who_is_configured_is_mentioned),
		cmocka_unit_test(templates_take_the_place_of_the_words),
		cmocka_unit_test(no_length_of_any_text_makes_it_too_large),
		cmocka_unit_test(the_text_is_cut_before_facts_are_left_out),
		cmocka_unit_test(nothing_hostile_means_anything),
		cmocka_unit_test(the_errors_of_flows_are_explained),
		cmocka_unit_test(a_connector_has_delivered_only_what_it_says_1_to),
		cmocka_unit_test(a_message_is_whole_or_is_tried_again_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
