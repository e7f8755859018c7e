/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/withdraw.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "delivery/dispatch_parts.h"

#define LAPSED "its source held it only until then, and its turn came later"
#define TAKEN_BACK "its source took it back before it began"

/* What is to go, and why. */
struct choice {
	const int64_t *alert; /* of these alerts; NULL: what lapsed by now_ms */
	size_t n;
	int64_t now_ms;
	const char *reason;
};

static bool goes(const struct choice *choice, const struct delivery *delivery)
{
	if (!choice->alert)
		return delivery->backlog && backlog_lapsed(delivery->backlog, choice->now_ms);
	for (size_t i = 0; i < choice->n; i++)
		if (choice->alert[i] == delivery->alert_number)
			return true;
	return false;
}

static void state_withdrawn(struct delivery *delivery, const char *reason)
{
	const struct channel_world *world = delivery->channel->world;
	size_t length = text_prefix(reason, strlen(reason), sizeof(delivery->detail) - 1);

	snprintf(delivery->detail, sizeof(delivery->detail), "%.*s", (int)length, reason);
	delivery->withdrawn = true;
	delivery->attempt = (struct tocsin_attempt){.delivery = delivery->pub.id,
						    .token = delivery->token,
						    .state = TOCSIN_STATE_SUPPRESSED,
						    .ended_ms = clock_wall_ms(),
						    .detail = delivery->detail};
	if (delivery->backlog)
		world->tried(world->data, delivery->backlog);
	delivery->backlog = NULL;
}

static void suppress(struct delivery *delivery, const char *reason)
{
	state_withdrawn(delivery, reason);
	channel_settle(delivery, 0);
}

/* Called with the channel's lock held. */
static void drop(struct channel *channel, const struct choice *choice)
{
	struct delivery **at = &channel->head, *delivery;

	while ((delivery = *at)) {
		if (!goes(choice, delivery)) {
			at = &delivery->next;
			continue;
		}
		*at = delivery->next;
		channel->queued--;
		suppress(delivery, choice->reason);
	}
	channel->tail = at;
}

void withdraw_lapsed(struct channel *channel)
{
	const struct choice choice = {.now_ms = clock_boot_ms(), .reason = LAPSED};

	if (channel->leased)
		drop(channel, &choice);
}

void dispatch_withdraw(struct dispatch *dispatch, const int64_t *alert, size_t n,
		       const char *reason)
{
	const struct choice choice = {.alert = alert, .n = n, .reason = reason};

	pthread_mutex_lock(&dispatch->lock);
	for (size_t i = 0; i < dispatch->n; i++) {
		struct channel *channel = dispatch->channel[i];

		pthread_mutex_lock(&channel->lock);
		drop(channel, &choice);
		pthread_mutex_unlock(&channel->lock);
	}
	pthread_mutex_unlock(&dispatch->lock);
	/* what is under way, or on its way back to the store, is in no queue */
	for (struct delivery *held = dispatch->held; held; held = held->held_next)
		held->unwanted |= goes(&choice, held);
}

void withdraw_end(struct delivery *delivery)
{
	delivery->attempt.instead = NULL;
	delivery->attempt.n_instead = 0;
	if (delivery->handed_over)
		snprintf(delivery->detail, sizeof(delivery->detail), "%s", TAKEN_BACK);
	else if (delivery->attempt.state == TOCSIN_STATE_PENDING)
		delivery->attempt.state = TOCSIN_STATE_SUPPRESSED;
}

int withdraw_released(struct delivery *delivery, const struct transaction *transaction)
{
	state_withdrawn(delivery, TAKEN_BACK);
	delivery->release = false;
	delivery->result = (struct tocsin_attempt_result){0};
	return transaction->ops->settle(transaction->state, &delivery->attempt, &delivery->result);
}
