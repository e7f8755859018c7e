/* SPDX-License-Identifier: Apache-2.0 */
/* What a store of a test does that has nothing to say to it: calls that succeed and do nothing. */
#ifndef IDLE_STORE_H
#define IDLE_STORE_H

#include <tocsin/store.h>

int idle_renew(void *state, int64_t delivery, int64_t token, int64_t lease_until_ms);
int idle_recover(void *state, int64_t now_ms, const int64_t *suspects, size_t n_suspects,
			int64_t *n);
int idle_save(void *state, const char *instance, const char *name, const char *value);
int idle_load(void *state, const char *instance, const char *name, char **value);
int idle_maintain(void *state, bool idle);

#endif
