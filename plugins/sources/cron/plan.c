/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a job is due. Moments are those of the wall clock, which people set: forwards, and what was
 * jumped over is missed and made up for as `catch_up` says; backwards, and a start that was made is
 * not made again unless the schedule comes round before the old time does (see is_far).
 */
#include "cron.h"

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A moment that lies further ahead than one and a half rounds of the schedule is one of a clock that
 * was set back since. */
static bool is_far(const struct plan *plan, const struct plan_schedule *schedule, int64_t now_ms)
{
	int64_t ahead = plan->due_ms - now_ms, after, round = 0;

	if (ahead <= 0 || plan->due_ms == PLAN_NEVER)
		return false;
	after = schedule->next(schedule->data, plan->due_ms);
	if (after == PLAN_NEVER)
		return false;
	/* not when the clock leapt from the one to the other */
	if (plan->previous_ms > 0 &&
	    schedule->next(schedule->data, plan->previous_ms) == plan->due_ms)
		round = plan->due_ms - plan->previous_ms;
	round = later(round, after - plan->due_ms);
	return ahead > round + round / 2;
}

static void set_due(struct plan *plan, const struct plan_schedule *schedule, int64_t after_ms)
{
	plan->previous_ms = plan->due_ms;
	plan->due_ms = schedule->next(schedule->data, after_ms);
}

int64_t plan_round(const struct plan_schedule *schedule, int64_t now_ms)
{
	int64_t at = schedule->next(schedule->data, now_ms), next, round = PLAN_NEVER;

	for (int i = 0; i < PLAN_CATCH_UP && at != PLAN_NEVER; i++, at = next) {
		next = schedule->next(schedule->data, at);
		if (next != PLAN_NEVER && next - at < round)
			round = next - at;
	}
	return round;
}

int64_t plan_jittered(const struct plan_rules *rules, int64_t due_ms)
{
	uint64_t mixed = rules->seed ^ (uint64_t)due_ms * UINT64_C(0x9e3779b97f4a7c15);

	if (rules->jitter_ms <= 0)
		return due_ms;
	mixed = (mixed ^ mixed >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed ^= mixed >> 29;
	return due_ms + (int64_t)(mixed % (uint64_t)rules->jitter_ms);
}

/* Starts from `due` up to now, as far as anybody counts. */
static int64_t count_missed(const struct plan *plan, const struct plan_schedule *schedule,
			    int64_t now_ms)
{
	int64_t n = 0;

	for (int64_t at = plan->due_ms; at <= now_ms && n < PLAN_CATCH_UP; n++)
		at = schedule->next(schedule->data, at);
	return n;
}

static struct plan_step wait_until(int64_t wake_ms)
{
	return (struct plan_step){.action = PLAN_WAIT, .wake_ms = wake_ms};
}

static struct plan_step start_own(struct plan *plan, const struct plan_schedule *schedule,
				  const struct plan_rules *rules, int64_t now_ms)
{
	int64_t at = plan_jittered(rules, plan->due_ms);
	struct plan_step step = {.action = PLAN_START, .due_ms = plan->due_ms, .missed = 1};
	bool late = now_ms - at > PLAN_LATE_MS, more;

	if (now_ms < at)
		return wait_until(at);
	if (late && rules->catch_up == CATCH_UP_NONE) {
		step.action = PLAN_MISS;
		step.missed = count_missed(plan, schedule, now_ms);
	}
	more = schedule->next(schedule->data, plan->due_ms) <= now_ms;
	if (rules->catch_up == CATCH_UP_ALL && (late || more)) {
		/* one after the other, and not for ever after a great leap of the clock */
		if (rules->busy)
			return wait_until(PLAN_NEVER);
		plan->made_up = more ? plan->made_up + 1 : 0;
		set_due(plan, schedule, plan->made_up < PLAN_CATCH_UP ? plan->due_ms : now_ms);
		return step;
	}
	plan->made_up = 0;
	set_due(plan, schedule, later(plan->due_ms, now_ms));
	return step;
}

static struct plan_step watch_other(struct plan *plan, const struct plan_schedule *schedule,
				    const struct plan_rules *rules, int64_t now_ms)
{
	struct plan_step step = {.action = PLAN_MISS, .due_ms = plan->due_ms};
	int64_t grace = rules->grace_ms > 0 ? rules->grace_ms : 0;

	if (now_ms <= plan->due_ms + grace)
		return wait_until(plan->due_ms + grace + 1);
	step.missed = count_missed(plan, schedule, now_ms - grace);
	set_due(plan, schedule, later(plan->due_ms, now_ms - grace));
	if (rules->grace_ms <= 0)
		return wait_until(plan->due_ms == PLAN_NEVER ? PLAN_NEVER : plan->due_ms + 1);
	return step;
}

struct plan_step plan_step(struct plan *plan, const struct plan_schedule *schedule,
			   const struct plan_rules *rules, int64_t now_ms)
{
	if (plan->due_ms == 0 || is_far(plan, schedule, now_ms)) {
		plan->previous_ms = plan->made_up = 0;
		plan->due_ms = schedule->next(schedule->data, now_ms);
	}
	if (plan->due_ms == PLAN_NEVER)
		return wait_until(PLAN_NEVER);
	return rules->own ? start_own(plan, schedule, rules, now_ms)
			  : watch_other(plan, schedule, rules, now_ms);
}

void plan_started(struct plan *plan, const struct plan_schedule *schedule, int64_t at_ms)
{
	int64_t early = PLAN_EARLY_MS, round;

	if (plan->due_ms == 0 || plan->due_ms == PLAN_NEVER)
		return;
	round = schedule->next(schedule->data, plan->due_ms);
	if (round != PLAN_NEVER && (round - plan->due_ms) / 2 < early)
		early = (round - plan->due_ms) / 2;
	if (at_ms < plan->due_ms - early)
		return;
	set_due(plan, schedule, later(plan->due_ms, at_ms));
}
