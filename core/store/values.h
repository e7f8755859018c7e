/* SPDX-License-Identifier: Apache-2.0 */
/* store/values: the host's save and load, small durable values of a plugin instance. */
#ifndef STORE_VALUES_H
#define STORE_VALUES_H

#include "plugin/self.h"

/* As described in <tocsin/plugin.h>; wait for the commit, so not on the store's thread. */
int self_save(struct tocsin_self *self, const char *name, const char *value);
int self_load(struct tocsin_self *self, const char *name, char **value);

#endif
