/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert as a card for Teams: small enough, and nothing in it that came from the alert mentions,
 * links, formats or calls a function. And whatever answers in Teams' place.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../../plugins/channels/teams/teams.h"
#include "../unit/judge.h"

static void check_answer(char *body, int status, bool legacy)
{
	const struct teams_config config = {.legacy = legacy};
	struct tocsin_reply reply = {
		.size = sizeof(reply), .status = status, .body = body, .body_length = strlen(body)};
	struct tocsin_verdict verdict = {.outcome = status == 200 ? TOCSIN_DELIVERED
								  : TOCSIN_REJECTED};

	teams_judge(&reply, &verdict, &config);
	assert(verdict.outcome >= TOCSIN_DELIVERED && verdict.outcome <= TOCSIN_THROTTLED);
	assert(status == 200 || verdict.outcome != TOCSIN_DELIVERED);
	assert(!legacy || status != 200 || verdict.outcome != TOCSIN_DELIVERED ||
	       strchr(body, '1'));
	assert(memchr(verdict.why, 0, sizeof(verdict.why)));
}

/* "?" and the body of an answer, or an alert. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct teams_config config = {.url = "https://flow.example.com/x"};
	struct fuzz_input input = {data, size};
	struct fuzz_delivery delivery;
	char *body;

	if (size > 0 && data[0] == '?') {
		input = (struct fuzz_input){data + 1, size - 1};
		body = fuzz_rest(&input);
		check_answer(body, 200, true);
		check_answer(body, 200, false);
		check_answer(body, 400, false);
		free(body);
	} else if (fuzz_delivery_read(&delivery, &input)) {
		/* any text of the alert, as a template that takes it with `unsafe` would */
		const char *any = delivery.pub.alert->labels.pair[0].value;
		const struct teams_texts none = {0}, texts = {any, any};

		body = teams_message(&config, &delivery.pub, &none);
		assert(body);
		judge_teams(body, false, 0, false);
		free(body);
		body = teams_message(&config, &delivery.pub, &texts);
		assert(body);
		judge_teams(body, false, 0, true);
		free(body);
		fuzz_delivery_done(&delivery);
	}
	return 0;
}
