/* SPDX-License-Identifier: Apache-2.0 */
/* Sources own their marked alerts, and hear of the end of each, once. */
#include <stdlib.h>
#include <string.h>

#include "store_contract.h"

static void parking_holds_back_what_its_source_will_emit_again(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "1", .tell = true, .key = {"claimed"}});
	(void)contract_claim_one(c, "mail");
	(void)contract_accept(c, &(struct sample){.mark = "2", .tell = true, .key = {"parked"}});
	(void)contract_accept(
		c,
		&(struct sample){.mark = "3", .tell = true, .due_ms = NOW + 5, .key = {"retry"}});
	(void)contract_accept(c, &(struct sample){.tell = true, .key = {"unmarked"}});
	(void)contract_accept(c, &(struct sample){.mark = "4", .key = {"not asked for"}});
	(void)contract_accept(
		c,
		&(struct sample){.mark = "2", .tell = true, .source = "other", .key = {"other"}});
	assert_int_equal(c->ops->park(c->store, "site-alerts"), 0);
	assert_int_equal(c->ops->park(c->store, "unheard of"), 0);
	contract_claim(c, "mail", INT64_MAX - 1, 10, copies);
	contract_commit(c);
	assert_int_equal(copies->n, 3);
	assert_string_equal(copies->item[0].key, "unmarked");
	assert_string_equal(copies->item[1].key, "not asked for");
	assert_string_equal(copies->item[2].key, "other");
	contract_list(c, &(struct tocsin_query){.states = 1U << TOCSIN_STATE_PENDING}, copies);
	assert_int_equal(copies->n, 2);
	assert_true(copies->item[0].due_ms == TOCSIN_PARKED);
	free(copies);
}

static void very_many_are_parked_hastened_and_suppressed(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));
	const int many = 10500;
	int64_t n;

	contract_begin(c);
	for (int i = 0; i < many; i++)
		(void)contract_accept(
			c, &(struct sample){
				   .mark = "7", .tell = true, .generation = i, .due_ms = NOW + 5});
	assert_int_equal(c->ops->hasten(c->store, NOW), 0);
	contract_claim(c, "mail", NOW, 1000, copies);
	assert_int_equal(copies->n, 1000);
	assert_int_equal(c->ops->park(c->store, "site-alerts"), 0);
	contract_claim(c, "mail", INT64_MAX - 1, 1000, copies);
	assert_int_equal(copies->n, 0);
	assert_int_equal(c->ops->unwanted(c->store, "site-alerts", "gone", true, NOW, &n), 0);
	assert_int_equal(n, many - 1000);
	contract_commit(c);
	free(copies);
}

static void what_was_not_emitted_again_is_suppressed(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));
	struct telling telling;
	int64_t n;

	contract_begin(c);
	for (int i = 0; i < 300; i++)
		(void)contract_accept(c, &(struct sample){.due_ms = TOCSIN_PARKED, .tell = true});
	int64_t last = contract_accept(
		c, &(struct sample){.mark = "9", .due_ms = TOCSIN_PARKED, .tell = true});
	(void)contract_accept(c, &(struct sample){.mark = "10"});
	(void)contract_accept(
		c, &(struct sample){.mark = "1", .source = "other", .due_ms = TOCSIN_PARKED});
	assert_int_equal(
		c->ops->unwanted(c->store, "site-alerts", "settled elsewhere", true, NOW, &n), 0);
	assert_int_equal(n, 301);
	assert_int_equal(c->ops->unwanted(c->store, "unheard of", "elsewhere", true, NOW, &n), 0);
	assert_int_equal(n, 0);
	contract_commit(c);
	contract_list(c,
		      &(struct tocsin_query){.states = 1U << TOCSIN_STATE_SUPPRESSED, .limit = 1},
		      copies);
	assert_int_equal(copies->n, 1);
	assert_int_equal(copies->item[0].alert, last);
	assert_string_equal(copies->item[0].reason, "settled elsewhere");
	assert_int_equal(contract_counters(c).suppressed, 301);
	assert_int_equal(contract_counters(c).pending, 2);
	telling = contract_untold(c, "site-alerts");
	assert_int_equal(telling.n, 100);
	free(copies);
}

/* Parked: the second of its two, or both; and what became of the first. */
static void drop_quietly(struct contract *c, const char *mark, enum tocsin_state first)
{
	struct copy claim;
	int64_t n;

	contract_begin(c);
	(void)contract_accept(
		c, &(struct sample){.mark = mark, .tell = true, .channel = {"mail", "chat"}});
	if (first != TOCSIN_STATE_PENDING) {
		claim = contract_claim_one(c, "mail");
		(void)contract_settle(c, &claim, first, 0);
	}
	assert_int_equal(c->ops->park(c->store, "site-alerts"), 0);
	assert_int_equal(c->ops->unwanted(c->store, "site-alerts", "not now", false, NOW, &n), 0);
	assert_int_equal(n, first == TOCSIN_STATE_PENDING ? 2 : 1);
	contract_commit(c);
}

static void what_is_dropped_without_a_word_is_another_alert_when_it_comes_again(void **state)
{
	struct contract *c = *state;
	struct tocsin_marked found;

	drop_quietly(c, "untried", TOCSIN_STATE_PENDING);
	drop_quietly(c, "half of it", TOCSIN_STATE_DELIVERED);
	assert_int_equal(contract_untold(c, "site-alerts").n, 0);
	assert_int_equal(c->ops->find_mark(c->store, "site-alerts", "untried", &found), 0);
	assert_true(found.told && found.pending == 0 && found.dead == 0);
	assert_int_equal(c->ops->find_mark(c->store, "site-alerts", "half of it", &found), 0);
	assert_true(found.told && found.pending == 0);
	/* of a death it hears all the same */
	drop_quietly(c, "given up", TOCSIN_STATE_DEAD);
	assert_true(contract_untold(c, "site-alerts").dead);
	assert_int_equal(c->ops->find_mark(c->store, "site-alerts", "given up", &found), 0);
	assert_true(!found.told && found.dead == 1);
}

static void a_source_hears_of_the_end_once(void **state)
{
	struct contract *c = *state;
	struct copy good = contract_settled(c, "good", TOCSIN_STATE_DELIVERED), bad;
	struct telling telling = contract_untold(c, "site-alerts");
	struct tocsin_marked found;

	assert_int_equal(telling.n, 1);
	assert_int_equal(telling.alert, good.alert);
	assert_string_equal(telling.mark, "good");
	assert_false(telling.dead);
	contract_begin(c);
	assert_int_equal(c->ops->told(c->store, good.alert, false), 0);
	contract_commit(c);
	assert_int_equal(c->ops->find_mark(c->store, "site-alerts", "good", &found), 0);
	assert_true(found.told);
	bad = contract_settled(c, "bad", TOCSIN_STATE_DEAD);
	contract_reopen(c);
	telling = contract_untold(c, "site-alerts");
	assert_int_equal(telling.n, 1);
	assert_int_equal(telling.alert, bad.alert);
	assert_true(telling.dead);
	assert_int_equal(contract_untold(c, "other").n, 0);
}

static void a_source_does_not_hear_of_what_is_pending_or_not_asked_for(void **state)
{
	struct contract *c = *state;
	struct copy claim;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "pending", .tell = true});
	(void)contract_accept(
		c, &(struct sample){.mark = "quiet", .channel = {"chat"}, .tell = false});
	claim = contract_claim_one(c, "chat");
	(void)contract_settle(c, &claim, TOCSIN_STATE_DELIVERED, 0);
	contract_commit(c);
	assert_int_equal(contract_untold(c, "site-alerts").n, 0);
}

static void a_source_that_asked_for_nothing_can_know_before_the_end(void **state)
{
	struct contract *c = *state;
	struct tocsin_marked found;
	struct copy claim;

	contract_begin(c);
	int64_t alert = contract_accept(c, &(struct sample){.mark = "7"});
	assert_int_equal(c->ops->told(c->store, alert, false), 0);
	claim = contract_claim_one(c, "mail");
	(void)contract_settle(c, &claim, TOCSIN_STATE_DEAD, 0);
	contract_commit(c);
	assert_int_equal(c->ops->find_mark(c->store, "site-alerts", "7", &found), 0);
	assert_true(found.told);
	assert_int_equal(contract_untold(c, "site-alerts").n, 0);
}

static int64_t replay(struct contract *c, int64_t id)
{
	int64_t n;

	assert_int_equal(c->ops->replay(c->store, &(struct tocsin_query){.id = id}, NOW, &n), 0);
	return n;
}

static void a_source_hears_again_after_a_replay(void **state)
{
	struct contract *c = *state;
	struct copy claim = contract_settled(c, "7", TOCSIN_STATE_DEAD);
	struct telling telling;

	contract_begin(c);
	assert_int_equal(c->ops->told(c->store, claim.alert, true), 0);
	assert_int_equal(replay(c, claim.id), 1);
	/* The answer to the first telling comes late: it must not swallow the second one. */
	assert_int_equal(c->ops->told(c->store, claim.alert, true), 0);
	claim = contract_claim_one(c, "mail");
	assert_true(contract_settle(c, &claim, TOCSIN_STATE_DELIVERED, 0).alert_settled);
	contract_commit(c);
	telling = contract_untold(c, "site-alerts");
	assert_int_equal(telling.n, 1);
	assert_false(telling.dead);
}

static void who_is_told_of_a_death_while_it_is_dropped_hears_again(void **state)
{
	struct contract *c = *state;
	struct copy claim = contract_settled(c, "7", TOCSIN_STATE_DEAD);
	struct telling telling;
	int64_t n;

	assert_true(contract_untold(c, "site-alerts").dead);
	contract_begin(c);
	assert_int_equal(
		c->ops->drop(c->store, &(struct tocsin_query){.id = claim.id}, "no", NOW, &n), 0);
	assert_int_equal(c->ops->told(c->store, claim.alert, true), 0);
	contract_commit(c);
	telling = contract_untold(c, "site-alerts");
	assert_int_equal(telling.n, 1);
	assert_false(telling.dead);
	contract_begin(c);
	assert_int_equal(c->ops->told(c->store, claim.alert, false), 0);
	contract_commit(c);
	assert_int_equal(contract_untold(c, "site-alerts").n, 0);
}

static void a_source_hears_again_when_the_last_dead_one_is_dropped(void **state)
{
	struct contract *c = *state;
	struct copy mail, chat;
	struct telling telling;
	int64_t n;

	contract_begin(c);
	int64_t alert = contract_accept(
		c, &(struct sample){.mark = "7", .tell = true, .channel = {"mail", "chat"}});
	mail = contract_claim_one(c, "mail");
	chat = contract_claim_one(c, "chat");
	(void)contract_settle(c, &mail, TOCSIN_STATE_DEAD, 0);
	(void)contract_settle(c, &chat, TOCSIN_STATE_DEAD, 0);
	assert_int_equal(c->ops->told(c->store, alert, true), 0);
	assert_int_equal(
		c->ops->drop(c->store, &(struct tocsin_query){.id = mail.id}, "no", NOW, &n), 0);
	assert_int_equal(contract_untold(c, "site-alerts").n, 0);
	assert_int_equal(
		c->ops->drop(c->store, &(struct tocsin_query){.id = chat.id}, "no", NOW, &n), 0);
	contract_commit(c);
	telling = contract_untold(c, "site-alerts");
	assert_int_equal(telling.n, 1);
	assert_false(telling.dead);
}

static int check_next(int64_t alert, const struct tocsin_settled *settled, void *data)
{
	int64_t *last = data;

	assert_true(settled->mark && settled->outcome == TOCSIN_SETTLED);
	assert_true(alert > *last);
	*last = alert;
	return 0;
}

static void a_source_hears_of_many_page_by_page_in_their_order(void **state)
{
	struct contract *c = *state;
	int64_t last = 0;
	char mark[4];

	contract_begin(c);
	for (char i = '0'; i <= '9'; i++) {
		mark[0] = i;
		mark[1] = '\0';
		(void)contract_accept(c, &(struct sample){.mark = mark,
							  .tell = true,
							  .state = TOCSIN_STATE_SUPPRESSED});
	}
	contract_commit(c);
	for (int page = 0; page < 4; page++) {
		int64_t before = last;

		assert_int_equal(
			c->ops->untold(c->store, "site-alerts", last, 3, check_next, &last), 0);
		assert_int_equal(last - before, page < 3 ? 3 : 1);
	}
}

static void a_source_hears_how_the_last_attempt_went(void **state)
{
	struct contract *c = *state;
	struct tocsin_attempt attempt = {.state = TOCSIN_STATE_DEAD,
					 .number = 2,
					 .started_ms = NOW + 10,
					 .ended_ms = NOW + 30,
					 .detail = "exit status 3",
					 .output = "no such file"};
	struct tocsin_attempt_result result;
	struct telling telling;
	struct copy claim;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "7", .tell = true});
	claim = contract_claim_one(c, "mail");
	(void)contract_settle(c, &claim, TOCSIN_STATE_PENDING, NOW);
	claim = contract_claim_one(c, "mail");
	attempt.delivery = claim.id;
	attempt.token = claim.token;
	assert_int_equal(c->ops->settle(c->store, &attempt, &result), 0);
	contract_commit(c);
	telling = contract_untold(c, "site-alerts");
	assert_true(telling.dead && !telling.delivered);
	assert_int_equal(telling.attempts, 2);
	assert_int_equal(telling.started_ms, NOW + 10);
	assert_int_equal(telling.ended_ms, NOW + 30);
	assert_string_equal(telling.reason, "exit status 3");
	assert_string_equal(telling.output, "no such file");
}

static void
a_dead_delivery_decides_before_a_delivered_one_and_that_before_a_suppressed_one(void **state)
{
	static const enum tocsin_state end[3][2] = {
		{TOCSIN_STATE_DELIVERED, TOCSIN_STATE_DEAD},
		{TOCSIN_STATE_SUPPRESSED, TOCSIN_STATE_DELIVERED},
		{TOCSIN_STATE_SUPPRESSED, TOCSIN_STATE_SUPPRESSED}};
	struct contract *c = *state;

	for (int i = 0; i < 3; i++) {
		static const char *const mark[] = {"1", "2", "3"};
		struct copy mail, chat;
		struct telling telling;

		contract_begin(c);
		int64_t alert = contract_accept(c, &(struct sample){.mark = mark[i],
								    .tell = true,
								    .channel = {"mail", "chat"}});
		mail = contract_claim_one(c, "mail");
		chat = contract_claim_one(c, "chat");
		(void)contract_settle(c, &mail, end[i][i == 0], 0);
		(void)contract_settle(c, &chat, end[i][i != 0], 0);
		contract_commit(c);
		telling = contract_untold(c, "site-alerts");
		assert_int_equal(telling.n, 1);
		assert_int_equal(telling.dead, i == 0);
		assert_int_equal(telling.delivered, i == 1);
		assert_string_equal(telling.output, "(none)");
		contract_begin(c);
		assert_int_equal(c->ops->told(c->store, alert, telling.dead), 0);
		contract_commit(c);
	}
}

static int64_t withdraw(struct contract *c, const char *mark)
{
	int64_t alert = -1;

	contract_begin(c);
	assert_int_equal(c->ops->withdraw(c->store, "site-alerts", mark, "taken back", NOW, &alert),
			 0);
	contract_commit(c);
	return alert;
}

static void what_is_withdrawn_does_not_begin_any_more(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));
	struct telling telling;
	struct copy claim;

	contract_begin(c);
	int64_t alert = contract_accept(
		c, &(struct sample){.mark = "7", .tell = true, .channel = {"mail", "chat"}});
	(void)contract_accept(c, &(struct sample){.mark = "8", .tell = true});
	(void)contract_accept(c, &(struct sample){.mark = "7", .tell = true, .source = "other"});
	claim = contract_claim_one(c, "chat");
	contract_commit(c);
	assert_int_equal(withdraw(c, "unheard of"), 0);
	assert_int_equal(withdraw(c, "7"), alert);
	assert_int_equal(contract_counters(c).suppressed, 1);
	assert_int_equal(contract_untold(c, "site-alerts").n, 0); /* one is under way */
	contract_begin(c);
	contract_claim(c, "mail", NOW, 10, copies);
	assert_int_equal(copies->n, 2);
	assert_false(contract_settle(c, &claim, TOCSIN_STATE_DELIVERED, 0).stale);
	contract_commit(c);
	telling = contract_untold(c, "site-alerts");
	assert_int_equal(telling.n, 1);
	assert_true(telling.delivered);
	free(copies);
}

static void what_is_withdrawn_cannot_be_replayed(void **state)
{
	struct contract *c = *state;
	struct copy claim = contract_settled(c, "7", TOCSIN_STATE_DEAD);
	struct telling telling;

	assert_int_equal(withdraw(c, "7"), claim.alert);
	contract_begin(c);
	assert_int_equal(c->ops->told(c->store, claim.alert, false), 0);
	assert_int_equal(replay(c, claim.id), 0);
	contract_commit(c);
	assert_int_equal(contract_counters(c).dead, 0);
	assert_int_equal(contract_delivery(c, claim.id).state, TOCSIN_STATE_SUPPRESSED);
	assert_string_equal(contract_delivery(c, claim.id).reason, "taken back");
	telling = contract_untold(c, "site-alerts");
	assert_int_equal(telling.n, 0);
	/* Of one that it knew as dead, the source hears once more. */
	claim = contract_settled(c, "8", TOCSIN_STATE_DEAD);
	contract_begin(c);
	assert_int_equal(c->ops->told(c->store, claim.alert, true), 0);
	contract_commit(c);
	(void)withdraw(c, "8");
	telling = contract_untold(c, "site-alerts");
	assert_int_equal(telling.n, 1);
	assert_false(telling.dead || telling.delivered);
	assert_int_equal(telling.attempts, 1);
}

const struct contract_test contract_sources[] = {
	CONTRACT_TEST(parking_holds_back_what_its_source_will_emit_again),
	CONTRACT_TEST(very_many_are_parked_hastened_and_suppressed),
	CONTRACT_TEST(what_was_not_emitted_again_is_suppressed),
	CONTRACT_TEST(what_is_dropped_without_a_word_is_another_alert_when_it_comes_again),
	CONTRACT_TEST(a_source_hears_of_the_end_once),
	CONTRACT_TEST(a_source_does_not_hear_of_what_is_pending_or_not_asked_for),
	CONTRACT_TEST(a_source_hears_of_many_page_by_page_in_their_order),
	CONTRACT_TEST(a_source_that_asked_for_nothing_can_know_before_the_end),
	CONTRACT_TEST(a_source_hears_again_after_a_replay),
	CONTRACT_TEST(who_is_told_of_a_death_while_it_is_dropped_hears_again),
	CONTRACT_TEST(a_source_hears_again_when_the_last_dead_one_is_dropped),
	CONTRACT_TEST(a_source_hears_how_the_last_attempt_went),
	CONTRACT_TEST(
		a_dead_delivery_decides_before_a_delivered_one_and_that_before_a_suppressed_one),
	CONTRACT_TEST(what_is_withdrawn_does_not_begin_any_more),
	CONTRACT_TEST(what_is_withdrawn_cannot_be_replayed),
	{NULL, NULL},
};
