/* SPDX-License-Identifier: Apache-2.0 */
#include "fresh.h"

#include <stdlib.h>
#include <string.h>

static struct fresh **slot_of(struct fresh_set *set, int64_t delivery)
{
	return &set->slot[(uint64_t)delivery % FRESH_SLOTS];
}

void fresh_free(struct fresh *fresh)
{
	if (!fresh)
		return;
	fresh->release(fresh->accepted);
	free(fresh);
}

struct fresh *fresh_take(struct fresh_set *set, int64_t delivery)
{
	struct fresh **slot = slot_of(set, delivery), *fresh = *slot;

	if (!fresh || fresh->delivery != delivery)
		return NULL;
	set->bytes -= fresh->size;
	*slot = NULL;
	return fresh;
}

/* Whether there is room for it, once what was taken is passed over and what is too old is gone. */
static bool make_room(struct fresh_set *set, int64_t number, size_t size, int64_t now_ms)
{
	for (; set->first <= set->last; set->first++) {
		const struct fresh *oldest = *slot_of(set, set->first);

		if (oldest && number - set->first < FRESH_SLOTS) {
			if (set->bytes + size <= FRESH_BYTES)
				return true;
			if (oldest->created_ms > now_ms - FRESH_KEPT_MS)
				return false;
		}
		fresh_free(fresh_take(set, set->first));
	}
	set->first = number;
	return size <= FRESH_BYTES;
}

static const char *append(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = memcpy(*at, text, size);

	*at += size;
	return copy;
}

static struct fresh *make(const struct tocsin_new_alert *new,
			  const struct tocsin_new_delivery *delivery, size_t size)
{
	struct fresh *fresh = malloc(size);
	char *at;

	if (!fresh)
		return NULL;
	at = fresh->text;
	*fresh = (struct fresh){.accepted = new->alert,
				.release = new->release,
				.received_ms = new->now_ms,
				.tell = new->tell,
				.alone = new->n == 1,
				.recipient = append(&at, delivery->recipient),
				.route = append(&at, delivery->route),
				.key = append(&at, delivery->key)};
	new->hold(new->alert);
	return fresh;
}

void fresh_add(struct fresh_set *set, int64_t number, int64_t alert, int64_t now_ms,
	       const struct tocsin_new_alert *new, const struct tocsin_new_delivery *delivery)
{
	size_t texts =
		strlen(delivery->recipient) + strlen(delivery->route) + strlen(delivery->key) + 3;
	size_t size = sizeof(struct fresh) + texts;
	/* In memory an alert is about as long as its text and a structure. */
	size_t weight = size + strlen(new->body) + sizeof(*new->alert);
	struct fresh *fresh;

	if (!new->hold || !make_room(set, number, weight, now_ms))
		return;
	fresh = make(new, delivery, size);
	if (!fresh)
		return;
	fresh->delivery = number;
	fresh->alert = alert;
	fresh->created_ms = now_ms;
	fresh->size = weight;
	*slot_of(set, number) = fresh;
	set->last = number;
	set->bytes += weight;
}

void fresh_clear(struct fresh_set *set)
{
	for (; set->first <= set->last; set->first++)
		fresh_free(fresh_take(set, set->first));
	set->first = set->last = 0;
}
