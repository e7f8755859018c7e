/* SPDX-License-Identifier: Apache-2.0 */
#include "store/values.h"

#include <errno.h>
#include <stdlib.h>

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
