/* SPDX-License-Identifier: Apache-2.0 */
/* The writer and group commit, over a store that does as it is told. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fake_store.h"
#include "store/store.h"

/* A request that notes what happened to it. */
struct note {
	struct store_request request;
	int apply_result;
	atomic_int applied, turn;
	atomic_int result; /* 1: no answer yet */
};

static atomic_int turns;

static int note_apply(struct store_request *request, const struct transaction *transaction)
{
	struct note *note = (struct note *)request;

	(void)transaction;
	note->turn = ++turns;
	note->applied++;
	return note->apply_result;
}

static void note_done(struct store_request *request, int result)
{
	((struct note *)request)->result = result;
}

static struct note make_note(bool persist)
{
	return (struct note){
		.request = {.apply = note_apply, .done = note_done, .persist = persist},
		.result = 1};
}

static int await(struct note *note)
{
	for (int i = 0; i < 5000 && note->result == 1; i++)
		usleep(1000);
	return note->result;
}

static int setup(void **state)
{
	struct store *store;

	memset(&fake, 0, sizeof(fake));
	assert_int_equal(store_open(&fake_store, NULL, NULL, NULL, NULL, &store, NULL), 0);
	*state = store;
	return 0;
}

static int teardown(void **state)
{
	store_close(*state);
	return 0;
}

static struct hook {
	atomic_int claims, outside, committed, rolled_back;
	atomic_int result;
	atomic_bool due_now;
} hook;

static int hook_claim(void *data, const struct transaction *transaction, int64_t *wake_boot_ms)
{
	(void)data;
	(void)transaction;
	hook.claims++;
	hook.outside += !fake.in_transaction;
	*wake_boot_ms = hook.due_now ? 0 : INT64_MAX;
	return hook.result;
}

static void hook_claimed(void *data, int result)
{
	(void)data;
	if (result == 0)
		hook.committed++;
	else
		hook.rolled_back++;
}

static void waiting_requests_share_one_commit(void **state)
{
	struct store *store = *state;
	struct note first = make_note(false), note[100];

	fake.slow = true;
	store_submit(store, &first.request);
	while (!first.applied)
		usleep(100);
	for (size_t i = 0; i < 100; i++) {
		note[i] = make_note(false);
		store_submit(store, &note[i].request);
	}
	fake.slow = false;
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(await(&note[i]), 0);
	assert_int_equal(fake.commits, 2);
}

static void outcomes_do_not_wait_behind_what_is_added(void **state)
{
	enum { BATCHES = 20, ALERTS = 100 };
	struct store *store = *state;
	struct note first = make_note(false), outcome = make_note(true), batch[BATCHES];

	fake.slow = true;
	store_submit(store, &first.request);
	while (!first.applied)
		usleep(100);
	for (size_t i = 0; i < BATCHES; i++) {
		batch[i] = make_note(false);
		batch[i].request.adds = ALERTS;
		store_submit(store, &batch[i].request);
	}
	outcome.request.first = true;
	store_submit(store, &outcome.request);
	fake.slow = false;
	assert_int_equal(await(&outcome), 0);
	for (size_t i = 0; i < BATCHES; i++) {
		assert_int_equal(await(&batch[i]), 0);
		assert_true(batch[i].turn > outcome.turn);
		assert_true(i == 0 || batch[i].turn > batch[i - 1].turn);
	}
	/* The one that was under way, two with a few alerts, and one for all the others: nobody else
	 * waits for it. */
	assert_int_equal(fake.commits, 4);
}

/* More often than not: a scheduler may take longer than patience lasts. */
static void who_waits_for_company_shares_the_commit_with_it(void **state)
{
	struct store *store = *state;
	struct note lonely = make_note(true);

	for (int round = 0; round < 50; round++) {
		struct note first = make_note(true), second = make_note(true);

		first.request.company = second.request.company = 2;
		store_submit(store, &first.request);
		usleep(300);
		store_submit(store, &second.request);
		assert_int_equal(await(&first), 0);
		assert_int_equal(await(&second), 0);
	}
	assert_in_range(fake.commits, 50, 75);
	lonely.request.company = 2;
	store_submit(store, &lonely.request);
	assert_int_equal(await(&lonely), 0);
}

static void a_request_at_fault_fails_alone(void **state)
{
	struct store *store = *state;
	struct note good = make_note(false), bad = make_note(false), other = make_note(false);

	bad.apply_result = -ENOENT;
	store_submit(store, &good.request);
	store_submit(store, &bad.request);
	store_submit(store, &other.request);
	assert_int_equal(await(&good), 0);
	assert_int_equal(await(&bad), -ENOENT);
	assert_int_equal(await(&other), 0);
	/* One whose answer somebody waits for is told, too. */
	good.result = 1;
	assert_int_equal(store_call(store, &good.request), 0);
	assert_int_equal(good.result, 0);
}

static void a_full_disk_refuses_intake_and_keeps_settlements(void **state)
{
	struct store *store = *state;
	struct note intake = make_note(false), settle = make_note(true), later = make_note(false);

	fake.commit_result = -ENOSPC;
	fake.full = true;
	store_submit(store, &settle.request);
	store_submit(store, &intake.request);
	assert_int_equal(await(&intake), -ENOSPC);
	assert_true(store_is_full(store));
	assert_int_equal(settle.result, 1);
	fake.commit_result = 0;
	fake.full = false;
	assert_int_equal(await(&settle), 0);
	assert_int_equal(store_call(store, &later.request), 0);
	assert_false(store_is_full(store));
	assert_true(fake.rollbacks >= 1);
}

/* A settlement that fits does not mean that there is room: the store says when there is. */
static void what_adds_is_refused_untried_until_the_store_has_room(void **state)
{
	struct store *store = *state;
	struct store_hooks hooks = {.claim = hook_claim, .claimed = hook_claimed};
	struct note first = make_note(false), intake = make_note(false), read = make_note(false),
		    settle = make_note(true);

	memset(&hook, 0, sizeof(hook));
	store_start(store, &hooks);
	fake.full = true;
	assert_int_equal(store_call(store, &first.request), 0);
	intake.request.adds = 1;
	assert_int_equal(store_call(store, &intake.request), -ENOSPC);
	assert_int_equal(intake.applied, 0);
	store_submit(store, &settle.request);
	assert_int_equal(await(&settle), 0);
	assert_int_equal(store_call(store, &read.request), 0);
	assert_true(store_is_full(store));
	/* Nobody has to ask for it to be noticed. */
	fake.full = false;
	for (int i = 0; i < 5000 && store_is_full(store); i++)
		usleep(1000);
	assert_false(store_is_full(store));
	assert_int_equal(store_call(store, &intake.request), 0);
	store_stop(store);
}

static void more_settlements_than_a_group_do_not_wait_for_one_another(void **state)
{
	enum { MANY = 3 * STORE_GROUP };
	struct store *store = *state;
	static struct note note[MANY];
	int64_t before;

	fake.commit_result = -ENOMEM;
	for (size_t i = 0; i < MANY; i++) {
		note[i] = make_note(true);
		store_submit(store, &note[i].request);
	}
	for (int i = 0; i < 1000 && fake.rollbacks < 3; i++)
		usleep(1000);
	fake.commit_result = 0;
	assert_int_equal(await(&note[0]), 0);
	before = clock_boot_ms();
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(await(&note[i]), 0);
	assert_in_range(clock_boot_ms() - before, 0, 500);
}

static void settlements_outlive_any_failure_but_a_lost_store(void **state)
{
	struct store *store = *state;
	struct note intake = make_note(false), settle = make_note(true);

	fake.commit_result = -ENOMEM;
	store_submit(store, &settle.request);
	store_submit(store, &intake.request);
	assert_int_equal(await(&intake), -ENOMEM);
	assert_int_equal(settle.result, 1);
	assert_false(store_is_full(store));
	fake.commit_result = 0;
	assert_int_equal(await(&settle), 0);
}

static void settlements_get_a_last_chance_at_the_end(void **state)
{
	struct store *store;
	struct note settle = make_note(true), intake = make_note(false);

	(void)state;
	memset(&fake, 0, sizeof(fake));
	assert_int_equal(store_open(&fake_store, NULL, NULL, NULL, NULL, &store, NULL), 0);
	fake.commit_result = -ENOSPC;
	store_submit(store, &settle.request);
	store_submit(store, &intake.request);
	assert_int_equal(await(&intake), -ENOSPC);
	fake.commit_result = 0;
	store_close(store);
	assert_int_equal(settle.result, 0);
}

static void so_do_more_settlements_than_a_group(void **state)
{
	enum { MANY = 3 * STORE_GROUP };
	static struct note note[MANY];
	struct store *store;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	assert_int_equal(store_open(&fake_store, NULL, NULL, NULL, NULL, &store, NULL), 0);
	fake.commit_result = -ENOSPC;
	for (size_t i = 0; i < MANY; i++) {
		note[i] = make_note(true);
		store_submit(store, &note[i].request);
	}
	for (int i = 0; i < 1000 && !note[MANY - 1].applied; i++)
		usleep(1000);
	fake.commit_result = 0;
	store_close(store);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(note[i].result, 0);
}

static void a_store_in_use_says_so(void **state)
{
	struct tocsin_store_ops busy = *fake_store.store;
	struct tocsin_plugin other = {.name = "fake", .kind = TOCSIN_STORE, .store = &busy};
	struct store *store;

	(void)state;
	busy.open = fake_store_refuse;
	assert_int_equal(store_open(&other, NULL, NULL, NULL, NULL, &store, NULL), -EBUSY);
}

static void claims_ride_in_the_transaction_of_what_was_accepted(void **state)
{
	struct store *store = *state;
	struct store_hooks hooks = {.claim = hook_claim, .claimed = hook_claimed};
	struct note note = make_note(false);
	int before;

	memset(&hook, 0, sizeof(hook));
	store_start(store, &hooks);
	assert_int_equal(store_call(store, &note.request), 0);
	before = fake.commits;
	note = make_note(false);
	assert_int_equal(store_call(store, &note.request), 0);
	assert_int_equal(fake.commits - before, 1);
	assert_true(hook.claims >= 2);
	assert_int_equal(hook.outside, 0);
	assert_int_equal(hook.committed, hook.claims);
	hook.result = -ENOSPC;
	note = make_note(false);
	assert_int_equal(store_call(store, &note.request), -ENOSPC);
	assert_true(hook.rolled_back >= 1);
	hook.result = 0;
	store_stop(store);
}

/* A row that cannot be read any more, say: what comes in has nothing to do with it. */
static void a_claim_that_fails_refuses_nobody(void **state)
{
	struct store *store = *state;
	struct store_hooks hooks = {.claim = hook_claim, .claimed = hook_claimed};
	struct note note = make_note(false);

	memset(&hook, 0, sizeof(hook));
	hook.result = -EPROTO;
	store_start(store, &hooks);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_call(store, &note.request), 0);
	assert_true(hook.rolled_back >= 3);
	hook.result = 0;
	for (int i = 0; i < 5000 && hook.committed == 0; i++)
		usleep(1000);
	assert_true(hook.committed >= 1);
	store_stop(store);
}

static void a_writer_that_cannot_begin_does_not_spin(void **state)
{
	struct store *store = *state;
	struct store_hooks hooks = {.claim = hook_claim, .claimed = hook_claimed};
	int begins, claims;

	memset(&hook, 0, sizeof(hook));
	hook.due_now = true;
	store_start(store, &hooks);
	for (int i = 0; i < 1000 && hook.claims == 0; i++)
		usleep(1000);
	fake.begin_result = -ENOMEM;
	usleep(50000);
	begins = fake.begins;
	claims = hook.claims;
	usleep(200000);
	assert_in_range(fake.begins - begins, 0, 1);
	fake.begin_result = 0;
	for (int i = 0; i < 5000 && hook.claims == claims; i++)
		usleep(1000);
	assert_true(hook.claims > claims);
	store_stop(store);
}

static void a_failed_claim_is_tried_again(void **state)
{
	struct store *store = *state;
	struct store_hooks hooks = {.claim = hook_claim, .claimed = hook_claimed};

	memset(&hook, 0, sizeof(hook));
	hook.result = -ENOMEM;
	store_start(store, &hooks);
	for (int i = 0; i < 1000 && hook.rolled_back == 0; i++)
		usleep(1000);
	hook.result = 0;
	for (int i = 0; i < 5000 && hook.committed == 0; i++)
		usleep(1000);
	assert_int_equal(hook.committed, 1);
	store_stop(store);
}

static void an_idle_writer_sleeps(void **state)
{
	struct store *store = *state;
	struct store_hooks hooks = {.claim = hook_claim, .claimed = hook_claimed};
	int before;

	memset(&hook, 0, sizeof(hook));
	store_start(store, &hooks);
	usleep(50000);
	before = hook.claims;
	usleep(200000);
	assert_int_equal(hook.claims, before);
	store_wake(store);
	for (int i = 0; i < 1000 && hook.claims == before; i++)
		usleep(1000);
	assert_int_equal(hook.claims, before + 1);
	store_stop(store);
}

static void restart(struct store **store)
{
	store_close(*store);
	assert_int_equal(store_open(&fake_store, NULL, NULL, NULL, NULL, store, NULL), 0);
}

/* Every transaction is told the store's time, which is kept with the first of each start. */
static void the_stores_time_goes_on_after_a_restart(void **state)
{
	struct store *store = *state;
	struct note note = make_note(false), again = make_note(false);
	int64_t day = INT64_C(24) * 3600 * 1000, before;
	long long own, boot;
	char id[40];

	before = store_now_ms(store);
	assert_in_range(store_to_wall_ms(store, before) - before + 1000, 0, 2000);
	store_submit(store, &note.request);
	assert_int_equal(await(&note), 0);
	assert_in_range(store_now_ms(store) - fake.begun_ms, 0, 5000);

	/* as if the wall clock had been a day ahead when the store was new */
	assert_int_equal(sscanf(fake.kept, "%lld %lld %39s", &own, &boot, id), 3);
	assert_int_equal(strlen(id), 36); /* Linux tells which boot it is */
	snprintf(fake.kept, sizeof(fake.kept), "%lld %lld %s", own + day, boot, id);
	before = store_now_ms(store);
	restart(&store);
	*state = store;
	assert_in_range(store_now_ms(store) - before - day, 0, 5000);
	assert_in_range(store_to_wall_ms(store, before + day) - before + 1000, 0, 2000);
	assert_in_range(store_from_wall_ms(store, before) - before - day + 1000, 0, 2000);
	assert_int_equal(store_to_wall_ms(store, 0), 0);
	assert_true(store_to_wall_ms(store, TOCSIN_PARKED) == TOCSIN_PARKED);
	store_submit(store, &again.request);
	assert_int_equal(await(&again), 0);
	assert_in_range(fake.begun_ms - before - day, 0, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(waiting_requests_share_one_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(outcomes_do_not_wait_behind_what_is_added, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_waits_for_company_shares_the_commit_with_it,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_request_at_fault_fails_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_refuses_intake_and_keeps_settlements,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_adds_is_refused_untried_until_the_store_has_room, setup, teardown),
		cmocka_unit_test_setup_teardown(
			more_settlements_than_a_group_do_not_wait_for_one_another, setup, teardown),
		cmocka_unit_test_setup_teardown(settlements_outlive_any_failure_but_a_lost_store,
						setup, teardown),
		cmocka_unit_test(settlements_get_a_last_chance_at_the_end),
		cmocka_unit_test(so_do_more_settlements_than_a_group),
		cmocka_unit_test_setup_teardown(a_store_in_use_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_ride_in_the_transaction_of_what_was_accepted,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_claim_that_fails_refuses_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(a_writer_that_cannot_begin_does_not_spin, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_failed_claim_is_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(an_idle_writer_sleeps, setup, teardown),
		cmocka_unit_test_setup_teardown(the_stores_time_goes_on_after_a_restart, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
