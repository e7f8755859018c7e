/* SPDX-License-Identifier: Apache-2.0 */
/* delivery/dispatch_parts: what dispatch.c and claim.c share; nobody else includes it. */
#ifndef DELIVERY_DISPATCH_PARTS_H
#define DELIVERY_DISPATCH_PARTS_H

#include "delivery/dispatch.h"

struct dispatch {
	struct log *log;
	struct store *store;
	struct http *http;
	struct renderer *renderer;
	struct channel_world world;
	struct underway underway; /* used after dispatch_note_underway */
	struct dispatch_hooks hooks;
	bool once;
	int64_t started_ms; /* the store's time; what is due later is left for the next run */

	pthread_mutex_t lock; /* guards the lists */
	struct channel **channel;
	size_t n;
	struct channel **retired; /* closed, but deliveries still refer to them */
	size_t n_retired;
	size_t n_open; /* channels made and not yet freed: both lists have that room */
	struct backlogs backlogs;

	atomic_bool idle;
	/* the store thread's own */
	struct delivery *held;    /* all in memory, linked by held_next */
	int64_t renew_at_ms;      /* boot time */
	struct delivery *claimed; /* of the open transaction */
	struct transaction const *transaction;
	struct channel *claiming;
	size_t n_claimed, n_buried;
	bool buried; /* some, in the open transaction */
};

/* claim.c: frees what was claimed in a transaction that did not commit. */
void dispatch_forget_claimed(struct dispatch *dispatch);

#endif
