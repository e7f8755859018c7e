/* SPDX-License-Identifier: Apache-2.0 */
/* engine/internal: what the files of this room share. */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "delivery/dispatch.h"
#include "engine/deaths.h"
#include "engine/engine.h"
#include "engine/tally.h"
#include "plugin/self.h"

struct source;

/* One loaded configuration; freed when no channel, source or engine uses it. Main thread only. */
struct generation {
	struct settings *settings;
	size_t users;
};

struct engine {
	struct engine_options options;
	struct log *log;
	pthread_rwlock_t lock;       /* guards current: routes and names for all threads */
	struct generation *current;
	struct generation *opened;   /* what the store was opened with: it borrows from it */
	struct tocsin_self store_self;
	struct store *store;
	struct dispatch *dispatch;
	struct source **source;      /* guarded by sources_lock; changed on the main thread */
	size_t n_sources;
	pthread_mutex_t sources_lock; /* who holds it does not wait for the store's thread */
	bool changing;               /* sources come and go: who has what is not certain now; guarded
					by sources_lock */
	json_t *orphans;             /* name: count; guarded by sources_lock */
	struct tally tally;
	struct deaths deaths;        /* the store thread's own */
	int64_t started_ms;          /* wall time */
	bool fatal;                  /* a source of a run that is once could not work */
	atomic_bool interrupted;     /* a run that is once ends early */
	atomic_bool stopping;        /* engine_stop was called */
};

struct generation *generation_new(struct settings *settings);
struct generation *generation_use(struct generation *generation);
void generation_drop(struct generation *generation);

/* Opens (without adding) the channel of these settings. */
int engine_open_channel(struct engine *engine, struct generation *generation,
			const struct channel_settings *settings, struct channel **channel,
			struct error *err);
/* How a channel was configured: its settings in its own generation. */
const struct channel_settings *engine_channel_settings(const struct channel *channel);
/* recover.c: takes back what a former process had claimed. 0 or a negative errno with the sentence. */
int engine_recover(struct engine *engine, struct error *err);
/* Shows how the run is going, if somebody wants to see. Any thread. */
void engine_progress(struct engine *engine);
/* call.c: answers those that asked a source too long ago. */
void calls_expire(struct engine *engine);
void engine_set_changing(struct engine *engine, bool changing);
/* Adds to the list under its lock; 0 or -ENOMEM. */
int engine_add_source(struct engine *engine, struct source *source);

#endif
