/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of a blocking channel: each owns one plugin instance. */
#include <errno.h>

#include "base/clock.h"
#include "base/fault.h"
#include "delivery/channel.h"
#include "delivery/render.h"

/* Quiet time after which `idle` is called. It doubles with each call of a quiet phase, up to the most. */
#define IDLE_MS 1000
#define MOST_IDLE_MS 60000

enum work { WORK_NONE, WORK_DELIVER, WORK_REOPEN, WORK_IDLE, WORK_END };

static size_t batch_size(const struct tocsin_plugin *it)
{
	if (it->batch == 0)
		return 1;
	return it->batch < CHANNEL_BATCH ? it->batch : CHANNEL_BATCH;
}

/* What is there to do now; WORK_NONE: wait until *wake_ms. Called with the lock held. */
static enum work next_work(struct instance *instance, int64_t idle_at, int64_t *wake_ms)
{
	struct channel *channel = instance->channel;

	if (instance->reopen) {
		instance->reopen = false;
		return WORK_REOPEN;
	}
	if (channel->closing)
		return WORK_END;
	instance->n_batch = channel_take_locked(channel, instance->batch,
						batch_size(&channel->spec.plugin->it), wake_ms);
	if (instance->n_batch)
		return WORK_DELIVER;
	if (clock_boot_ms() >= idle_at)
		return WORK_IDLE;
	if (idle_at < *wake_ms)
		*wake_ms = idle_at;
	return WORK_NONE;
}

/* Waits for something to do, which after so much quiet is `idle`. */
static enum work wait_for_work(struct instance *instance, int64_t quiet_ms)
{
	struct channel *channel = instance->channel;
	bool may_idle = channel->spec.plugin->channel.idle;
	int64_t idle_at = may_idle ? clock_boot_ms() + quiet_ms : INT64_MAX, wake;
	enum work work;

	pthread_mutex_lock(&channel->lock);
	channel->resting++;
	while ((work = next_work(instance, idle_at, &wake)) == WORK_NONE)
		clock_cond_wait(&channel->changed, &channel->lock, wake);
	channel->resting--;
	pthread_mutex_unlock(&channel->lock);
	return work;
}

/* A plugin must complete each delivery before deliver returns; one that forgot is not lost. */
static void complete_forgotten(struct instance *instance)
{
	for (size_t i = 0; i < instance->n_batch; i++)
		if (instance->batch[i])
			channel_complete(instance->batch[i], TOCSIN_RETRY, 0,
					 "the plugin returned without completing the delivery");
	instance->n_batch = 0;
}

/* Where a plugin with one delivery in hand gets another one; NULL: it has two. */
static struct delivery **second_place(struct instance *instance)
{
	if (!instance->batch[0])
		return &instance->batch[0];
	if (instance->n_batch > 1 && instance->batch[1])
		return NULL;
	instance->n_batch = 2;
	instance->batch[1] = NULL;
	return &instance->batch[1];
}

/* What another worker could begin at once is not to wait for this one. */
struct delivery *worker_more(struct instance *instance)
{
	struct channel *channel = instance->channel;
	bool may = channel_begins(channel) && batch_size(&channel->spec.plugin->it) == 1;
	struct delivery **place = may ? second_place(instance) : NULL;
	int64_t ignored;
	size_t n = 0;

	if (!place)
		return NULL;
	pthread_mutex_lock(&channel->lock);
	if (!channel->closing && !instance->reopen && channel->queued > channel->resting)
		n = channel_take_locked(channel, place, 1, &ignored);
	pthread_mutex_unlock(&channel->lock);
	if (n == 0)
		return NULL;
	render_batch(channel, instance, place, 1);
	return *place;
}

static void deliver(struct instance *instance)
{
	struct tocsin_delivery *batch[CHANNEL_BATCH];

	for (size_t i = 0; i < instance->n_batch; i++)
		batch[i] = &instance->batch[i]->pub;
	render_batch(instance->channel, instance, instance->batch, instance->n_batch);
	FAULT_POINT("worker.deliver.before");
	instance->channel->spec.plugin->channel.deliver(instance->state, batch, instance->n_batch);
	FAULT_POINT("worker.deliver.after");
	complete_forgotten(instance);
}

static bool open_instance(struct instance *instance)
{
	struct channel *channel = instance->channel;
	int result = channel->spec.plugin->channel.open(&instance->self, channel_host(),
							channel->spec.config, &instance->state);

	pthread_mutex_lock(&channel->lock);
	instance->result = result;
	instance->opened = true;
	pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->lock);
	return result == 0;
}

static void *worker(void *data)
{
	struct instance *instance = data;
	const struct tocsin_channel_ops *ops = &instance->channel->spec.plugin->channel;
	int64_t quiet_ms = IDLE_MS;

	if (!open_instance(instance))
		return NULL;
	for (;;) {
		switch (wait_for_work(instance, quiet_ms)) {
		case WORK_NONE:
			break;
		case WORK_DELIVER:
			deliver(instance);
			quiet_ms = IDLE_MS;
			break;
		case WORK_REOPEN:
			if (ops->reopen)
				ops->reopen(instance->state);
			break;
		case WORK_IDLE:
			ops->idle(instance->state);
			quiet_ms = quiet_ms * 2 < MOST_IDLE_MS ? quiet_ms * 2 : MOST_IDLE_MS;
			break;
		case WORK_END:
			ops->close(instance->state);
			return NULL;
		}
	}
}

static void join(struct channel *channel, size_t started)
{
	for (size_t i = 0; i < started; i++)
		pthread_join(channel->instance[i].thread, NULL);
}

int workers_start(struct channel *channel, struct error *err)
{
	int result = 0;
	size_t started = 0;

	while (started < channel->n_instances) {
		struct instance *instance = &channel->instance[started];

		if (pthread_create(&instance->thread, NULL, worker, instance) != 0) {
			result = error_set(err, -EAGAIN, "channel '%s': no thread can be started",
					   channel->spec.name);
			break;
		}
		started++;
	}
	pthread_mutex_lock(&channel->lock);
	for (size_t i = 0; i < started; i++) {
		while (!channel->instance[i].opened)
			pthread_cond_wait(&channel->changed, &channel->lock);
		if (result == 0 && channel->instance[i].result < 0)
			result = self_open_failed(&channel->instance[i].self,
						  channel->instance[i].result, "channel", err);
	}
	if (result < 0) {
		channel->closing = true;
		pthread_cond_broadcast(&channel->changed);
	}
	pthread_mutex_unlock(&channel->lock);
	if (result < 0)
		join(channel, started);
	return result;
}

void workers_stop(struct channel *channel)
{
	join(channel, channel->n_instances);
}
