/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"

void tally_init(struct tally *tally)
{
	memset(tally, 0, sizeof(*tally));
	pthread_mutex_init(&tally->lock, NULL);
}

void tally_done(struct tally *tally)
{
	free(tally->failed);
	pthread_mutex_destroy(&tally->lock);
}

static uint64_t hash_of(const char *alert_id)
{
	uint64_t hash = fnv1a(FNV_START, alert_id, strlen(alert_id));

	return hash ? hash : 1;
}

void tally_expect(struct tally *tally, int64_t alerts)
{
	pthread_mutex_lock(&tally->lock);
	tally->expected += alerts;
	pthread_mutex_unlock(&tally->lock);
}

bool tally_begin(struct tally *tally, const char *alert_id, int64_t *number, int64_t *of)
{
	uint64_t hash = hash_of(alert_id), *recent = &tally->recent[hash % TALLY_RECENT];
	bool first;

	pthread_mutex_lock(&tally->lock);
	first = *recent != hash;
	if (first) {
		*recent = hash;
		tally->begun++;
	}
	*number = tally->begun;
	*of = tally->expected > tally->begun ? tally->expected : tally->begun;
	pthread_mutex_unlock(&tally->lock);
	return first;
}

/* The slot of the hash, or the empty one where it belongs. */
static uint64_t *slot(uint64_t *table, size_t capacity, uint64_t hash)
{
	size_t i = hash & (capacity - 1);

	while (table[i] != 0 && table[i] != hash)
		i = (i + 1) & (capacity - 1);
	return &table[i];
}

static bool grow(struct tally *tally)
{
	size_t capacity = tally->capacity ? tally->capacity * 2 : 64;
	uint64_t *table = calloc(capacity, sizeof(*table));

	if (!table)
		return false;
	for (size_t i = 0; i < tally->capacity; i++)
		if (tally->failed[i])
			*slot(table, capacity, tally->failed[i]) = tally->failed[i];
	free(tally->failed);
	tally->failed = table;
	tally->capacity = capacity;
	return true;
}

void tally_failed(struct tally *tally, const char *alert_id)
{
	uint64_t hash = hash_of(alert_id), *at;

	pthread_mutex_lock(&tally->lock);
	if (tally->n_failed * 2 < tally->capacity || grow(tally)) {
		at = slot(tally->failed, tally->capacity, hash);
		if (*at == 0) {
			*at = hash;
			tally->n_failed++;
		}
	}
	pthread_mutex_unlock(&tally->lock);
}

void tally_settled(struct tally *tally, const char *alert_id)
{
	pthread_mutex_lock(&tally->lock);
	if (!tally->capacity || *slot(tally->failed, tally->capacity, hash_of(alert_id)) == 0)
		tally->sent++;
	pthread_mutex_unlock(&tally->lock);
}

void tally_told(struct tally *tally, int64_t alerts)
{
	pthread_mutex_lock(&tally->lock);
	tally->sent += alerts;
	pthread_mutex_unlock(&tally->lock);
}

void tally_read(struct tally *tally, int64_t *expected, int64_t *sent, int64_t *failed)
{
	pthread_mutex_lock(&tally->lock);
	*expected = tally->expected;
	*sent = tally->sent;
	*failed = (int64_t)tally->n_failed;
	pthread_mutex_unlock(&tally->lock);
}
