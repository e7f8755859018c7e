/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/retry.h"

int64_t retry_wait_ms(const struct retry_policy *policy, int n, double random)
{
	int64_t wait = policy->first_ms;

	for (int i = 1; i < n && wait < policy->max_ms; i++)
		wait *= 2;
	if (wait > policy->max_ms)
		wait = policy->max_ms;
	return (int64_t)((double)wait * (0.8 + 0.4 * random));
}

struct retry_decision retry_decide(const struct retry_policy *policy, enum tocsin_outcome outcome,
				   int attempt, int64_t created_ms, int64_t now_ms,
				   int64_t retry_after_ms, double random)
{
	struct retry_decision decision = {.state = TOCSIN_STATE_PENDING};
	int64_t wait = retry_wait_ms(policy, attempt, random);

	if (outcome == TOCSIN_DELIVERED) {
		decision.state = TOCSIN_STATE_DELIVERED;
		return decision;
	}
	if (outcome == TOCSIN_REJECTED) {
		decision.state = TOCSIN_STATE_DEAD;
		return decision;
	}
	/* A peer that is away or busy says nothing against this delivery. */
	if (outcome == TOCSIN_RETRY && policy->attempts > 0 && attempt >= policy->attempts) {
		decision.state = TOCSIN_STATE_DEAD;
		decision.gave_up = attempt > 1;
		return decision;
	}
	if (retry_after_ms > RETRY_AFTER_CAP_MS)
		retry_after_ms = RETRY_AFTER_CAP_MS;
	if (wait < retry_after_ms)
		wait = retry_after_ms;
	decision.due_ms = now_ms + wait;
	if (decision.due_ms - created_ms > policy->give_up_after_ms) {
		decision.state = TOCSIN_STATE_DEAD;
		decision.gave_up = true;
	}
	return decision;
}

const char *outcome_name(enum tocsin_outcome outcome)
{
	switch (outcome) {
	case TOCSIN_DELIVERED:
		return "delivered";
	case TOCSIN_RETRY:
		return "retry";
	case TOCSIN_REJECTED:
		return "rejected";
	case TOCSIN_UNAVAILABLE:
		return "unavailable";
	case TOCSIN_THROTTLED:
		return "throttled";
	}
	return "unknown";
}
