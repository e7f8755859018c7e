/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts come in once, whole, and stay. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_contract.h"

static void what_was_accepted_is_claimed_with_all_its_fields(void **state)
{
	struct contract *c = *state;
	struct copy claim;
	char id[33];

	contract_begin(c);
	int64_t number = contract_accept(c, &(struct sample){.recipient = "a@example.com",
							     .body = "{\"a\":\"ü'\\\"\"}",
							     .key = {"k1"}});
	claim = contract_claim_one(c, "mail");
	contract_commit(c);
	contract_id(1, id);
	assert_int_equal(claim.alert, number);
	assert_string_equal(claim.alert_id, id);
	assert_string_equal(claim.source, "site-alerts");
	assert_string_equal(claim.channel, "mail");
	assert_string_equal(claim.recipient, "a@example.com");
	assert_string_equal(claim.route, "sites");
	assert_string_equal(claim.key, "k1");
	assert_string_equal(claim.body, "{\"a\":\"ü'\\\"\"}");
	assert_string_equal(claim.reason, "");
	assert_int_equal(claim.state, TOCSIN_STATE_CLAIMED);
	assert_int_equal(claim.attempt, 0);
	assert_int_equal(claim.created_ms, NOW);
	assert_int_equal(claim.due_ms, NOW);
}

/* The wall clock is a day ahead: people read that, and nothing else comes of it. */
static void what_grows_old_is_stamped_with_own_time(void **state)
{
	struct contract *c = *state;
	const int64_t day = INT64_C(24) * 3600 * 1000;
	struct copy pending, settled;
	size_t removed;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.now_ms = NOW + day});
	(void)contract_accept(
		c, &(struct sample){.now_ms = NOW + day, .state = TOCSIN_STATE_SUPPRESSED});
	contract_commit(c);
	pending = contract_delivery(c, 1);
	settled = contract_delivery(c, 2);
	assert_int_equal(pending.created_ms, NOW);
	assert_int_equal(pending.received_ms, NOW + day);
	assert_int_equal(settled.created_ms, NOW);
	assert_int_equal(settled.received_ms, NOW + day);
	assert_int_equal(settled.done_ms, NOW + day);
	contract_begin(c);
	assert_int_equal(c->ops->prune(c->store, NOW, NOW, 10, &removed), 0);
	assert_int_equal(removed, 0);
	assert_int_equal(c->ops->prune(c->store, NOW + 1, NOW, 10, &removed), 0);
	assert_int_equal(removed, 1);
	contract_commit(c);
}

static void what_was_committed_is_there_after_opening_again(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.channel = {"mail", "chat"}});
	contract_commit(c);
	contract_reopen(c);
	contract_begin(c);
	(void)contract_claim_one(c, "mail");
	(void)contract_claim_one(c, "chat");
	contract_commit(c);
	assert_int_equal(contract_counters(c).accepted, 2);
	assert_int_equal(contract_counters(c).alerts, 1);
}

static void what_was_rolled_back_never_was(void **state)
{
	struct contract *c = *state;
	struct tocsin_marked found;
	struct copies *copies = calloc(1, sizeof(*copies));

	contract_begin(c);
	(void)contract_accept(c,
			      &(struct sample){.mark = "7", .source = "new", .channel = {"fresh"}});
	c->ops->rollback(c->store);
	assert_int_equal(contract_counters(c).accepted, 0);
	contract_begin(c);
	assert_int_equal(c->ops->find_mark(c->store, "new", "7", &found), 0);
	assert_int_equal(found.alert, 0);
	contract_claim(c, "fresh", NOW, 10, copies);
	assert_int_equal(copies->n, 0);
	(void)contract_accept(c,
			      &(struct sample){.mark = "7", .source = "new", .channel = {"fresh"}});
	contract_claim(c, "fresh", NOW, 10, copies);
	assert_int_equal(copies->n, 1);
	assert_string_equal(copies->item[0].channel, "fresh");
	contract_commit(c);
	free(copies);
}

static void a_mark_is_found_with_its_newest_generation(void **state)
{
	struct contract *c = *state;
	struct tocsin_marked found;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "7", .state = TOCSIN_STATE_DEAD});
	int64_t newest = contract_accept(
		c, &(struct sample){.mark = "7", .generation = 1, .channel = {"mail", "chat"}});
	(void)contract_accept(c, &(struct sample){.mark = "8"});
	(void)contract_accept(c, &(struct sample){.mark = "7", .source = "other", .generation = 5});
	assert_int_equal(c->ops->find_mark(c->store, "site-alerts", "7", &found), 0);
	assert_int_equal(found.alert, newest);
	assert_int_equal(found.generation, 1);
	assert_int_equal(found.pending, 2);
	assert_int_equal(found.dead, 0);
	assert_false(found.told);
	assert_int_equal(c->ops->find_mark(c->store, "site-alerts", "9", &found), 0);
	assert_int_equal(found.alert, 0);
	assert_int_equal(c->ops->find_mark(c->store, "nobody", "7", &found), 0);
	assert_int_equal(found.alert, 0);
	contract_commit(c);
}

static void the_same_mark_and_generation_is_refused_and_nothing_is_written(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));
	int64_t number;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "7"});
	assert_int_equal(contract_try(c, &(struct sample){.mark = "7"}, &number), -EEXIST);
	(void)contract_accept(c, &(struct sample){.mark = "8"});
	contract_commit(c);
	contract_list(c, &(struct tocsin_query){0}, copies);
	assert_int_equal(copies->n, 2);
	assert_int_equal(contract_counters(c).accepted, 2);
	assert_int_equal(contract_counters(c).alerts, 2);
	free(copies);
}

static void alerts_without_a_mark_are_never_taken_for_each_other(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	for (int i = 0; i < 3; i++)
		(void)contract_accept(c, &(struct sample){0});
	contract_commit(c);
	assert_int_equal(contract_counters(c).alerts, 3);
}

static void a_delivery_can_be_settled_by_policy_when_it_is_made(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "7",
						  .tell = true,
						  .state = TOCSIN_STATE_SUPPRESSED,
						  .reason = "quiet hours"});
	contract_claim(c, "mail", NOW, 10, copies);
	assert_int_equal(copies->n, 0);
	contract_commit(c);
	contract_list(c, &(struct tocsin_query){0}, copies);
	assert_int_equal(copies->n, 1);
	assert_int_equal(copies->item[0].state, TOCSIN_STATE_SUPPRESSED);
	assert_string_equal(copies->item[0].reason, "quiet hours");
	assert_int_equal(copies->item[0].done_ms, NOW);
	assert_int_equal(contract_counters(c).suppressed, 1);
	assert_int_equal(contract_untold(c, "site-alerts").n, 1);
	free(copies);
}

static void an_alert_without_deliveries_is_settled_at_once(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "7", .tell = true, .no_delivery = true});
	contract_commit(c);
	assert_int_equal(contract_untold(c, "site-alerts").n, 1);
	assert_int_equal(contract_counters(c).accepted, 0);
	assert_int_equal(contract_counters(c).alerts, 1);
}

static void a_delivery_cannot_be_made_claimed_or_delivered(void **state)
{
	struct contract *c = *state;
	const enum tocsin_state wrong[] = {TOCSIN_STATE_CLAIMED, TOCSIN_STATE_DELIVERED};
	int64_t number;

	contract_begin(c);
	for (int i = 0; i < 2; i++)
		assert_int_equal(contract_try(c, &(struct sample){.state = wrong[i]}, &number),
				 -EINVAL);
	contract_commit(c);
	assert_int_equal(contract_counters(c).alerts, 0);
}

static void a_long_body_comes_back_whole(void **state)
{
	struct contract *c = *state;
	size_t length = 1024 * 1024;
	char *body = malloc(length + 1);
	struct copy claim;

	memset(body, 'x', length);
	body[length] = '\0';
	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.body = body});
	claim = contract_claim_one(c, "mail");
	contract_commit(c);
	assert_int_equal(strlen(claim.body), sizeof(claim.body) - 1);
	free(body);
}

static void emitting_again_makes_parked_deliveries_due(void **state)
{
	struct contract *c = *state;
	int64_t n, due_ms;

	contract_begin(c);
	int64_t alert = contract_accept(c, &(struct sample){.mark = "7",
							    .channel = {"mail", "chat"},
							    .due_ms = TOCSIN_PARKED});
	assert_int_equal(c->ops->unpark(c->store, alert, NOW, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(c->ops->unpark(c->store, alert, NOW, &n), 0);
	assert_int_equal(n, 0);
	(void)contract_claim_one(c, "mail");
	contract_commit(c);
	assert_int_equal(contract_counters(c).known, 2);
	assert_int_equal(c->ops->next_due(c->store, "chat", &due_ms), 0);
	assert_int_equal(due_ms, NOW);
}

static void emitting_again_leaves_a_retry_to_its_time(void **state)
{
	struct contract *c = *state;
	int64_t n, due_ms;
	struct copy claim;

	contract_begin(c);
	int64_t alert = contract_accept(c, &(struct sample){.mark = "7"});
	claim = contract_claim_one(c, "mail");
	(void)contract_settle(c, &claim, TOCSIN_STATE_PENDING, NOW + 5000);
	assert_int_equal(c->ops->unpark(c->store, alert, NOW, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(c->ops->next_due(c->store, "mail", &due_ms), 0);
	assert_int_equal(due_ms, NOW + 5000);
	contract_commit(c);
}

/* An alert with three dead deliveries, keys "a", "b" and "c". */
static int64_t three_dead(struct contract *c)
{
	static struct copies copies;
	int64_t alert = contract_accept(c, &(struct sample){.mark = "7",
							    .tell = true,
							    .channel = {"mail", "mail", "mail"},
							    .key = {"c", "a", "b"}});

	contract_claim(c, "mail", NOW, 3, &copies);
	assert_int_equal(copies.n, 3);
	for (size_t i = 0; i < copies.n; i++)
		(void)contract_settle(c, &copies.item[i], TOCSIN_STATE_DEAD, 0);
	assert_int_equal(c->ops->told(c->store, alert, true), 0);
	return alert;
}

static struct tocsin_new_delivery wanted(const char *key)
{
	return (struct tocsin_new_delivery){.channel = "mail",
					    .recipient = "b@example.com",
					    .route = "later",
					    .key = key,
					    .due_ms = NOW};
}

static void reviving_gives_the_dead_another_chance(void **state)
{
	struct contract *c = *state;
	const struct tocsin_new_delivery list[] = {wanted("d"), wanted("c"), wanted("a")};
	struct copies *copies = calloc(1, sizeof(*copies));
	struct tocsin_marked found;

	contract_begin(c);
	int64_t alert = three_dead(c);
	contract_commit(c);
	contract_begin(c);
	assert_int_equal(c->ops->revive(c->store, alert, list, 3, NOW + 9), 0);
	contract_claim(c, "mail", NOW + 9, 10, copies);
	contract_commit(c);
	assert_int_equal(copies->n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(copies->item[i].alert, alert);
		assert_int_equal(copies->item[i].attempt, 0);
		assert_string_not_equal(copies->item[i].key, "b");
	}
	contract_list(c, &(struct tocsin_query){.states = 1U << TOCSIN_STATE_SUPPRESSED}, copies);
	assert_int_equal(copies->n, 1);
	assert_string_equal(copies->item[0].key, "b");
	assert_true(strlen(copies->item[0].reason) > 0);
	assert_int_equal(c->ops->find_mark(c->store, "site-alerts", "7", &found), 0);
	assert_int_equal(found.pending, 3);
	assert_int_equal(found.dead, 0);
	assert_false(found.told);
	free(copies);
}

static void reviving_what_is_wanted_no_more_tells_the_source_again(void **state)
{
	struct contract *c = *state;
	struct telling telling;

	contract_begin(c);
	int64_t alert = three_dead(c);
	assert_int_equal(c->ops->revive(c->store, alert, NULL, 0, NOW), 0);
	contract_commit(c);
	telling = contract_untold(c, "site-alerts");
	assert_int_equal(telling.n, 1);
	assert_false(telling.dead);
	assert_int_equal(contract_counters(c).suppressed, 3);
}

static void reviving_leaves_what_was_delivered_and_what_is_pending(void **state)
{
	struct contract *c = *state;
	const struct tocsin_new_delivery list[] = {wanted("a"), wanted("b")};
	struct copy claim;

	contract_begin(c);
	int64_t alert = contract_accept(
		c, &(struct sample){.mark = "7", .channel = {"mail", "chat"}, .key = {"a", "b"}});
	claim = contract_claim_one(c, "mail");
	(void)contract_settle(c, &claim, TOCSIN_STATE_DELIVERED, 0);
	assert_int_equal(c->ops->revive(c->store, alert, list, 2, NOW), 0);
	contract_commit(c);
	assert_int_equal(contract_counters(c).accepted, 2);
	assert_int_equal(contract_counters(c).delivered, 1);
	assert_int_equal(contract_counters(c).pending, 1);
}

static void numbers_are_never_used_again(void **state)
{
	struct contract *c = *state;
	struct copy first = contract_settled(c, "7", TOCSIN_STATE_DELIVERED), second;
	size_t removed;

	contract_begin(c);
	assert_int_equal(c->ops->told(c->store, first.alert, false), 0);
	assert_int_equal(c->ops->prune(c->store, NOW + 1000, NOW + 1000, 10, &removed), 0);
	assert_int_equal(removed, 1);
	contract_commit(c);
	contract_reopen(c);
	second = contract_settled(c, "8", TOCSIN_STATE_DELIVERED);
	assert_true(second.id > first.id);
	assert_true(second.alert > first.alert);
}

const struct contract_test contract_intake[] = {
	CONTRACT_TEST(what_was_accepted_is_claimed_with_all_its_fields),
	CONTRACT_TEST(what_grows_old_is_stamped_with_own_time),
	CONTRACT_TEST(what_was_committed_is_there_after_opening_again),
	CONTRACT_TEST(what_was_rolled_back_never_was),
	CONTRACT_TEST(a_mark_is_found_with_its_newest_generation),
	CONTRACT_TEST(the_same_mark_and_generation_is_refused_and_nothing_is_written),
	CONTRACT_TEST(alerts_without_a_mark_are_never_taken_for_each_other),
	CONTRACT_TEST(a_delivery_can_be_settled_by_policy_when_it_is_made),
	CONTRACT_TEST(an_alert_without_deliveries_is_settled_at_once),
	CONTRACT_TEST(a_delivery_cannot_be_made_claimed_or_delivered),
	CONTRACT_TEST(a_long_body_comes_back_whole),
	CONTRACT_TEST(emitting_again_makes_parked_deliveries_due),
	CONTRACT_TEST(emitting_again_leaves_a_retry_to_its_time),
	CONTRACT_TEST(reviving_gives_the_dead_another_chance),
	CONTRACT_TEST(reviving_what_is_wanted_no_more_tells_the_source_again),
	CONTRACT_TEST(reviving_leaves_what_was_delivered_and_what_is_pending),
	CONTRACT_TEST(numbers_are_never_used_again),
	{NULL, NULL},
};
