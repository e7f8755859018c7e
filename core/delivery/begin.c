/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an attempt begins. A crash repeats what may have reached somebody and has no outcome in the
 * store, so that is kept few: enough to work on one lot while the other is committed. Of most plugins
 * that is all that is under way. One that `begins` makes others ready meanwhile, one or (host->more)
 * two for each worker, and waits here with them. Whoever gives it several workers wants it to be fast:
 * its lots are larger then, so that a commit serves more of them.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "delivery/backlog.h"
#include "delivery/channel.h"

bool channel_begins(const struct channel *channel)
{
	return channel->spec.plugin->it.blocking && channel->spec.plugin->it.begins;
}

/* What a crash may repeat. */
static size_t most_at_risk(const struct channel *channel)
{
	size_t parallel = channel_parallel(channel);

	return channel_begins(channel) && parallel > 1 ? 4 * parallel : 2 * parallel;
}

size_t channel_may_take(const struct channel *channel)
{
	size_t ready = channel_begins(channel) ? 2 * channel_parallel(channel) : 0;
	size_t most = most_at_risk(channel) + ready;
	size_t taken = channel->under_way + channel->uncommitted;

	return most > taken ? most - taken : 0;
}

/* Those that wait to be committed make room without any help of whoever waits here. */
static bool has_room(const struct channel *channel)
{
	return channel->begun + channel->uncommitted < most_at_risk(channel);
}

/* Its source holds it no longer: somebody else may have begun it. */
static bool is_lapsed(struct delivery *delivery)
{
	int64_t now = clock_boot_ms();
	bool lapsed = false;
	size_t n;
	struct delivery **each = channel_each(&delivery, &n);

	for (size_t i = 0; i < n; i++)
		lapsed |= each[i]->backlog && backlog_lapsed(each[i]->backlog, now);
	return lapsed;
}

/* False: the channel closes, and nobody knows when there will be room; or it took too long. */
static bool wait_for_room(struct delivery *delivery)
{
	struct channel *channel = delivery->channel;
	bool room, lapsed;

	pthread_mutex_lock(&channel->lock);
	while (!(room = has_room(channel)) && !channel->closing)
		pthread_cond_wait(&channel->room, &channel->lock);
	lapsed = is_lapsed(delivery);
	if (room && !lapsed)
		channel->begun++;
	pthread_mutex_unlock(&channel->lock);
	if (room && lapsed) /* it is for another one */
		pthread_cond_signal(&channel->room);
	return room && !lapsed;
}

void channel_tell_begun(struct delivery *delivery)
{
	const struct channel_world *world = delivery->channel->world;
	size_t n;
	struct delivery **each = channel_each(&delivery, &n);

	for (size_t i = 0; i < n; i++)
		world->begun(world->data, each[i]);
}

bool channel_begin(struct delivery *delivery)
{
	if (delivery->begun || delivery->refused)
		return delivery->begun;
	FAULT_POINT("begin.before");
	if (channel_begins(delivery->channel) && !wait_for_room(delivery)) {
		delivery->refused = true;
		return false;
	}
	delivery->begun = true;
	delivery->started_ms = clock_wall_ms();
	channel_tell_begun(delivery);
	return true;
}
