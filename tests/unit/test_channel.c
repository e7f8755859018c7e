/* SPDX-License-Identifier: Apache-2.0 */
/* A channel that has something to do and may not do it yet says when: nobody else would ask it again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "delivery/channel.h"
#include "delivery/lanes.h"

#define LOOKS 300000 /* so many that the clock ticks within some of them, wherever it is read */

static const struct plugin plugin = {.it = {.name = "fake", .kind = TOCSIN_CHANNEL}};
static struct underway underway;
static const struct channel_world world = {.underway = &underway};

static struct channel *make(struct channel_spec spec)
{
	struct channel *channel;

	spec.name = "fake";
	spec.plugin = &plugin;
	spec.concurrency = 1;
	assert_int_equal(channel_new(&spec, &world, &channel, NULL), 0);
	return channel;
}

static void queue(struct channel *channel, struct delivery *delivery)
{
	*delivery = (struct delivery){.pub = {.id = 1, .recipient = ""}, .channel = channel};
	*channel->tail = delivery;
	channel->tail = &delivery->next;
	channel->queued++;
}

/* One in a millisecond. */
static void look_often(struct channel_spec spec)
{
	struct delivery delivery, *taken;
	struct channel *channel;
	int64_t wake_ms;
	size_t sent = 0;

	spec.rate = (struct tocsin_rate){.count = 1000, .per_ms = 1000};
	spec.burst = 1;
	channel = make(spec);
	queue(channel, &delivery);
	for (int i = 0; i < LOOKS; i++) {
		if (channel_take(channel, &taken, 1, &wake_ms) == 0) {
			assert_true(wake_ms <= clock_boot_ms() + 1);
			continue;
		}
		assert_ptr_equal(taken, &delivery);
		channel->under_way--;
		queue(channel, &delivery);
		sent++;
	}
	assert_true(sent > 1);
	channel_free(channel);
}

static void test_a_rate(void **state)
{
	(void)state;
	look_often((struct channel_spec){0});
}

static void test_a_rate_of_digests(void **state)
{
	(void)state;
	look_often((struct channel_spec){.digest = {.over = 1, .most = 2}});
}

static void test_a_rate_of_lanes(void **state)
{
	(void)state;
	look_often((struct channel_spec){.at_once = {.label = "site", .most = 1}});
}

static void test_a_pause(void **state)
{
	struct channel *channel = make((struct channel_spec){0});
	int64_t wake_ms;
	int room = 0;

	(void)state;
	for (int i = 0; i < LOOKS; i++) {
		if (channel_room(channel, &wake_ms) == 0) {
			assert_true(wake_ms <= clock_boot_ms() + 1);
			continue;
		}
		room++;
		breaker_pause(&channel->breaker, clock_boot_ms() + 1);
	}
	assert_true(room > 1);
	channel_free(channel);
}

static void test_a_completion_tells_and_not_the_clock(void **state)
{
	struct channel *channel = make((struct channel_spec){0});
	struct delivery first, second, *taken;
	int64_t wake_ms = 0;

	(void)state;
	queue(channel, &first);
	queue(channel, &second);
	assert_int_equal(channel_take(channel, &taken, 1, &wake_ms), 1);
	assert_int_equal(channel_take(channel, &taken, 1, &wake_ms), 0);
	assert_true(wake_ms == INT64_MAX);
	channel_free(channel);
}

/* It may be crowded again before that, and who finds it so asks for nothing then. */
static void test_what_was_thinned_out_is_looked_at_again(void **state)
{
	struct channel *channel =
		make((struct channel_spec){.at_once = {.label = "site", .most = 1}});

	(void)state;
	assert_true(lanes_look(channel) == INT64_MAX);
	channel->thin_at_ms = clock_boot_ms() + 60000;
	assert_int_equal(lanes_look(channel), channel->thin_at_ms);
	channel_free(channel);
}

/* Something else made room: the next that finds all lanes full has to ask again. */
static void test_who_is_not_crowded_any_more_may_become_so(void **state)
{
	struct channel *channel =
		make((struct channel_spec){.at_once = {.label = "site", .most = 1}});

	(void)state;
	channel->crowded = true;
	assert_true(lanes_look(channel) == INT64_MAX);
	assert_false(channel->crowded);
	channel_free(channel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rate),
		cmocka_unit_test(test_a_rate_of_digests),
		cmocka_unit_test(test_a_rate_of_lanes),
		cmocka_unit_test(test_a_pause),
		cmocka_unit_test(test_a_completion_tells_and_not_the_clock),
		cmocka_unit_test(test_what_was_thinned_out_is_looked_at_again),
		cmocka_unit_test(test_who_is_not_crowded_any_more_may_become_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
