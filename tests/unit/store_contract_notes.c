/* SPDX-License-Identifier: Apache-2.0 */
/* What channels remember of alerts and recipients. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_contract.h"

#define DAY INT64_C(86400000)

static void note(struct contract *c, const char *fingerprint, const char *recipient,
		 const char *text)
{
	assert_int_equal(c->ops->note(c->store, "chat", fingerprint, recipient, text), 0);
}

/* NULL: there is none. Valid until the next call. */
static const char *recall_of(struct contract *c, const char *channel, const char *fingerprint,
			     const char *recipient)
{
	static char copy[64];
	char *text = NULL;
	int result = c->ops->recall(c->store, channel, fingerprint, recipient, &text);

	if (result == 0)
		(void)snprintf(copy, sizeof(copy), "%s", text);
	else
		assert_int_equal(result, -ENOENT);
	free(text);
	return result == 0 ? copy : NULL;
}

static const char *recall(struct contract *c, const char *fingerprint)
{
	return recall_of(c, "chat", fingerprint, "");
}

static size_t forget(struct contract *c, int64_t before_ms, size_t limit)
{
	size_t removed = 99;

	assert_int_equal(c->ops->forget(c->store, before_ms, limit, &removed), 0);
	return removed;
}

static void each_channel_alert_and_recipient_has_a_note_of_its_own(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	assert_null(recall(c, "a"));
	note(c, "a", "", "one");
	note(c, "b", "", "two");
	note(c, "a", "#ops", "three");
	assert_int_equal(c->ops->note(c->store, "mail", "a", "", "four"), 0);
	contract_commit(c);
	contract_reopen(c);
	contract_begin(c);
	assert_string_equal(recall(c, "a"), "one");
	assert_string_equal(recall(c, "b"), "two");
	assert_string_equal(recall_of(c, "chat", "a", "#ops"), "three");
	assert_string_equal(recall_of(c, "mail", "a", ""), "four");
	assert_null(recall_of(c, "mail", "b", ""));
	assert_null(recall_of(c, "other", "a", ""));
	contract_commit(c);
}

static void a_note_replaces_the_one_before(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	note(c, "a", "", "one");
	note(c, "a", "", "");
	assert_string_equal(recall(c, "a"), "");
	note(c, "a", "", "three");
	contract_commit(c);
	contract_begin(c);
	assert_string_equal(recall(c, "a"), "three");
	contract_commit(c);
}

static void a_note_goes_with_its_transaction(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	note(c, "a", "", "one");
	contract_commit(c);
	contract_begin(c);
	note(c, "a", "", "two");
	note(c, "b", "", "two");
	c->ops->rollback(c->store);
	contract_begin(c);
	assert_string_equal(recall(c, "a"), "one");
	assert_null(recall(c, "b"));
	contract_commit(c);
}

static void notes_that_nobody_used_are_forgotten(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	note(c, "old", "", "1");
	note(c, "used", "", "2");
	contract_commit(c);
	assert_int_equal(c->ops->begin(c->store, NOW + 20 * DAY), 0);
	assert_string_equal(recall(c, "used"), "2");
	note(c, "new", "", "3");
	contract_commit(c);
	assert_int_equal(c->ops->begin(c->store, NOW + 31 * DAY), 0);
	assert_int_equal(forget(c, NOW, 100), 0);
	assert_int_equal(forget(c, NOW + DAY, 100), 1);
	assert_null(recall(c, "old"));
	assert_string_equal(recall(c, "used"), "2");
	assert_string_equal(recall(c, "new"), "3");
	contract_commit(c);
}

static void no_more_notes_are_forgotten_at_once_than_asked_for(void **state)
{
	struct contract *c = *state;
	char fingerprint[16];

	contract_begin(c);
	for (int i = 0; i < 10; i++) {
		(void)snprintf(fingerprint, sizeof(fingerprint), "%d", i);
		note(c, fingerprint, "", "text");
	}
	assert_int_equal(forget(c, NOW + 1, 4), 4);
	assert_int_equal(forget(c, NOW + 1, 4), 4);
	assert_int_equal(forget(c, NOW + 1, 4), 2);
	contract_commit(c);
}

/* What attempts put out, with a comma each; "-" where there is nothing. */
static int add_output(const struct tocsin_attempt *attempt, void *data)
{
	(void)strcat(strcat((char *)data, attempt->output ? attempt->output : "-"), ",");
	return 0;
}

static void settle_with(struct contract *c, const char *output, enum tocsin_state state)
{
	struct copy claim = contract_claim_one(c, "mail");
	const struct tocsin_attempt attempt = {.delivery = claim.id,
					       .token = claim.token,
					       .state = state,
					       .due_ms = NOW,
					       .number = claim.attempt + 1,
					       .started_ms = NOW,
					       .ended_ms = NOW,
					       .detail = "",
					       .output = output};
	struct tocsin_attempt_result result;

	assert_int_equal(c->ops->settle(c->store, &attempt, &result), 0);
	assert_false(result.stale);
	/* of a claim that is over, nothing is kept */
	assert_int_equal(c->ops->settle(c->store, &attempt, &result), 0);
	assert_true(result.stale);
}

static void each_attempt_keeps_its_output(void **state)
{
	struct contract *c = *state;
	char outputs[64] = "";
	int64_t n;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	settle_with(c, "one", TOCSIN_STATE_PENDING);
	settle_with(c, NULL, TOCSIN_STATE_PENDING);
	settle_with(c, "three", TOCSIN_STATE_DEAD);
	assert_int_equal(c->ops->replay(c->store, &(struct tocsin_query){0}, NOW, &n), 0);
	settle_with(c, "four", TOCSIN_STATE_DELIVERED);
	contract_commit(c);
	contract_reopen(c);
	assert_int_equal(c->ops->attempts(c->store, 1, add_output, outputs), 0);
	assert_string_equal(outputs, "one,-,three,four,");
}

const struct contract_test contract_notes[] = {
	CONTRACT_TEST(each_attempt_keeps_its_output),
	CONTRACT_TEST(each_channel_alert_and_recipient_has_a_note_of_its_own),
	CONTRACT_TEST(a_note_replaces_the_one_before),
	CONTRACT_TEST(a_note_goes_with_its_transaction),
	CONTRACT_TEST(notes_that_nobody_used_are_forgotten),
	CONTRACT_TEST(no_more_notes_are_forgotten_at_once_than_asked_for),
	{NULL, NULL},
};
