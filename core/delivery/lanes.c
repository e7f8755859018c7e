/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/lanes.h"

#include <string.h>

#include "alert/alert.h"
#include "base/clock.h"
#include "base/id.h"

#define ASIDE_MS 1000    /* what is put back is due that much later, behind all that waits now */
#define THIN_MS 100      /* between two times that the queue is thinned out, doubling ... */
#define THIN_MAX_MS 1000 /* ... up to this */

void lanes_push(const struct channel *channel, struct delivery *delivery)
{
	const char *value = alert_get(&delivery->pub.alert->labels, channel->spec.at_once.label);

	/* Two values of one hash would share a lane, which does no harm. */
	delivery->lane = value ? fnv1a(FNV_START, value, strlen(value)) | 1 : 0;
}

static struct lane *find(struct channel *channel, uint64_t value)
{
	for (size_t i = 0; i < channel->n_lanes; i++)
		if (channel->lane[i].value == value)
			return &channel->lane[i];
	return NULL;
}

static bool is_open(struct channel *channel, const struct delivery *delivery)
{
	const struct lane *lane = delivery->lane ? find(channel, delivery->lane) : NULL;

	return !lane || lane->n < channel->spec.at_once.most;
}

/* There are never more lanes than deliveries under way, for which there is room. */
static void enter(struct channel *channel, const struct delivery *delivery)
{
	struct lane *lane = find(channel, delivery->lane);

	if (!delivery->lane)
		return;
	if (!lane) {
		lane = &channel->lane[channel->n_lanes++];
		*lane = (struct lane){.value = delivery->lane};
	}
	lane->n++;
}

void lanes_leave(struct channel *channel, const struct delivery *delivery)
{
	struct lane *lane = delivery->lane ? find(channel, delivery->lane) : NULL;

	if (lane && --lane->n == 0)
		*lane = channel->lane[--channel->n_lanes];
	if (channel->queued > 0) /* for somebody who found all lanes full */
		pthread_cond_signal(&channel->changed);
}

/* Nothing that waits may begin, and there is no room for more: the store's thread has to help. */
static void ask_for_room(struct channel *channel)
{
	if (channel->crowded || channel->queued + channel->under_way < CHANNEL_QUEUE)
		return;
	channel->crowded = true;
	if (clock_boot_ms() >= channel->thin_at_ms)
		store_wake(channel->world->store);
}

size_t lanes_take(struct channel *channel, struct delivery **batch, size_t max, int64_t *wake_ms)
{
	struct delivery **at = &channel->head, *delivery;
	bool any_open = false;
	size_t n = 0;

	*wake_ms = INT64_MAX;
	while ((delivery = *at) && n < max) {
		if (!is_open(channel, delivery)) {
			at = &delivery->next;
			continue;
		}
		any_open = true;
		if (channel_may_start(channel, 1, wake_ms) == 0)
			break;
		*at = delivery->next;
		if (!*at)
			channel->tail = at;
		channel->queued--;
		enter(channel, delivery);
		channel_start(channel, delivery);
		batch[n++] = delivery;
		channel->crowded = false;
	}
	if (n == 0 && channel->queued > 0 && !any_open && !channel->closing)
		ask_for_room(channel); /* a completion opens a lane */
	return n;
}

/* The newer half of the queue. */
static struct delivery *take_half(struct channel *channel)
{
	struct delivery **at = &channel->head, *taken;
	size_t kept = channel->queued / 2;

	for (size_t i = 0; i < kept; i++)
		at = &(*at)->next;
	taken = *at;
	*at = NULL;
	channel->tail = at;
	channel->queued = kept;
	return taken;
}

int64_t lanes_look(struct channel *channel)
{
	int64_t now = clock_boot_ms(), again = INT64_MAX;
	struct delivery *taken = NULL, *next;

	pthread_mutex_lock(&channel->lock);
	if (channel->queued + channel->under_way < CHANNEL_QUEUE) {
		channel->thin_ms = THIN_MS;
		channel->crowded = false; /* who finds it so once more has to ask */
	} else if (channel->crowded && !channel->closing && now >= channel->thin_at_ms) {
		taken = take_half(channel);
		channel->crowded = false;
		channel->thin_at_ms = now + channel->thin_ms;
		if (channel->thin_ms < THIN_MAX_MS)
			channel->thin_ms *= 2;
	}
	if (now < channel->thin_at_ms) /* until then nobody asks, see ask_for_room */
		again = channel->thin_at_ms;
	pthread_mutex_unlock(&channel->lock);
	for (; taken; taken = next) {
		next = taken->next;
		channel_give_back(taken, ASIDE_MS);
	}
	return again;
}
