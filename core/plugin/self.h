/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/self: one plugin instance as the core knows it, and the host services
 * that every kind of plugin has: log and counters.
 *
 * Made and freed by the owner of the instance; the functions that plugins call
 * through the host table may run on the instance's thread while others read
 * the counters.
 */
#ifndef PLUGIN_SELF_H
#define PLUGIN_SELF_H

#include <pthread.h>

#include <jansson.h>

#include <tocsin/plugin.h>

#include "base/error.h"
#include "base/log.h"

struct store;

struct tocsin_self {
	const char *name;       /* of the channel, source or store; borrowed */
	struct log *log;        /* borrowed */
	struct store *store;    /* for save and load; NULL in a store's own instance */
	void *owner;            /* whoever made it: a worker, a channel, a source */
	pthread_mutex_t lock;   /* guards what follows */
	char trouble[256];      /* the warning or error it logged last, "" after other lines */
	struct self_counter {
		char *name;
		int64_t value;
		struct self_counter *next;
	} *counters;
};

void self_init(struct tocsin_self *self, const char *name, struct log *log, struct store *store,
	       void *owner);
void self_done(struct tocsin_self *self);

/* The host's log, mask, count, save and load, for the tables of channels, sources and stores. */
void self_log(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void self_mask(struct tocsin_self *self, char *text);
void self_count(struct tocsin_self *self, const char *counter, int64_t add);
/* The host's local; its next is schedule_next. */
void self_local(const struct tocsin_zone *zone, int64_t wall_ms, char text[TOCSIN_LOCAL_TIME]);
/* The sentence for an instance whose open returned code, with the reason that it logged. Returns code. */
int self_open_failed(struct tocsin_self *self, int code, const char *what, struct error *err);
/* Copies the trouble. */
void self_trouble(struct tocsin_self *self, char *text, size_t size);
/* Adds each counter to the object (a sum when it is there already). 0 or -ENOMEM. */
int self_add_counters(struct tocsin_self *self, json_t *object);

#endif
