/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries that take the place of one that is settled, in the same step. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store_contract.h"

static const struct tocsin_new_delivery stand_in[] = {
	{.channel = "chat", .recipient = "", .route = "sites", .key = "k1", .due_ms = NOW + 5},
	{.channel = "mail", .recipient = "b@example.com", .route = "sites", .key = "k2"},
	{.channel = "sms",
	 .recipient = "",
	 .route = "sites",
	 .key = "k3",
	 .state = TOCSIN_STATE_SUPPRESSED,
	 .reason = "disabled"},
};

static struct tocsin_attempt_result settle(struct contract *c, const struct copy *claim,
					   enum tocsin_state state, int number)
{
	const struct tocsin_attempt attempt = {.delivery = claim->id,
					       .token = claim->token,
					       .state = state,
					       .number = number,
					       .ended_ms = NOW + 2,
					       .detail = "why",
					       .instead = stand_in,
					       .n_instead = TOCSIN_COUNT(stand_in)};
	struct tocsin_attempt_result result;

	assert_int_equal(c->ops->settle(c->store, &attempt, &result), 0);
	return result;
}

static size_t of_channel(struct contract *c, const char *channel, struct copies *copies)
{
	contract_list(c, &(struct tocsin_query){.channel = channel}, copies);
	return copies->n;
}

static void what_takes_the_place_of_the_dead_is_added_with_its_death(void **state)
{
	struct contract *c = *state;
	static struct copies copies;
	struct copy claim;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "7", .tell = true});
	claim = contract_claim_one(c, "mail");
	assert_false(settle(c, &claim, TOCSIN_STATE_DEAD, 1).alert_settled);
	contract_commit(c);
	contract_reopen(c);
	assert_int_equal(contract_delivery(c, claim.id).state, TOCSIN_STATE_DEAD);
	assert_int_equal(of_channel(c, "chat", &copies), 1);
	assert_int_equal(copies.item[0].state, TOCSIN_STATE_PENDING);
	assert_int_equal(copies.item[0].alert, claim.alert);
	assert_int_equal(copies.item[0].due_ms, NOW + 5);
	assert_int_equal(copies.item[0].attempt, 0);
	assert_string_equal(copies.item[0].key, "k1");
	assert_string_equal(copies.item[0].source, claim.source);
	assert_int_equal(of_channel(c, "sms", &copies), 1);
	assert_string_equal(copies.item[0].reason, "disabled");
	assert_int_equal(contract_counters(c).accepted, 4);
	assert_int_equal(contract_counters(c).pending, 2);
	/* the source hears when the last of them ends */
	assert_int_equal(contract_untold(c, "site-alerts").n, 0);
	contract_begin(c);
	contract_claim(c, "chat", NOW + 5, 9, &copies);
	(void)contract_settle(c, &copies.item[0], TOCSIN_STATE_DELIVERED, 0);
	contract_claim(c, "mail", NOW + 5, 9, &copies);
	assert_string_equal(copies.item[0].recipient, "b@example.com");
	(void)contract_settle(c, &copies.item[0], TOCSIN_STATE_DELIVERED, 0);
	contract_commit(c);
	assert_int_equal(contract_untold(c, "site-alerts").n, 1);
	assert_true(contract_untold(c, "site-alerts").dead);
}

static void whom_the_alert_reaches_anyway_is_not_added(void **state)
{
	struct contract *c = *state;
	static struct copies copies;
	struct copy claim;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.channel = {"mail", "chat"}});
	(void)contract_accept(c, &(struct sample){.channel = {"chat"}});
	claim = contract_claim_one(c, "mail");
	(void)settle(c, &claim, TOCSIN_STATE_DEAD, 1);
	/* a replayed one that dies again adds nothing */
	int64_t n;
	assert_int_equal(c->ops->replay(c->store, &(struct tocsin_query){0}, NOW, &n), 0);
	contract_claim(c, "mail", NOW, 9, &copies);
	assert_int_equal(copies.n, 2);
	for (size_t i = 0; i < 2; i++)
		if (copies.item[i].id == claim.id)
			(void)settle(c, &copies.item[i], TOCSIN_STATE_DEAD, 2);
	contract_commit(c);
	assert_int_equal(of_channel(c, "chat", &copies), 2);
	assert_int_equal(of_channel(c, "sms", &copies), 1);
	assert_int_equal(contract_counters(c).accepted, 5);
}

static void a_late_settlement_adds_nothing(void **state)
{
	struct contract *c = *state;
	struct copy claim;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	claim = contract_claim_one(c, "mail");
	(void)contract_settle(c, &claim, TOCSIN_STATE_DELIVERED, 0);
	assert_true(settle(c, &claim, TOCSIN_STATE_DEAD, 1).stale);
	contract_commit(c);
	assert_int_equal(contract_counters(c).accepted, 1);
}

static void nothing_is_there_of_a_transaction_that_was_rolled_back(void **state)
{
	struct contract *c = *state;
	struct copy claim;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	contract_commit(c);
	contract_begin(c);
	claim = contract_claim_one(c, "mail");
	(void)settle(c, &claim, TOCSIN_STATE_DEAD, 1);
	c->ops->rollback(c->store);
	assert_int_equal(contract_counters(c).accepted, 1);
	assert_int_equal(contract_counters(c).pending, 1);
	assert_int_equal(contract_delivery(c, claim.id).state, TOCSIN_STATE_PENDING);
}

static void what_stands_in_is_revived_but_not_added(void **state)
{
	struct contract *c = *state;
	static struct copies copies;
	struct tocsin_new_delivery wanted[] = {
		{.channel = "mail", .recipient = "", .route = "sites", .key = "m"},
		{.channel = "chat",
		 .recipient = "",
		 .route = "sites",
		 .key = "k1",
		 .stand_in = true},
		{.channel = "pager",
		 .recipient = "",
		 .route = "sites",
		 .key = "p",
		 .stand_in = true},
	};
	struct copy claim;

	contract_begin(c);
	int64_t alert = contract_accept(c, &(struct sample){.mark = "7", .key = {"m"}});
	claim = contract_claim_one(c, "mail");
	(void)settle(c, &claim, TOCSIN_STATE_DEAD, 1);
	contract_claim(c, "chat", NOW + 5, 9, &copies);
	(void)contract_settle(c, &copies.item[0], TOCSIN_STATE_DEAD, 0);
	assert_int_equal(c->ops->revive(c->store, alert, wanted, TOCSIN_COUNT(wanted), NOW), 0);
	contract_commit(c);
	assert_int_equal(of_channel(c, "chat", &copies), 1);
	assert_int_equal(copies.item[0].state, TOCSIN_STATE_PENDING);
	assert_int_equal(of_channel(c, "pager", &copies), 0);
	assert_int_equal(contract_delivery(c, claim.id).state, TOCSIN_STATE_PENDING);
}

static int count(const struct tocsin_attempt *attempt, void *data)
{
	(void)attempt;
	++*(int *)data;
	return 0;
}

static void one_may_be_settled_without_an_attempt(void **state)
{
	struct contract *c = *state;
	struct copy claim;
	int attempts = 0;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	claim = contract_claim_one(c, "mail");
	(void)contract_settle(c, &claim, TOCSIN_STATE_PENDING, NOW);
	claim = contract_claim_one(c, "mail");
	(void)settle(c, &claim, TOCSIN_STATE_SUPPRESSED, 0);
	contract_commit(c);
	claim = contract_delivery(c, claim.id);
	assert_int_equal(claim.state, TOCSIN_STATE_SUPPRESSED);
	assert_int_equal(claim.attempt, 1);
	assert_int_equal(claim.done_ms, NOW + 2);
	assert_string_equal(claim.reason, "why");
	assert_int_equal(c->ops->attempts(c->store, claim.id, count, &attempts), 0);
	assert_int_equal(attempts, 1);
}

const struct contract_test contract_instead[] = {
	CONTRACT_TEST(what_takes_the_place_of_the_dead_is_added_with_its_death),
	CONTRACT_TEST(whom_the_alert_reaches_anyway_is_not_added),
	CONTRACT_TEST(a_late_settlement_adds_nothing),
	CONTRACT_TEST(nothing_is_there_of_a_transaction_that_was_rolled_back),
	CONTRACT_TEST(what_stands_in_is_revived_but_not_added),
	CONTRACT_TEST(one_may_be_settled_without_an_attempt),
	{NULL, NULL},
};
