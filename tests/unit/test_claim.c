/* SPDX-License-Identifier: Apache-2.0 */
/* Claiming over a store with one pending delivery, whose commits fail when told to. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "delivery/delivery.h"
#include "delivery/dispatch.h"
#include "idle_store.h"

enum { PENDING, CLAIMED, SETTLED };

static struct fake {
	atomic_int state, committed, failing, delivered;
} fake;

static int fake_begin(void *state, int64_t now_ms)
{
	(void)state, (void)now_ms;
	fake.committed = (int)fake.state;
	return 0;
}

static int fake_commit(void *state)
{
	(void)state;
	if (fake.failing > 0) {
		fake.failing--;
		return -ENOSPC;
	}
	return 0;
}

static void fake_rollback(void *state)
{
	(void)state;
	fake.state = (int)fake.committed;
}

static int fake_claim(void *state, const char *channel, int64_t now_ms, int64_t lease_until_ms,
		      size_t limit, tocsin_delivery_fn *fn, void *data)
{
	struct tocsin_stored_delivery delivery = idle_delivery(1, channel);

	(void)state, (void)now_ms, (void)lease_until_ms, (void)limit;
	if (fake.state != PENDING)
		return 0;
	fake.state = CLAIMED;
	return fn(&delivery, data);
}

static int fake_next_due(void *state, const char *channel, int64_t *due_ms)
{
	(void)state, (void)channel;
	*due_ms = fake.state == PENDING ? 0 : INT64_MAX;
	return 0;
}

static int fake_settle(void *state, const struct tocsin_attempt *attempt,
		       struct tocsin_attempt_result *result)
{
	(void)state, (void)attempt;
	fake.state = SETTLED;
	result->alert_settled = true;
	return 0;
}

static const struct tocsin_store_ops store_ops = {IDLE_STORE,
						  .begin = fake_begin,
						  .commit = fake_commit,
						  .rollback = fake_rollback,
						  .claim = fake_claim,
						  .next_due = fake_next_due,
						  .settle = fake_settle};
static const struct tocsin_plugin store_plugin = {.kind = TOCSIN_STORE, .store = &store_ops};

static void deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	(void)state;
	for (size_t i = 0; i < n; i++) {
		fake.delivered++;
		idle_services->done(batch[i], TOCSIN_DELIVERED, 0, "");
	}
}

static const struct plugin channel_plugin = {
	.it = {.name = "fake", .kind = TOCSIN_CHANNEL, .blocking = true},
	.channel = {.open = idle_open_channel, .deliver = deliver, .close = idle_close}};

static void ignore_death(void *data, const struct tocsin_stored_delivery *delivery, const char *why)
{
	(void)data, (void)delivery, (void)why;
}

static void what_a_full_disk_rolled_back_is_claimed_again(void **state)
{
	const struct dispatch_hooks hooks = {.settled = idle_ignore,
					     .died = ignore_death,
					     .buried = idle_ignore_all,
					     .begun = idle_ignore,
					     .idle = idle_ignore_all};
	const struct channel_spec spec = {
		.name = "fake",
		.plugin = &channel_plugin,
		.concurrency = 1,
		.workers = 1,
		.timeout_ms = 1000,
		.retry = {.first_ms = 1, .max_ms = 1, .give_up_after_ms = 1000}};
	struct store_hooks store_hooks = {0};
	struct dispatch *dispatch;
	struct channel *channel;
	struct store *store;

	(void)state;
	fake.failing = 1;
	assert_int_equal(store_open(&store_plugin, NULL, NULL, NULL, NULL, &store, NULL), 0);
	assert_int_equal(dispatch_new(NULL, store, false, &hooks, &dispatch, NULL), 0);
	dispatch_note_underway(dispatch, NULL);
	assert_int_equal(dispatch_open(dispatch, &spec, &channel, NULL), 0);
	dispatch_add(dispatch, channel);
	dispatch_store_hooks(dispatch, &store_hooks);
	store_start(store, &store_hooks);
	for (int i = 0; i < 5000 && fake.state != SETTLED; i++)
		usleep(1000);
	assert_int_equal(fake.state, SETTLED);
	assert_int_equal(fake.delivered, 1);
	store_stop(store);
	dispatch_remove(dispatch, channel);
	dispatch_discard(dispatch, channel);
	store_close(store);
	dispatch_free(dispatch);
}

static void an_alert_that_the_store_holds_is_not_read_again(void **state)
{
	const struct tocsin_alert from = {
		.size = sizeof(from),
		.labels = {.pair = &(const struct tocsin_pair){"alertname", "disk"}, .n = 1}};
	struct tocsin_stored_delivery stored = idle_delivery(1, "fake");
	struct delivery *delivery;
	struct alert *alert;
	struct error err;

	(void)state;
	assert_int_equal(alert_new(&from, "api", 1, NULL, &alert, &err), 0);
	stored.body = NULL;
	stored.accepted = &alert->pub;
	assert_int_equal(delivery_new(&stored, NULL, "fake", &delivery, &err), 0);
	assert_ptr_equal(delivery->pub.alert, &alert->pub);
	alert_free(alert); /* which the delivery still holds */
	assert_string_equal(delivery->pub.alert->labels.pair[0].value, "disk");
	delivery_free(delivery);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_that_the_store_holds_is_not_read_again),
		cmocka_unit_test(what_a_full_disk_rolled_back_is_claimed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
