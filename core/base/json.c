/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buffer.h"

/* jansson got no memory in this thread. */
static _Thread_local bool ran_short;

/*
 * jansson takes no notice when the text of a token cannot grow, and then looks for its closing quote
 * beyond what it has. So these pieces, whose sizes are powers of two, come from here when there is no
 * other memory. Reading ends soon after, with the next piece that is something else.
 */
#define TOKEN_LEAST 32
static _Thread_local struct spare {
	char *data;
	size_t size, used;
} spare;

static void *spare_for_token(size_t size)
{
	void *memory = spare.data + spare.used;

	if (size < TOKEN_LEAST || (size & (size - 1)) != 0 || size > spare.size - spare.used)
		return NULL;
	spare.used += size;
	return memory;
}

static void *allocate(size_t size)
{
	void *memory = malloc(size);

	if (memory)
		return memory;
	ran_short = true;
	return spare_for_token(size);
}

static void release(void *memory)
{
	uintptr_t at = (uintptr_t)memory, from = (uintptr_t)spare.data;

	if (!spare.data || at < from || at >= from + spare.size)
		free(memory);
}

static void watch_memory(void)
{
	json_set_alloc_funcs(allocate, release);
}

int json_read(const char *text, size_t length, size_t flags, json_t **value, json_error_t *mistake)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_memory);
	ran_short = false;
	*value = NULL;
	/* a token as long as the text, and all the smaller pieces that it grew out of */
	spare = (struct spare){.size = 4 * length + 4 * TOKEN_LEAST};
	spare.data = malloc(spare.size);
	if (!spare.data) {
		spare.size = 0;
		return -ENOMEM;
	}
	*value = json_loadb(text, length, flags, mistake);
	if (ran_short) { /* also when there is a value: letters may be missing from its texts */
		json_decref(*value);
		*value = NULL;
	}
	free(spare.data);
	spare = (struct spare){0}; /* elsewhere jansson takes note */
	return *value ? 0 : ran_short ? -ENOMEM : -EINVAL;
}

static int add(const char *piece, size_t size, void *data)
{
	buffer_add(data, piece, size);
	return 0;
}

char *json_write(const json_t *value, size_t flags)
{
	struct buffer text = {0};

	if (json_dump_callback(value, add, &text, flags) < 0)
		text.failed = true;
	return buffer_take(&text);
}
