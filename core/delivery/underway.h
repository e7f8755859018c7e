/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/underway: notes which deliveries are in a plugin's hands, in memory
 * that outlives the process. When the process dies with a delivery there, three
 * times over, that delivery is the suspect, and not the others that merely
 * waited in memory. Any thread.
 */
#ifndef DELIVERY_UNDERWAY_H
#define DELIVERY_UNDERWAY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define UNDERWAY_SLOTS 4096     /* more than that at once are not noted */
#define UNDERWAY_SIZE (UNDERWAY_SLOTS * sizeof(_Atomic int64_t))

struct underway {
	_Atomic int64_t *slot;  /* numbers of deliveries, 0 for a free slot; NULL: not noted */
	atomic_size_t next;     /* where to look for a free one */
};

/* What the last process left: copies at most UNDERWAY_SLOTS numbers, returns how many. */
size_t underway_left(const void *memory, int64_t *deliveries);
/* Takes the memory (UNDERWAY_SIZE bytes, NULL for none) into use, all free. */
void underway_init(struct underway *underway, void *memory);

/* Notes a delivery. Returns the slot for underway_leave. */
size_t underway_enter(struct underway *underway, int64_t delivery);
void underway_leave(struct underway *underway, size_t slot);

#endif
