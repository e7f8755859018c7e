/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "delivery/dispatch_parts.h"
#include "delivery/http.h"

/* --- what channels tell --- */

/* A delivery that the channel tries again, but a reload has put another one in its place: that one
 * must hear when. */
static void tell_successor(struct dispatch *dispatch, const struct delivery *delivery)
{
	struct channel *successor;
	bool wake = false;

	pthread_mutex_lock(&dispatch->lock);
	successor = dispatch_find(dispatch, delivery->pub.channel);
	if (successor && successor != delivery->channel &&
	    delivery->attempt.due_ms < successor->next_due_ms) {
		successor->next_due_ms = delivery->attempt.due_ms;
		wake = true;
	}
	pthread_mutex_unlock(&dispatch->lock);
	if (wake)
		store_wake(dispatch->store);
}

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
		if (delivery->attempt.state == TOCSIN_STATE_PENDING)
			tell_successor(dispatch, delivery);
		dispatch->hooks.settled(dispatch->hooks.data, delivery);
	}
	/* the next round sees whether this was the last; else the end of what is under way tells */
	if (dispatch->once && channel_rests(delivery->channel))
		store_wake(dispatch->store);
}

static int on_fallback(void *data, const char *channel, const struct delivery *delivery,
		       struct instead **instead)
{
	struct dispatch *dispatch = data;

	return dispatch->hooks.fallback(dispatch->hooks.data, channel, delivery, instead);
}

static void on_due(void *data, const char *channel, int64_t due_ms)
{
	dispatch_due(data, channel, due_ms);
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
	dispatch->started_ms = store_now_ms(store);
	dispatch->hooks = *hooks;
	dispatch->renderer = renderer_new(log, NULL);
	code = dispatch->renderer ? http_new(log, &dispatch->http, err)
				  : error_set(err, -ENOMEM, "out of memory");
	if (code < 0) {
		renderer_free(dispatch->renderer);
		free(dispatch);
		return code;
	}
	dispatch->world = (struct channel_world){.log = log,
						 .store = store,
						 .http = dispatch->http,
						 .renderer = dispatch->renderer,
						 .underway = &dispatch->underway,
						 .settled = on_settled,
						 .fallback = on_fallback,
						 .due = on_due,
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
	dispatch->n_open -= dispatch->n_retired - kept;
	dispatch->n_retired = kept;
}

void dispatch_free(struct dispatch *dispatch)
{
	if (!dispatch)
		return;
	dispatch_forget_claimed(dispatch);
	free_retired(dispatch);
	http_free(dispatch->http);
	renderer_free(dispatch->renderer);
	backlogs_done(&dispatch->backlogs);
	pthread_mutex_destroy(&dispatch->lock);
	free(dispatch->channel);
	free(dispatch->retired);
	free(dispatch);
}

static int reserve(struct channel ***list, size_t n)
{
	struct channel **larger = realloc(*list, n * sizeof(struct channel *));

	if (!larger)
		return -ENOMEM;
	*list = larger;
	return 0;
}

/* Room for one more channel in both lists, so that adding and retiring it cannot fail later. */
static int make_room(struct dispatch *dispatch)
{
	int result;

	pthread_mutex_lock(&dispatch->lock);
	dispatch->n_open++;
	result = reserve(&dispatch->channel, dispatch->n_open);
	if (result == 0)
		result = reserve(&dispatch->retired, dispatch->n_open);
	pthread_mutex_unlock(&dispatch->lock);
	return result;
}

static void unmake_room(struct dispatch *dispatch)
{
	pthread_mutex_lock(&dispatch->lock);
	dispatch->n_open--;
	pthread_mutex_unlock(&dispatch->lock);
}

int dispatch_open(struct dispatch *dispatch, const struct channel_spec *spec,
		  struct channel **channel, struct error *err)
{
	int result = make_room(dispatch);

	if (result < 0)
		error_set(err, result, "out of memory");
	if (result == 0)
		result = channel_new(spec, &dispatch->world, channel, err);
	if (result < 0) {
		if (spec->freed)
			spec->freed(spec->owner);
		unmake_room(dispatch);
		return result;
	}
	result = channel_open(*channel, err);
	if (result < 0) {
		channel_free(*channel);
		unmake_room(dispatch);
	}
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
	for (size_t i = 0; list && i < dispatch->n; i++) {
		if (json_array_append_new(list, channel_status(dispatch->channel[i])) < 0) {
			json_decref(list);
			list = NULL;
		}
	}
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

void dispatch_note_underway(struct dispatch *dispatch, struct underway_memory *memory)
{
	underway_init(&dispatch->underway, memory);
}

struct backlogs *dispatch_backlogs(struct dispatch *dispatch)
{
	return &dispatch->backlogs;
}

int64_t dispatch_now_ms(const struct dispatch *dispatch)
{
	return dispatch->once ? dispatch->started_ms : store_now_ms(dispatch->store);
}

bool dispatch_is_idle(struct dispatch *dispatch)
{
	return atomic_load(&dispatch->idle);
}
