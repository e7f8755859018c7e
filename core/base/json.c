/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/buffer.h"

/* jansson got no memory in this thread. */
static _Thread_local bool ran_short;

static void *allocate(size_t size)
{
	void *memory = malloc(size);

	ran_short |= memory == NULL;
	return memory;
}

static void watch_memory(void)
{
	json_set_alloc_funcs(allocate, free);
}

int json_read(const char *text, size_t length, size_t flags, json_t **value, json_error_t *mistake)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_memory);
	ran_short = false;
	*value = json_loadb(text, length, flags, mistake);
	if (ran_short) { /* also when there is a value: letters may be missing from its texts */
		json_decref(*value);
		*value = NULL;
		return -ENOMEM;
	}
	return *value ? 0 : -EINVAL;
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
