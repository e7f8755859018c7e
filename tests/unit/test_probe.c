/* SPDX-License-Identifier: Apache-2.0 */
/* What a probe says of the peer: a channel that is not available, and one delivery after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "delivery/dispatch.h"
#include "idle_store.h"

/* How an attempt ends. */
struct end {
	bool begins;
	enum tocsin_outcome outcome;
};

static struct channel *channel; /* set before anything is claimed */
static struct fake {
	const struct end *end; /* of each delivery */
	atomic_int settled;
	enum breaker_state before[4]; /* each of them */
} fake;

static int fake_settle(void *state, const struct tocsin_attempt *attempt,
		       struct tocsin_attempt_result *result)
{
	(void)state, (void)attempt;
	fake.settled++;
	result->alert_settled = true;
	return 0;
}

static const struct tocsin_store_ops store_ops = {IDLE_STORE,
						  .begin = idle_begin,
						  .commit = idle_commit,
						  .rollback = idle_rollback,
						  .claim = idle_claim,
						  .next_due = idle_next_due,
						  .settle = fake_settle};
static const struct tocsin_plugin store_plugin = {.kind = TOCSIN_STORE, .store = &store_ops};

static enum breaker_state breaker_state(void)
{
	enum breaker_state state;

	pthread_mutex_lock(&channel->lock);
	state = channel->breaker.state;
	pthread_mutex_unlock(&channel->lock);
	return state;
}

static void deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	const struct end *end = &fake.end[batch[0]->id - 1];

	(void)state, (void)n;
	fake.before[batch[0]->id - 1] = breaker_state();
	if (end->begins)
		idle_services->begin(batch[0]);
	idle_services->done(batch[0], end->outcome, 0, "so it ends");
}

static const struct plugin plugin = {
	.it = {.name = "fake", .kind = TOCSIN_CHANNEL, .blocking = true},
	.channel = {.open = idle_open_channel, .deliver = deliver, .close = idle_close}};

/* The state of the breaker after attempts that end so. */
static enum breaker_state after(const struct end *end, int n)
{
	const struct dispatch_hooks hooks = {
		.settled = idle_ignore, .begun = idle_ignore, .idle = idle_ignore_all};
	const struct channel_spec spec = {.name = "fake",
					  .plugin = &plugin,
					  .concurrency = 1,
					  .workers = 1,
					  .timeout_ms = 1000,
					  .retry = {.first_ms = 60000, .max_ms = 60000}};
	struct store_hooks store_hooks = {0};
	struct store *store;
	struct dispatch *dispatch;
	enum breaker_state state;

	fake = (struct fake){.end = end};
	idle_queue = (struct idle_queue){.deliveries = n};
	assert_int_equal(store_open(&store_plugin, NULL, NULL, NULL, NULL, &store, NULL), 0);
	assert_int_equal(dispatch_new(NULL, store, false, &hooks, &dispatch, NULL), 0);
	dispatch_note_underway(dispatch, NULL);
	assert_int_equal(dispatch_open(dispatch, &spec, &channel, NULL), 0);
	pthread_mutex_lock(&channel->lock);
	channel->breaker.state = BREAKER_OPEN; /* until now */
	pthread_mutex_unlock(&channel->lock);
	dispatch_add(dispatch, channel);
	dispatch_store_hooks(dispatch, &store_hooks);
	store_start(store, &store_hooks);
	for (int i = 0; i < 10000 && fake.settled < n; i++)
		usleep(1000);
	assert_int_equal(fake.settled, n);
	state = breaker_state();
	store_stop(store);
	dispatch_remove(dispatch, channel);
	dispatch_discard(dispatch, channel);
	store_close(store);
	dispatch_free(dispatch);
	return state;
}

static void who_was_not_asked_said_nothing_and_the_next_one_probes_at_once(void **state)
{
	const struct end ends[] = {
		{false, TOCSIN_REJECTED}, {false, TOCSIN_REJECTED}, {false, TOCSIN_DELIVERED}};

	(void)state;
	assert_int_equal(after(ends, 2), BREAKER_HALF_OPEN);
	assert_int_equal(after(ends, 3), BREAKER_CLOSED);
	assert_int_equal(fake.before[2], BREAKER_HALF_OPEN);
}

static void a_peer_that_answers_is_available(void **state)
{
	const struct end rejects = {true, TOCSIN_REJECTED}, defers = {false, TOCSIN_RETRY};

	(void)state;
	assert_int_equal(after(&rejects, 1), BREAKER_CLOSED);
	assert_int_equal(after(&defers, 1), BREAKER_CLOSED);
}

static void a_probe_that_fails_opens_it_again(void **state)
{
	const struct end fails = {false, TOCSIN_UNAVAILABLE};

	(void)state;
	assert_int_equal(after(&fails, 1), BREAKER_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_not_asked_said_nothing_and_the_next_one_probes_at_once),
		cmocka_unit_test(a_peer_that_answers_is_available),
		cmocka_unit_test(a_probe_that_fails_opens_it_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
