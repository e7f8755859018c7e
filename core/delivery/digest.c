/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "delivery/summary.h"

/* --- a digest --- */

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The same set of deliveries has the same key, in whichever order they wait. */
static int derive_key(struct delivery *const member[], size_t n, char key[ID_TEXT])
{
	const char **part = calloc(n + 1, sizeof(*part));
	int result;

	if (!part)
		return -ENOMEM;
	part[0] = "digest";
	for (size_t i = 0; i < n; i++)
		part[i + 1] = member[i]->pub.key;
	qsort(part + 1, n, sizeof(*part), compare_keys);
	result = id_derive(part, n + 1, key);
	free(part);
	return result;
}

/* The route that chose all of them, if it was one. */
static const char *route_of(struct delivery *const member[], size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(member[i]->pub.route, member[0]->pub.route) != 0)
			return "several";
	return member[0]->pub.route;
}

/* Who reads it knows it again by its key: the alert it never was has no name of its own. */
static void name_it(struct delivery *digest, char *memory, const char key[ID_TEXT])
{
	struct tocsin_alert *sum = &digest->alert->pub;

	digest->pub.key = memcpy(memory, key, ID_TEXT);
	sum->id = digest->pub.key;
	sum->fingerprint = memcpy(memory + ID_TEXT, key, 16); /* ends in a zero of calloc */
}

static void fill(struct delivery *digest, struct delivery *const member[], size_t n,
		 const struct tocsin_alert **folded)
{
	digest->channel = member[0]->channel;
	digest->member = (struct delivery **)(folded + n);
	digest->n_members = n;
	digest->pub = (struct tocsin_delivery){.size = sizeof(digest->pub),
					       .id = member[0]->pub.id,
					       .recipient = member[0]->pub.recipient,
					       .channel = member[0]->pub.channel,
					       .route = route_of(member, n),
					       .folded = folded,
					       .n_folded = n};
	for (size_t i = 0; i < n; i++) {
		digest->member[i] = member[i];
		member[i]->digest = digest;
		folded[i] = member[i]->pub.alert;
		if (member[i]->pub.attempt > digest->pub.attempt)
			digest->pub.attempt = member[i]->pub.attempt;
	}
}

struct delivery *digest_new(struct delivery *const member[], size_t n)
{
	struct delivery *digest = calloc(1, sizeof(*digest) + ID_TEXT + 17);
	/* one block: what the plugin sees, then the members */
	void *lists = calloc(n, sizeof(const struct tocsin_alert *) + sizeof(struct delivery *));
	const struct tocsin_alert **folded = lists;
	char key[ID_TEXT];

	if (!digest || !lists || derive_key(member, n, key) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		folded[i] = member[i]->pub.alert;
	if (summary_new(folded, n, &digest->alert) < 0)
		goto out;
	fill(digest, member, n, folded);
	digest->pub.alert = &digest->alert->pub;
	name_it(digest, digest->text, key);
	return digest;
out:
	free(lists);
	free(digest);
	return NULL;
}

/* --- what is taken from the queue; the channel's lock is held --- */

/* What waits in the queue for one recipient, as far as a digest takes it. */
struct group {
	struct delivery *member[DIGEST_MOST];
	size_t n;
};

static void gather(const struct channel *channel, struct delivery *first, struct group *group)
{
	group->n = 0;
	for (struct delivery *d = first; d && group->n < channel->spec.digest.most; d = d->next)
		if (strcmp(d->pub.recipient, first->pub.recipient) == 0)
			group->member[group->n++] = d;
}

/* The store's time at which a delivery has waited for company long enough. */
static int64_t ripe_at_ms(const struct channel *channel, const struct delivery *delivery)
{
	return delivery->pub.attempt > 1 ? 0 : delivery->created_ms + channel->spec.digest.every_ms;
}

static bool same_recipient_before(const struct channel *channel, const struct delivery *delivery)
{
	for (const struct delivery *d = channel->head; d != delivery; d = d->next)
		if (strcmp(d->pub.recipient, delivery->pub.recipient) == 0)
			return true;
	return false;
}

/* The first group that may go: one of its deliveries is ripe, or it is full. Else n is 0, and *at_ms
 * the store's time of the next. */
static void next_group(const struct channel *channel, struct group *group, int64_t *at_ms)
{
	int64_t now = channel->spec.digest.every_ms ? store_now_ms(channel->world->store)
						    : INT64_MAX;

	*at_ms = INT64_MAX;
	for (struct delivery *d = channel->head; d; d = d->next) {
		int64_t ripe = ripe_at_ms(channel, d);

		if (ripe < *at_ms)
			*at_ms = ripe;
		if (ripe > now && (channel->queued < channel->spec.digest.most ||
				   same_recipient_before(channel, d)))
			continue;
		gather(channel, d, group);
		if (ripe <= now || group->n == channel->spec.digest.most)
			return;
	}
	group->n = 0;
}

/* Takes these out of the queue, in which they stand in this order. */
static void unqueue(struct channel *channel, struct delivery *const member[], size_t n)
{
	struct delivery **at = &channel->head;

	for (size_t i = 0; i < n; i++) {
		while (*at != member[i])
			at = &(*at)->next;
		*at = member[i]->next;
	}
	while (*at)
		at = &(*at)->next;
	channel->tail = at;
	channel->queued -= n;
}

/* The group as one delivery; one alone when there are too few for a digest, or no memory for it. */
static struct delivery *fold(struct channel *channel, const struct group *group)
{
	struct delivery *digest = NULL;

	if (group->n > channel->spec.digest.over)
		digest = digest_new(group->member, group->n);
	if (!digest) {
		unqueue(channel, group->member, 1);
		return group->member[0];
	}
	unqueue(channel, group->member, group->n);
	atomic_fetch_add(&channel->held, 1);
	return digest;
}

size_t digest_take(struct channel *channel, struct delivery **batch, size_t max, int64_t *wake_ms)
{
	struct group group = {.n = 0};
	int64_t ripe_ms = INT64_MAX;
	size_t n = 0;

	*wake_ms = INT64_MAX;
	while (n < max && channel->queued > 0) {
		next_group(channel, &group, &ripe_ms);
		if (group.n == 0 || channel_may_start(channel, 1, wake_ms) == 0)
			break;
		batch[n] = fold(channel, &group);
		channel_start(channel, batch[n++]);
	}
	if (n == 0 && group.n == 0 && ripe_ms < INT64_MAX && !channel->closing)
		*wake_ms = clock_boot_ms() + 1 + ripe_ms - store_now_ms(channel->world->store);
	return n;
}
