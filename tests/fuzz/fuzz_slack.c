/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert as a message for Slack: JSON within Slack's limits, in which no text of the alert
 * starts a mention, a link or markup of its own. And whatever answers in Slack's place.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../plugins/channels/slack/slack.h"
#include "alert/alert.h"

/* The one link that we make ourselves, in front. */
static const char *pass_link(const char *text)
{
	const char *link = strstr(text, " *") ? strchr(text, '<') : NULL;

	if (!link || strncasecmp(link, "<http", 5) != 0)
		return text;
	assert(strchr(link, '|') && strchr(link, '>') > strchr(link, '|'));
	return strchr(link, '>') + 1;
}

static void check_text(const json_t *value, size_t most)
{
	const char *text = json_string_value(value);

	assert(text && strlen(text) <= most);
	assert(fuzz_is_clean(text, strlen(text), "\n\t"));
	text = pass_link(text);
	assert(!strpbrk(text, "<>"));
	for (; *text; text++)
		assert(*text != '&' || strncmp(text, "&amp;", 5) == 0 ||
		       strncmp(text, "&lt;", 4) == 0 || strncmp(text, "&gt;", 4) == 0);
}

static void check_message(const char *body)
{
	json_t *message = json_loads(body, JSON_REJECT_DUPLICATES, NULL), *fields, *field;
	const json_t *attachment = json_array_get(json_object_get(message, "attachments"), 0);
	size_t i;

	assert(json_object_size(message) == 4);
	assert(json_is_false(json_object_get(message, "unfurl_links")));
	check_text(json_object_get(message, "text"), SLACK_TEXT_MAX);
	fields = json_object_get(attachment, "fields");
	assert(json_is_array(fields) && json_array_size(fields) <= SLACK_FIELDS_MAX);
	json_array_foreach(fields, i, field)
	{
		check_text(json_object_get(field, "title"), SLACK_FIELD_MAX + 4);
		check_text(json_object_get(field, "value"), SLACK_FIELD_MAX + 4);
	}
	json_decref(message);
}

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

/* "?" and the body of an answer, or an alert. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slack_config config = {.url = "https://hooks.example.com/x"};
	struct fuzz_input input = {data, size};
	struct fuzz_delivery delivery;
	char *body;

	if (size > 0 && data[0] == '?') {
		input = (struct fuzz_input){data + 1, size - 1};
		body = fuzz_rest(&input);
		check_answer(body, 200);
		check_answer(body, 400);
		free(body);
	} else if (fuzz_delivery_read(&delivery, &input)) {
		body = slack_message(&config, &delivery.pub);
		assert(body);
		check_message(body);
		free(body);
		fuzz_delivery_done(&delivery);
	}
	return 0;
}
