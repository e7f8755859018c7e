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
#include "delivery/lanes.h"
#include "delivery/note.h"
#include "delivery/pause.h"
#include "delivery/withdraw.h"

static double random_share(void)
{
	unsigned int value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != (ssize_t)sizeof(value))
		value = (unsigned int)clock_boot_ms() * 2654435761U;
	return (double)value / 4294967295.0;
}

/* How an attempt ended. */
struct end {
	enum tocsin_outcome outcome;
	int64_t retry_after_ms;
	const char *why;              /* as the plugin said it */
	int64_t now_ms;               /* own time */
	double jitter;                /* the same for all, so that a digest stays together */
	int64_t started_ms, ended_ms; /* wall time */
	const char *output;
};

static struct delivery *from_request(struct store_request *request)
{
	return (struct delivery *)((char *)request - offsetof(struct delivery, request));
}

struct delivery **channel_each(struct delivery **delivery, size_t *n)
{
	*n = (*delivery)->n_members ? (*delivery)->n_members : 1;
	return (*delivery)->n_members ? (*delivery)->member : delivery;
}

static int settle_one(struct delivery *delivery, const struct transaction *transaction)
{
	struct channel *channel = delivery->channel;
	int result = 0;

	if (delivery->unwanted)
		withdraw_end(delivery);
	else
		result = fallback_prepare(delivery);
	delivery->result = (struct tocsin_attempt_result){0};
	/* asked again each time: a transaction that failed is repeated */
	delivery->release = result == 0 && !delivery->unwanted && fallback_is_gone(delivery);
	if (delivery->release)
		return transaction->ops->release(transaction->state, delivery->pub.id,
						 delivery->token,
						 store_now_ms(channel->world->store));
	if (result == 0)
		result = transaction->ops->settle(transaction->state, &delivery->attempt,
						  &delivery->result);
	if (result < 0)
		return result;
	fallback_announce(delivery);
	if (delivery->attempt.state == TOCSIN_STATE_PENDING &&
	    delivery->attempt.due_ms < channel->next_due_ms)
		channel->next_due_ms = delivery->attempt.due_ms;
	return 0;
}

static int settle_apply(struct store_request *request, const struct transaction *transaction)
{
	struct delivery *delivery = from_request(request);
	size_t n;
	struct delivery **each = channel_each(&delivery, &n);
	bool stale = true;
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++) {
		result = settle_one(each[i], transaction);
		stale &= each[i]->result.stale;
		if (i > 0)
			FAULT_POINT("settle.digest");
	}
	if (result == 0 && !stale)
		result = note_apply(delivery, transaction);
	if (result == 0)
		result = pause_apply(delivery, transaction);
	FAULT_POINT("settle.apply");
	return result;
}

static void report_settled(struct delivery *delivery, int result)
{
	struct channel *channel = delivery->channel;

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
}

static void settle_done(struct store_request *request, int result)
{
	struct delivery *delivery = from_request(request);
	size_t n;
	struct delivery **each = channel_each(&delivery, &n);

	FAULT_POINT("settle.done");
	for (size_t i = 0; i < n; i++)
		report_settled(each[i], result);
	channel_forget(delivery);
}

void channel_end_untried(struct delivery *delivery, enum tocsin_state state)
{
	const struct channel_world *world = delivery->channel->world;

	delivery->untried = true;
	delivery->attempt = (struct tocsin_attempt){.delivery = delivery->pub.id,
						    .token = delivery->token,
						    .state = state,
						    .ended_ms = clock_wall_ms(),
						    .detail = delivery->detail};
	if (delivery->backlog)
		world->tried(world->data, delivery->backlog);
	delivery->backlog = NULL;
}

void channel_settle(struct delivery *delivery, size_t company)
{
	delivery->request = (struct store_request){.apply = settle_apply,
						   .done = settle_done,
						   .persist = true,
						   .first = true,
						   .company = company};
	store_submit(delivery->channel->world->store, &delivery->request);
}

/* Whether a failure of its own is one that the peer decided. What a plugin refuses by itself, such as an
 * address that cannot be one, or a text that is too long, never reached it; but a deferral is an answer
 * also of a plugin that begins only after it. */
static bool is_answer(const struct delivery *delivery, enum tocsin_outcome outcome)
{
	return outcome == TOCSIN_DELIVERED || delivery->asked || delivery->begun ||
	       (outcome == TOCSIN_RETRY && delivery->channel->spec.plugin->it.blocking);
}

/* What the outcome says of the peer. Called with the lock held; true when the breaker opened. */
static bool judge_peer(struct channel *channel, bool answered, enum tocsin_outcome outcome,
		       int64_t retry_after_ms)
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
		if (channel->breaker.state == BREAKER_CLOSED || answered)
			breaker_report(&channel->breaker, false, 0, now);
		else
			breaker_skip(&channel->breaker);
		/* It decided about this one, and said that it takes no more for a while. */
		if (outcome != TOCSIN_RETRY && retry_after_ms > 0)
			breaker_pause(&channel->breaker, now + retry_after_ms);
		return false;
	}
}

static void count(struct channel_figures *figures, const struct delivery *delivery)
{
	const struct tocsin_attempt *attempt = &delivery->attempt;

	if (attempt->state == TOCSIN_STATE_DELIVERED) {
		figures->delivered++;
		figures->last_delivered_ms = attempt->ended_ms;
		return;
	}
	if (attempt->state == TOCSIN_STATE_DEAD)
		figures->dead++;
	else
		figures->retried++;
	figures->last_failed_ms = attempt->ended_ms;
	snprintf(figures->last_failure, sizeof(figures->last_failure), "%.*s",
		 (int)text_prefix(delivery->detail, strlen(delivery->detail),
				  sizeof(figures->last_failure) - 1),
		 delivery->detail);
}

/* Of a digest that is tried again one line is enough. */
static void report(const struct delivery *delivery, const struct end *end, bool first)
{
	const struct tocsin_attempt *attempt = &delivery->attempt;
	const struct channel *channel = delivery->channel;
	const char *to = delivery->pub.recipient, *before = *to ? " to " : "";
	char wait[UNITS_TEXT];

	if (attempt->state == TOCSIN_STATE_DELIVERED) {
		log_write(channel->world->log, TOCSIN_LOG_DEBUG, channel->spec.name,
			  "delivery %lld%s%s: delivered", (long long)delivery->pub.id, before, to);
	} else if (attempt->state == TOCSIN_STATE_DEAD) {
		log_write(channel->world->log, TOCSIN_LOG_ERROR, channel->spec.name,
			  "delivery %lld%s%s is dead: %s (see 'tocsin dead show %lld')",
			  (long long)delivery->pub.id, before, to, delivery->detail,
			  (long long)delivery->pub.id);
	} else {
		units_format_elapsed(attempt->due_ms - end->now_ms, wait);
		log_write(channel->world->log, first ? TOCSIN_LOG_WARNING : TOCSIN_LOG_DEBUG,
			  channel->spec.name,
			  "delivery %lld%s%s, attempt %d: %s: %s; next attempt in %s",
			  (long long)delivery->pub.id, before, to, delivery->pub.attempt,
			  outcome_name(end->outcome), delivery->detail, wait);
	}
}

/* Keeps what the channel said as one valid, printable line without secrets. */
static void keep_detail(struct delivery *delivery, const char *why, bool gave_up)
{
	struct buffer text = {0};
	char folded[48] = "";
	size_t room;

	if (gave_up)
		buffer_puts(&text, "gave up after the last attempt failed: ");
	text_add_valid(&text, why ? why : "", why ? strlen(why) : 0);
	if (text.failed) /* it may end in half a secret, which nobody recognises */
		buffer_done(&text);
	if (text.data)
		log_mask(delivery->channel->world->log, text.data);
	if (delivery->digest)
		snprintf(folded, sizeof(folded),
			 *buffer_text(&text) ? " (in a digest of %zu)" : "in a digest of %zu",
			 delivery->digest->n_members);
	room = sizeof(delivery->detail) - 1 - strlen(folded);
	snprintf(delivery->detail, sizeof(delivery->detail), "%.*s%s",
		 (int)text_prefix(buffer_text(&text), strlen(buffer_text(&text)), room),
		 buffer_text(&text), folded);
	buffer_done(&text);
}

/* The core's decision for one delivery of an attempt. */
static void end_attempt(struct delivery *delivery, const struct end *end)
{
	const struct retry_decision decision =
		retry_decide(&delivery->channel->spec.retry, end->outcome, delivery->pub.attempt,
			     delivery->created_ms, end->now_ms, end->retry_after_ms, end->jitter);
	const struct channel_world *world = delivery->channel->world;

	keep_detail(delivery, end->why, decision.gave_up);
	delivery->attempt = (struct tocsin_attempt){.delivery = delivery->pub.id,
						    .token = delivery->token,
						    .state = decision.state,
						    .due_ms = decision.due_ms,
						    .number = delivery->pub.attempt,
						    .started_ms = end->started_ms,
						    .ended_ms = end->ended_ms,
						    .detail = delivery->detail,
						    .output = end->output};
	underway_leave(world->underway, delivery->underway);
	if (delivery->backlog)
		world->tried(world->data, delivery->backlog);
	delivery->backlog = NULL;
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

/* What the outcome means for the channel. Called without the lock. Returns how many settlements are
 * worth waiting for, see store_request. */
static size_t judge(struct delivery *delivery, const struct end *end)
{
	struct channel *channel = delivery->channel;
	const struct channel_world *world = channel->world;
	bool was_open, opened, open;
	int64_t paused_until_ms;
	size_t company, n;
	struct delivery **each = channel_each(&delivery, &n);

	pthread_mutex_lock(&channel->lock);
	paused_until_ms = channel->breaker.paused_until_ms;
	channel->under_way--;
	channel->uncommitted++;
	if (delivery->begun && channel_begins(channel))
		channel->begun--;
	/* The others go on while fewer wait for the commit than are worked on at once: with half of
	 * these in a commit, neither the channel nor the disk waits long for the other. */
	company = channel->under_way > 0 ? (channel_parallel(channel) + 1) / 2 : 0;
	if (channel->spec.at_once.label)
		lanes_leave(channel, each[0]);
	was_open = channel->breaker.state != BREAKER_CLOSED;
	opened = judge_peer(channel, is_answer(delivery, end->outcome), end->outcome,
			    end->retry_after_ms);
	if (channel->breaker.paused_until_ms != paused_until_ms)
		pause_note(delivery);
	open = channel->breaker.state != BREAKER_CLOSED;
	for (size_t i = 0; i < n; i++)
		count(&channel->figures, each[i]);
	if (was_open || open) /* else nobody may begin more than before */
		pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->lock);
	if (opened)
		log_write(world->log, TOCSIN_LOG_ERROR, channel->spec.name,
			  "not available; deliveries wait and it is probed until it is: %s",
			  each[0]->detail);
	if (was_open && !open)
		log_write(world->log, TOCSIN_LOG_INFO, channel->spec.name, "available again");
	if (was_open != open)
		world->available(world->data, channel, !open);
	return company;
}

/* It was not let begin: pending again, as if nobody had touched it. */
static void take_back(struct delivery *delivery)
{
	struct channel *channel = delivery->channel;
	size_t n;
	struct delivery **each = channel_each(&delivery, &n);

	leave_batch(delivery);
	for (size_t i = 0; i < n; i++)
		underway_leave(channel->world->underway, each[i]->underway);
	pthread_mutex_lock(&channel->lock);
	channel->under_way--;
	breaker_skip(&channel->breaker);
	if (channel->spec.at_once.label)
		lanes_leave(channel, each[0]);
	pthread_mutex_unlock(&channel->lock);
	channel_give_back(delivery, 0);
}

void channel_complete(struct delivery *delivery, enum tocsin_outcome outcome,
		      int64_t retry_after_ms, const char *why)
{
	struct channel *channel = delivery->channel;
	const struct end end = {.outcome = outcome,
				.retry_after_ms = retry_after_ms,
				.why = why,
				.now_ms = store_now_ms(channel->world->store),
				.jitter = outcome == TOCSIN_DELIVERED ? 0 : random_share(),
				.started_ms = delivery->started_ms,
				.ended_ms = clock_wall_ms(),
				.output = delivery->output};
	size_t n;
	struct delivery **each = channel_each(&delivery, &n);

	FAULT_POINT("complete.before");
	if (delivery->refused) {
		take_back(delivery);
		return;
	}
	if (!delivery->begun)
		channel_tell_begun(delivery);
	leave_batch(delivery);
	for (size_t i = 0; i < n; i++) {
		end_attempt(each[i], &end);
		report(each[i], &end, i == 0);
	}
	channel_settle(delivery, judge(delivery, &end));
	FAULT_POINT("complete.after");
}
