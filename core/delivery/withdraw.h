/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/withdraw: deliveries in memory that are not to begin any more: their
 * source took their alerts back, or the time for which it holds them is over.
 * They are suppressed untried. What is under way ends, and is suppressed where it
 * would go on: it is neither tried again nor handed to a fallback. Or their source
 * leaves them to the store.
 */
#ifndef DELIVERY_WITHDRAW_H
#define DELIVERY_WITHDRAW_H

#include "delivery/channel.h"
#include "delivery/dispatch.h"

/* On the store's thread: what waits in any channel's queue of these alerts (their numbers), and what is
 * under way when it ends. */
void dispatch_withdraw(struct dispatch *dispatch, const int64_t *alert, size_t n,
		       const char *reason);
/* On the store's thread: what waits in any channel's queue of that source is pending in the store, as if it
 * had not been claimed. held: of how many it waits until memory lets go of them. 0 or a negative errno of
 * the store. */
int dispatch_let_go(struct dispatch *dispatch, const char *source, const struct transaction *t,
		    size_t *held);
/* Before some are taken from the queue: drops those whose source holds them no longer. Called with the
 * channel's lock held. */
void withdraw_lapsed(struct channel *channel);
/* On the store's thread, of one that is unwanted: its outcome leaves nothing pending. */
void withdraw_end(struct delivery *delivery);
/* The same in place of giving it back. 0 or a negative errno of the store. */
int withdraw_released(struct delivery *delivery, const struct transaction *transaction);

#endif
