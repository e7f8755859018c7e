/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deliveries that were accepted a moment ago and are pending since: most are
 * claimed at once, and then need not be read. An entry has what never changes
 * while a delivery waits to be claimed for the first time; when it is due is in
 * the table alone.
 *
 * The oldest are claimed first, so what finds no room is not taken in; but what
 * was not wanted for FRESH_KEPT_MS makes room. An entry that is missing is no error.
 */
#ifndef SQLITE_FRESH_H
#define SQLITE_FRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/store.h>

#define FRESH_SLOTS 16384             /* the newest so many; the bytes are the limit for usual alerts */
#define FRESH_BYTES (4 * 1024 * 1024) /* at most, with their alerts */
#define FRESH_KEPT_MS 10000

struct fresh {
	int64_t delivery, alert;
	int64_t created_ms;           /* own time */
	int64_t received_ms;
	bool tell;                    /* its source wants to know the end */
	bool alone;                   /* the alert has no other delivery */
	const struct tocsin_alert *accepted;  /* held */
	void (*release)(const struct tocsin_alert *alert);
	const char *recipient, *route, *key;
	size_t size;
	char text[];
};

struct fresh_set {
	struct fresh *slot[FRESH_SLOTS]; /* by number */
	int64_t first, last;          /* none has a number below or above */
	size_t bytes;
};

/* Takes in a delivery of an alert that may be held (new->hold), if there is room and memory. Its number
 * is above those of all that were taken in before, since the last fresh_clear. */
void fresh_add(struct fresh_set *set, int64_t number, int64_t alert, int64_t now_ms,
	       const struct tocsin_new_alert *new, const struct tocsin_new_delivery *delivery);
/* Takes it out, for the caller to free with fresh_free; NULL: it is not there. */
struct fresh *fresh_take(struct fresh_set *set, int64_t delivery);
void fresh_free(struct fresh *fresh);
/* After a rollback, and at the end. */
void fresh_clear(struct fresh_set *set);

#endif
