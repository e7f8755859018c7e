/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/kept: values that wait to be saved in the commit of something else.
 *
 * Owned by one thread, which waits while the writer applies it. `struct kept k = {0}` holds nothing.
 */
#ifndef STORE_KEPT_H
#define STORE_KEPT_H

#include <stdbool.h>

#include <jansson.h>

#include "store/store.h"

struct kept {
	json_t *values; /* by name; null: to be forgotten. NULL: there are none */
	size_t written; /* of them that add to the store rather than take from it */
};

/* In place of what was kept under that name before; copied. value NULL: forgets it. 0 or -ENOMEM. */
int kept_put(struct kept *kept, const char *name, const char *value);
bool kept_is_empty(const struct kept *kept);
/* On the writer thread: saves all of them. They stay, in case the transaction is rolled back. 0 or a
 * negative errno of the store. */
int kept_apply(const struct kept *kept, const struct transaction *transaction,
	       const char *instance);
/* They were committed, or nobody wants them any more. */
void kept_clear(struct kept *kept);

#endif
