/* SPDX-License-Identifier: Apache-2.0 */
/* How many deliveries a crash may repeat: a channel over a store whose commits take as long as told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "delivery/backlog.h"
#include "delivery/dispatch.h"
#include "idle_store.h"

#define DELIVERIES 80
#define WORKERS 3
#define AT_RISK (4 * WORKERS) /* of a plugin that begins, with several workers */

static struct fake {
	atomic_bool held;     /* no commit ends while this is set ... */
	atomic_int unsettled; /* ... but that of the first claim */
	atomic_int settled, released;
	atomic_int taken, refused;
	atomic_int at_risk, most_at_risk; /* begun, and not committed */
	atomic_bool slow;                 /* what has begun does not end */
} fake;

static int fake_begin(void *state, int64_t now_ms)
{
	(void)state, (void)now_ms;
	fake.unsettled = 0;
	return 0;
}

static int fake_commit(void *state)
{
	(void)state;
	while (fake.held && fake.unsettled > 0)
		usleep(100);
	fake.settled += (int)fake.unsettled;
	fake.at_risk -= (int)fake.unsettled;
	return 0;
}

static int fake_settle(void *state, const struct tocsin_attempt *attempt,
		       struct tocsin_attempt_result *result)
{
	(void)state, (void)attempt;
	fake.unsettled++;
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
						  .rollback = idle_rollback,
						  .begin = fake_begin,
						  .commit = fake_commit,
						  .claim = idle_claim,
						  .next_due = idle_next_due,
						  .settle = fake_settle,
						  .release = fake_release};
static const struct tocsin_plugin store_plugin = {.kind = TOCSIN_STORE, .store = &store_ops};

static void note_risk(void)
{
	int now = ++fake.at_risk, most = fake.most_at_risk;

	while (now > most && !atomic_compare_exchange_weak(&fake.most_at_risk, &most, now))
		;
}

/* Says when it begins, and takes a no for one. */
static void deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	(void)state, (void)n;
	fake.taken++;
	if (idle_services->begin(batch[0])) {
		note_risk();
		assert_true(idle_services->begin(batch[0])); /* once more is once */
		while (fake.slow)
			usleep(100);
	} else {
		fake.refused++;
		assert_false(idle_services->begin(batch[0]));
	}
	idle_services->done(batch[0], TOCSIN_DELIVERED, 0, "");
}

/* Says nothing: from when it takes one on, the core has to think that it was sent. */
static void deliver_at_once(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	(void)state, (void)n;
	fake.taken++;
	note_risk();
	idle_services->done(batch[0], TOCSIN_DELIVERED, 0, "");
}

static _Thread_local struct tocsin_self *own;

static int open_ahead(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		      void **state)
{
	own = self;
	return idle_open_channel(self, host, config, state);
}

/* Makes the next one ready before it lets one begin. */
static void deliver_ahead(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct tocsin_delivery *delivery = batch[0], *next;

	(void)state, (void)n;
	fake.taken++;
	for (; delivery; delivery = next) {
		next = idle_services->more(own);
		fake.taken += next != NULL;
		assert_true(!next || !idle_services->more(own)); /* it has two */
		if (idle_services->begin(delivery))
			note_risk();
		else
			fake.refused++;
		idle_services->done(delivery, TOCSIN_DELIVERED, 0, "");
	}
}

static const struct plugin ahead = {
	.it = {.name = "fake", .kind = TOCSIN_CHANNEL, .blocking = true, .begins = true},
	.channel = {.open = open_ahead, .deliver = deliver_ahead, .close = idle_close}};
static const struct plugin beginning = {
	.it = {.name = "fake", .kind = TOCSIN_CHANNEL, .blocking = true, .begins = true},
	.channel = {.open = idle_open_channel, .deliver = deliver, .close = idle_close}};
static const struct plugin silent = {
	.it = {.name = "fake", .kind = TOCSIN_CHANNEL, .blocking = true},
	.channel = {.open = idle_open_channel, .deliver = deliver_at_once, .close = idle_close}};

/* One channel at work. */
struct work {
	struct channel_spec spec;
	struct store *store;
	struct dispatch *dispatch;
	struct channel *channel;
};

/* folded: so many are one message. */
static void start_with(struct work *work, const struct plugin *plugin, size_t folded,
		       size_t workers)
{
	const struct dispatch_hooks hooks = {
		.settled = idle_ignore, .begun = idle_ignore, .idle = idle_ignore_all};
	struct store_hooks store_hooks = {0};

	fake = (struct fake){.held = true};
	idle_queue = (struct idle_queue){.deliveries = DELIVERIES};
	*work = (struct work){.spec = {.name = "fake",
				       .plugin = plugin,
				       .concurrency = 1,
				       .workers = workers,
				       .timeout_ms = 1000,
				       .retry = {.first_ms = 1, .max_ms = 1},
				       .digest = {.over = folded > 1, .most = folded}}};
	assert_int_equal(store_open(&store_plugin, NULL, NULL, NULL, NULL, &work->store, NULL), 0);
	assert_int_equal(dispatch_new(NULL, work->store, false, &hooks, &work->dispatch, NULL), 0);
	dispatch_note_underway(work->dispatch, NULL);
	assert_int_equal(backlogs_lease(dispatch_backlogs(work->dispatch), "api", INT64_MAX), 0);
	assert_int_equal(dispatch_open(work->dispatch, &work->spec, &work->channel, NULL), 0);
	dispatch_add(work->dispatch, work->channel);
	dispatch_store_hooks(work->dispatch, &store_hooks);
	store_start(work->store, &store_hooks);
}

static void start(struct work *work, const struct plugin *plugin, size_t folded)
{
	start_with(work, plugin, folded, WORKERS);
}

/* The channel ends while commits are as they are, and the store after it. */
static void stop(struct work *work)
{
	store_stop(work->store);
	dispatch_remove(work->dispatch, work->channel);
	dispatch_discard(work->dispatch, work->channel);
	fake.held = false;
	store_close(work->store);
	dispatch_free(work->dispatch);
}

static void wait_for(atomic_int *value, int wanted)
{
	for (int i = 0; i < 10000 && *value < wanted; i++)
		usleep(1000);
	assert_int_equal(*value, wanted);
	usleep(50000); /* nor does it get more */
	assert_int_equal(*value, wanted);
}

static void of_a_plugin_that_begins_others_are_made_ready_meanwhile(void **state)
{
	struct work work;

	(void)state;
	start(&work, &beginning, 1);
	wait_for(&fake.taken, AT_RISK + WORKERS);
	assert_int_equal(fake.at_risk, AT_RISK);
	fake.held = false;
	wait_for(&fake.settled, DELIVERIES);
	assert_in_range(fake.most_at_risk, 1, AT_RISK);
	assert_int_equal(fake.refused, 0);
	stop(&work);
	assert_int_equal(fake.released, 0);
}

static void room_for_many_is_for_all_who_wait(void **state)
{
	struct work work;

	(void)state;
	start(&work, &beginning, 1);
	wait_for(&fake.taken, AT_RISK + WORKERS);
	fake.slow = true;
	fake.held = false;
	wait_for(&fake.settled, AT_RISK);
	wait_for(&fake.at_risk, WORKERS);
	fake.slow = false;
	wait_for(&fake.settled, DELIVERIES);
	stop(&work);
	assert_int_equal(fake.refused, 0);
}

/* A run of cron with one connection: what a crash repeats is more to it than what a commit costs. */
static void of_one_worker_fewer_are_at_risk(void **state)
{
	struct work work;

	(void)state;
	start_with(&work, &ahead, 1, 1);
	wait_for(&fake.taken, 4);
	assert_int_equal(fake.at_risk, 2);
	fake.held = false;
	wait_for(&fake.settled, DELIVERIES);
	assert_in_range(fake.most_at_risk, 1, 2);
	stop(&work);
}

static void each_worker_may_make_one_more_ready(void **state)
{
	struct work work;

	(void)state;
	start(&work, &ahead, 1);
	wait_for(&fake.taken, AT_RISK + 2 * WORKERS);
	assert_int_equal(fake.at_risk, AT_RISK);
	fake.held = false;
	wait_for(&fake.settled, DELIVERIES);
	assert_in_range(fake.most_at_risk, 1, AT_RISK);
	assert_int_equal(fake.refused, 0);
	stop(&work);
	assert_int_equal(fake.released, 0);
}

static void what_was_made_ready_is_taken_back_as_well(void **state)
{
	struct work work;

	(void)state;
	start(&work, &ahead, 1);
	wait_for(&fake.taken, AT_RISK + 2 * WORKERS);
	stop(&work);
	assert_int_equal(fake.refused, 2 * WORKERS);
	assert_int_equal(fake.settled, AT_RISK);
	assert_int_equal(fake.settled + fake.released, idle_queue.claimed);
}

static void of_others_what_is_taken_counts(void **state)
{
	struct work work;

	(void)state;
	start(&work, &silent, 1);
	wait_for(&fake.taken, 2 * WORKERS);
	fake.held = false;
	wait_for(&fake.settled, DELIVERIES);
	assert_in_range(fake.most_at_risk, 1, 2 * WORKERS);
	stop(&work);
}

/* Whoever waits for a disk that is full must not hold up the end. */
static void a_channel_that_closes_takes_back_what_waits_to_begin(void **state)
{
	struct work work;

	(void)state;
	start(&work, &beginning, 1);
	wait_for(&fake.taken, AT_RISK + WORKERS);
	stop(&work);
	assert_int_equal(fake.refused, WORKERS);
	assert_int_equal(fake.settled, AT_RISK);
	assert_int_equal(fake.settled + fake.released, idle_queue.claimed);
}

static void of_a_digest_it_takes_back_all_members(void **state)
{
	struct work work;

	(void)state;
	start(&work, &beginning, 3);
	wait_for(&fake.taken, AT_RISK + WORKERS);
	stop(&work);
	assert_int_equal(fake.refused, WORKERS);
	assert_int_equal(fake.settled, 3 * AT_RISK);
	assert_int_equal(fake.settled + fake.released, idle_queue.claimed);
}

/* Whoever waits for a disk while its source loses it must not begin. */
static void what_its_source_holds_no_longer_does_not_begin(void **state)
{
	struct work work;
	struct backlogs *backlogs;

	(void)state;
	start(&work, &beginning, 1);
	backlogs = dispatch_backlogs(work.dispatch);
	wait_for(&fake.taken, AT_RISK + WORKERS);
	assert_int_equal(backlogs_lease(backlogs, "api", clock_boot_ms()), 0);
	fake.held = false;
	wait_for(&fake.released, WORKERS);
	assert_int_equal(fake.refused, WORKERS);
	assert_int_equal(fake.taken, AT_RISK + WORKERS);
	stop(&work);
	assert_int_equal(fake.settled + fake.released, idle_queue.claimed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_plugin_that_begins_others_are_made_ready_meanwhile),
		cmocka_unit_test(room_for_many_is_for_all_who_wait),
		cmocka_unit_test(of_one_worker_fewer_are_at_risk),
		cmocka_unit_test(each_worker_may_make_one_more_ready),
		cmocka_unit_test(what_was_made_ready_is_taken_back_as_well),
		cmocka_unit_test(of_others_what_is_taken_counts),
		cmocka_unit_test(a_channel_that_closes_takes_back_what_waits_to_begin),
		cmocka_unit_test(of_a_digest_it_takes_back_all_members),
		cmocka_unit_test(what_its_source_holds_no_longer_does_not_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
