/* SPDX-License-Identifier: Apache-2.0 */
/* store/queue: requests in their order. Owns none of them, and locks nothing. */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include <stddef.h>

#include "store/store.h"

struct queue {
	struct store_request *head, **tail;
	size_t n, adds; /* and how many alerts they add */
};

void queue_init(struct queue *queue);
void queue_push(struct queue *queue, struct store_request *request);
/* NULL when it is empty. */
struct store_request *queue_pop(struct queue *queue);
/* Moves requests in their order, until there are `most`, or so many alerts added, with those that are
 * there. */
void queue_fill(struct queue *group, struct queue *from, size_t most, size_t most_added);
/* Moves everything to the end of another queue. */
void queue_move(struct queue *to, struct queue *from);

#endif
