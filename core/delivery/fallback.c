/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/fallback.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/units.h"

static bool falls(const struct delivery *delivery)
{
	return delivery->attempt.state == TOCSIN_STATE_DEAD || delivery->handed_over;
}

int fallback_prepare(struct delivery *delivery)
{
	const struct channel *channel = delivery->channel;
	const struct channel_world *world = channel->world;
	int result;

	if (!channel->spec.fallback || !falls(delivery) || delivery->instead)
		return 0;
	result = world->fallback(world->data, channel->spec.fallback, delivery, &delivery->instead);
	if (result == 0 && delivery->instead) {
		delivery->attempt.instead = delivery->instead->delivery;
		delivery->attempt.n_instead = delivery->instead->n;
	}
	return result;
}

/* The configuration may have become another one since it left the queue. */
bool fallback_is_gone(const struct delivery *delivery)
{
	return delivery->handed_over && delivery->attempt.n_instead == 0;
}

void fallback_announce(const struct delivery *delivery)
{
	const struct channel_world *world = delivery->channel->world;

	for (size_t i = 0; i < delivery->attempt.n_instead; i++) {
		const struct tocsin_new_delivery *made = &delivery->attempt.instead[i];

		if (made->state == TOCSIN_STATE_PENDING)
			world->due(world->data, made->channel, made->due_ms);
	}
}

static bool is_over_at(const struct channel *channel, int64_t now_ms)
{
	return channel->spec.fallback && channel->breaker.state != BREAKER_CLOSED &&
	       now_ms - channel->breaker.opened_ms >= channel->spec.fallback_after_ms;
}

bool fallback_is_needed_locked(const struct channel *channel)
{
	return channel->spec.fallback && is_over_at(channel, clock_boot_ms());
}

bool fallback_is_needed(struct channel *channel)
{
	bool needed;

	if (!channel->spec.fallback)
		return false;
	pthread_mutex_lock(&channel->lock);
	needed = fallback_is_needed_locked(channel);
	pthread_mutex_unlock(&channel->lock);
	return needed;
}

/* Somebody has to find out when the channel is available again. */
static bool wants_probe(const struct channel *channel)
{
	return channel->under_way == 0 &&
	       breaker_room(&channel->breaker, 1, 0, clock_boot_ms()) > 0;
}

bool fallback_takes(const struct channel *channel)
{
	return fallback_is_needed_locked(channel) && (channel->queued > 0 || !wants_probe(channel));
}

void fallback_hand_over(struct delivery *delivery)
{
	const struct channel *channel = delivery->channel;

	snprintf(delivery->detail, sizeof(delivery->detail),
		 "handed to '%s': '%s' is not available", channel->spec.fallback,
		 channel->spec.name);
	delivery->handed_over = true;
	channel_end_untried(delivery, TOCSIN_STATE_SUPPRESSED);
	channel_settle(delivery, 0);
}

/* All of the queue, but one for a probe. Called with the lock held. */
static struct delivery *empty_queue(struct channel *channel)
{
	struct delivery **from = &channel->head, *taken;

	if (channel->head && wants_probe(channel))
		from = &channel->head->next;
	taken = *from;
	*from = NULL;
	channel->tail = from;
	channel->queued = channel->head ? 1 : 0;
	return taken;
}

static void say(struct channel *channel, bool needed)
{
	char after[UNITS_TEXT];

	if (needed && !channel->handing_over) {
		units_format_duration(channel->spec.fallback_after_ms, after);
		log_write(channel->world->log, TOCSIN_LOG_WARNING, channel->spec.name,
			  "not available for %s: what it should deliver goes to '%s' until it is",
			  after, channel->spec.fallback);
	}
	channel->handing_over = needed;
}

bool fallback_look(struct channel *channel, int64_t *at_ms)
{
	int64_t now = clock_boot_ms();
	struct delivery *taken = NULL, *next;
	bool needed;

	*at_ms = INT64_MAX;
	if (!channel->spec.fallback)
		return false;
	pthread_mutex_lock(&channel->lock);
	needed = !channel->closing && is_over_at(channel, now);
	if (needed)
		taken = empty_queue(channel);
	else if (channel->breaker.state != BREAKER_CLOSED)
		*at_ms = channel->breaker.opened_ms + channel->spec.fallback_after_ms;
	pthread_mutex_unlock(&channel->lock);
	say(channel, needed);
	for (; taken; taken = next) {
		next = taken->next;
		fallback_hand_over(taken);
	}
	return needed;
}
