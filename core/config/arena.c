/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"

struct block {
	struct block *next;
	arena_free_fn *free; /* NULL, or of what the data points to */
	size_t size;
	_Alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct block *first;
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	struct block *block = arena == NULL ? NULL : arena->first;

	while (block != NULL) {
		struct block *next = block->next;

		if (block->free)
			block->free(*(void **)block->data);
		/* Nobody remembers which block is a secret. */
		explicit_bzero(block->data, block->size);
		free(block);
		block = next;
	}
	free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct block *block;

	if (size > SIZE_MAX - sizeof(*block))
		return NULL;
	block = calloc(1, sizeof(*block) + size);
	if (block == NULL)
		return NULL;
	block->size = size;
	block->next = arena->first;
	arena->first = block;
	return block->data;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	size_t length = strlen(text);
	char *copy = arena_alloc(arena, length + 1);

	if (copy != NULL)
		memcpy(copy, text, length + 1);
	return copy;
}

int arena_own(struct arena *arena, const void *thing, arena_free_fn *free)
{
	const void **kept = arena_alloc(arena, sizeof(*kept));

	if (kept == NULL)
		return -ENOMEM;
	*kept = thing;
	arena->first->free = free;
	return 0;
}
