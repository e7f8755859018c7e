/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/underway: notes which deliveries are in a plugin's hands, in memory
 * that outlives the process. When the process dies with a delivery there, three
 * times over, that delivery is the suspect, and not the others that merely
 * waited in memory. Any thread.
 *
 * When the power is cut, nobody is: no plugin does that, and what is found
 * afterwards is of any moment before it, perhaps the same one after each of
 * several cuts. So the memory says during which boot it was written.
 */
#ifndef DELIVERY_UNDERWAY_H
#define DELIVERY_UNDERWAY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "store/clock.h"

#define UNDERWAY_SLOTS 4096     /* more than that at once are not noted */

/* What outlives the process; all zero at first. */
struct underway_memory {
	_Atomic int64_t slot[UNDERWAY_SLOTS];   /* numbers of deliveries, 0: free */
	char boot[STORE_CLOCK_BOOT];            /* the id of the machine's boot during which they
	                                         * were noted; "" when it cannot be told */
};

struct underway {
	struct underway_memory *memory; /* NULL: not noted */
	atomic_size_t next;             /* where to look for a free slot */
};

/* Takes over what the last process left: copies the numbers (at most UNDERWAY_SLOTS) that it noted
 * during this boot, returns how many, and leaves the memory empty and of this boot. */
size_t underway_take_over(struct underway_memory *memory, const char *boot, int64_t *deliveries);

/* Uses the memory, which underway_take_over left empty; NULL: notes nothing. */
void underway_init(struct underway *underway, struct underway_memory *memory);

/* Notes a delivery. Returns the slot for underway_leave. */
size_t underway_enter(struct underway *underway, int64_t delivery);
void underway_leave(struct underway *underway, size_t slot);

#endif
