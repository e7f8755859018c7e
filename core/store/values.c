/* SPDX-License-Identifier: Apache-2.0 */
#include "store/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "store/store.h"

struct value_request {
	struct store_request request;
	const char *instance, *name, *value;
	char **loaded;
};

static int apply_save(struct store_request *request, const struct transaction *transaction)
{
	struct value_request *call = (struct value_request *)request;

	return transaction->ops->save(transaction->state, call->instance, call->name, call->value);
}

static int apply_load(struct store_request *request, const struct transaction *transaction)
{
	struct value_request *call = (struct value_request *)request;

	free(*call->loaded); /* of an earlier try that was rolled back */
	*call->loaded = NULL;
	return transaction->ops->load(transaction->state, call->instance, call->name, call->loaded);
}

int self_save(struct tocsin_self *self, const char *name, const char *value)
{
	struct value_request call = {.request = {.apply = apply_save},
				     .instance = self->name,
				     .name = name,
				     .value = value};

	return self->store ? store_call(self->store, &call.request) : -ENOTSUP;
}

int self_load(struct tocsin_self *self, const char *name, char **value)
{
	struct value_request call = {.request = {.apply = apply_load},
				     .instance = self->name,
				     .name = name,
				     .loaded = value};

	*value = NULL;
	return self->store ? store_call(self->store, &call.request) : -ENOTSUP;
}

/* A walk through values: found on the store's thread, handed out on the caller's. */
struct walk_request {
	struct store_request request;
	const char *instance, *prefix;
	bool newest_first;
	size_t limit;
	struct buffer found; /* names and values, each ended by NUL */
};

static int add_found(const char *name, const char *value, void *data)
{
	struct buffer *found = data;

	buffer_add(found, name, strlen(name) + 1);
	buffer_add(found, value, strlen(value) + 1);
	return found->failed ? -ENOMEM : 0;
}

static int apply_walk(struct store_request *request, const struct transaction *t)
{
	struct walk_request *walk = (struct walk_request *)request;

	if (!t->ops->each)
		return -ENOTSUP;
	buffer_done(&walk->found); /* of an earlier try that was rolled back */
	return t->ops->each(t->state, walk->instance, walk->prefix, walk->newest_first, walk->limit,
			    add_found, &walk->found);
}

int self_each(struct tocsin_self *self, const char *prefix, bool newest_first, size_t limit,
	      tocsin_value_fn *fn, void *data)
{
	struct walk_request walk = {.request = {.apply = apply_walk},
				    .instance = self->name,
				    .prefix = prefix,
				    .newest_first = newest_first,
				    .limit = limit};
	int result = self->store ? store_call(self->store, &walk.request) : -ENOTSUP;
	const char *at = walk.found.data, *end = at + walk.found.length;

	while (result == 0 && at < end) {
		const char *value = at + strlen(at) + 1;

		result = fn(at, value, data);
		at = value + strlen(value) + 1;
	}
	buffer_done(&walk.found);
	return result;
}
