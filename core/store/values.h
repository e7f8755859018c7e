/* SPDX-License-Identifier: Apache-2.0 */
/* store/values: the host's save, load and each, small durable values of a plugin instance. */
#ifndef STORE_VALUES_H
#define STORE_VALUES_H

#include "plugin/self.h"

/* As described in <tocsin/plugin.h>; wait for the commit, so not on the store's thread. */
int self_save(struct tocsin_self *self, const char *name, const char *value);
int self_load(struct tocsin_self *self, const char *name, char **value);
int self_each(struct tocsin_self *self, const char *prefix, bool newest_first, size_t limit,
	      tocsin_value_fn *fn, void *data);

#endif
