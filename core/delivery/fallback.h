/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/fallback: a channel's deliveries go to its fallback: each one that
 * dies, in the transaction of its death, and all that wait, when the channel was
 * not available for long enough. Times are boot time in milliseconds.
 */
#ifndef DELIVERY_FALLBACK_H
#define DELIVERY_FALLBACK_H

#include "delivery/channel.h"

/* Inside the transaction that settles the delivery: sets attempt.instead when it dies or is handed
 * over. 0 or -ENOMEM. */
int fallback_prepare(struct delivery *delivery);
/* After that: it was to be handed over, and nobody is there to take it: it stays with its channel. */
bool fallback_is_gone(const struct delivery *delivery);
/* Inside the same transaction, after it was settled: what was added falls due. */
void fallback_announce(const struct delivery *delivery);

/* On the store's thread: whether what waits is handed over now, which begins here. If not, *at_ms is
 * when it will be unless the channel becomes available before (INT64_MAX: not for its own sake). */
bool fallback_look(struct channel *channel, int64_t *at_ms);
/* True when what waits is handed over. */
bool fallback_is_needed(struct channel *channel);
/* The same, called with the channel's lock held. */
bool fallback_is_needed_locked(const struct channel *channel);
/* Whether a delivery that comes in now is to be handed over rather than queued: it is not wanted as a
 * probe. Called with the lock held. */
bool fallback_takes(const struct channel *channel);
/* Hands over one that is in no queue. */
void fallback_hand_over(struct delivery *delivery);

#endif
