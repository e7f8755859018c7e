/* SPDX-License-Identifier: Apache-2.0 */
#include "idle_store.h"

#include <errno.h>

int idle_renew(void *state, int64_t delivery, int64_t token, int64_t lease_until_ms)
{
	(void)state, (void)delivery, (void)token, (void)lease_until_ms;
	return 0;
}

int idle_recover(void *state, int64_t now_ms, const int64_t *suspects, size_t n_suspects,
		 int64_t *n)
{
	(void)state, (void)now_ms, (void)suspects, (void)n_suspects;
	*n = 0;
	return 0;
}

int idle_save(void *state, const char *instance, const char *name, const char *value)
{
	(void)state, (void)instance, (void)name, (void)value;
	return 0;
}

int idle_load(void *state, const char *instance, const char *name, char **value)
{
	(void)state, (void)instance, (void)name, (void)value;
	return -ENOENT;
}

int idle_maintain(void *state, bool idle)
{
	(void)state, (void)idle;
	return 0;
}
