/* SPDX-License-Identifier: Apache-2.0 */
/* common/body: JSON as the body of a request, whole or not at all. */
#ifndef COMMON_BODY_H
#define COMMON_BODY_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define BODY_FIRST 2048

struct body_text {
	char *data;
	size_t length, room;
};

static inline int body_add(const char *piece, size_t size, void *to)
{
	struct body_text *body = to;

	if (size >= body->room - body->length) {
		size_t room = 2 * (body->length + size) + BODY_FIRST;
		char *grown = realloc(body->data, room);

		if (!grown)
			return -1;
		body->data = grown;
		body->room = room;
	}
	memcpy(body->data + body->length, piece, size);
	body->length += size;
	body->data[body->length] = '\0';
	return 0;
}

/* The JSON in one line, for the caller to free(); NULL when memory is short. json_dumps would leave out
 * what it has no memory for, and say nothing. */
static inline char *body_of(const json_t *json)
{
	struct body_text body = {0};

	if (json && json_dump_callback(json, body_add, &body, JSON_COMPACT) == 0)
		return body.data;
	free(body.data);
	return NULL;
}

#endif
