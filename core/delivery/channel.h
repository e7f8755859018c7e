/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/channel: one channel at work: its queue of claimed deliveries, its
 * rate, breaker and instances.
 *
 * The store's thread pushes what was claimed; the instance threads (workers of
 * a blocking channel, else the HTTP engine) take and complete; the main thread
 * opens and closes. The queue is bounded by what channel_room asked for.
 */
#ifndef DELIVERY_CHANNEL_H
#define DELIVERY_CHANNEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <jansson.h>

#include "base/log.h"
#include "delivery/breaker.h"
#include "delivery/delivery.h"
#include "delivery/rate.h"
#include "delivery/retry.h"
#include "delivery/underway.h"
#include "plugin/loader.h"
#include "plugin/self.h"
#include "store/store.h"
#include "template/renderer.h"

#define CHANNEL_BATCH 64        /* most deliveries in one call of a plugin */
#define CHANNEL_QUEUE 512       /* most claimed deliveries that wait in memory */

struct http;

/* What a channel is to be; everything is borrowed and lives longer than the channel. */
struct channel_spec {
	const char *name;
	const struct plugin *plugin;
	const void *config;
	struct tocsin_rate rate;
	int64_t burst;
	size_t concurrency;     /* of a channel that does not block */
	size_t workers;         /* of one that does */
	int64_t timeout_ms;
	struct retry_policy retry;
	const char *fallback;   /* the channel that gets what this one cannot deliver; or NULL */
	struct {
		size_t over;    /* more than so many that wait for one recipient are folded; 0: never */
		size_t most;    /* so many at most in one message */
		int64_t every_ms; /* each waits that long for company */
	} digest;
	struct {
		const char *label; /* at most so many are under way for one value of it; or NULL */
		size_t most;
	} at_once;
	int64_t fallback_after_ms; /* not available for that long: what waits goes there */
	const struct template_sets *templates; /* NULL: none */
	/* Called when the channel is freed, on the thread that frees it: what it borrowed may go. */
	void (*freed)(void *owner);
	void *owner;
};

/* What all channels share. */
struct channel_world {
	struct log *log;
	struct store *store;
	struct http *http;
	struct renderer *renderer;
	struct underway *underway;
	/* On the store's thread, after the commit of a settlement. */
	void (*settled)(void *data, const struct delivery *delivery);
	/* On the store's thread, in a transaction: which deliveries to that channel take the place of
	 * this one; *instead stays NULL when there are none. 0 or -ENOMEM. */
	int (*fallback)(void *data, const char *channel, const struct delivery *delivery,
			struct instead **instead);
	/* On the store's thread, in a transaction: something is due for that channel. */
	void (*due)(void *data, const char *channel, int64_t due_ms);
	/* On an instance's thread: an attempt begins; an attempt ended. */
	void (*begun)(void *data, const struct delivery *delivery);
	void (*tried)(void *data, struct backlog *backlog);
	/* On an instance's thread: the channel became or ceased to be available. */
	void (*available)(void *data, struct channel *channel, bool available);
	void *data;
};

/* An open plugin instance with its thread. */
struct instance {
	struct tocsin_self self;
	struct channel *channel;
	void *state;
	pthread_t thread;       /* a worker's; unused for the HTTP engine */
	bool opened;            /* open was called; result says how */
	bool reopen;            /* asked to reopen its files */
	int result;
	struct delivery *batch[CHANNEL_BATCH]; /* under way in a worker; NULL once completed */
	size_t n_batch;         /* at most two of a plugin that begins */
};

struct channel {
	struct channel_spec spec;
	const struct channel_world *world;
	struct instance *instance;
	size_t n_instances;
	struct channel_programs *programs; /* render.c; NULL: no templates */
	atomic_size_t held;     /* deliveries in memory; the channel is freed when there are none */

	pthread_mutex_t lock;   /* guards what follows */
	pthread_cond_t changed, room; /* room: for what waits in host->begin */
	struct delivery *head, **tail;
	size_t queued, under_way;
	size_t begun;           /* of those under way, of a plugin that begins: may reach somebody */
	size_t uncommitted;     /* ended, but their outcome is not in the store yet */
	size_t resting;         /* workers that wait for something to do */
	struct rate rate;
	struct breaker breaker;
	bool closing;
	struct lane {
		uint64_t value;
		size_t n;       /* under way */
	} *lane;                /* room for as many as may be under way; NULL without at_once */
	size_t n_lanes;
	bool leased;            /* some came from a source that holds them for a time only */
	bool crowded;           /* what waits is in full lanes, and there is no room for more */
	int64_t thin_at_ms, thin_ms; /* not before that boot time is it thinned out; the pause after */
	struct channel_figures {
		int64_t delivered, retried, dead;
		int64_t last_delivered_ms, last_failed_ms; /* wall */
		char last_failure[256];
	} figures;

	/* the store thread's own */
	int64_t next_due_ms;    /* the store's time before which nothing is due; 0: look */
	bool handing_over;      /* what waits goes to the fallback, which was said in the log */
	bool rested;            /* nothing was claimed since it was last found with nothing to do */
};

int channel_new(const struct channel_spec *spec, const struct channel_world *world,
		struct channel **channel, struct error *err);
/* Opens every instance on its own thread. 0, or a negative errno (everything is closed again). */
int channel_open(struct channel *channel, struct error *err);
/* Begins no further delivery, and gives what waits back to the store. Close it next. */
void channel_stop(struct channel *channel);
/* Lets what is under way end, gives the rest back to the store, closes the instances. Settlements may
 * still wait in the store's queue: free the channel only when `held` is 0. */
void channel_close(struct channel *channel);
void channel_free(struct channel *channel);
/* The last step of a delivery in memory, on the store's thread. */
void channel_forget(struct delivery *delivery);
/* Asks each instance to reopen its files. */
void channel_reopen(struct channel *channel);

/* How many deliveries the plugin works on at once. */
size_t channel_parallel(const struct channel *channel);
/* How many more deliveries the channel would like to hold now. When none, *wake_ms is the boot time to ask
 * again (INT64_MAX: after a completion). */
size_t channel_room(struct channel *channel, int64_t *wake_ms);
/* Takes claimed deliveries, linked by next; a closing channel gives them back. */
void channel_push(struct channel *channel, struct delivery *list);

/* Takes up to max deliveries that may start now; they are under way. When there are none, *wake_ms is
 * the boot time to ask again (INT64_MAX: when something changes). */
size_t channel_take(struct channel *channel, struct delivery **batch, size_t max,
		    int64_t *wake_ms);
/* As channel_take, by a caller that holds channel->lock. */
size_t channel_take_locked(struct channel *channel, struct delivery **batch, size_t max,
			   int64_t *wake_ms);
/* For those who take from the queue in another order, with the lock held: how many may start now, with
 * tokens taken for them (none: *wake_ms as of channel_take); one that is out of the queue, and counted as
 * such, is under way. */
size_t channel_may_start(struct channel *channel, size_t max, int64_t *wake_ms);
void channel_start(struct channel *channel, struct delivery *delivery);
/* What a plugin's delivery consists of: itself, or the members of a digest. */
struct delivery **channel_each(struct delivery **delivery, size_t *n);
/* Pending again, untried, due after that time. */
void channel_give_back(struct delivery *delivery, int64_t after_ms);
/* begin.c. Whether what is under way counts from host->begin, not from its start. */
bool channel_begins(const struct channel *channel);
/* How many more may be taken. The lock is held. */
size_t channel_may_take(const struct channel *channel);
/* As host->begin; and what it tells of one that never was called. */
bool channel_begin(struct delivery *delivery);
void channel_tell_begun(struct delivery *delivery);
/* As host->done. */
void channel_complete(struct delivery *delivery, enum tocsin_outcome outcome,
		      int64_t retry_after_ms, const char *why);
/* The end of one that was not tried: that state, for the reason in delivery->detail. Settle it next. */
void channel_end_untried(struct delivery *delivery, enum tocsin_state state);
/* Submits the settlement that delivery->attempt says. company: as of a store_request. */
void channel_settle(struct delivery *delivery, size_t company);
/* True when no delivery waits in memory or is under way. */
bool channel_is_empty(struct channel *channel);
/* True when no delivery is under way. */
bool channel_rests(struct channel *channel);
/* True when deliveries in memory all wait for a peer that is not available. */
bool channel_is_stuck(struct channel *channel);
/* Any thread: a new reference, NULL when memory is short. */
json_t *channel_status(struct channel *channel);

/* worker.c: threads of a blocking channel. */
int workers_start(struct channel *channel, struct error *err);
void workers_stop(struct channel *channel);
/* As host->more. */
struct delivery *worker_more(struct instance *instance);

/* host.c: the services for channels. */
const struct tocsin_host *channel_host(void);

#endif
