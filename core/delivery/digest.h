/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/digest: what waits for a channel becomes few messages. A digest is a
 * delivery of its own in memory, with the deliveries that it folds as members:
 * it is under way in their place, all of them get its outcome in one
 * transaction, and it is not in the store. When the process dies before that,
 * all of them are repeated, perhaps folded otherwise; the same set has the same
 * key.
 */
#ifndef DELIVERY_DIGEST_H
#define DELIVERY_DIGEST_H

#include "delivery/channel.h"

#define DIGEST_MOST 500 /* deliveries in one; all of them wait in memory */

/* As channel_take_locked, for a channel with digests. */
size_t digest_take(struct channel *channel, struct delivery **batch, size_t max, int64_t *wake_ms);

/* Folds n deliveries (n > 1) of one channel and recipient, which belong to it from then on. NULL when
 * memory is short. */
struct delivery *digest_new(struct delivery *const member[], size_t n);

#endif
