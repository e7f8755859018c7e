/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "delivery/backlog.h"
#include "delivery/http.h"

struct dispatch {
	struct log *log;
	struct store *store;
	struct http *http;
	struct channel_world world;
	struct underway underway; /* used after dispatch_note_underway */
	struct dispatch_hooks hooks;
	bool once;
	int64_t started_ms; /* wall time; what is due later is left for the next run */

	pthread_mutex_t lock; /* guards the lists */
	struct channel **channel;
	size_t n;
	struct channel **retired; /* closed, but deliveries still refer to them */
	size_t n_retired;
	struct backlogs backlogs;

	atomic_bool idle;
	/* the store thread's own */
	struct delivery *held;    /* all in memory, linked by held_next */
	int64_t renew_at_ms;      /* boot time */
	struct delivery *claimed; /* of the open transaction */
	struct transaction const *transaction;
	struct channel *claiming;
	size_t n_claimed, n_buried;
};

/* --- what channels tell --- */

static void on_settled(void *data, const struct delivery *delivery)
{
	struct dispatch *dispatch = data;

	if (delivery->held_previous)
		delivery->held_previous->held_next = delivery->held_next;
	else
		dispatch->held = delivery->held_next;
	if (delivery->held_next)
		delivery->held_next->held_previous = delivery->held_previous;
	if (delivery->release) { /* another channel of that name may take it */
		dispatch_due(dispatch, delivery->pub.channel, 0);
		store_wake(dispatch->store);
	} else {
		dispatch->hooks.settled(dispatch->hooks.data, delivery);
	}
	if (dispatch->once) /* the next round sees whether this was the last */
		store_wake(dispatch->store);
}

static void on_begun(void *data, const struct delivery *delivery)
{
	struct dispatch *dispatch = data;

	dispatch->hooks.begun(dispatch->hooks.data, delivery);
}

static void on_tried(void *data, struct backlog *backlog)
{
	struct dispatch *dispatch = data;

	backlogs_tried(&dispatch->backlogs, backlog);
}

static void on_available(void *data, struct channel *channel, bool available)
{
	struct dispatch *dispatch = data;

	pthread_mutex_lock(&dispatch->lock);
	/* one that was removed no longer speaks for its name */
	if (dispatch_find(dispatch, channel->spec.name) == channel)
		backlogs_available(&dispatch->backlogs, channel->spec.name, available);
	pthread_mutex_unlock(&dispatch->lock);
	store_wake(dispatch->store);
}

/* --- claiming, on the store's thread --- */

static void forget_claimed(struct dispatch *dispatch)
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
	dispatch->claimed = delivery;
	atomic_fetch_add(&channel->held, 1);
	return 0;
}

static int64_t boot_time_of(int64_t wall_ms, int64_t wall_now)
{
	return wall_ms == INT64_MAX ? INT64_MAX : clock_boot_ms() + (wall_ms - wall_now);
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

/* Claims what the channel has room for. *wake: boot time to look again. */
static int claim_for(struct dispatch *dispatch, struct channel *channel, int64_t *wake)
{
	const struct transaction *t = dispatch->transaction;
	int64_t wall = clock_wall_ms(), now = dispatch_now_ms(dispatch);
	size_t room = channel_room(channel);
	int result;

	*wake = INT64_MAX;
	if (room == 0) {
		*wake = channel_room_at_ms(channel);
		return 0;
	}
	if (channel->next_due_ms <= now) {
		dispatch->claiming = channel;
		dispatch->n_claimed = dispatch->n_buried = 0;
		channel->rested = false;
		result = t->ops->claim(t->state, channel->spec.name, now, wall + DISPATCH_LEASE_MS,
				       room, on_claimed, dispatch);
		if (result < 0)
			return result;
		if (dispatch->n_buried > 0) /* of which no completion will tell */
			*wake = clock_boot_ms();
		if (dispatch->n_claimed == room) /* there may be more: a completion asks again */
			return 0;
		result = t->ops->next_due(t->state, channel->spec.name, &channel->next_due_ms);
		if (result < 0)
			return result;
	}
	note_rest(dispatch, channel, now);
	if (!dispatch->once && *wake == INT64_MAX)
		*wake = boot_time_of(channel->next_due_ms, wall);
	return 0;
}

/* Keeps the claims of what is in memory, and takes back those whose outcome got lost. */
static int renew_leases(struct dispatch *dispatch)
{
	const struct transaction *t = dispatch->transaction;
	int64_t until = clock_wall_ms() + DISPATCH_LEASE_MS, n = 0;
	int result;

	for (struct delivery *held = dispatch->held; held; held = held->held_next) {
		result = t->ops->renew(t->state, held->pub.id, held->token, until);
		if (result < 0)
			return result;
	}
	result = t->ops->recover(t->state, clock_wall_ms(), NULL, 0, &n);
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
	int64_t now = dispatch_now_ms(dispatch);

	if (store_backlog(dispatch->store) > 0)
		return false;
	for (size_t i = 0; i < dispatch->n; i++) {
		struct channel *channel = dispatch->channel[i];
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

static void claimed(void *data, int result)
{
	struct dispatch *dispatch = data;
	struct delivery *delivery, *reversed = NULL;
	bool wake_http = false, idle;

	if (result < 0) {
		forget_claimed(dispatch);
		return;
	}
	while ((delivery = dispatch->claimed)) { /* back to the order of the store */
		dispatch->claimed = delivery->next;
		delivery->next = reversed;
		reversed = delivery;
	}
	while ((delivery = reversed)) {
		reversed = delivery->next;
		hold(dispatch, delivery);
		wake_http |= !delivery->channel->spec.plugin->it.blocking;
		channel_push(delivery->channel, delivery);
	}
	if (wake_http)
		http_wake(dispatch->http);
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

/* --- the set of channels, on the main thread --- */

int dispatch_new(struct log *log, struct store *store, bool once,
		 const struct dispatch_hooks *hooks, struct dispatch **result, struct error *err)
{
	struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
	int code;

	if (!dispatch)
		return error_set(err, -ENOMEM, "out of memory");
	dispatch->log = log;
	dispatch->store = store;
	dispatch->once = once;
	dispatch->started_ms = clock_wall_ms();
	dispatch->hooks = *hooks;
	code = http_new(log, &dispatch->http, err);
	if (code < 0) {
		free(dispatch);
		return code;
	}
	dispatch->world = (struct channel_world){.log = log,
						 .store = store,
						 .http = dispatch->http,
						 .underway = &dispatch->underway,
						 .settled = on_settled,
						 .begun = on_begun,
						 .tried = on_tried,
						 .available = on_available,
						 .data = dispatch};
	pthread_mutex_init(&dispatch->lock, NULL);
	backlogs_init(&dispatch->backlogs, once);
	*result = dispatch;
	return 0;
}

/* Frees retired channels that nothing refers to any more. Called with the lock held. */
static void free_retired(struct dispatch *dispatch)
{
	size_t kept = 0;

	for (size_t i = 0; i < dispatch->n_retired; i++) {
		if (atomic_load(&dispatch->retired[i]->held) == 0)
			channel_free(dispatch->retired[i]);
		else
			dispatch->retired[kept++] = dispatch->retired[i];
	}
	dispatch->n_retired = kept;
}

void dispatch_free(struct dispatch *dispatch)
{
	if (!dispatch)
		return;
	forget_claimed(dispatch);
	free_retired(dispatch);
	http_free(dispatch->http);
	backlogs_done(&dispatch->backlogs);
	pthread_mutex_destroy(&dispatch->lock);
	free(dispatch->channel);
	free(dispatch->retired);
	free(dispatch);
}

int dispatch_open(struct dispatch *dispatch, const struct channel_spec *spec,
		  struct channel **channel, struct error *err)
{
	size_t n = dispatch->n + dispatch->n_retired + 1;
	struct channel **list, **retired;
	int result;

	/* room in both lists now, so that adding and retiring cannot fail later */
	pthread_mutex_lock(&dispatch->lock);
	list = realloc(dispatch->channel, (n + 64) * sizeof(struct channel *));
	dispatch->channel = list ? list : dispatch->channel;
	retired = realloc(dispatch->retired, (n + 64) * 2 * sizeof(struct channel *));
	dispatch->retired = retired ? retired : dispatch->retired;
	pthread_mutex_unlock(&dispatch->lock);
	if (!list || !retired) {
		if (spec->freed)
			spec->freed(spec->owner);
		return error_set(err, -ENOMEM, "out of memory");
	}
	result = channel_new(spec, &dispatch->world, channel, err);
	if (result < 0) {
		if (spec->freed)
			spec->freed(spec->owner);
		return result;
	}
	result = channel_open(*channel, err);
	if (result < 0)
		channel_free(*channel);
	return result;
}

void dispatch_add(struct dispatch *dispatch, struct channel *channel)
{
	pthread_mutex_lock(&dispatch->lock);
	dispatch->channel[dispatch->n++] = channel;
	backlogs_available(&dispatch->backlogs, channel->spec.name, true);
	pthread_mutex_unlock(&dispatch->lock);
	store_wake(dispatch->store);
}

void dispatch_discard(struct dispatch *dispatch, struct channel *channel)
{
	channel_close(channel);
	pthread_mutex_lock(&dispatch->lock);
	dispatch->retired[dispatch->n_retired++] = channel;
	free_retired(dispatch);
	pthread_mutex_unlock(&dispatch->lock);
}

void dispatch_remove(struct dispatch *dispatch, struct channel *channel)
{
	pthread_mutex_lock(&dispatch->lock);
	for (size_t i = 0; i < dispatch->n; i++) {
		if (dispatch->channel[i] == channel) {
			memmove(&dispatch->channel[i], &dispatch->channel[i + 1],
				(dispatch->n - i - 1) * sizeof(struct channel *));
			dispatch->n--;
			break;
		}
	}
	backlogs_gone(&dispatch->backlogs, channel->spec.name);
	pthread_mutex_unlock(&dispatch->lock);
	channel_stop(channel);
}

struct channel *dispatch_find(struct dispatch *dispatch, const char *name)
{
	for (size_t i = 0; i < dispatch->n; i++)
		if (strcmp(dispatch->channel[i]->spec.name, name) == 0)
			return dispatch->channel[i];
	return NULL;
}

size_t dispatch_channels(struct dispatch *dispatch, struct channel ***list)
{
	*list = dispatch->channel;
	return dispatch->n;
}

json_t *dispatch_status(struct dispatch *dispatch)
{
	json_t *list = json_array();

	pthread_mutex_lock(&dispatch->lock);
	for (size_t i = 0; i < dispatch->n; i++)
		json_array_append_new(list, channel_status(dispatch->channel[i]));
	pthread_mutex_unlock(&dispatch->lock);
	return list;
}

void dispatch_due(struct dispatch *dispatch, const char *name, int64_t due_ms)
{
	pthread_mutex_lock(&dispatch->lock);
	struct channel *channel = dispatch_find(dispatch, name);
	if (channel && due_ms < channel->next_due_ms)
		channel->next_due_ms = due_ms;
	pthread_mutex_unlock(&dispatch->lock);
}

void dispatch_look_again(struct dispatch *dispatch)
{
	pthread_mutex_lock(&dispatch->lock);
	for (size_t i = 0; i < dispatch->n; i++)
		dispatch->channel[i]->next_due_ms = 0;
	pthread_mutex_unlock(&dispatch->lock);
}

void dispatch_note_underway(struct dispatch *dispatch, void *memory)
{
	underway_init(&dispatch->underway, memory);
}

struct backlogs *dispatch_backlogs(struct dispatch *dispatch)
{
	return &dispatch->backlogs;
}

int64_t dispatch_now_ms(const struct dispatch *dispatch)
{
	return dispatch->once ? dispatch->started_ms : clock_wall_ms();
}

bool dispatch_is_idle(struct dispatch *dispatch)
{
	return atomic_load(&dispatch->idle);
}
