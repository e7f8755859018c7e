/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claiming: what is due and fits goes from the store into the channels' queues. All of it runs on the
 * store's thread, inside the transactions that other requests share, so that what was just accepted is
 * claimed with the same commit.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fault.h"
#include "delivery/dispatch_parts.h"
#include "delivery/fallback.h"
#include "delivery/http.h"
#include "delivery/lanes.h"

#define CRASHES 3 /* of the process: at this one the delivery is held for the cause */

void dispatch_forget_claimed(struct dispatch *dispatch)
{
	struct delivery *delivery;

	while ((delivery = dispatch->claimed)) {
		dispatch->claimed = delivery->next;
		atomic_fetch_sub(&delivery->channel->held, 1);
		delivery_free(delivery);
	}
}

/* An alert that cannot be read any more will not get better: the delivery dies with the reason. */
static int bury(struct dispatch *dispatch, const struct tocsin_stored_delivery *stored,
		const char *why)
{
	struct tocsin_attempt attempt = {.delivery = stored->id,
					 .token = stored->token,
					 .state = TOCSIN_STATE_DEAD,
					 .number = stored->attempt + 1,
					 .started_ms = clock_wall_ms(),
					 .ended_ms = clock_wall_ms(),
					 .detail = why};
	struct tocsin_attempt_result result;

	log_write(dispatch->log, TOCSIN_LOG_ERROR, stored->channel,
		  "delivery %lld is dead: its stored alert cannot be read: %s",
		  (long long)stored->id, why);
	dispatch->hooks.died(dispatch->hooks.data, stored, why);
	dispatch->buried = true;
	return dispatch->transaction->ops->settle(dispatch->transaction->state, &attempt, &result);
}

static int on_claimed(const struct tocsin_stored_delivery *stored, void *data)
{
	struct dispatch *dispatch = data;
	struct channel *channel = dispatch->claiming;
	struct delivery *delivery;
	struct error err;
	int result = delivery_new(stored, channel, channel->spec.name, &delivery, &err);

	dispatch->n_claimed++;
	if (result == -EINVAL) {
		dispatch->n_buried++;
		return bury(dispatch, stored, err.text);
	}
	if (result < 0)
		return result;
	delivery->backlog = backlogs_find(&dispatch->backlogs, stored->source, channel->spec.name);
	delivery->next = dispatch->claimed;
	delivery->condemned = stored->crashes >= CRASHES;
	dispatch->claimed = delivery;
	atomic_fetch_add(&channel->held, 1);
	return 0;
}

/* The boot time at which the store's time is due_ms. */
static int64_t boot_time_of(const struct dispatch *dispatch, int64_t due_ms)
{
	if (due_ms == INT64_MAX)
		return INT64_MAX;
	return clock_boot_ms() + (due_ms - store_now_ms(dispatch->store));
}

/* What is counted for a channel that has nothing to do ended without an attempt. */
static void note_rest(struct dispatch *dispatch, struct channel *channel, int64_t now)
{
	if (channel->rested || dispatch->claimed || channel->next_due_ms <= now ||
	    !channel_is_empty(channel))
		return;
	channel->rested = true;
	backlogs_rest(&dispatch->backlogs, channel->spec.name);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What is due by this time may be claimed: all that is not parked, when it goes to the fallback. */
static int64_t due_now_ms(const struct dispatch *dispatch, bool handing_over)
{
	return handing_over ? TOCSIN_PARKED - 1 : dispatch_now_ms(dispatch);
}

static int look_when(struct dispatch *dispatch, struct channel *channel)
{
	const struct transaction *t = dispatch->transaction;

	return t->ops->next_due(t->state, channel->spec.name, &channel->next_due_ms);
}

/* Claims what the channel has room for. *wake: boot time to look again. */
static int claim_for(struct dispatch *dispatch, struct channel *channel, int64_t *wake)
{
	const struct transaction *t = dispatch->transaction;
	int64_t now = due_now_ms(dispatch, fallback_look(channel, wake)), at;
	size_t room;
	int result;

	if (channel->spec.at_once.label && !dispatch->once) /* a run that is once has no later */
		*wake = earlier(*wake, lanes_look(channel));
	room = channel_room(channel, &at);
	if (room == 0) {
		*wake = earlier(*wake, at);
		/* whether anything waits for it, a run that is once has to know */
		return channel->next_due_ms ? 0 : look_when(dispatch, channel);
	}
	if (channel->next_due_ms <= now) {
		dispatch->claiming = channel;
		dispatch->n_claimed = dispatch->n_buried = 0;
		channel->rested = false;
		result = t->ops->claim(t->state, channel->spec.name, now,
				       store_now_ms(dispatch->store) + DISPATCH_LEASE_MS, room,
				       on_claimed, dispatch);
		FAULT_POINT("claim.taken");
		if (result < 0)
			return result;
		if (dispatch->n_buried > 0) /* of which no completion will tell */
			*wake = clock_boot_ms();
		if (dispatch->n_claimed == room) /* there may be more: a completion asks again */
			return 0;
		result = look_when(dispatch, channel);
		if (result < 0)
			return result;
	}
	note_rest(dispatch, channel, now);
	if (!dispatch->once)
		*wake = earlier(*wake, boot_time_of(dispatch, channel->next_due_ms));
	return 0;
}

/* Keeps the claims of what is in memory, and takes back those whose outcome got lost. */
static int renew_leases(struct dispatch *dispatch)
{
	const struct transaction *t = dispatch->transaction;
	int64_t now = store_now_ms(dispatch->store), until = now + DISPATCH_LEASE_MS, n = 0;
	int result;

	for (struct delivery *held = dispatch->held; held; held = held->held_next) {
		result = t->ops->renew(t->state, held->pub.id, held->token, until);
		if (result < 0)
			return result;
	}
	result = t->ops->recover(t->state, now, NULL, 0, now, &n);
	FAULT_POINT("claim.renew");
	if (n > 0)
		dispatch_look_again(dispatch);
	dispatch->renew_at_ms = clock_boot_ms() + DISPATCH_RENEW_MS;
	return result;
}

static int claim(void *data, const struct transaction *transaction, int64_t *wake_boot_ms)
{
	struct dispatch *dispatch = data;
	int result = 0;

	dispatch->transaction = transaction;
	if (clock_boot_ms() >= dispatch->renew_at_ms)
		result = renew_leases(dispatch);
	*wake_boot_ms = dispatch->held ? dispatch->renew_at_ms : INT64_MAX;
	pthread_mutex_lock(&dispatch->lock);
	for (size_t i = 0; i < dispatch->n && result == 0; i++) {
		int64_t wake = INT64_MAX;

		result = claim_for(dispatch, dispatch->channel[i], &wake);
		if (wake < *wake_boot_ms)
			*wake_boot_ms = wake;
	}
	pthread_mutex_unlock(&dispatch->lock);
	return result;
}

/* Nothing in memory that can go out, nothing due in the store. Called with the lock held. */
static bool is_idle(struct dispatch *dispatch)
{
	if (store_backlog(dispatch->store) > 0)
		return false;
	for (size_t i = 0; i < dispatch->n; i++) {
		struct channel *channel = dispatch->channel[i];
		int64_t now = due_now_ms(dispatch, fallback_is_needed(channel));
		bool empty = atomic_load(&channel->held) == 0 && channel->next_due_ms > now;

		if (!empty && !channel_is_stuck(channel))
			return false;
	}
	return true;
}

static void hold(struct dispatch *dispatch, struct delivery *delivery)
{
	delivery->held_next = dispatch->held;
	if (dispatch->held)
		dispatch->held->held_previous = delivery;
	dispatch->held = delivery;
}

/* Takes those from the list's beginning that are for one channel. */
static struct delivery *cut_run(struct delivery **list)
{
	struct delivery *run = *list, *last = run;

	while (last->next && last->next->channel == run->channel)
		last = last->next;
	*list = last->next;
	last->next = NULL;
	return run;
}

/* It dies as if it had been tried, so that its fallback gets it. */
static void condemn(struct delivery *delivery)
{
	snprintf(delivery->detail, sizeof(delivery->detail),
		 "the process ended %d times while this delivery was under way", CRASHES);
	log_write(delivery->channel->world->log, TOCSIN_LOG_ERROR, delivery->channel->spec.name,
		  "delivery %lld is dead: %s (see 'tocsin dead show %lld')",
		  (long long)delivery->pub.id, delivery->detail, (long long)delivery->pub.id);
	channel_end_untried(delivery, TOCSIN_STATE_DEAD);
	channel_settle(delivery, 0);
}

static void claimed(void *data, int result)
{
	struct dispatch *dispatch = data;
	struct delivery *delivery, *ordered = NULL;
	bool wake_http = false, idle, buried = dispatch->buried;

	dispatch->buried = false;
	if (result < 0) {
		/* what is due was read in a transaction that never was */
		dispatch_forget_claimed(dispatch);
		dispatch_look_again(dispatch);
		return;
	}
	while ((delivery = dispatch->claimed)) { /* back to the order of the store */
		dispatch->claimed = delivery->next;
		hold(dispatch, delivery);
		if (delivery->condemned) {
			condemn(delivery);
			continue;
		}
		delivery->next = ordered;
		ordered = delivery;
		wake_http |= !delivery->channel->spec.plugin->it.blocking;
	}
	while (ordered) {
		delivery = cut_run(&ordered);
		channel_push(delivery->channel, delivery);
		FAULT_POINT("claim.push");
	}
	if (wake_http)
		http_wake(dispatch->http);
	if (buried)
		dispatch->hooks.buried(dispatch->hooks.data);
	pthread_mutex_lock(&dispatch->lock);
	idle = is_idle(dispatch);
	pthread_mutex_unlock(&dispatch->lock);
	atomic_store(&dispatch->idle, idle);
	if (dispatch->once)
		backlogs_idle(&dispatch->backlogs, idle);
	if (idle)
		dispatch->hooks.idle(dispatch->hooks.data);
}

void dispatch_store_hooks(struct dispatch *dispatch, struct store_hooks *hooks)
{
	hooks->claim = claim;
	hooks->claimed = claimed;
	hooks->data = dispatch;
}
