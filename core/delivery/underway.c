/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/underway.h"

#include <string.h>

#define NO_SLOT SIZE_MAX
#define TRIES 16 /* slots looked at before a delivery goes unnoted */

size_t underway_left(const void *memory, int64_t *deliveries)
{
	const _Atomic int64_t *slot = memory;
	size_t n = 0;

	for (size_t i = 0; slot && i < UNDERWAY_SLOTS; i++) {
		int64_t delivery = atomic_load(&slot[i]);

		if (delivery > 0)
			deliveries[n++] = delivery;
	}
	return n;
}

void underway_init(struct underway *underway, void *memory)
{
	if (memory)
		memset(memory, 0, UNDERWAY_SIZE);
	underway->slot = memory;
	atomic_init(&underway->next, 0);
}

size_t underway_enter(struct underway *underway, int64_t delivery)
{
	for (int i = 0; underway->slot && i < TRIES; i++) {
		size_t at = atomic_fetch_add(&underway->next, 1) % UNDERWAY_SLOTS;
		int64_t expected = 0;

		if (atomic_compare_exchange_strong(&underway->slot[at], &expected, delivery))
			return at;
	}
	return NO_SLOT;
}

void underway_leave(struct underway *underway, size_t slot)
{
	if (slot != NO_SLOT)
		atomic_store(&underway->slot[slot], 0);
}
