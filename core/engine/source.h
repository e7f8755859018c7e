/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/source: one source at work: its thread, its window, and what it is
 * told of its alerts.
 *
 * Made, started and stopped by the main thread; its plugin runs on its own
 * thread; other threads only wake it.
 */
#ifndef ENGINE_SOURCE_H
#define ENGINE_SOURCE_H

#include "engine/internal.h"
#include "engine/names.h"
#include "engine/words.h"
#include "store/kept.h"

#define SOURCE_TELL 500         /* marks told in one call */
#define SOURCE_REFUSED 64       /* refused alerts that are not logged again and again */
#define SOURCE_LAST_MS 10000    /* after it was to stop: what it still commits, see host->emit */

struct source {
	struct engine *engine;
	const struct source_settings *settings; /* of the generation */
	struct generation *generation;
	struct tocsin_self self;
	void *state;
	pthread_t thread;
	int event_fd;               /* written to wake the thread */
	atomic_bool stopping;
	int64_t last_ms;            /* boot time; valid when stopping: nothing is committed after it */
	atomic_bool tell_due;       /* the store may have something to tell */
	struct words words;         /* from outside, for its plugin */

	pthread_mutex_t lock;       /* guards what follows */
	pthread_cond_t changed;
	bool opened, may_run, ended, may_close;
	int open_result, run_result;
	struct names *items;        /* what it has announced; NULL: nothing yet. Only its own thread
				       changes it */
	char trouble[256];          /* why it does not work at the moment, or "" */

	/* the thread's own */
	bool parked, swept;
	bool told_to_stop;
	int watched;                /* a descriptor that ends its wait for room, or -1 */
	struct kept kept;           /* to be saved with the next emit */
	bool leases;                /* it holds what it emits for a time, and limits itself: ... */
	int64_t lease_ms;           /* ... until then, in boot time; 0: it does not lease */
	bool lease_noted;           /* channels know it. Before, nothing is emitted that could begin late */
	int tell_failures;
	int64_t tell_again_ms;      /* boot time */
	int64_t later_ms;           /* boot time to tell again what it could not note yet; 0: nothing */
	struct page *telling;       /* what its plugin is being told, or NULL */
	int64_t wall_ahead_ms;      /* see clock_was_set */
	struct accepted {           /* settle_on: accepted; what to tell at the next wait */
		struct accepted *next;
		int64_t alert;
		char *mark;
	} *accepted;
	uint64_t refused[SOURCE_REFUSED]; /* marks of alerts not accepted, told once */
};

/* Opens the source on its own thread, which then waits for source_run. */
int source_new(struct engine *engine, struct generation *generation,
	       const struct source_settings *settings, struct source **source, struct error *err);
void source_run(struct source *source);
/* Asks its run to end; source_join waits for that. The plugin stays open (and keeps its locks) until
 * source_free. */
void source_stop(struct source *source);
void source_free(struct source *source);
/* Any thread: look at what changed. tell: the store may have something to tell it. */
void source_wake(struct source *source, bool tell);
/* Waits until its run is over. 0 or what run returned. */
int source_join(struct source *source);
/* On the source's thread: as store_call, and again while the store has no room, unless the source
 * is to stop: nothing could end its wait for a full disk. */
int source_call(struct source *source, struct store_request *request);
/* Any thread: a new reference, NULL when memory is short. */
json_t *source_status(struct source *source);

/* tell.c, on the source's thread: tells the plugin what became of its marks, if anything did.
 * Returns how many were told, or a negative errno when the plugin could not take it now. */
int source_tell(struct source *source);
/* The host's later. */
void source_later(struct tocsin_self *self, const char *const mark[], size_t n);
/* hear.c, on the source's thread: lets the plugin answer words that wait, and again those that it put
 * off. True when there was something new. */
bool source_hear(struct source *source, bool again);
/* The host's announce. */
int source_announce(struct source *source, const char *const item[], size_t n);
/* source_hold.c: as host->lease and host->withdraw. */
int source_note_lease(struct source *source);
void source_lease(struct tocsin_self *self, int64_t until_boot_ms);
int source_withdraw(struct tocsin_self *self, const char *const mark[], size_t n,
		    const char *reason);
/* Until it may close, and what it wants to hear the end of has ended. With the lock held. */
void source_await_close(struct source *source, bool ran);
/* source_host.c */
const struct tocsin_host *source_host(void);

#endif
