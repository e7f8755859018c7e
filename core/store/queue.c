/* SPDX-License-Identifier: Apache-2.0 */
#include "store/queue.h"

void queue_init(struct queue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
	queue->n = queue->adds = 0;
}

void queue_push(struct queue *queue, struct store_request *request)
{
	request->next = NULL;
	*queue->tail = request;
	queue->tail = &request->next;
	queue->n++;
	queue->adds += request->adds;
}

struct store_request *queue_pop(struct queue *queue)
{
	struct store_request *request = queue->head;

	if (!request)
		return NULL;
	queue->head = request->next;
	if (!queue->head)
		queue->tail = &queue->head;
	queue->n--;
	queue->adds -= request->adds;
	request->next = NULL;
	return request;
}

void queue_fill(struct queue *group, struct queue *from, size_t most, size_t most_added)
{
	const struct store_request *next;

	while (group->n < most && (next = from->head) &&
	       (next->adds == 0 || group->adds == 0 || group->adds + next->adds <= most_added))
		queue_push(group, queue_pop(from));
}

void queue_move(struct queue *to, struct queue *from)
{
	if (from->head) {
		*to->tail = from->head;
		to->tail = from->tail;
		to->n += from->n;
		to->adds += from->adds;
	}
	queue_init(from);
}
