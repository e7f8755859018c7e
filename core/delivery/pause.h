/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/pause: a peer that asked to be left alone for a while (Retry-After)
 * is left alone by the next life of the daemon, and by a channel that a reload
 * puts in this one's place, as well. The end of the pause is
 * kept in the transaction that settles the delivery which was told, in the
 * store's own time, so that setting the clock does not change it.
 */
#ifndef DELIVERY_PAUSE_H
#define DELIVERY_PAUSE_H

#include "delivery/channel.h"

/* The breaker was told to pause: notes in the delivery, which is to be settled, until when. With the
 * channel's lock held. */
void pause_note(struct delivery *delivery);
/* Inside the transaction of its settlement. 0 or a negative errno. */
int pause_apply(const struct delivery *delivery, const struct transaction *transaction);
/* Before the channel's first delivery, not on the store's thread: takes up the pause that an earlier life,
 * or an earlier channel of that name, left. 0 or a negative errno of the store. */
int pause_recall(struct channel *channel);
/* Before the channel's first delivery: takes up the pause of the one whose place it takes. */
void pause_inherit(struct channel *channel, struct channel *from);

#endif
