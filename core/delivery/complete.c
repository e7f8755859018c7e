/* SPDX-License-Identifier: Apache-2.0 */
/* What a finished attempt sets in motion: the decision, the breaker, the settlement. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/text.h"
#include "base/units.h"
#include "delivery/channel.h"
#include "delivery/fallback.h"
#include "delivery/http.h"
#include "delivery/note.h"

static double random_share(void)
{
	unsigned int value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != (ssize_t)sizeof(value))
		value = (unsigned int)clock_boot_ms() * 2654435761U;
	return (double)value / 4294967295.0;
}

static struct delivery *from_request(struct store_request *request)
{
	return (struct delivery *)((char *)request - offsetof(struct delivery, request));
}

static int settle_apply(struct store_request *request, const struct transaction *transaction)
{
	struct delivery *delivery = from_request(request);
	struct channel *channel = delivery->channel;
	int result;

	delivery->result = (struct tocsin_attempt_result){0};
	result = fallback_prepare(delivery);
	if (result == 0)
		result = transaction->ops->settle(transaction->state, &delivery->attempt,
						  &delivery->result);
	if (result == 0 && !delivery->result.stale)
		result = note_apply(delivery, transaction);
	FAULT_POINT("settle.apply");
	if (result == 0)
		fallback_announce(delivery);
	if (result == 0 && delivery->attempt.state == TOCSIN_STATE_PENDING &&
	    delivery->attempt.due_ms < channel->next_due_ms)
		channel->next_due_ms = delivery->attempt.due_ms;
	return result;
}

static void settle_done(struct store_request *request, int result)
{
	struct delivery *delivery = from_request(request);
	struct channel *channel = delivery->channel;

	FAULT_POINT("settle.done");
	if (result < 0) {
		delivery->result = (struct tocsin_attempt_result){0}; /* of what was rolled back */
		/* A store that is lost has said so, once for all that was under way. */
		log_write(channel->world->log, result == -EIO ? TOCSIN_LOG_DEBUG : TOCSIN_LOG_ERROR,
			  channel->spec.name,
			  "delivery %lld: its outcome could not be stored (%s); it will be "
			  "repeated with the same key",
			  (long long)delivery->pub.id, strerror(-result));
	} else if (delivery->result.stale) {
		log_write(channel->world->log, TOCSIN_LOG_WARNING, channel->spec.name,
			  "delivery %lld: somebody else holds its claim now; this outcome "
			  "was not counted",
			  (long long)delivery->pub.id);
	}
	channel_forget(delivery);
}

void channel_settle(struct delivery *delivery, size_t company)
{
	delivery->request = (struct store_request){
		.apply = settle_apply, .done = settle_done, .persist = true, .company = company};
	store_submit(delivery->channel->world->store, &delivery->request);
}

/* What the outcome says of the peer. Called with the lock held; true when the breaker opened. */
static bool judge_peer(struct channel *channel, enum tocsin_outcome outcome, int64_t retry_after_ms)
{
	int64_t now = clock_boot_ms();

	if (retry_after_ms > RETRY_AFTER_CAP_MS)
		retry_after_ms = RETRY_AFTER_CAP_MS;
	switch (outcome) {
	case TOCSIN_UNAVAILABLE:
		return breaker_report(&channel->breaker, true, random_share(), now);
	case TOCSIN_THROTTLED:
		breaker_pause(&channel->breaker,
			      now + (retry_after_ms > 0 ? retry_after_ms : 1000));
		return false;
	default:
		breaker_report(&channel->breaker, false, 0, now);
		/* It decided about this one, and said that it takes no more for a while. */
		if (outcome != TOCSIN_RETRY && retry_after_ms > 0)
			breaker_pause(&channel->breaker, now + retry_after_ms);
		return false;
	}
}

static void count(struct channel_figures *figures, const struct delivery *delivery,
		  const struct retry_decision *decision)
{
	if (decision->state == TOCSIN_STATE_DELIVERED) {
		figures->delivered++;
		figures->last_delivered_ms = delivery->attempt.ended_ms;
		return;
	}
	if (decision->state == TOCSIN_STATE_DEAD)
		figures->dead++;
	else
		figures->retried++;
	figures->last_failed_ms = delivery->attempt.ended_ms;
	snprintf(figures->last_failure, sizeof(figures->last_failure), "%.*s",
		 (int)text_prefix(delivery->detail, strlen(delivery->detail),
				  sizeof(figures->last_failure) - 1),
		 delivery->detail);
}

static void report(const struct delivery *delivery, const struct retry_decision *decision,
		   enum tocsin_outcome outcome, int64_t now)
{
	const struct channel *channel = delivery->channel;
	const char *to = delivery->pub.recipient, *before = *to ? " to " : "";
	char wait[UNITS_TEXT];

	if (decision->state == TOCSIN_STATE_DELIVERED) {
		log_write(channel->world->log, TOCSIN_LOG_DEBUG, channel->spec.name,
			  "delivery %lld%s%s: delivered", (long long)delivery->pub.id, before, to);
	} else if (decision->state == TOCSIN_STATE_DEAD) {
		log_write(channel->world->log, TOCSIN_LOG_ERROR, channel->spec.name,
			  "delivery %lld%s%s is dead: %s (see 'tocsin dead show %lld')",
			  (long long)delivery->pub.id, before, to, delivery->detail,
			  (long long)delivery->pub.id);
	} else {
		units_format_elapsed(decision->due_ms - now, wait);
		log_write(channel->world->log, TOCSIN_LOG_WARNING, channel->spec.name,
			  "delivery %lld%s%s, attempt %d: %s: %s; next attempt in %s",
			  (long long)delivery->pub.id, before, to, delivery->pub.attempt,
			  outcome_name(outcome), delivery->detail, wait);
	}
}

/* Keeps what the channel said as one valid, printable line without secrets. */
static void keep_detail(struct delivery *delivery, const char *why, bool gave_up)
{
	struct buffer text = {0};

	if (gave_up)
		buffer_puts(&text, "gave up after the last attempt failed: ");
	text_add_valid(&text, why ? why : "", why ? strlen(why) : 0);
	if (text.failed) /* it may end in half a secret, which nobody recognises */
		buffer_done(&text);
	if (text.data)
		log_mask(delivery->channel->world->log, text.data);
	snprintf(delivery->detail, sizeof(delivery->detail), "%.*s",
		 (int)text_prefix(buffer_text(&text), text.length, sizeof(delivery->detail) - 1),
		 buffer_text(&text));
	buffer_done(&text);
}

static void leave_batch(struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->channel->n_instances; i++) {
		struct instance *instance = &delivery->channel->instance[i];

		/* only a worker's own thread touches its batch, so look only at ours */
		if (!delivery->channel->spec.plugin->it.blocking ||
		    !pthread_equal(instance->thread, pthread_self()))
			continue;
		for (size_t k = 0; k < instance->n_batch; k++)
			if (instance->batch[k] == delivery)
				instance->batch[k] = NULL;
	}
}

void channel_begin(struct delivery *delivery)
{
	if (delivery->begun)
		return;
	delivery->begun = true;
	delivery->started_ms = clock_wall_ms();
	delivery->channel->world->begun(delivery->channel->world->data, delivery);
}

void channel_complete(struct delivery *delivery, enum tocsin_outcome outcome,
		      int64_t retry_after_ms, const char *why)
{
	struct channel *channel = delivery->channel;
	const struct channel_world *world = channel->world;
	int64_t now = store_now_ms(world->store);
	double jitter = outcome == TOCSIN_DELIVERED ? 0 : random_share();
	struct retry_decision decision = retry_decide(&channel->spec.retry, outcome,
						      delivery->pub.attempt, delivery->created_ms,
						      now, retry_after_ms, jitter);
	bool was_open, opened, open;
	size_t company;

	FAULT_POINT("complete.before");
	if (!delivery->begun)
		channel->world->begun(world->data, delivery);
	keep_detail(delivery, why, decision.gave_up);
	delivery->attempt = (struct tocsin_attempt){.delivery = delivery->pub.id,
						    .token = delivery->token,
						    .state = decision.state,
						    .due_ms = decision.due_ms,
						    .number = delivery->pub.attempt,
						    .started_ms = delivery->started_ms,
						    .ended_ms = clock_wall_ms(),
						    .detail = delivery->detail,
						    .output = delivery->output};
	leave_batch(delivery);
	underway_leave(world->underway, delivery->underway);
	report(delivery, &decision, outcome, now);
	if (delivery->backlog) {
		world->tried(world->data, delivery->backlog);
		delivery->backlog = NULL;
	}
	pthread_mutex_lock(&channel->lock);
	channel->under_way--;
	channel->uncommitted++;
	/* The others go on while fewer wait for the commit than are worked on at once. */
	company = channel->under_way > 0 ? channel_parallel(channel) : 0;
	was_open = channel->breaker.state != BREAKER_CLOSED;
	opened = judge_peer(channel, outcome, retry_after_ms);
	open = channel->breaker.state != BREAKER_CLOSED;
	count(&channel->figures, delivery, &decision);
	if (was_open || open) /* else nobody may begin more than before */
		pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->lock);
	if (opened)
		log_write(world->log, TOCSIN_LOG_ERROR, channel->spec.name,
			  "not available; deliveries wait and it is probed until it is: %s",
			  delivery->detail);
	if (was_open && !open)
		log_write(world->log, TOCSIN_LOG_INFO, channel->spec.name, "available again");
	if (was_open != open)
		world->available(world->data, channel, !open);
	channel_settle(delivery, company);
	FAULT_POINT("complete.after");
}
