/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery is handed out under a token, and only its holder can settle it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_contract.h"

static void the_oldest_due_is_claimed_first(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.due_ms = NOW - 1, .key = {"second"}});
	(void)contract_accept(c, &(struct sample){.due_ms = NOW - 5, .key = {"first"}});
	(void)contract_accept(c, &(struct sample){.due_ms = NOW - 1, .key = {"third"}});
	(void)contract_accept(c, &(struct sample){.due_ms = NOW + 1, .key = {"later"}});
	(void)contract_accept(c, &(struct sample){.due_ms = TOCSIN_PARKED, .key = {"parked"}});
	(void)contract_accept(c, &(struct sample){.channel = {"chat"}, .key = {"elsewhere"}});
	contract_claim(c, "mail", NOW, 2, copies);
	assert_int_equal(copies->n, 2);
	assert_string_equal(copies->item[0].key, "first");
	assert_string_equal(copies->item[1].key, "second");
	contract_claim(c, "mail", NOW, 10, copies);
	assert_int_equal(copies->n, 1);
	assert_string_equal(copies->item[0].key, "third");
	contract_claim(c, "nobody", NOW, 10, copies);
	assert_int_equal(copies->n, 0);
	contract_commit(c);
	free(copies);
}

/* A store may remember how far it looked; nothing may slip in behind that. */
static void what_becomes_due_before_the_last_claim_is_claimed(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));
	struct copy claim, released;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.due_ms = NOW - 2});
	released = contract_claim_one(c, "mail");
	(void)contract_accept(c, &(struct sample){.due_ms = NOW - 1});
	claim = contract_claim_one(c, "mail");
	(void)contract_accept(c, &(struct sample){.due_ms = NOW - 50});
	(void)contract_claim_one(c, "mail");
	(void)contract_settle(c, &claim, TOCSIN_STATE_PENDING, NOW - 40);
	assert_int_equal(contract_claim_one(c, "mail").id, claim.id);
	assert_int_equal(c->ops->release(c->store, released.id, released.token, NOW - 60), 0);
	assert_int_equal(contract_claim_one(c, "mail").id, released.id);
	contract_commit(c);
	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.due_ms = NOW});
	(void)contract_claim_one(c, "mail");
	c->ops->rollback(c->store);
	contract_begin(c);
	contract_claim(c, "mail", NOW, 10, copies);
	assert_int_equal(copies->n, 0);
	(void)contract_accept(c, &(struct sample){.due_ms = NOW - 1});
	(void)contract_claim_one(c, "mail");
	contract_commit(c);
	free(copies);
}

static void many_are_claimed_at_once_each_one_once(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));

	contract_begin(c);
	for (int i = 0; i < 700; i++)
		(void)contract_accept(c, &(struct sample){0});
	contract_claim(c, "mail", NOW, 600, copies);
	assert_int_equal(copies->n, 600);
	for (size_t i = 1; i < copies->n; i++)
		assert_true(copies->item[i].id > copies->item[i - 1].id);
	contract_claim(c, "mail", NOW, 600, copies);
	assert_int_equal(copies->n, 100);
	contract_commit(c);
	free(copies);
}

static int refuse(const struct tocsin_stored_delivery *delivery, void *data)
{
	(void)delivery;
	return ++*(int *)data == 2 ? -ENOMEM : 0;
}

static void what_the_caller_cannot_take_stays_pending(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));
	int asked = 0;

	contract_begin(c);
	for (int i = 0; i < 3; i++)
		(void)contract_accept(c, &(struct sample){0});
	assert_int_equal(c->ops->claim(c->store, "mail", NOW, LEASE, 3, refuse, &asked), -ENOMEM);
	assert_int_equal(asked, 2);
	contract_claim(c, "mail", NOW, 3, copies);
	assert_int_equal(copies->n, 2);
	contract_commit(c);
	free(copies);
}

static int settle_now(const struct tocsin_stored_delivery *delivery, void *data)
{
	struct copy claim = {.id = delivery->id, .token = delivery->token};

	assert_int_equal(delivery->state, TOCSIN_STATE_CLAIMED);
	assert_false(contract_settle(data, &claim, TOCSIN_STATE_DEAD, 0).stale);
	assert_string_equal(delivery->channel, "mail");
	return 0;
}

static void a_claim_may_be_settled_while_it_is_handed_out(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	for (int i = 0; i < 3; i++)
		(void)contract_accept(c, &(struct sample){0});
	assert_int_equal(c->ops->claim(c->store, "mail", NOW, LEASE, 10, settle_now, c), 0);
	contract_commit(c);
	assert_int_equal(contract_counters(c).dead, 3);
}

static void a_delivered_one_leaves_the_queue_for_the_history(void **state)
{
	struct contract *c = *state;
	struct copy claim = contract_settled(c, "7", TOCSIN_STATE_DELIVERED), kept;
	struct copies *copies = calloc(1, sizeof(*copies));

	contract_begin(c);
	contract_claim(c, "mail", INT64_MAX - 1, 10, copies);
	assert_int_equal(copies->n, 0);
	contract_commit(c);
	kept = contract_delivery(c, claim.id);
	assert_int_equal(kept.state, TOCSIN_STATE_DELIVERED);
	assert_int_equal(kept.attempt, 1);
	assert_int_equal(kept.done_ms, NOW + 2);
	assert_string_equal(kept.reason, "the answer");
	assert_string_equal(kept.key, claim.key);
	assert_string_equal(kept.body, claim.body);
	assert_int_equal(contract_counters(c).delivered, 1);
	free(copies);
}

static void an_alert_is_settled_with_its_last_delivery(void **state)
{
	struct contract *c = *state;
	struct copy mail, chat;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "7", .channel = {"mail", "chat"}});
	mail = contract_claim_one(c, "mail");
	chat = contract_claim_one(c, "chat");
	assert_false(contract_settle(c, &mail, TOCSIN_STATE_DELIVERED, 0).alert_settled);
	assert_true(contract_settle(c, &chat, TOCSIN_STATE_DEAD, 0).alert_settled);
	contract_commit(c);
}

static void a_failed_attempt_waits_for_its_next_time(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));
	struct tocsin_attempt_result result;
	struct copy claim;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	claim = contract_claim_one(c, "mail");
	result = contract_settle(c, &claim, TOCSIN_STATE_PENDING, NOW + 1000);
	assert_false(result.stale || result.alert_settled);
	contract_claim(c, "mail", NOW + 999, 10, copies);
	assert_int_equal(copies->n, 0);
	contract_claim(c, "mail", NOW + 1000, 10, copies);
	contract_commit(c);
	assert_int_equal(copies->n, 1);
	assert_int_equal(copies->item[0].attempt, 1);
	assert_true(copies->item[0].token > claim.token);
	assert_string_equal(copies->item[0].reason, "the answer");
	assert_string_equal(copies->item[0].key, claim.key);
	assert_int_equal(contract_counters(c).pending, 1);
	free(copies);
}

static void an_old_token_changes_nothing_and_is_counted(void **state)
{
	struct contract *c = *state;
	struct copy old, now;
	int64_t n;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	old = contract_claim_one(c, "mail");
	contract_commit(c);
	contract_begin(c);
	assert_int_equal(c->ops->recover(c->store, TOCSIN_PARKED, NULL, 0, 0, &n), 0);
	assert_int_equal(n, 1);
	assert_true(contract_settle(c, &old, TOCSIN_STATE_DELIVERED, 0).stale);
	now = contract_claim_one(c, "mail");
	assert_true(contract_settle(c, &old, TOCSIN_STATE_DEAD, 0).stale);
	assert_false(contract_settle(c, &now, TOCSIN_STATE_DELIVERED, 0).stale);
	assert_true(contract_settle(c, &now, TOCSIN_STATE_DELIVERED, 0).stale);
	contract_commit(c);
	assert_int_equal(contract_counters(c).stale, 3);
	assert_int_equal(contract_counters(c).delivered, 1);
	assert_int_equal(contract_counters(c).dead, 0);
}

static void a_released_claim_is_pending_and_untried(void **state)
{
	struct contract *c = *state;
	struct copy claim, again;
	int64_t due_ms;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	claim = contract_claim_one(c, "mail");
	assert_int_equal(c->ops->release(c->store, claim.id, claim.token, NOW - 3), 0);
	assert_int_equal(c->ops->release(c->store, claim.id, claim.token, NOW), 0);
	assert_int_equal(c->ops->next_due(c->store, "mail", &due_ms), 0);
	assert_int_equal(due_ms, NOW - 3);
	again = contract_claim_one(c, "mail");
	assert_int_equal(again.attempt, 0);
	assert_true(again.token > claim.token);
	assert_int_equal(c->ops->release(c->store, again.id, claim.token, NOW), 0);
	assert_false(contract_settle(c, &again, TOCSIN_STATE_DELIVERED, 0).stale);
	contract_commit(c);
}

static void only_claims_whose_lease_is_over_are_taken_back(void **state)
{
	struct contract *c = *state;
	struct copy first, second;
	int64_t n;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	first = contract_claim_one(c, "mail");
	(void)contract_accept(c, &(struct sample){0});
	second = contract_claim_one(c, "mail");
	assert_int_equal(c->ops->renew(c->store, first.id, first.token, LEASE + 100), 0);
	assert_int_equal(c->ops->renew(c->store, second.id, second.token + 1, LEASE + 100), 0);
	assert_int_equal(c->ops->recover(c->store, LEASE - 1, NULL, 0, 0, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(c->ops->recover(c->store, LEASE, NULL, 0, 0, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(contract_claim_one(c, "mail").id, second.id);
	contract_commit(c);
}

static void a_claim_says_how_often_the_process_ended(void **state)
{
	struct contract *c = *state;
	struct copy claim = {0};
	int64_t n;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "7", .tell = true});
	contract_commit(c);
	for (int i = 0; i < 4; i++) {
		contract_begin(c);
		claim = contract_claim_one(c, "mail");
		assert_int_equal(claim.crashes, i);
		contract_commit(c);
		contract_reopen(c);
		contract_begin(c);
		assert_int_equal(c->ops->recover(c->store, TOCSIN_PARKED, &claim.id, 1, 0, &n), 0);
		assert_int_equal(n, 1);
		contract_commit(c);
	}
}

/* Others get their turn before it. */
static void a_suspect_is_due_again_later(void **state)
{
	struct contract *c = *state;
	struct copy suspect, other;
	int64_t n, due_ms;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	suspect = contract_claim_one(c, "mail");
	(void)contract_accept(c, &(struct sample){0});
	other = contract_claim_one(c, "mail");
	contract_commit(c);
	contract_reopen(c);
	contract_begin(c);
	assert_int_equal(c->ops->recover(c->store, TOCSIN_PARKED, &suspect.id, 1, NOW + 500, &n),
			 0);
	assert_int_equal(contract_claim_one(c, "mail").id, other.id);
	assert_int_equal(c->ops->next_due(c->store, "mail", &due_ms), 0);
	assert_int_equal(due_ms, NOW + 500);
	contract_commit(c);
}

static void an_attempt_that_ended_forgets_the_crashes_before_it(void **state)
{
	struct contract *c = *state;
	struct copy claim;
	int64_t n;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	for (int crash = 0; crash < 4; crash++) {
		claim = contract_claim_one(c, "mail");
		assert_int_equal(c->ops->recover(c->store, TOCSIN_PARKED, &claim.id, 1, 0, &n), 0);
		if (crash != 1)
			continue;
		claim = contract_claim_one(c, "mail");
		assert_int_equal(claim.crashes, 2);
		(void)contract_settle(c, &claim, TOCSIN_STATE_PENDING, NOW);
	}
	assert_int_equal(contract_claim_one(c, "mail").crashes, 2);
	contract_commit(c);
}

static void a_claim_that_only_waited_is_no_suspect(void **state)
{
	struct contract *c = *state;
	struct copy claim;
	int64_t n, other;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	for (int crash = 0; crash < 9; crash++) {
		claim = contract_claim_one(c, "mail");
		other = claim.id + 1;
		assert_int_equal(c->ops->recover(c->store, TOCSIN_PARKED, &other, 1, 0, &n), 0);
		assert_int_equal(n, 1);
	}
	assert_int_equal(contract_claim_one(c, "mail").crashes, 0);
	contract_commit(c);
}

static void many_claims_are_taken_back_at_once(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));
	int64_t n;

	contract_begin(c);
	for (int i = 0; i < 600; i++)
		(void)contract_accept(c, &(struct sample){0});
	contract_claim(c, "mail", NOW, 600, copies);
	assert_int_equal(c->ops->recover(c->store, TOCSIN_PARKED, NULL, 0, 0, &n), 0);
	assert_int_equal(n, 600);
	contract_claim(c, "mail", NOW, 1000, copies);
	assert_int_equal(copies->n, 600);
	contract_commit(c);
	free(copies);
}

static void hastening_leaves_parked_ones_parked(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.due_ms = NOW + 50000, .key = {"late"}});
	(void)contract_accept(c, &(struct sample){.due_ms = TOCSIN_PARKED, .key = {"parked"}});
	(void)contract_accept(c, &(struct sample){.due_ms = NOW - 5, .key = {"early"}});
	assert_int_equal(c->ops->hasten(c->store, NOW), 0);
	contract_claim(c, "mail", NOW, 10, copies);
	contract_commit(c);
	assert_int_equal(copies->n, 2);
	assert_string_equal(copies->item[0].key, "early");
	assert_string_equal(copies->item[1].key, "late");
	free(copies);
}

static void the_next_due_time_is_that_of_the_earliest_pending(void **state)
{
	struct contract *c = *state;
	int64_t due_ms;

	contract_begin(c);
	assert_int_equal(c->ops->next_due(c->store, "mail", &due_ms), 0);
	assert_int_equal(due_ms, INT64_MAX);
	(void)contract_accept(c, &(struct sample){.due_ms = TOCSIN_PARKED});
	assert_int_equal(c->ops->next_due(c->store, "mail", &due_ms), 0);
	assert_int_equal(due_ms, INT64_MAX);
	(void)contract_accept(c, &(struct sample){.due_ms = NOW + 70});
	(void)contract_accept(c, &(struct sample){.due_ms = NOW});
	assert_int_equal(c->ops->next_due(c->store, "mail", &due_ms), 0);
	assert_int_equal(due_ms, NOW);
	(void)contract_claim_one(c, "mail");
	assert_int_equal(c->ops->next_due(c->store, "mail", &due_ms), 0);
	assert_int_equal(due_ms, NOW + 70);
	contract_commit(c);
}

const struct contract_test contract_claims[] = {
	CONTRACT_TEST(the_oldest_due_is_claimed_first),
	CONTRACT_TEST(what_becomes_due_before_the_last_claim_is_claimed),
	CONTRACT_TEST(many_are_claimed_at_once_each_one_once),
	CONTRACT_TEST(what_the_caller_cannot_take_stays_pending),
	CONTRACT_TEST(a_claim_may_be_settled_while_it_is_handed_out),
	CONTRACT_TEST(a_delivered_one_leaves_the_queue_for_the_history),
	CONTRACT_TEST(an_alert_is_settled_with_its_last_delivery),
	CONTRACT_TEST(a_failed_attempt_waits_for_its_next_time),
	CONTRACT_TEST(an_old_token_changes_nothing_and_is_counted),
	CONTRACT_TEST(a_released_claim_is_pending_and_untried),
	CONTRACT_TEST(only_claims_whose_lease_is_over_are_taken_back),
	CONTRACT_TEST(a_claim_says_how_often_the_process_ended),
	CONTRACT_TEST(a_suspect_is_due_again_later),
	CONTRACT_TEST(an_attempt_that_ended_forgets_the_crashes_before_it),
	CONTRACT_TEST(a_claim_that_only_waited_is_no_suspect),
	CONTRACT_TEST(many_claims_are_taken_back_at_once),
	CONTRACT_TEST(hastening_leaves_parked_ones_parked),
	CONTRACT_TEST(the_next_due_time_is_that_of_the_earliest_pending),
	{NULL, NULL},
};
