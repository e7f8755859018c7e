/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"

void tally_init(struct tally *tally, bool remembers)
{
	memset(tally, 0, sizeof(*tally));
	tally->remembers = remembers;
	pthread_mutex_init(&tally->lock, NULL);
}

void tally_done(struct tally *tally)
{
	free(tally->failed);
	pthread_mutex_destroy(&tally->lock);
}

static uint64_t hash_of(const void *data, size_t length)
{
	uint64_t hash = fnv1a(FNV_START, data, length);

	return hash ? hash : 1;
}

static uint64_t hash_of_alert(int64_t alert)
{
	return hash_of(&alert, sizeof(alert));
}

void tally_expect(struct tally *tally, int64_t alerts)
{
	pthread_mutex_lock(&tally->lock);
	tally->expected += alerts;
	pthread_mutex_unlock(&tally->lock);
}

bool tally_begin(struct tally *tally, int64_t alert, int64_t *number, int64_t *of)
{
	uint64_t hash = hash_of_alert(alert), *recent = &tally->recent[hash % TALLY_RECENT];
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

static void add_failed(struct tally *tally, uint64_t hash)
{
	uint64_t *at;

	if (!tally->remembers)
		return;
	pthread_mutex_lock(&tally->lock);
	if (tally->in_table * 2 < tally->capacity || grow(tally)) {
		at = slot(tally->failed, tally->capacity, hash);
		if (*at == 0) {
			*at = hash;
			tally->in_table++;
			tally->n_failed++;
		}
	}
	pthread_mutex_unlock(&tally->lock);
}

void tally_failed(struct tally *tally, int64_t alert)
{
	add_failed(tally, hash_of_alert(alert));
}

void tally_refused(struct tally *tally, const char *mark)
{
	add_failed(tally, hash_of(mark, strlen(mark)));
}

/* Called with the lock held. */
static bool has_failed(const struct tally *tally, int64_t alert)
{
	return tally->capacity && *slot(tally->failed, tally->capacity, hash_of_alert(alert)) != 0;
}

void tally_settled(struct tally *tally, int64_t alert)
{
	pthread_mutex_lock(&tally->lock);
	tally->sent += !has_failed(tally, alert);
	pthread_mutex_unlock(&tally->lock);
}

void tally_delivered(struct tally *tally, int64_t alert)
{
	pthread_mutex_lock(&tally->lock);
	tally->n_failed -= has_failed(tally, alert);
	tally->sent++;
	pthread_mutex_unlock(&tally->lock);
}

void tally_read(struct tally *tally, int64_t *expected, int64_t *sent, int64_t *failed)
{
	pthread_mutex_lock(&tally->lock);
	*expected = tally->expected;
	*sent = tally->sent;
	*failed = tally->n_failed;
	pthread_mutex_unlock(&tally->lock);
}
