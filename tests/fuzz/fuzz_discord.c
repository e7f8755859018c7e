/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert as a message for Discord: within all limits, and nothing in it that came from the alert
 * mentions, links or formats. And whatever answers in Discord's place.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../../plugins/channels/discord/discord.h"
#include "../unit/judge.h"

static void check_answer(char *body, int status)
{
	struct discord_standing standing = {0};
	struct discord_judge judge = {&standing};
	const struct tocsin_pair pairs[] = {{"x-ratelimit-remaining", "0"},
					    {"x-ratelimit-reset-after", body},
					    {"x-ratelimit-scope", body}};
	const struct tocsin_map headers = {pairs, 3};
	struct tocsin_reply reply = {.size = sizeof(reply),
				     .status = status,
				     .body = body,
				     .body_length = strlen(body),
				     .headers = &headers};
	struct tocsin_verdict verdict = {.outcome = status == 200   ? TOCSIN_DELIVERED
						    : status == 429 ? TOCSIN_THROTTLED
								    : TOCSIN_REJECTED};

	discord_judge(&reply, &verdict, &judge);
	assert(verdict.outcome >= TOCSIN_DELIVERED && verdict.outcome <= TOCSIN_THROTTLED);
	assert(status == 200 || verdict.outcome != TOCSIN_DELIVERED);
	assert(verdict.retry_after_ms >= 0 && verdict.retry_after_ms <= 1000000000);
	assert(memchr(verdict.why, 0, sizeof(verdict.why)));
	assert(standing.gone == (status == 404));
}

/* Any text of the alert, as a template that takes it with `unsafe` would. */
static const char *template_of(const struct fuzz_delivery *delivery)
{
	return delivery->pub.alert->labels.pair[0].value;
}

/* "?" and the body of an answer, or an alert. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 400, 404, 429};
	const struct discord_config config = {.url = "https://discord.example.com/x"};
	const struct discord_texts none = {0};
	struct fuzz_input input = {data, size};
	struct fuzz_delivery delivery;
	char *body;

	if (size > 0 && data[0] == '?') {
		input = (struct fuzz_input){data + 1, size - 1};
		body = fuzz_rest(&input);
		for (size_t i = 0; i < TOCSIN_COUNT(statuses); i++)
			check_answer(body, statuses[i]);
		free(body);
	} else if (fuzz_delivery_read(&delivery, &input)) {
		struct discord_texts texts = {template_of(&delivery), template_of(&delivery)};

		body = discord_message(&config, &delivery.pub, &none);
		assert(body);
		judge_discord(body, 0, false);
		free(body);
		body = discord_message(&config, &delivery.pub, &texts);
		assert(body);
		judge_discord(body, 0, true);
		free(body);
		fuzz_delivery_done(&delivery);
	}
	return 0;
}
