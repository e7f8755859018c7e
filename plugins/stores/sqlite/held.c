/* SPDX-License-Identifier: Apache-2.0 */
#include "held.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY 64 /* at first */

/* How the set was before a change: the claim, or that there was none. */
struct held_undo {
	struct held claim;
	bool absent;
};

/* The slot of the delivery, or the empty one where it belongs. */
static size_t slot_of(const struct held *slot, size_t capacity, int64_t delivery)
{
	size_t at = (size_t)(((uint64_t)delivery * UINT64_C(0x9e3779b97f4a7c15)) >> 20);

	for (at &= capacity - 1; slot[at].delivery && slot[at].delivery != delivery;)
		at = (at + 1) & (capacity - 1);
	return at;
}

const struct held *held_find(const struct held_set *set, int64_t delivery)
{
	const struct held *found;

	if (!set->n)
		return NULL;
	found = &set->slot[slot_of(set->slot, set->capacity, delivery)];
	return found->delivery ? found : NULL;
}

static int grow(struct held_set *set)
{
	size_t capacity = set->capacity ? set->capacity * 2 : CAPACITY;
	struct held *slot = calloc(capacity, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	for (size_t i = 0; i < set->capacity; i++)
		if (set->slot[i].delivery)
			slot[slot_of(slot, capacity, set->slot[i].delivery)] = set->slot[i];
	free(set->slot);
	set->slot = slot;
	set->capacity = capacity;
	return 0;
}

/* Notes how it was, before it changes. */
static int note(struct held_set *set, int64_t delivery)
{
	const struct held *now = held_find(set, delivery);

	if (set->n_undo == set->room) {
		size_t room = set->room ? set->room * 2 : CAPACITY;
		struct held_undo *undo = realloc(set->undo, room * sizeof(*undo));

		if (!undo)
			return -ENOMEM;
		set->undo = undo;
		set->room = room;
	}
	set->undo[set->n_undo++] = (struct held_undo){
		.claim = now ? *now : (struct held){.delivery = delivery}, .absent = !now};
	return 0;
}

static void put(struct held_set *set, const struct held *claim)
{
	struct held *slot = &set->slot[slot_of(set->slot, set->capacity, claim->delivery)];

	set->n += slot->delivery == 0;
	*slot = *claim;
}

static void take_out(struct held_set *set, int64_t delivery)
{
	size_t mask = set->capacity - 1, at = slot_of(set->slot, set->capacity, delivery);

	if (!set->slot[at].delivery)
		return;
	set->slot[at].delivery = 0;
	set->n--;
	/* What stands behind the gap because its own place was taken may move up. */
	for (at = (at + 1) & mask; set->slot[at].delivery; at = (at + 1) & mask) {
		struct held claim = set->slot[at];

		set->slot[at].delivery = 0;
		set->slot[slot_of(set->slot, set->capacity, claim.delivery)] = claim;
	}
}

int held_put(struct held_set *set, const struct held *claim)
{
	int result = 2 * (set->n + 1) > set->capacity ? grow(set) : 0;

	if (!result)
		result = note(set, claim->delivery);
	if (!result)
		put(set, claim);
	return result;
}

int held_remove(struct held_set *set, int64_t delivery)
{
	int result;

	if (!held_find(set, delivery))
		return 0;
	result = note(set, delivery);
	if (!result)
		take_out(set, delivery);
	return result;
}

const struct held *held_over(const struct held_set *set, int64_t now_ms)
{
	for (size_t i = 0; set->n && i < set->capacity; i++)
		if (set->slot[i].delivery && set->slot[i].lease_until_ms <= now_ms)
			return &set->slot[i];
	return NULL;
}

void held_join(struct held_set *set, int64_t alert)
{
	for (size_t i = 0; i < set->capacity; i++)
		if (set->slot[i].alert == alert)
			set->slot[i].alone = false;
}

void held_commit(struct held_set *set)
{
	set->n_undo = 0;
}

void held_rollback(struct held_set *set)
{
	while (set->n_undo > 0) {
		const struct held_undo *undo = &set->undo[--set->n_undo];

		/* There is room: it was in the set when the change was noted. */
		if (undo->absent)
			take_out(set, undo->claim.delivery);
		else
			put(set, &undo->claim);
	}
}

void held_done(struct held_set *set)
{
	free(set->slot);
	free(set->undo);
	*set = (struct held_set){0};
}
