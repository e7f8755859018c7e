/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claims of this process, by delivery. They are not written to the file:
 * nobody else can have it, and a process that ends holds nothing any more.
 *
 * What changes in a transaction is undone when it is rolled back.
 */
#ifndef SQLITE_HELD_H
#define SQLITE_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct held {
	int64_t delivery;       /* 0: an empty slot */
	int64_t alert;
	int64_t token;
	int64_t lease_until_ms;
	bool tell;              /* its source wants to know the end */
	bool alone;             /* the alert has no other delivery */
};

struct held_set {
	struct held *slot;
	size_t n, capacity;     /* a power of two, or 0 */
	struct held_undo *undo; /* of the open transaction, oldest first */
	size_t n_undo, room;
};

/* The claim of that delivery, or NULL; valid until the set changes. */
const struct held *held_find(const struct held_set *set, int64_t delivery);
/* Adds a claim or replaces the one of the same delivery. 0 or -ENOMEM. */
int held_put(struct held_set *set, const struct held *claim);
/* Removes it if it is there. 0 or -ENOMEM. */
int held_remove(struct held_set *set, int64_t delivery);
/* Some claim whose lease is over at that time, or NULL. */
const struct held *held_over(const struct held_set *set, int64_t now_ms);
/* The alert got another delivery. A rollback leaves it at that. */
void held_join(struct held_set *set, int64_t alert);
void held_commit(struct held_set *set);
void held_rollback(struct held_set *set);
void held_done(struct held_set *set);

#endif
