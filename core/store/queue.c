/* SPDX-License-Identifier: Apache-2.0 */
#include "store/queue.h"

void queue_init(struct queue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
	queue->n = 0;
}

void queue_push(struct queue *queue, struct store_request *request)
{
	request->next = NULL;
	*queue->tail = request;
	queue->tail = &request->next;
	queue->n++;
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
	request->next = NULL;
	return request;
}

void queue_fill(struct queue *group, struct queue *from)
{
	struct store_request *request;

	while (group->n < STORE_GROUP && (request = queue_pop(from)))
		queue_push(group, request);
}

void queue_move(struct queue *to, struct queue *from)
{
	if (from->head) {
		*to->tail = from->head;
		to->tail = from->tail;
		to->n += from->n;
	}
	queue_init(from);
}
