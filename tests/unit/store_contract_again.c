/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a store reads again what it has just written or remembers it: what it says is the same. */
#include <stdlib.h>
#include <string.h>

#include "store_contract.h"

static void a_claim_says_what_is_read_again_after_a_rollback(void **state)
{
	static const char *const bodies[] = {"{}", "{\"id\":\"1\"}", "{\"id\":\"22\"}"};
	struct contract *c = *state;
	struct copies *first = calloc(2, sizeof(*first)), *again = first + 1;

	contract_begin(c);
	for (int i = 0; i < 30; i++)
		(void)contract_accept(c,
				      &(struct sample){.source = i % 2 ? "one" : "other",
						       .mark = i % 3 ? NULL : "7",
						       .generation = i,
						       .tell = i % 3 == 0,
						       .body = bodies[i % 3],
						       .channel = {"mail", i % 5 ? NULL : "chat"},
						       .recipient = i % 4 ? "" : "ann@example.com",
						       .due_ms = NOW - i % 7,
						       .now_ms = NOW + i});
	contract_commit(c);
	contract_begin(c);
	contract_claim(c, "mail", NOW, 100, first);
	c->ops->rollback(c->store);
	contract_begin(c);
	contract_claim(c, "mail", NOW, 100, again);
	contract_commit(c);
	assert_int_equal(first->n, 30);
	assert_memory_equal(first, again, sizeof(*first));
	free(first);
}

static void what_was_rolled_back_is_not_handed_out_for_what_took_its_number(void **state)
{
	struct contract *c = *state;
	struct copy claim;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.body = "never", .key = {"never"}});
	c->ops->rollback(c->store);
	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.body = "now", .key = {"now"}});
	claim = contract_claim_one(c, "mail");
	assert_string_equal(claim.body, "now");
	assert_string_equal(claim.key, "now");
	assert_true(contract_settle(c, &claim, TOCSIN_STATE_DELIVERED, 0).alert_settled);
	contract_commit(c);
}

static void one_that_waits_is_due_when_it_was_last_said(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));
	int64_t n;

	contract_begin(c);
	int64_t alert =
		contract_accept(c, &(struct sample){.mark = "7", .tell = true, .body = "7"});
	assert_int_equal(c->ops->park(c->store, "site-alerts"), 0);
	contract_claim(c, "mail", NOW + 100, 10, copies);
	assert_int_equal(copies->n, 0);
	assert_int_equal(c->ops->unpark(c->store, alert, NOW + 9, &n), 0);
	assert_int_equal(n, 1);
	contract_claim(c, "mail", NOW + 9, 10, copies);
	contract_commit(c);
	assert_int_equal(copies->n, 1);
	assert_int_equal(copies->item[0].due_ms, NOW + 9);
	assert_string_equal(copies->item[0].body, "7");
	free(copies);
}

static void a_second_claim_has_the_next_token_and_attempt(void **state)
{
	struct contract *c = *state;
	struct copy claim;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.body = "7"});
	claim = contract_claim_one(c, "mail");
	(void)contract_settle(c, &claim, TOCSIN_STATE_PENDING, NOW);
	claim = contract_claim_one(c, "mail");
	contract_commit(c);
	assert_int_equal(claim.attempt, 1);
	assert_int_equal(claim.token, 2);
	assert_string_equal(claim.body, "7");
	assert_string_equal(claim.reason, "the answer");
}

static struct tocsin_new_delivery to(const char *channel, const char *key)
{
	return (struct tocsin_new_delivery){
		.channel = channel, .recipient = "", .route = "sites", .key = key, .due_ms = NOW};
}

/* Emitted again while its only delivery is under way, or waits, another one is added. */
static void grow_and_settle(struct contract *c, bool while_claimed)
{
	const struct tocsin_new_delivery both[] = {to("mail", "a"), to("chat", "b")};
	struct copy mail, chat;
	struct telling telling;

	contract_begin(c);
	int64_t alert =
		contract_accept(c, &(struct sample){.mark = "7", .tell = true, .key = {"a"}});
	if (while_claimed)
		mail = contract_claim_one(c, "mail");
	assert_int_equal(c->ops->revive(c->store, alert, both, 2, NOW), 0);
	if (!while_claimed)
		mail = contract_claim_one(c, "mail");
	assert_false(contract_settle(c, &mail, TOCSIN_STATE_DELIVERED, 0).alert_settled);
	assert_int_equal(contract_untold(c, "site-alerts").n, 0);
	chat = contract_claim_one(c, "chat");
	assert_true(contract_settle(c, &chat, TOCSIN_STATE_DEAD, 0).alert_settled);
	contract_commit(c);
	telling = contract_untold(c, "site-alerts");
	assert_int_equal(telling.n, 1);
	assert_true(telling.dead);
}

static void an_alert_that_grew_is_settled_with_its_last_delivery(void **state)
{
	grow_and_settle(*state, true);
}

static void so_it_is_when_it_grew_before_the_claim(void **state)
{
	grow_and_settle(*state, false);
}

static void a_source_hears_of_its_only_delivery_and_of_its_replay(void **state)
{
	struct contract *c = *state;
	struct copy claim = contract_settled(c, "7", TOCSIN_STATE_DEAD);
	int64_t n;

	assert_true(contract_untold(c, "site-alerts").dead);
	contract_begin(c);
	assert_int_equal(c->ops->told(c->store, claim.alert, true), 0);
	assert_int_equal(c->ops->replay(c->store, &(struct tocsin_query){.id = claim.id}, NOW, &n),
			 0);
	claim = contract_claim_one(c, "mail");
	assert_true(contract_settle(c, &claim, TOCSIN_STATE_DELIVERED, 0).alert_settled);
	contract_commit(c);
	assert_true(contract_untold(c, "site-alerts").delivered);
}

const struct contract_test contract_again[] = {
	CONTRACT_TEST(a_claim_says_what_is_read_again_after_a_rollback),
	CONTRACT_TEST(what_was_rolled_back_is_not_handed_out_for_what_took_its_number),
	CONTRACT_TEST(one_that_waits_is_due_when_it_was_last_said),
	CONTRACT_TEST(a_second_claim_has_the_next_token_and_attempt),
	CONTRACT_TEST(an_alert_that_grew_is_settled_with_its_last_delivery),
	CONTRACT_TEST(so_it_is_when_it_grew_before_the_claim),
	CONTRACT_TEST(a_source_hears_of_its_only_delivery_and_of_its_replay),
	{NULL, NULL},
};
