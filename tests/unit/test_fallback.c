/* SPDX-License-Identifier: Apache-2.0 */
/* What a channel that is not available hands to its fallback, which may be gone when it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/options.h"
#include "delivery/dispatch.h"
#include "idle_store.h"

#define DELIVERIES 20

static struct fake {
	bool is_there; /* the fallback */
	atomic_int released, suppressed, added;
} fake;

static int fake_settle(void *state, const struct tocsin_attempt *attempt,
		       struct tocsin_attempt_result *result)
{
	(void)state;
	fake.suppressed += attempt->state == TOCSIN_STATE_SUPPRESSED;
	fake.added += (int)attempt->n_instead;
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
	(void)state, (void)batch, (void)n;
	fail_msg("%s", "its peer is not available");
}

static const struct plugin plugin = {
	.it = {.name = "fake", .kind = TOCSIN_CHANNEL, .blocking = true},
	.channel = {.open = idle_open_channel, .deliver = deliver, .close = idle_close}};

static int stand_in(void *data, const char *channel, const struct delivery *delivery,
		    struct instead **result)
{
	struct arena *arena = arena_new();
	struct instead *instead = arena_alloc(arena, sizeof(*instead));

	(void)data, (void)delivery;
	*instead = (struct instead){.arena = arena, .n = fake.is_there};
	instead->delivery = arena_alloc(arena, sizeof(*instead->delivery));
	*instead->delivery =
		(struct tocsin_new_delivery){.channel = channel, .state = TOCSIN_STATE_PENDING};
	*result = instead;
	return 0;
}

/* All of the deliveries are claimed for a channel that has not been available for long. */
static void hand_over(bool is_there)
{
	const struct dispatch_hooks hooks = {.settled = idle_ignore,
					     .fallback = stand_in,
					     .begun = idle_ignore,
					     .idle = idle_ignore_all};
	struct channel_spec spec = {.name = "fake",
				    .plugin = &plugin,
				    .concurrency = 1,
				    .workers = 1,
				    .timeout_ms = 1000,
				    .fallback = "other"};
	struct store_hooks store_hooks = {0};
	struct store *store;
	struct dispatch *dispatch;
	struct channel *channel;

	fake = (struct fake){.is_there = is_there};
	idle_queue = (struct idle_queue){.deliveries = DELIVERIES};
	assert_int_equal(store_open(&store_plugin, NULL, NULL, NULL, NULL, &store, NULL), 0);
	assert_int_equal(dispatch_new(NULL, store, false, &hooks, &dispatch, NULL), 0);
	dispatch_note_underway(dispatch, NULL);
	assert_int_equal(dispatch_open(dispatch, &spec, &channel, NULL), 0);
	pthread_mutex_lock(&channel->lock);
	channel->breaker.state = BREAKER_OPEN;
	channel->breaker.opened_ms = clock_boot_ms();
	channel->breaker.open_until_ms = INT64_MAX;
	pthread_mutex_unlock(&channel->lock);
	dispatch_add(dispatch, channel);
	dispatch_store_hooks(dispatch, &store_hooks);
	store_start(store, &store_hooks);
	/* The store still answers when the last one is written. */
	for (int i = 0;
	     i < 10000 && (fake.released + fake.suppressed < DELIVERIES || channel->held > 0); i++)
		usleep(1000);
	store_stop(store);
	assert_int_equal(channel->held, 0);
	assert_int_equal(channel->uncommitted, 0);
	dispatch_remove(dispatch, channel);
	dispatch_discard(dispatch, channel);
	store_close(store);
	dispatch_free(dispatch);
}

static void somebody_takes_the_place_of_each(void **state)
{
	(void)state;
	hand_over(true);
	assert_int_equal(fake.suppressed, DELIVERIES);
	assert_int_equal(fake.added, DELIVERIES);
	assert_int_equal(fake.released, 0);
}

static void what_nobody_takes_stays_pending(void **state)
{
	(void)state;
	hand_over(false);
	assert_int_equal(fake.suppressed, 0);
	assert_int_equal(fake.released, DELIVERIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(somebody_takes_the_place_of_each),
		cmocka_unit_test(what_nobody_takes_stays_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
