/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core of one page for tests of the heartbeat source: saved values in memory, alerts as lines of
 * text, and a store that can refuse. Time is real.
 */
#ifndef HEARTBEAT_HOST_H
#define HEARTBEAT_HOST_H

#include "../../plugins/sources/heartbeat/heartbeat.h"

extern const struct tocsin_plugin tocsin_plugin;

struct tocsin_self {
	json_t *saved, *kept;    /* by name; in kept null forgets */
	char alerts[200000];     /* "firing 5 alertname=... summary\n" */
	size_t n_alerts, commits;
	char names[4000];        /* announced, "a b c" */
	char log[20000];
	bool once, full, swept;
	int waits;               /* so many waits until the run is stopped */
	int64_t waited_ms;       /* the last time-out that was asked for */
	void *state;
	void (*in_wait)(struct tocsin_self *self); /* what happens meanwhile, or NULL */
	bool sleeps;             /* wait really waits */
};

/* Options as their presets are, but quick. */
struct config beats_config(const struct beat_config *beat, size_t n);
void beats_host_init(struct tocsin_self *self);
void beats_host_done(struct tocsin_self *self);
/* Opens, checks its options first; close with beats_close. */
void beats_open(struct tocsin_self *self, const struct config *config);
void beats_close(struct tocsin_self *self);
/* A word, and what it is answered, for json_decref(). */
json_t *beats_call(struct tocsin_self *self, const char *verb, const char *item, const char *body,
		   int status);
/* The same, of which only the status matters. */
void beats_tell(struct tocsin_self *self, const char *verb, const char *item, const char *body,
		int status);
/* The text under a key of an item, "" for null. Valid until the next call. */
const char *beats_ask(struct tocsin_self *self, const char *item, const char *key);
/* Runs it for so many waits; the result of run. */
int beats_run(struct tocsin_self *self, int waits);

#endif
