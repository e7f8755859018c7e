/* SPDX-License-Identifier: Apache-2.0 */
#include "marks.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_AT_FIRST 256

/* FNV-1a, of which the upper bits are the better ones. */
int64_t marks_hash(int64_t source, const char *mark)
{
	const uint64_t prime = UINT64_C(1099511628211);
	uint64_t hash = (UINT64_C(14695981039346656037) ^ (uint64_t)source) * prime;

	for (; *mark; mark++)
		hash = (hash ^ (unsigned char)*mark) * prime;
	return (int64_t)(hash >> 17);
}

static uint32_t *chain_of(struct marks *marks, int64_t hash)
{
	return &marks->newest[(uint64_t)hash % MARKS_CHAINS];
}

static int grow(struct marks *marks)
{
	uint32_t room = marks->room ? 2 * marks->room : ROOM_AT_FIRST;
	struct mark *mark;

	if (room < marks->room)
		return -ENOMEM;
	mark = realloc(marks->mark, room * sizeof(*mark));
	if (!mark)
		return -ENOMEM;
	marks->mark = mark;
	marks->room = room;
	return 0;
}

int marks_add(struct marks *marks, int64_t hash, int64_t alert)
{
	uint32_t *chain = chain_of(marks, hash);
	int result = marks->n == marks->room ? grow(marks) : 0;

	if (result)
		return result;
	marks->mark[marks->n] = (struct mark){.hash = hash, .alert = alert, .older = *chain};
	*chain = ++marks->n;
	return 0;
}

int64_t marks_find(const struct marks *marks, int64_t hash, int64_t before)
{
	uint32_t at = marks->newest[(uint64_t)hash % MARKS_CHAINS];

	while (at) {
		const struct mark *mark = &marks->mark[at - 1];

		if (mark->hash == hash && mark->alert < before)
			return mark->alert;
		at = mark->older;
	}
	return 0;
}

/* The last one in the list is the newest of its chain. */
void marks_keep(struct marks *marks, int64_t last_alert)
{
	while (marks->n > 0 && marks->mark[marks->n - 1].alert > last_alert) {
		const struct mark *last = &marks->mark[--marks->n];

		*chain_of(marks, last->hash) = last->older;
	}
}

void marks_done(struct marks *marks)
{
	free(marks->mark);
	*marks = (struct marks){0};
}
