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
	size_t length = text_prefix(reason, strlen(reason), sizeof(delivery->detail) - 1);

	snprintf(delivery->detail, sizeof(delivery->detail), "%.*s", (int)length, reason);
	channel_end_untried(delivery, TOCSIN_STATE_SUPPRESSED);
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

static bool is_of(const struct delivery *delivery, const char *source)
{
	return strcmp(delivery->pub.alert->source, source) == 0;
}

static struct delivery *take_out(struct channel *channel, const char *source)
{
	struct delivery **at = &channel->head, *taken = NULL, *delivery;

	pthread_mutex_lock(&channel->lock);
	while ((delivery = *at)) {
		if (!is_of(delivery, source)) {
			at = &delivery->next;
			continue;
		}
		*at = delivery->next;
		channel->queued--;
		delivery->next = taken;
		taken = delivery;
	}
	channel->tail = at;
	pthread_mutex_unlock(&channel->lock);
	return taken;
}

/* Released in this transaction, so that nobody can claim them before it ends; giving them back is then
 * in vain, but for one that is rolled back. */
static int let_go(struct delivery *list, const struct transaction *t, int64_t now_ms)
{
	int result = 0;

	while (list) {
		struct delivery *next = list->next, **each;
		size_t n;

		each = channel_each(&list, &n);
		for (size_t i = 0; i < n && result == 0; i++)
			result = t->ops->release(t->state, each[i]->pub.id, each[i]->token, now_ms);
		channel_give_back(list, 0);
		list = next;
	}
	return result;
}

int dispatch_let_go(struct dispatch *dispatch, const char *source, const struct transaction *t,
		    size_t *held)
{
	int64_t now = store_now_ms(dispatch->store);
	int result = 0;

	pthread_mutex_lock(&dispatch->lock);
	for (size_t i = 0; i < dispatch->n && result == 0; i++)
		result = let_go(take_out(dispatch->channel[i], source), t, now);
	pthread_mutex_unlock(&dispatch->lock);
	*held = 0;
	for (const struct delivery *each = dispatch->held; each; each = each->held_next)
		*held += is_of(each, source);
	return result;
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
