/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/dispatch: the set of channels, what is claimed for them, and how far
 * sources are ahead of them.
 *
 * The store's thread claims (through the hooks of store_start); the main thread
 * adds and removes channels; sources wait for their window.
 */
#ifndef DELIVERY_DISPATCH_H
#define DELIVERY_DISPATCH_H

#include "delivery/backlog.h"
#include "delivery/channel.h"
#include "store/store.h"

struct dispatch;

struct dispatch_hooks {
	/* On the store's thread after the commit of a settlement (not of a release). */
	void (*settled)(void *data, const struct delivery *delivery);
	/* On the store's thread, in a transaction: which deliveries to that channel take the place of
	 * this one, which it could not deliver; *instead stays NULL when there are none. 0 or
	 * -ENOMEM. */
	int (*fallback)(void *data, const char *channel, const struct delivery *delivery,
			struct instead **instead);
	/* On the store's thread, in a transaction that may yet fail, with the dispatcher's lock held: this
	 * one dies because its alert cannot be read. */
	void (*died)(void *data, const struct tocsin_stored_delivery *delivery, const char *why);
	/* On the store's thread: some did, and it is committed. */
	void (*buried)(void *data);
	/* On an instance's thread: an attempt begins. */
	void (*begun)(void *data, const struct delivery *delivery);
	/* On the store's thread: nothing is left that could be delivered now. */
	void (*idle)(void *data);
	void *data;
};

/* once: claim only what was due at the start, so that each delivery is tried once. */
int dispatch_new(struct log *log, struct store *store, bool once,
		 const struct dispatch_hooks *hooks, struct dispatch **dispatch, struct error *err);
/* All channels must be closed and removed, and the store closed. */
void dispatch_free(struct dispatch *dispatch);

/* The hooks for store_start. */
void dispatch_store_hooks(struct dispatch *dispatch, struct store_hooks *hooks);

/* Makes and opens a channel without using it yet. When it fails, spec->freed was called. */
int dispatch_open(struct dispatch *dispatch, const struct channel_spec *spec,
		  struct channel **channel, struct error *err);
/* Claims for it from now on. */
void dispatch_add(struct dispatch *dispatch, struct channel *channel);
/* Stops claiming for it and beginning deliveries; discard it next. */
void dispatch_remove(struct dispatch *dispatch, struct channel *channel);
/* Closes a channel that was removed or never added, once its deliveries under way ended, and frees it
 * when nothing refers to it any more. */
void dispatch_discard(struct dispatch *dispatch, struct channel *channel);

/* The channels now; valid until the main thread changes them. Main thread only. */
struct channel *dispatch_find(struct dispatch *dispatch, const char *name);
size_t dispatch_channels(struct dispatch *dispatch, struct channel ***list);
/* Any thread. An array of channel_status; a new reference, NULL when memory is short. */
json_t *dispatch_status(struct dispatch *dispatch);

/* On the store's thread, inside a transaction: something is due for the channel at that time. */
void dispatch_due(struct dispatch *dispatch, const char *channel, int64_t due_ms);
/* The same for deliveries of any channel: some were replayed, or go on after they were parked. */
void dispatch_look_again(struct dispatch *dispatch);
/* Notes from now on in this memory (underway_take_over left it empty; or NULL) what is in plugins'
 * hands. Before the first channel is added. */
void dispatch_note_underway(struct dispatch *dispatch, struct underway_memory *memory);
/* When new deliveries of this run become due, in the store's time. Any thread. */
int64_t dispatch_now_ms(const struct dispatch *dispatch);
/* Claims are held this long and renewed that often while their deliveries are in memory. */
#define DISPATCH_LEASE_MS (60 * 1000)
#define DISPATCH_RENEW_MS (20 * 1000)

/* Any thread: how far sources are ahead of the channels. */
struct backlogs *dispatch_backlogs(struct dispatch *dispatch);
/* Any thread: nothing can be delivered now (as of the last transaction). */
bool dispatch_is_idle(struct dispatch *dispatch);

#endif
