/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert as a message for Slack: JSON within Slack's limits, in which no text of the alert
 * starts a mention, a link or markup of its own. And whatever answers in Slack's place.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../../plugins/channels/slack/slack.h"
#include "../unit/judge.h"

static void check_answer(char *body, int status)
{
	struct tocsin_reply reply = {
		.size = sizeof(reply), .status = status, .body = body, .body_length = strlen(body)};
	struct tocsin_verdict verdict = {.outcome = status == 200 ? TOCSIN_DELIVERED
								  : TOCSIN_REJECTED};

	slack_judge(&reply, &verdict, NULL);
	assert(verdict.outcome >= TOCSIN_DELIVERED && verdict.outcome <= TOCSIN_THROTTLED);
	assert(status == 200 || verdict.outcome != TOCSIN_DELIVERED);
	assert(memchr(verdict.why, 0, sizeof(verdict.why)));
}

static void check_message(const struct tocsin_alert *alert, enum slack_layout layout,
			  enum slack_kind kind, const struct slack_texts *texts)
{
	const struct slack_config config = {.url = "https://hooks.example.com/x", .layout = layout};
	const struct slack_place place = {.kind = kind, .channel = "C1", .ts = "1.1"};
	char *body = slack_message(&config, alert, texts, &place);

	assert(body);
	if (layout == SLACK_CLASSIC)
		judge_slack_classic(body, texts->title);
	else
		judge_slack(body, texts->title);
	free(body);
}

/* What is kept of an answer, or of a note, is read back as it was written. */
static void check_thread(char *text)
{
	struct tocsin_reply reply = {
		.size = sizeof(reply), .status = 200, .body = text, .body_length = strlen(text)};
	struct slack_thread thread, again;
	char note[SLACK_NOTE];

	(void)slack_thread_is_lost(&reply);
	if (!slack_thread_from_reply(&reply, &thread) &&
	    !slack_thread_read(text, "#ops channel", &thread))
		return;
	assert(slack_thread_write(&thread, "#ops channel", note));
	assert(slack_thread_read(note, "#ops channel", &again));
	assert(strcmp(thread.ts, again.ts) == 0 && strcmp(thread.channel, again.channel) == 0);
	assert(thread.closed == again.closed);
}

/* "?" and the body of an answer or a note, or an alert. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct fuzz_delivery delivery;
	char *body;

	if (size > 0 && data[0] == '?') {
		input = (struct fuzz_input){data + 1, size - 1};
		body = fuzz_rest(&input);
		check_answer(body, 200);
		check_answer(body, 400);
		check_thread(body);
		free(body);
	} else if (fuzz_delivery_read(&delivery, &input)) {
		const struct tocsin_alert *alert = delivery.pub.alert;
		/* any text of the alert, as a template that takes it with `unsafe` would */
		const char *any = alert->labels.pair[0].value;
		const struct slack_texts none = {0}, texts = {any, any};

		check_message(alert, SLACK_BLOCKS, SLACK_NEW, &none);
		check_message(alert, SLACK_BLOCKS, SLACK_UPDATE, &texts);
		check_message(alert, SLACK_CLASSIC, SLACK_REPLY, &none);
		check_message(alert, SLACK_CLASSIC, SLACK_NEW, &texts);
		fuzz_delivery_done(&delivery);
	}
	return 0;
}
