/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/lanes: at most so many deliveries under way for one value of a label,
 * such as the user whom they are about. What is at its most is passed over for
 * what waits behind it; deliveries without the label are not counted. One value
 * that fills all of the queue in memory is put back to the store, half of it,
 * due a second later, so that others get their turn.
 *
 * All but lanes_push and lanes_look with the channel's lock held.
 */
#ifndef DELIVERY_LANES_H
#define DELIVERY_LANES_H

#include "delivery/channel.h"

/* As channel_take_locked, for a channel with lanes. */
size_t lanes_take(struct channel *channel, struct delivery **batch, size_t max, int64_t *wake_ms);
/* A delivery comes into the queue. */
void lanes_push(const struct channel *channel, struct delivery *delivery);
/* A delivery ceased to be under way. */
void lanes_leave(struct channel *channel, const struct delivery *delivery);
/* On the store's thread: makes room for others when one value has all of the queue. The boot time to look
 * again; INT64_MAX: not for its own sake. */
int64_t lanes_look(struct channel *channel);

#endif
