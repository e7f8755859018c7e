/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/spool_said.h"

#include <string.h>

#include "base/id.h"

static bool has(const uint64_t *hash, size_t n, uint64_t wanted)
{
	for (size_t i = 0; i < n; i++)
		if (hash[i] == wanted)
			return true;
	return false;
}

bool spool_said_news(struct spool_said *said, const char *name, const char *trouble)
{
	uint64_t hash = fnv1a(FNV_START, name, strlen(name) + 1);

	hash = fnv1a(hash, trouble, strlen(trouble));
	if (has(said->now, said->n_now, hash) || said->n_now == SPOOL_SAID)
		return false;
	said->now[said->n_now++] = hash;
	return !has(said->before, said->n_before, hash);
}

void spool_said_next(struct spool_said *said)
{
	memcpy(said->before, said->now, said->n_now * sizeof(said->now[0]));
	said->n_before = said->n_now;
	said->n_now = 0;
}
