/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/channel.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "delivery/digest.h"
#include "delivery/fallback.h"
#include "delivery/http.h"
#include "delivery/lanes.h"
#include "delivery/render.h"
#include "delivery/withdraw.h"

#define PATIENCE_MS 60000 /* a shorter pause that a peer asks for is worth waiting out */
#define AHEAD 32          /* claimed deliveries that wait beside those under way, at least */

/* How many deliveries the plugin works on at once. */
size_t channel_parallel(const struct channel *channel)
{
	const struct tocsin_plugin *it = &channel->spec.plugin->it;

	return it->blocking ? channel->spec.workers * (it->batch > 1 ? it->batch : 1)
			    : channel->spec.concurrency;
}

int channel_new(const struct channel_spec *spec, const struct channel_world *world,
		struct channel **result, struct error *err)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return error_set(err, -ENOMEM, "out of memory");
	channel->spec = *spec;
	channel->world = world;
	channel->n_instances = spec->plugin->it.blocking ? spec->workers : 1;
	channel->instance = calloc(channel->n_instances, sizeof(*channel->instance));
	if (spec->at_once.label) /* a worker of a plugin that begins may have two in hand */
		channel->lane = calloc(channel_parallel(channel) * 2, sizeof(*channel->lane));
	if (!channel->instance || (spec->at_once.label && !channel->lane)) {
		free(channel->instance);
		free(channel->lane);
		free(channel);
		return error_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < channel->n_instances; i++) {
		struct instance *instance = &channel->instance[i];

		instance->channel = channel;
		self_init(&instance->self, spec->name, world->log, world->store, instance);
	}
	pthread_mutex_init(&channel->lock, NULL);
	clock_cond_init(&channel->changed);
	pthread_cond_init(&channel->room, NULL);
	channel->tail = &channel->head;
	rate_init(&channel->rate, spec->rate, spec->burst, clock_boot_ms());
	breaker_init(&channel->breaker, 0);
	*result = channel;
	return 0;
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	for (size_t i = 0; i < channel->n_instances; i++)
		self_done(&channel->instance[i].self);
	render_close(channel);
	pthread_cond_destroy(&channel->changed);
	pthread_cond_destroy(&channel->room);
	pthread_mutex_destroy(&channel->lock);
	free(channel->instance);
	free(channel->lane);
	if (channel->spec.freed)
		channel->spec.freed(channel->spec.owner);
	free(channel);
}

int channel_open(struct channel *channel, struct error *err)
{
	int result = render_open(channel, err);

	if (result < 0)
		return result;
	if (channel->spec.plugin->it.blocking)
		return workers_start(channel, err);
	return http_attach(channel->world->http, channel, err);
}

void channel_forget(struct delivery *delivery)
{
	struct channel *channel = delivery->channel;
	bool more = false, waiting = false;

	for (size_t i = 0; i < delivery->n_members; i++)
		channel_forget(delivery->member[i]);
	if (delivery->n_members == 0)
		channel->world->settled(channel->world->data, delivery);
	if (!delivery->release && !delivery->untried && !delivery->digest) {
		pthread_mutex_lock(&channel->lock);
		more = channel->queued > 0;
		waiting = more && channel_may_take(channel) == 0;
		channel->uncommitted--;
		pthread_mutex_unlock(&channel->lock);
	}
	if (more) /* one more may be taken */
		pthread_cond_signal(&channel->changed);
	pthread_cond_signal(&channel->room);
	if (waiting && !channel->spec.plugin->it.blocking)
		http_wake(channel->world->http);
	delivery_free(delivery);
	atomic_fetch_sub(&channel->held, 1); /* from here on it may be freed */
}

/* A delivery in memory that was not tried: pending again, due at once. */
static int release_apply(struct store_request *request, const struct transaction *transaction)
{
	struct delivery *delivery =
		(struct delivery *)((char *)request - offsetof(struct delivery, request));
	int64_t due_ms = store_now_ms(delivery->channel->world->store) + delivery->release_after_ms;
	size_t n;
	struct delivery **each = channel_each(&delivery, &n);
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++)
		result = each[i]->unwanted
				 ? withdraw_released(each[i], transaction)
				 : transaction->ops->release(transaction->state, each[i]->pub.id,
							     each[i]->token, due_ms);
	return result;
}

static void release_done(struct store_request *request, int result)
{
	struct delivery *delivery =
		(struct delivery *)((char *)request - offsetof(struct delivery, request));

	(void)result; /* when it failed, the next start recovers the claim */
	channel_forget(delivery);
}

void channel_give_back(struct delivery *delivery, int64_t after_ms)
{
	delivery->release = true;
	for (size_t i = 0; i < delivery->n_members; i++)
		delivery->member[i]->release = true;
	delivery->release_after_ms = after_ms;
	delivery->request = (struct store_request){
		.apply = release_apply, .done = release_done, .persist = true};
	store_submit(delivery->channel->world->store, &delivery->request);
}

static void give_back_all(struct channel *channel)
{
	struct delivery *delivery;

	pthread_mutex_lock(&channel->lock);
	while ((delivery = channel->head)) {
		channel->head = delivery->next;
		channel_give_back(delivery, 0);
	}
	channel->tail = &channel->head;
	channel->queued = 0;
	pthread_mutex_unlock(&channel->lock);
}

void channel_stop(struct channel *channel)
{
	pthread_mutex_lock(&channel->lock);
	channel->closing = true;
	pthread_cond_broadcast(&channel->changed);
	pthread_cond_broadcast(&channel->room);
	pthread_mutex_unlock(&channel->lock);
	give_back_all(channel);
}

void channel_close(struct channel *channel)
{
	channel_stop(channel);
	if (channel->spec.plugin->it.blocking)
		workers_stop(channel);
	else
		http_detach(channel->world->http, channel);
}

void channel_reopen(struct channel *channel)
{
	pthread_mutex_lock(&channel->lock);
	for (size_t i = 0; i < channel->n_instances; i++)
		channel->instance[i].reopen = true;
	pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->lock);
	if (!channel->spec.plugin->it.blocking)
		http_wake(channel->world->http);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Claiming ahead hides the commit's latency; claiming too far ahead would keep deliveries from other
 * instances of a shared store. */
static size_t wanted(const struct channel *channel)
{
	size_t n = channel_parallel(channel) * 2 + AHEAD;

	/* what is folded, or has room in its lane, must be here to be found */
	if (channel->spec.digest.over > 0 || channel->spec.at_once.label)
		return CHANNEL_QUEUE;
	if (channel->spec.rate.count > 0 && n > 2 + (size_t)channel->spec.rate.count)
		n = 2 + (size_t)channel->spec.rate.count;
	return n < CHANNEL_QUEUE ? n : CHANNEL_QUEUE;
}

size_t channel_room(struct channel *channel, int64_t *wake_ms)
{
	int64_t now = clock_boot_ms(), next;
	size_t held, room = 0;

	*wake_ms = INT64_MAX;
	pthread_mutex_lock(&channel->lock);
	held = channel->queued + channel->under_way;
	if (!channel->closing && fallback_is_needed_locked(channel)) {
		room = CHANNEL_QUEUE - least(CHANNEL_QUEUE, atomic_load(&channel->held));
	} else if (!channel->closing && held < wanted(channel)) {
		room = breaker_room(&channel->breaker, wanted(channel) - held, held, now);
		next = breaker_next_ms(&channel->breaker, now);
		if (next > now) /* else it waits for the ramp or a probe: a completion tells */
			*wake_ms = next;
	}
	pthread_mutex_unlock(&channel->lock);
	return room;
}

void channel_push(struct channel *channel, struct delivery *list)
{
	struct delivery **end = &list;
	size_t n = 0, begin = 0;
	bool fallen, leased = false;

	for (; *end; end = &(*end)->next) {
		if (channel->spec.at_once.label)
			lanes_push(channel, *end);
		leased |= (*end)->backlog && backlog_is_leased((*end)->backlog);
		n++;
	}
	pthread_mutex_lock(&channel->lock);
	fallen = !channel->closing && fallback_takes(channel);
	if (!channel->closing && !fallen && n > 0) {
		*channel->tail = list;
		channel->tail = end;
		channel->queued += n;
		channel->leased |= leased;
		begin = least(n, channel_may_take(channel));
		list = NULL;
	}
	pthread_mutex_unlock(&channel->lock);
	for (size_t i = 0; i < least(begin, channel->n_instances); i++)
		pthread_cond_signal(&channel->changed);
	while (list) {
		struct delivery *next = list->next;

		if (fallen)
			fallback_hand_over(list);
		else
			channel_give_back(list, 0);
		list = next;
	}
}

/* The boot time at which time alone lets something start; INT64_MAX: a completion makes room. */
static int64_t may_start_at_ms(struct channel *channel, int64_t now)
{
	int64_t at = breaker_next_ms(&channel->breaker, now);
	int64_t token = rate_next_ms(&channel->rate, now);

	at = at > token ? at : token;
	return at > now ? at : INT64_MAX;
}

size_t channel_may_start(struct channel *channel, size_t max, int64_t *wake_ms)
{
	/* One reading for both: a token that comes between two would be seen by neither. */
	int64_t now = clock_boot_ms();
	size_t n = least(channel->queued, max);

	*wake_ms = INT64_MAX;
	if (channel->closing || n == 0)
		return 0;
	if (!channel->spec.plugin->it.blocking)
		n = least(n, channel->spec.concurrency > channel->under_way
				     ? channel->spec.concurrency - channel->under_way
				     : 0);
	n = least(n, channel_may_take(channel));
	n = breaker_room(&channel->breaker, n, channel->under_way, now);
	n = rate_take(&channel->rate, n, now);
	if (n > 0)
		return breaker_allow(&channel->breaker, n, channel->under_way, now);
	*wake_ms = may_start_at_ms(channel, now);
	return 0;
}

static void note_underway(struct delivery *delivery)
{
	delivery->underway = underway_enter(delivery->channel->world->underway, delivery->pub.id);
}

void channel_start(struct channel *channel, struct delivery *delivery)
{
	channel->under_way++;
	delivery->started_ms = clock_wall_ms();
	if (delivery->n_members == 0)
		note_underway(delivery);
	for (size_t i = 0; i < delivery->n_members; i++)
		note_underway(delivery->member[i]);
}

size_t channel_take_locked(struct channel *channel, struct delivery **batch, size_t max,
			   int64_t *wake_ms)
{
	size_t n;

	withdraw_lapsed(channel);
	if (channel->spec.digest.over > 0)
		return digest_take(channel, batch, max, wake_ms);
	if (channel->spec.at_once.label)
		return lanes_take(channel, batch, max, wake_ms);
	n = channel_may_start(channel, max, wake_ms);
	for (size_t i = 0; i < n; i++) {
		batch[i] = channel->head;
		channel->head = batch[i]->next;
		channel->queued--;
		channel_start(channel, batch[i]);
	}
	if (!channel->head)
		channel->tail = &channel->head;
	return n;
}

size_t channel_take(struct channel *channel, struct delivery **batch, size_t max, int64_t *wake_ms)
{
	size_t n;

	pthread_mutex_lock(&channel->lock);
	n = channel_take_locked(channel, batch, max, wake_ms);
	pthread_mutex_unlock(&channel->lock);
	return n;
}

bool channel_is_empty(struct channel *channel)
{
	bool empty;

	pthread_mutex_lock(&channel->lock);
	empty = channel->queued + channel->under_way == 0;
	pthread_mutex_unlock(&channel->lock);
	return empty;
}

bool channel_rests(struct channel *channel)
{
	bool rests;

	pthread_mutex_lock(&channel->lock);
	rests = channel->under_way == 0;
	pthread_mutex_unlock(&channel->lock);
	return rests;
}

bool channel_is_stuck(struct channel *channel)
{
	bool stuck;

	pthread_mutex_lock(&channel->lock);
	stuck = channel->under_way == 0 && !fallback_is_needed_locked(channel) &&
		(channel->breaker.state != BREAKER_CLOSED ||
		 clock_boot_ms() + PATIENCE_MS < channel->breaker.paused_until_ms);
	pthread_mutex_unlock(&channel->lock);
	return stuck;
}

/* When something is tried again after failures or a pause; "" while nothing is in the way. */
static void format_next_locked(const struct channel *channel, char text[CLOCK_TEXT])
{
	int64_t now_ms = clock_boot_ms(), next_ms = breaker_next_ms(&channel->breaker, now_ms);

	text[0] = '\0';
	if (channel->breaker.state != BREAKER_CLOSED || next_ms > now_ms)
		clock_format_utc(clock_wall_ms() + next_ms - now_ms, text);
}

json_t *channel_status(struct channel *channel)
{
	char delivered[CLOCK_TEXT] = "", failed[CLOCK_TEXT] = "", next[CLOCK_TEXT];
	json_t *object, *counters = json_object();

	for (size_t i = 0; i < channel->n_instances; i++) {
		if (self_add_counters(&channel->instance[i].self, counters) < 0) {
			json_decref(counters);
			return NULL;
		}
	}
	pthread_mutex_lock(&channel->lock);
	if (channel->figures.last_delivered_ms)
		clock_format_utc(channel->figures.last_delivered_ms, delivered);
	if (channel->figures.last_failed_ms)
		clock_format_utc(channel->figures.last_failed_ms, failed);
	format_next_locked(channel, next);
	object = json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:o}",
			   "name", channel->spec.name, "type", channel->spec.plugin->it.name,
			   "breaker", breaker_name(&channel->breaker), "paused",
			   clock_boot_ms() < channel->breaker.paused_until_ms, "queued",
			   (json_int_t)channel->queued, "in_flight", (json_int_t)channel->under_way,
			   "delivered", (json_int_t)channel->figures.delivered, "retried",
			   (json_int_t)channel->figures.retried, "dead",
			   (json_int_t)channel->figures.dead, "last_delivered_at", delivered,
			   "last_failed_at", failed, "last_failure", channel->figures.last_failure,
			   "next_attempt_at", next, "counters", counters);
	pthread_mutex_unlock(&channel->lock);
	return object;
}
