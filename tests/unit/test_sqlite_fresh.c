/* SPDX-License-Identifier: Apache-2.0 */
/* What was accepted a moment ago and waits to be claimed: bounded, and let go of in the end. */
#include <stdlib.h>
#include <string.h>

#include "../../plugins/stores/sqlite/fresh.h"
#include "sqlite_store.h"

static int held; /* how often */

static void hold(const struct tocsin_alert *alert)
{
	(void)alert;
	held++;
}

static void release(const struct tocsin_alert *alert)
{
	(void)alert;
	held--;
}

static const struct tocsin_alert alert = {.size = sizeof(alert),
					  .id = "00000000000000000000000000000001",
					  .source = "rows",
					  .fingerprint = "0123456789abcdef"};
static const struct tocsin_new_delivery delivery = {
	.channel = "mail", .recipient = "ann", .route = "all", .key = "k", .due_ms = NOW};

static struct tocsin_new_alert new_alert(const char *body)
{
	return (struct tocsin_new_alert){.alert = &alert,
					 .body = body,
					 .mark = "7",
					 .now_ms = NOW,
					 .delivery = &delivery,
					 .n = 1,
					 .hold = hold,
					 .release = release};
}

static void add(struct fresh_set *set, int64_t number, int64_t now_ms, const char *body)
{
	const struct tocsin_new_alert new = new_alert(body);

	fresh_add(set, number, number, now_ms, &new, &delivery);
}

static bool take(struct fresh_set *set, int64_t number)
{
	struct fresh *fresh = fresh_take(set, number);
	bool there = fresh != NULL;

	if (there) {
		assert_int_equal(fresh->delivery, number);
		assert_string_equal(fresh->recipient, "ann");
		assert_string_equal(fresh->route, "all");
		assert_string_equal(fresh->key, "k");
		assert_true(fresh->alone);
	}
	fresh_free(fresh);
	return there;
}

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fresh_set));
	return 0;
}

static int tear_down(void **state)
{
	struct fresh_set *set = *state;

	fresh_clear(set);
	assert_int_equal(set->bytes, 0);
	assert_int_equal(held, 0);
	free(set);
	return 0;
}

static void each_is_taken_once(void **state)
{
	add(*state, 1, NOW, "{}");
	add(*state, 3, NOW, "{}");
	assert_int_equal(held, 2);
	assert_true(take(*state, 3));
	assert_false(take(*state, 3));
	assert_false(take(*state, 2));
	assert_false(take(*state, 1 + FRESH_SLOTS));
	assert_true(take(*state, 1));
	assert_int_equal(held, 0);
}

static void an_alert_that_may_not_be_held_is_not(void **state)
{
	struct tocsin_new_alert new = new_alert("{}");

	new.hold = NULL;
	new.release = NULL;
	fresh_add(*state, 1, 1, NOW, &new, &delivery);
	assert_false(take(*state, 1));
}

/* A text of which eight fill the set. */
static const char *large(void)
{
	static char text[FRESH_BYTES / 8 - 1024];

	(void)memset(text, 'x', sizeof(text) - 1);
	return text;
}

static void the_oldest_stay_when_there_is_no_room(void **state)
{
	struct fresh_set *set = *state;

	for (int i = 1; i <= 12; i++)
		add(set, i, NOW, large());
	assert_int_equal(held, 8);
	assert_true(set->bytes <= FRESH_BYTES);
	assert_true(take(set, 1));
	add(set, 13, NOW + FRESH_KEPT_MS - 1, large());
	assert_true(take(set, 13));
	assert_false(take(set, 9));
	assert_true(take(set, 8));
}

static void what_nobody_wants_makes_room_in_the_end(void **state)
{
	struct fresh_set *set = *state;

	for (int i = 1; i <= 8; i++)
		add(set, i, NOW + i, large());
	add(set, 9, NOW + 2 + FRESH_KEPT_MS, large());
	assert_int_equal(held, 8);
	assert_false(take(set, 1));
	assert_true(take(set, 2));
	assert_true(take(set, 9));
}

static void one_that_is_left_behind_does_not_keep_others_out(void **state)
{
	struct fresh_set *set = *state;

	add(set, 1, NOW, "{}");
	for (int i = 2; i <= 3 * FRESH_SLOTS; i++) {
		add(set, i, NOW, "{}");
		assert_true(take(set, i));
	}
	assert_false(take(set, 1));
}

static void what_is_too_large_is_never_there(void **state)
{
	static char text[FRESH_BYTES + 1];

	(void)memset(text, 'x', sizeof(text) - 1);
	add(*state, 1, NOW, text);
	add(*state, 2, NOW, "{}");
	assert_false(take(*state, 1));
	assert_true(take(*state, 2));
}

static void numbers_may_begin_anew_after_a_rollback(void **state)
{
	add(*state, 100, NOW, "{}");
	fresh_clear(*state);
	assert_int_equal(held, 0);
	add(*state, 99, NOW, "{}");
	add(*state, 100, NOW, "{}");
	assert_true(take(*state, 100));
	assert_true(take(*state, 99));
}

/* --- the store --- */

static void accept_one(const struct tocsin_store_ops *ops, void *store)
{
	const struct tocsin_new_alert new = new_alert("{}");
	int64_t number;

	assert_int_equal(ops->begin(store, NOW), 0);
	assert_int_equal(ops->accept(store, &new, &number), 0);
	assert_int_equal(held, 1);
}

static int expect_held(const struct tocsin_stored_delivery *claimed, void *data)
{
	++*(int *)data;
	assert_ptr_equal(claimed->accepted, &alert);
	assert_int_equal(held, 1);
	return 0;
}

static void the_store_lets_go_of_what_is_claimed_withdrawn_or_never_was(void **state)
{
	struct sqlite_store subject;
	const struct tocsin_store_ops *ops;
	void *store = NULL;
	int64_t number;
	int n = 0;

	(void)state;
	sqlite_store_init(&subject);
	ops = subject.subject.ops;
	assert_int_equal(subject.subject.open(&subject.subject, &store), 0);
	accept_one(ops, store);
	ops->rollback(store);
	assert_int_equal(held, 0);

	accept_one(ops, store);
	assert_int_equal(ops->withdraw(store, "rows", "7", "", NOW, &number), 0);
	assert_int_equal(held, 0);
	ops->rollback(store);

	accept_one(ops, store);
	assert_int_equal(ops->claim(store, "mail", NOW, LEASE, 9, expect_held, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(held, 0);
	ops->rollback(store);

	accept_one(ops, store);
	assert_int_equal(ops->commit(store), 0);
	ops->close(store);
	assert_int_equal(held, 0);
	sqlite_store_done(&subject);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_is_taken_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_alert_that_may_not_be_held_is_not, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_oldest_stay_when_there_is_no_room, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_nobody_wants_makes_room_in_the_end, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(one_that_is_left_behind_does_not_keep_others_out,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_too_large_is_never_there, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(numbers_may_begin_anew_after_a_rollback, set_up,
						tear_down),
		cmocka_unit_test(the_store_lets_go_of_what_is_claimed_withdrawn_or_never_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
