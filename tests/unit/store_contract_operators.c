/* SPDX-License-Identifier: Apache-2.0 */
/* What people list and change, what is kept for how long, and that the counts always add up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_contract.h"

/* Pending for "chat"; delivered, dead and suppressed for "mail"; the ids in that order. */
static void one_of_each(struct contract *c, int64_t id[4])
{
	static struct copies copies;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.source = "api", .channel = {"chat"}});
	contract_commit(c);
	contract_list(c, &(struct tocsin_query){.limit = 1}, &copies);
	id[0] = copies.item[0].id;
	id[1] = contract_settled(c, "1", TOCSIN_STATE_DELIVERED).id;
	id[2] = contract_settled(c, "2", TOCSIN_STATE_DEAD).id;
	id[3] = contract_settled(c, "3", TOCSIN_STATE_SUPPRESSED).id;
}

static void lists_are_newest_first_and_bounded(void **state)
{
	struct contract *c = *state;
	struct copies *copies = calloc(1, sizeof(*copies));
	struct copy claim;
	int64_t before = 0, seen = 0;

	contract_begin(c);
	for (int i = 0; i < 700; i++) {
		(void)contract_accept(c, &(struct sample){0});
		if (i % 3)
			continue;
		contract_claim(c, "mail", NOW, 1, copies);
		claim = copies->item[0];
		(void)contract_settle(c, &claim, TOCSIN_STATE_DELIVERED, 0);
	}
	contract_commit(c);
	contract_list(c, &(struct tocsin_query){0}, copies);
	assert_int_equal(copies->n, 100);
	contract_list(c, &(struct tocsin_query){.limit = 600}, copies);
	assert_int_equal(copies->n, 600);
	do {
		contract_list(c, &(struct tocsin_query){.before = before, .limit = 90}, copies);
		for (size_t i = 0; i < copies->n; i++) {
			assert_true(before == 0 || copies->item[i].id < before);
			before = copies->item[i].id;
			seen++;
		}
	} while (copies->n);
	assert_int_equal(seen, 700);
	free(copies);
}

static void check_query(struct contract *c, const struct tocsin_query *query, size_t n,
			int64_t newest)
{
	static struct copies copies;

	contract_list(c, query, &copies);
	assert_int_equal(copies.n, n);
	if (n)
		assert_int_equal(copies.item[0].id, newest);
}

static void lists_hold_what_was_asked_for(void **state)
{
	struct contract *c = *state;
	char alert_id[33];
	int64_t id[4];

	one_of_each(c, id);
	contract_id(2, alert_id);
	check_query(c, &(struct tocsin_query){0}, 4, id[3]);
	check_query(c, &(struct tocsin_query){.id = id[2]}, 1, id[2]);
	check_query(c, &(struct tocsin_query){.id = 99999}, 0, 0);
	check_query(c, &(struct tocsin_query){.alert_id = alert_id}, 1, id[1]);
	check_query(c, &(struct tocsin_query){.alert_id = "' OR 1=1 --"}, 0, 0);
	check_query(c, &(struct tocsin_query){.channel = "mail"}, 3, id[3]);
	check_query(c, &(struct tocsin_query){.channel = "x'"}, 0, 0);
	check_query(c, &(struct tocsin_query){.source = "api"}, 1, id[0]);
	check_query(c, &(struct tocsin_query){.source = "site-alerts", .before = id[3]}, 2, id[2]);
	check_query(c, &(struct tocsin_query){.states = 1U << TOCSIN_STATE_PENDING}, 1, id[0]);
	check_query(c, &(struct tocsin_query){.states = 1U << TOCSIN_STATE_CLAIMED}, 0, 0);
	check_query(c, &(struct tocsin_query){.states = 1U << TOCSIN_STATE_DELIVERED}, 1, id[1]);
	check_query(c, &(struct tocsin_query){.states = 1U << TOCSIN_STATE_DEAD}, 1, id[2]);
	check_query(c, &(struct tocsin_query){.states = 1U << TOCSIN_STATE_SUPPRESSED}, 1, id[3]);
	check_query(c, &(struct tocsin_query){.states = 1U | 1U << TOCSIN_STATE_DEAD}, 2, id[2]);
	check_query(c, &(struct tocsin_query){.states = 1U << TOCSIN_STATE_DEAD, .channel = "chat"},
		    0, 0);
	check_query(c, &(struct tocsin_query){.states = 1U << 31}, 0, 0);
	check_query(c, &(struct tocsin_query){.since_ms = NOW}, 4, id[3]);
	check_query(c, &(struct tocsin_query){.since_ms = NOW + 1}, 0, 0);
}

struct alert_copies {
	size_t n;
	struct tocsin_stored_alert item[16];
	char mark[16][32];
};

static int copy_alert(const struct tocsin_stored_alert *alert, void *data)
{
	struct alert_copies *copies = data;
	size_t i = copies->n++;

	assert_true(i < 16);
	copies->item[i] = *alert;
	(void)snprintf(copies->mark[i], 32, "%s", alert->mark ? alert->mark : "(none)");
	assert_string_equal(alert->fingerprint, "0123456789abcdef");
	assert_string_equal(alert->body, "{}");
	assert_int_equal(strlen(alert->id), 32);
	return 0;
}

static void alerts(struct contract *c, const struct tocsin_query *query,
		   struct alert_copies *copies)
{
	*copies = (struct alert_copies){0};
	assert_int_equal(c->ops->alerts(c->store, query, copy_alert, copies), 0);
}

static void alerts_are_listed_with_their_counts(void **state)
{
	struct contract *c = *state;
	struct alert_copies copies;
	char alert_id[33];
	int64_t id[4];

	one_of_each(c, id);
	contract_id(3, alert_id);
	alerts(c, &(struct tocsin_query){0}, &copies);
	assert_int_equal(copies.n, 4);
	assert_string_equal(copies.mark[0], "3");
	assert_string_equal(copies.mark[3], "(none)");
	assert_int_equal(copies.item[0].suppressed, 1);
	assert_int_equal(copies.item[1].dead, 1);
	assert_int_equal(copies.item[2].delivered, 1);
	assert_int_equal(copies.item[3].pending, 1);
	assert_int_equal(copies.item[0].severity, TOCSIN_WARNING);
	assert_int_equal(copies.item[0].status, TOCSIN_EVENT);
	assert_int_equal(copies.item[0].received_ms, NOW);
	alerts(c, &(struct tocsin_query){.alert_id = alert_id}, &copies);
	assert_int_equal(copies.n, 1);
	assert_string_equal(copies.mark[0], "2");
	alerts(c, &(struct tocsin_query){.id = copies.item[0].number}, &copies);
	assert_int_equal(copies.n, 1);
	alerts(c, &(struct tocsin_query){.before = copies.item[0].number, .limit = 1}, &copies);
	assert_int_equal(copies.n, 1);
	assert_string_equal(copies.mark[0], "1");
	alerts(c, &(struct tocsin_query){.source = "api"}, &copies);
	assert_int_equal(copies.n, 1);
	alerts(c, &(struct tocsin_query){.channel = "mail", .since_ms = NOW}, &copies);
	assert_int_equal(copies.n, 3);
	alerts(c, &(struct tocsin_query){.since_ms = NOW + 1}, &copies);
	assert_int_equal(copies.n, 0);
	alerts(c, &(struct tocsin_query){.states = 1U << TOCSIN_STATE_DEAD}, &copies);
	assert_int_equal(copies.n, 1);
	assert_string_equal(copies.mark[0], "2");
}

static int note_attempt(const struct tocsin_attempt *attempt, void *data)
{
	int *last = data;

	assert_int_equal(attempt->number, ++*last);
	assert_int_equal(attempt->started_ms, NOW + 1);
	assert_int_equal(attempt->ended_ms, NOW + 2);
	assert_string_equal(attempt->detail, "the answer");
	assert_int_equal(attempt->state, *last < 3 ? TOCSIN_STATE_PENDING : TOCSIN_STATE_DEAD);
	assert_int_equal(attempt->due_ms, *last < 3 ? NOW : 0);
	return 0;
}

/* Two attempts that failed, and a third at which it was given up. */
static struct copy tried_three_times(struct contract *c)
{
	struct copy claim = {0};

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = "7", .tell = true});
	for (int i = 0; i < 3; i++) {
		claim = contract_claim_one(c, "mail");
		(void)contract_settle(c, &claim, i < 2 ? TOCSIN_STATE_PENDING : TOCSIN_STATE_DEAD,
				      NOW);
	}
	contract_commit(c);
	return claim;
}

static void attempts_are_kept_in_their_order(void **state)
{
	struct contract *c = *state;
	struct copy claim = tried_three_times(c);
	int last = 0;

	assert_int_equal(c->ops->attempts(c->store, claim.id, note_attempt, &last), 0);
	assert_int_equal(last, 3);
	last = 0;
	assert_int_equal(c->ops->attempts(c->store, claim.id + 1, note_attempt, &last), 0);
	assert_int_equal(last, 0);
}

static int count_attempt(const struct tocsin_attempt *attempt, void *data)
{
	(void)attempt;
	++*(int *)data;
	return 0;
}

static void a_replayed_one_has_all_its_attempts_and_time_anew(void **state)
{
	struct contract *c = *state;
	struct copy dead = tried_three_times(c), claim;
	int64_t n;
	int attempts = 0;

	assert_int_equal(c->ops->begin(c->store, NOW + 1000), 0);
	assert_int_equal(c->ops->replay(c->store, &(struct tocsin_query){0}, NOW - 1, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(contract_counters(c).dead, 0);
	assert_int_equal(contract_counters(c).pending, 1);
	claim = contract_claim_one(c, "mail");
	assert_int_equal(claim.id, dead.id);
	assert_int_equal(claim.attempt, 0);
	assert_int_equal(claim.created_ms, NOW + 1000);
	assert_true(claim.token > dead.token);
	assert_string_equal(claim.key, dead.key);
	assert_int_equal(claim.due_ms, NOW - 1);
	(void)contract_settle(c, &claim, TOCSIN_STATE_DELIVERED, 0);
	contract_commit(c);
	assert_int_equal(c->ops->attempts(c->store, claim.id, count_attempt, &attempts), 0);
	assert_int_equal(attempts, 4);
}

static void a_replayed_one_may_end_the_process_again(void **state)
{
	struct contract *c = *state;
	struct copy claim = {0};
	int64_t n;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){0});
	for (int i = 0; i < 4; i++) {
		if (i == 3)
			assert_int_equal(
				c->ops->replay(c->store, &(struct tocsin_query){0}, NOW, &n), 0);
		claim = contract_claim_one(c, "mail");
		assert_int_equal(c->ops->recover(c->store, TOCSIN_PARKED, &claim.id, 1, 0, &n), 0);
	}
	assert_int_equal(contract_delivery(c, claim.id).state, TOCSIN_STATE_PENDING);
	contract_commit(c);
}

static void only_the_dead_are_replayed_and_dropped(void **state)
{
	struct contract *c = *state;
	struct tocsin_counters before, after;
	int64_t id[4], n;

	one_of_each(c, id);
	before = contract_counters(c);
	contract_begin(c);
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			continue;
		assert_int_equal(
			c->ops->replay(c->store, &(struct tocsin_query){.id = id[i]}, NOW, &n), 0);
		assert_int_equal(n, 0);
	}
	assert_int_equal(
		c->ops->drop(c->store, &(struct tocsin_query){.channel = "chat"}, "no", NOW, &n),
		0);
	assert_int_equal(n, 0);
	after = contract_counters(c);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(c->ops->drop(c->store, &(struct tocsin_query){.channel = "mail"}, "no",
				      NOW + 9, &n),
			 0);
	contract_commit(c);
	assert_int_equal(n, 1);
	assert_int_equal(contract_delivery(c, id[2]).state, TOCSIN_STATE_SUPPRESSED);
	assert_string_equal(contract_delivery(c, id[2]).reason, "no");
	assert_int_equal(contract_delivery(c, id[2]).done_ms, NOW + 9);
	assert_int_equal(contract_counters(c).suppressed, 2);
}

static void many_are_replayed_no_more_than_asked_for(void **state)
{
	struct contract *c = *state;
	int64_t n;

	contract_begin(c);
	for (int i = 0; i < 700; i++)
		(void)contract_accept(c, &(struct sample){.state = TOCSIN_STATE_DEAD});
	assert_int_equal(c->ops->replay(c->store, &(struct tocsin_query){.limit = 100}, NOW, &n),
			 0);
	assert_int_equal(n, 100);
	assert_int_equal(c->ops->replay(c->store, &(struct tocsin_query){.limit = 300}, NOW, &n),
			 0);
	assert_int_equal(n, 300);
	assert_int_equal(c->ops->replay(c->store, &(struct tocsin_query){0}, NOW, &n), 0);
	assert_int_equal(n, 300);
	contract_commit(c);
	assert_int_equal(contract_counters(c).pending, 700);
}

static void small_values_are_kept(void **state)
{
	struct contract *c = *state;
	char *value = NULL;

	contract_begin(c);
	assert_int_equal(c->ops->load(c->store, "a", "x", &value), -ENOENT);
	assert_int_equal(c->ops->save(c->store, "a", "x", "1"), 0);
	assert_int_equal(c->ops->save(c->store, "a", "x", "2"), 0);
	assert_int_equal(c->ops->save(c->store, "b", "x", ""), 0);
	contract_commit(c);
	contract_reopen(c);
	contract_begin(c);
	assert_int_equal(c->ops->load(c->store, "a", "x", &value), 0);
	assert_string_equal(value, "2");
	free(value);
	assert_int_equal(c->ops->load(c->store, "b", "x", &value), 0);
	assert_string_equal(value, "");
	free(value);
	assert_int_equal(c->ops->load(c->store, "b", "y", &value), -ENOENT);
	contract_commit(c);
}

static void prune(struct contract *c, int64_t settled_ms, int64_t dead_ms, size_t limit, size_t n)
{
	size_t removed;

	contract_begin(c);
	assert_int_equal(c->ops->prune(c->store, settled_ms, dead_ms, limit, &removed), 0);
	assert_int_equal(removed, n);
	contract_commit(c);
}

static void only_what_is_settled_told_and_old_is_removed(void **state)
{
	struct contract *c = *state;
	struct alert_copies left;
	struct tocsin_counters before, after;
	struct copy told;
	int64_t id[4];
	int attempts = 0;

	one_of_each(c, id);
	told = contract_delivery(c, id[1]);
	before = contract_counters(c);
	prune(c, INT64_MAX, INT64_MAX, 10, 0);
	contract_begin(c);
	for (int i = 1; i < 4; i++) {
		struct copy end = contract_delivery(c, id[i]);

		assert_int_equal(c->ops->told(c->store, end.alert, end.state == TOCSIN_STATE_DEAD),
				 0);
	}
	contract_commit(c);
	prune(c, NOW, NOW, 10, 0);
	prune(c, NOW + 1, NOW, 10, 2);
	prune(c, NOW + 1, NOW + 1, 10, 1);
	prune(c, INT64_MAX, INT64_MAX, 10, 0);
	alerts(c, &(struct tocsin_query){0}, &left);
	assert_int_equal(left.n, 1);
	assert_int_equal(left.item[0].pending, 1);
	assert_int_equal(c->ops->attempts(c->store, told.id, count_attempt, &attempts), 0);
	assert_int_equal(attempts, 0);
	after = contract_counters(c);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void removal_goes_in_slices(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	for (int i = 0; i < 700; i++)
		(void)contract_accept(c, &(struct sample){.state = TOCSIN_STATE_SUPPRESSED});
	contract_commit(c);
	prune(c, NOW + 1, NOW + 1, 50, 50);
	prune(c, NOW + 1, NOW + 1, 600, 600);
	prune(c, NOW + 1, NOW + 1, 600, 50);
}

static void upkeep_changes_nothing_that_is_seen(void **state)
{
	struct contract *c = *state;
	int64_t id[4];

	one_of_each(c, id);
	assert_int_equal(c->ops->maintain(c->store, false), 0);
	assert_int_equal(c->ops->maintain(c->store, true), 0);
	check_query(c, &(struct tocsin_query){0}, 4, id[3]);
}

/* One step of a random life. */
static void any_step(struct contract *c, struct copies *held, int64_t step)
{
	const enum tocsin_state ends[] = {TOCSIN_STATE_PENDING, TOCSIN_STATE_DELIVERED,
					  TOCSIN_STATE_DEAD, TOCSIN_STATE_SUPPRESSED};
	const struct tocsin_query any = {.limit = 2};
	int64_t n;

	switch (rand() % 10) {
	case 0:
	case 1:
		(void)contract_accept(c, &(struct sample){.channel = {"mail", "mail"},
							  .state = rand() % 9 ? TOCSIN_STATE_PENDING
									      : TOCSIN_STATE_DEAD});
		break;
	case 2:
	case 3:
		contract_claim(c, "mail", NOW + step, 3, held);
		break;
	case 4:
	case 5:
	case 6:
		for (size_t i = 0; i < held->n; i++)
			(void)contract_settle(c, &held->item[i], ends[rand() % 4], NOW);
		break;
	case 7:
		assert_int_equal(c->ops->replay(c->store, &any, NOW, &n), 0);
		break;
	case 8:
		assert_int_equal(c->ops->drop(c->store, &any, "no", NOW, &n), 0);
		break;
	default:
		assert_int_equal(c->ops->recover(c->store, TOCSIN_PARKED, NULL, 0, 0, &n), 0);
	}
}

static int count_delivery(const struct tocsin_stored_delivery *delivery, void *data)
{
	int64_t *count = data;

	count[delivery->state]++;
	return 0;
}

static void the_counters_are_what_the_lists_show(void **state)
{
	struct contract *c = *state;
	struct copies *held = calloc(1, sizeof(*held));
	int64_t count[TOCSIN_STATE_SUPPRESSED + 1] = {0};
	struct tocsin_counters n;

	srand(20240601);
	for (int step = 0; step < 3000; step++) {
		contract_begin(c);
		any_step(c, held, step);
		if (rand() % 20)
			contract_commit(c);
		else
			c->ops->rollback(c->store);
		if (step % 500 == 499)
			contract_reopen(c);
	}
	n = contract_counters(c);
	assert_int_equal(c->ops->deliveries(c->store, &(struct tocsin_query){.limit = 100000},
					    count_delivery, count),
			 0);
	assert_int_equal(n.pending, count[TOCSIN_STATE_PENDING] + count[TOCSIN_STATE_CLAIMED]);
	assert_int_equal(n.delivered, count[TOCSIN_STATE_DELIVERED]);
	assert_int_equal(n.dead, count[TOCSIN_STATE_DEAD]);
	assert_int_equal(n.suppressed, count[TOCSIN_STATE_SUPPRESSED]);
	assert_true(n.delivered && n.suppressed > 50 && n.stale > 50);
	free(held);
}

const struct contract_test contract_operators[] = {
	CONTRACT_TEST(lists_are_newest_first_and_bounded),
	CONTRACT_TEST(lists_hold_what_was_asked_for),
	CONTRACT_TEST(alerts_are_listed_with_their_counts),
	CONTRACT_TEST(attempts_are_kept_in_their_order),
	CONTRACT_TEST(a_replayed_one_has_all_its_attempts_and_time_anew),
	CONTRACT_TEST(a_replayed_one_may_end_the_process_again),
	CONTRACT_TEST(only_the_dead_are_replayed_and_dropped),
	CONTRACT_TEST(many_are_replayed_no_more_than_asked_for),
	CONTRACT_TEST(small_values_are_kept),
	CONTRACT_TEST(only_what_is_settled_told_and_old_is_removed),
	CONTRACT_TEST(removal_goes_in_slices),
	CONTRACT_TEST(upkeep_changes_nothing_that_is_seen),
	CONTRACT_TEST(the_counters_are_what_the_lists_show),
	{NULL, NULL},
};
