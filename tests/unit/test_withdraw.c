/* SPDX-License-Identifier: Apache-2.0 */
/* What a source took back while it was in memory: a channel with one delivery under way and one behind it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "delivery/withdraw.h"
#include "idle_store.h"

#define DELIVERIES 2
#define ALERT 7

static struct fake {
	atomic_bool waiting, go;     /* the plugin waits until it may go on */
	atomic_bool halted, goes_on; /* the store the same, before what is asked of it */
	atomic_int released, pending, suppressed;
	atomic_int outcome; /* what the plugin says */
} fake;
static void wait_for(const atomic_bool *flag)
{
	for (int i = 0; i < 10000 && !*flag; i++)
		usleep(1000);
	assert_true(*flag);
}

static int fake_settle(void *state, const struct tocsin_attempt *attempt,
		       struct tocsin_attempt_result *result)
{
	(void)state;
	fake.pending += attempt->state == TOCSIN_STATE_PENDING;
	fake.suppressed += attempt->state == TOCSIN_STATE_SUPPRESSED;
	result->alert_settled = true;
	return 0;
}

static int fake_release(void *state, int64_t delivery, int64_t token, int64_t due_ms)
{
	(void)state, (void)delivery, (void)token, (void)due_ms;
	fake.released++;
	return 0;
}

static const struct tocsin_store_ops store_ops = {IDLE_STORE,
						  .begin = idle_begin,
						  .commit = idle_commit,
						  .rollback = idle_rollback,
						  .claim = idle_claim,
						  .next_due = idle_next_due,
						  .settle = fake_settle,
						  .release = fake_release};
static const struct tocsin_plugin store_plugin = {.kind = TOCSIN_STORE, .store = &store_ops};

static void deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	(void)state, (void)n;
	fake.waiting = true;
	wait_for(&fake.go);
	idle_services->done(batch[0], (enum tocsin_outcome)fake.outcome, 0, "not now");
}

static const struct plugin plugin = {
	.it = {.name = "fake", .kind = TOCSIN_CHANNEL, .blocking = true},
	.channel = {.open = idle_open_channel, .deliver = deliver, .close = idle_close}};

/* One channel at work, whose plugin has the first delivery. */
struct work {
	struct store *store;
	struct dispatch *dispatch;
	struct channel *channel;
	struct channel_spec spec;
	struct store_request withdrawal;
};

static void start(struct work *work, enum tocsin_outcome outcome)
{
	const struct dispatch_hooks hooks = {
		.settled = idle_ignore, .begun = idle_ignore, .idle = idle_ignore_all};
	struct store_hooks store_hooks = {0};

	fake = (struct fake){.outcome = (int)outcome};
	idle_queue = (struct idle_queue){.deliveries = DELIVERIES, .alert = ALERT};
	*work = (struct work){.spec = {.name = "fake",
				       .plugin = &plugin,
				       .concurrency = 1,
				       .workers = 1,
				       .timeout_ms = 1000,
				       .retry = {.first_ms = 60000,
						 .max_ms = 60000,
						 .give_up_after_ms = INT64_MAX}}};
	assert_int_equal(store_open(&store_plugin, NULL, NULL, NULL, NULL, &work->store, NULL), 0);
	assert_int_equal(dispatch_new(NULL, work->store, false, &hooks, &work->dispatch, NULL), 0);
	dispatch_note_underway(work->dispatch, NULL);
	assert_int_equal(dispatch_open(work->dispatch, &work->spec, &work->channel, NULL), 0);
	dispatch_add(work->dispatch, work->channel);
	dispatch_store_hooks(work->dispatch, &store_hooks);
	store_start(work->store, &store_hooks);
	wait_for(&fake.waiting);
}

static void stop(struct work *work)
{
	fake.go = true;
	store_stop(work->store);
	dispatch_remove(work->dispatch, work->channel);
	dispatch_discard(work->dispatch, work->channel);
	store_close(work->store);
	dispatch_free(work->dispatch);
}

static int apply_withdrawal(struct store_request *request, const struct transaction *t)
{
	struct work *work = (struct work *)((char *)request - offsetof(struct work, withdrawal));
	const int64_t alert = ALERT;

	(void)t;
	fake.halted = true;
	wait_for(&fake.goes_on);
	dispatch_withdraw(work->dispatch, &alert, 1, "taken back");
	return 0;
}

static void ignore_answer(struct store_request *request, int result)
{
	(void)request;
	assert_int_equal(result, 0);
}

static void withdraw(struct work *work)
{
	work->withdrawal = (struct store_request){.apply = apply_withdrawal, .done = ignore_answer};
	store_submit(work->store, &work->withdrawal);
	wait_for(&fake.halted);
}

static void what_is_under_way_is_not_tried_again(void **state)
{
	struct work work;

	(void)state;
	start(&work, TOCSIN_RETRY);
	fake.goes_on = true;
	withdraw(&work);
	stop(&work);
	assert_int_equal(idle_queue.claimed, DELIVERIES);
	assert_int_equal(fake.pending, 0);
	assert_int_equal(fake.suppressed, 2);
	assert_int_equal(fake.released, 0);
}

static void what_is_under_way_may_succeed(void **state)
{
	struct work work;

	(void)state;
	start(&work, TOCSIN_DELIVERED);
	fake.goes_on = true;
	withdraw(&work);
	stop(&work);
	assert_int_equal(fake.pending, 0);
	assert_int_equal(fake.suppressed, 1);
}

/* It has left the queue, and the store does not know yet. */
static void what_a_channel_gives_back_is_not_pending_again(void **state)
{
	struct work work;

	(void)state;
	start(&work, TOCSIN_DELIVERED);
	withdraw(&work);
	channel_stop(work.channel);
	fake.goes_on = true;
	stop(&work);
	assert_int_equal(idle_queue.claimed, DELIVERIES);
	assert_int_equal(fake.released, 0);
	assert_int_equal(fake.suppressed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_under_way_is_not_tried_again),
		cmocka_unit_test(what_is_under_way_may_succeed),
		cmocka_unit_test(what_a_channel_gives_back_is_not_pending_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
