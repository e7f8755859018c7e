/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/discord/discord.h"
#include "fake_host.h"

static const struct discord_config plain = {
	.url = "https://discord.example.com/api/webhooks/1/token"};

/* What the channel says to an answer. The instance is kept from call to call until end. */
static void *asked;

static const struct fake_done *answer(int status, const char *body,
				      const struct tocsin_map *headers)
{
	struct tocsin_reply reply = {.size = sizeof(reply),
				     .status = status,
				     .body = body,
				     .body_length = body ? strlen(body) : 0,
				     .headers = headers};
	static struct fake_alert fake;

	if (!asked) {
		fake_reset();
		asked = fake_open(&plain);
	}
	fake_self()->url[0] = '\0';
	fake_alert_init(&fake, "s");
	fake_self()->reply = &reply;
	return fake_deliver(asked, &fake);
}

static bool was_asked(void)
{
	return fake_self()->url[0] != '\0';
}

static int forget(void **unused)
{
	(void)unused;
	if (asked)
		tocsin_plugin.channel->close(asked);
	asked = NULL;
	return 0;
}

static void the_errors_of_discord_are_explained(void **unused)
{
	static const char invalid[] =
		"{\"message\":\"Invalid Form Body\",\"code\":50035,\"errors\":{\"embeds\":{\"0\":"
		"{\"description\":{\"_errors\":[{\"code\":\"BASE_TYPE_MAX_LENGTH\",\"message\":"
		"\"Must be 4096 or fewer in length.\"}]}}}}}";
	const struct fake_done *done = answer(400, invalid, NULL);

	(void)unused;
	assert_int_equal(done->outcome, TOCSIN_REJECTED);
	assert_string_equal(done->why,
			    "Discord says 400, code 50035: Discord did not understand the message: "
			    "embeds.0.description: Must be 4096 or fewer in length.");
	assert_string_equal(answer(400, "{\"message\":\"New\",\"code\":4711}", NULL)->why,
			    "Discord says 400, code 4711: New");
	assert_string_equal(answer(400, "no JSON", NULL)->why, "status 400");
	assert_int_equal(answer(500, "", NULL)->outcome, TOCSIN_UNAVAILABLE);
	assert_int_equal(answer(0, NULL, NULL)->outcome, TOCSIN_UNAVAILABLE);
	assert_int_equal(answer(204, "", NULL)->outcome, TOCSIN_DELIVERED);
	assert_int_equal(answer(200, " <html>log in", NULL)->outcome, TOCSIN_UNAVAILABLE);
}

static void the_pace_that_discord_asks_for_is_kept(void **unused)
{
	const struct tocsin_pair pairs[] = {{"x-ratelimit-remaining", "0"},
					    {"x-ratelimit-reset-after", "1.2345"},
					    {"x-ratelimit-scope", "shared"}};
	const struct tocsin_pair more[] = {{"x-ratelimit-remaining", "3"},
					   {"x-ratelimit-reset-after", "1.2345"}};
	const struct tocsin_map last = {pairs, 3}, some = {more, 2};
	const struct fake_done *done = answer(200, "{\"id\":\"1\"}", &last);

	(void)unused;
	assert_int_equal(done->outcome, TOCSIN_DELIVERED);
	assert_int_equal(done->retry_after_ms, 1235);
	assert_int_equal(answer(200, "{\"id\":\"1\"}", &some)->retry_after_ms, 0);
	done = answer(400, "{}", &last);
	assert_int_equal(done->outcome, TOCSIN_REJECTED);
	assert_int_equal(done->retry_after_ms, 1235);
	done = answer(429, "{\"message\":\"x\",\"retry_after\":0.3001,\"global\":true}", NULL);
	assert_int_equal(done->outcome, TOCSIN_THROTTLED);
	assert_int_equal(done->retry_after_ms, 301);
	assert_non_null(strstr(done->why, "global"));
	done = answer(429, "blocked", &last);
	assert_int_equal(done->retry_after_ms, 1235);
	assert_non_null(strstr(done->why, "shared"));
	assert_int_equal(answer(429, "{\"retry_after\":-1}", NULL)->retry_after_ms, 0);
	assert_int_equal(answer(429, "{\"retry_after\":1e300}", NULL)->retry_after_ms, 1000000000);
}

static void a_webhook_that_is_not_there_is_asked_once(void **unused)
{
	const struct fake_done *done =
		answer(404, "{\"message\":\"Unknown Webhook\",\"code\":10015}", NULL);

	(void)unused;
	assert_true(was_asked());
	assert_int_equal(done->outcome, TOCSIN_REJECTED);
	assert_non_null(strstr(done->why, "make a new one and use its URL"));
	done = answer(200, "{}", NULL);
	assert_false(was_asked());
	assert_int_equal(done->outcome, TOCSIN_REJECTED);
	assert_non_null(strstr(done->why, "not sent"));
	assert_non_null(strstr(done->why, "Discord says 404, code 10015"));
	/* a reload is the word of somebody who knows */
	tocsin_plugin.channel->reopen(asked);
	assert_int_equal(answer(200, "{}", NULL)->outcome, TOCSIN_DELIVERED);
	assert_true(was_asked());
}

static void refusals_are_counted_and_end_long_before_a_ban(void **unused)
{
	struct discord_standing standing = {.refusals = DISCORD_REFUSALS, .since_ms = 1000};
	char why[512];
	size_t asked_times = 0;

	(void)unused;
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(answer(i % 2 ? 401 : 403, "{}", NULL)->outcome, TOCSIN_REJECTED);
		asked_times += was_asked();
	}
	assert_int_equal(asked_times, DISCORD_REFUSALS);
	assert_non_null(strstr(fake_self()->done[0].why, "refused 100 messages"));
	assert_true(discord_is_barred(&standing, 1000 + DISCORD_WINDOW_MS - 1, why));
	assert_false(discord_is_barred(&standing, 1000 + DISCORD_WINDOW_MS, why));
}

static void a_success_ends_the_count_of_refusals(void **unused)
{
	(void)unused;
	for (int i = 0; i < 3 * DISCORD_REFUSALS; i++) {
		answer(i % 50 == 49 ? 200 : 403, "{}", NULL);
		assert_true(was_asked());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_errors_of_discord_are_explained, forget),
		cmocka_unit_test_teardown(the_pace_that_discord_asks_for_is_kept, forget),
		cmocka_unit_test_teardown(a_webhook_that_is_not_there_is_asked_once, forget),
		cmocka_unit_test_teardown(refusals_are_counted_and_end_long_before_a_ban, forget),
		cmocka_unit_test_teardown(a_success_ends_the_count_of_refusals, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
