/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/underway.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NO_SLOT SIZE_MAX
#define TRIES 16 /* slots looked at before a delivery goes unnoted */

size_t underway_take_over(struct underway_memory *memory, const char *boot, int64_t *deliveries)
{
	bool ours = strncmp(memory->boot, boot, sizeof(memory->boot)) == 0;
	size_t n = 0;

	for (size_t i = 0; i < UNDERWAY_SLOTS; i++) {
		int64_t delivery = atomic_exchange(&memory->slot[i], 0);

		if (ours && delivery > 0)
			deliveries[n++] = delivery;
	}
	/* only now: one that dies before this leaves nothing of another boot as if it were of this one */
	snprintf(memory->boot, sizeof(memory->boot), "%s", boot);
	return n;
}

void underway_init(struct underway *underway, struct underway_memory *memory)
{
	underway->memory = memory;
	atomic_init(&underway->next, 0);
}

size_t underway_enter(struct underway *underway, int64_t delivery)
{
	for (int i = 0; underway->memory && i < TRIES; i++) {
		size_t at = atomic_fetch_add(&underway->next, 1) % UNDERWAY_SLOTS;
		int64_t expected = 0;

		if (atomic_compare_exchange_strong(&underway->memory->slot[at], &expected,
						   delivery))
			return at;
	}
	return NO_SLOT;
}

void underway_leave(struct underway *underway, size_t slot)
{
	if (slot != NO_SLOT)
		atomic_store(&underway->memory->slot[slot], 0);
}
