/* SPDX-License-Identifier: Apache-2.0 */
/* What is expected when, and what a ping or the passing of time makes of a heartbeat. */
#include "beat.h"

#include <stdio.h>
#include <string.h>

/* A ping so little before it is due is that one: clocks of two machines never agree to the second. */
#define EARLY_MS 10000

void beat_init(struct beat_state *state)
{
	memset(state, 0, sizeof(*state));
	state->last_duration_ms = -1;
}

static int64_t later(int64_t ms, int64_t by)
{
	return ms >= BEAT_NEVER - by ? BEAT_NEVER : ms + by;
}

static int64_t earlier_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Own time of the n-th heartbeat that is expected after the anchor. */
static int64_t expected_ms(const struct beat_state *state, const struct expectation *expect,
			   const struct tocsin_host *host, int64_t n)
{
	int64_t wall = state->anchor.wall_ms;

	if (!expect->schedule)
		return expect->period_ms > 0 ? state->anchor.own_ms + n * expect->period_ms
					     : BEAT_NEVER;
	for (; n > 0 && wall != INT64_MAX; n--)
		wall = host->next(expect->schedule, expect->zone, wall);
	return wall == INT64_MAX ? BEAT_NEVER
				 : state->anchor.own_ms + (wall - state->anchor.wall_ms);
}

/* How long after it was expected a heartbeat may come. */
static int64_t allowance_ms(const struct beat_state *state, const struct expectation *expect)
{
	int64_t start = expect->start_grace_ms > 0 ? expect->start_grace_ms : expect->grace_ms;

	if (state->running && expect->max_run_ms > 0)
		return start + expect->max_run_ms;
	return state->running ? expect->grace_ms : start;
}

static int64_t run_limit_ms(const struct expectation *expect)
{
	return expect->max_run_ms > 0 ? expect->max_run_ms : expect->grace_ms;
}

static bool is_restless(const struct beat_state *state, const struct expectation *expect,
			int64_t own_ms, int64_t *calm_ms)
{
	size_t most = (size_t)expect->max_starts;

	*calm_ms = BEAT_NEVER;
	if (expect->max_starts <= 0 || state->n_starts <= most)
		return false;
	*calm_ms = state->start_ms[state->n_starts - 1 - most] + expect->starts_within_ms;
	return *calm_ms > own_ms;
}

void beat_plan(const struct beat_state *state, const struct expectation *expect,
	       const struct tocsin_host *host, struct plan *plan)
{
	int64_t left = expect->misses - state->missed;
	bool waits = state->status == BEAT_NEW || state->status == BEAT_UP;

	*plan = (struct plan){BEAT_NEVER, BEAT_NEVER, BEAT_NEVER, BEAT_NEVER, BEAT_NEVER};
	if (waits && state->anchor.own_ms > 0) {
		plan->late_ms = expected_ms(state, expect, host, 1);
		plan->down_ms = later(expected_ms(state, expect, host, left > 1 ? left : 1),
				      allowance_ms(state, expect));
	}
	if (waits && state->running && run_limit_ms(expect) > 0)
		plan->run_ms = state->last_start.own_ms + run_limit_ms(expect);
	if (state->restless &&
	    (expect->max_starts <= 0 || !is_restless(state, expect, 0, &plan->calm_ms)))
		plan->calm_ms = 1;
	plan->next_ms = earlier_of(plan->down_ms, earlier_of(plan->run_ms, plan->calm_ms));
}

unsigned beat_fall(struct beat_state *state, const struct moment *now)
{
	if (state->status == BEAT_DOWN)
		return NEWS_CHANGED;
	state->status = BEAT_DOWN;
	state->since = *now;
	return NEWS_DOWN | NEWS_CHANGED;
}

/* One more miss, whose reason is written already. */
static unsigned miss(struct beat_state *state, const struct expectation *expect,
		     const struct moment *now)
{
	state->missed++;
	return state->missed >= expect->misses ? beat_fall(state, now) : NEWS_CHANGED;
}

unsigned beat_settle_starts(struct beat_state *state, const struct expectation *expect,
			    const struct moment *now)
{
	int64_t calm_ms;
	bool restless = is_restless(state, expect, now->own_ms, &calm_ms);

	if (restless == state->restless)
		return 0;
	state->restless = restless;
	if (restless)
		state->restless_since = *now;
	return NEWS_CHANGED | (restless ? NEWS_RESTLESS : NEWS_CALM);
}

unsigned beat_pass(struct beat_state *state, const struct expectation *expect,
		   const struct tocsin_host *host, const struct moment *now)
{
	unsigned news = beat_settle_starts(state, expect, now);
	struct plan plan;

	beat_plan(state, expect, host, &plan);
	if (plan.run_ms <= now->own_ms) {
		words_ran_long(state, expect, now);
		state->running = false;
		news |= miss(state, expect, now);
		beat_plan(state, expect, host, &plan);
	}
	if (plan.down_ms <= now->own_ms) {
		words_missed(state, expect, host, now);
		state->missed = expect->misses;
		news |= beat_fall(state, now);
	}
	return news;
}

/* The end of a run. True when it is that of the one that is known; then its duration is, too. */
static bool end_run(struct beat_state *state, const struct ping *ping)
{
	bool ours = state->running && strcmp(state->rid, ping->rid) == 0;

	state->last_duration_ms = ours ? ping->at.own_ms - state->last_start.own_ms : -1;
	/* The end of another run leaves this one running, unless nobody can tell which ended. */
	if (ours || ping->kind == PING_FAIL || !*ping->rid)
		state->running = false;
	return ours;
}

/* Expectations count from here on. */
static void anchor(struct beat_state *state, const struct expectation *expect,
		   const struct tocsin_host *host, const struct moment *at)
{
	int64_t due, after, early = EARLY_MS;

	state->anchor = *at;
	if (!expect->schedule)
		return;
	due = host->next(expect->schedule, expect->zone, at->wall_ms);
	if (due == INT64_MAX)
		return;
	after = host->next(expect->schedule, expect->zone, due);
	if (after != INT64_MAX && (after - due) / 4 < early)
		early = (after - due) / 4;
	if (due - at->wall_ms <= early)
		state->anchor = (struct moment){at->own_ms + (due - at->wall_ms), due};
}

static void set_status(struct beat_state *state, enum beat_status status, const struct moment *at)
{
	if (state->status != status)
		state->since = *at;
	state->status = status;
}

static unsigned take_start(struct beat_state *state, const struct expectation *expect,
			   const struct ping *ping)
{
	state->last_start = ping->at;
	state->running = true;
	snprintf(state->rid, sizeof(state->rid), "%s", ping->rid);
	if (state->n_starts == BEAT_STARTS)
		memmove(state->start_ms, state->start_ms + 1,
			--state->n_starts * sizeof(*state->start_ms));
	state->start_ms[state->n_starts++] = ping->at.own_ms;
	if (state->status == BEAT_PAUSED) {
		set_status(state, BEAT_UP, &ping->at);
		state->anchor = ping->at;
	}
	return NEWS_CHANGED | beat_settle_starts(state, expect, &ping->at);
}

static unsigned take_failure(struct beat_state *state, const struct expectation *expect,
			     const struct ping *ping)
{
	if (state->status != BEAT_DOWN)
		set_status(state, BEAT_UP, &ping->at);
	return miss(state, expect, &ping->at);
}

static unsigned take_success(struct beat_state *state, const struct ping *ping)
{
	unsigned news = NEWS_CHANGED | (state->status == BEAT_DOWN ? NEWS_UP : 0);

	state->missed = 0;
	state->reason[0] = '\0';
	set_status(state, BEAT_UP, &ping->at);
	return news;
}

static unsigned take_end(struct beat_state *state, const struct expectation *expect,
			 const struct tocsin_host *host, const struct ping *ping)
{
	bool timed = end_run(state, ping);

	state->last_ping = ping->at;
	anchor(state, expect, host, &ping->at);
	if (ping->kind == PING_FAIL) {
		words_failed(state, expect, ping->exit);
		return take_failure(state, expect, ping);
	}
	if (timed && state->last_duration_ms < expect->min_run_ms) {
		words_ran_short(state, expect);
		return take_failure(state, expect, ping);
	}
	return take_success(state, ping);
}

unsigned beat_ping(struct beat_state *state, const struct expectation *expect,
		   const struct tocsin_host *host, const struct ping *ping)
{
	int64_t own = ping->at.own_ms;

	if (ping->kind == PING_LOG || (state->status == BEAT_PAUSED && expect->manual_resume))
		return NEWS_CHANGED;
	if (own < state->last_ping.own_ms || own < state->last_start.own_ms)
		return NEWS_CHANGED;
	if (ping->kind == PING_START)
		return take_start(state, expect, ping);
	return take_end(state, expect, host, ping);
}

unsigned beat_pause(struct beat_state *state, const struct moment *now)
{
	unsigned news = NEWS_CHANGED;

	if (state->status == BEAT_PAUSED)
		return 0;
	news |= state->status == BEAT_DOWN ? NEWS_UP : 0;
	news |= state->restless ? NEWS_CALM : 0;
	set_status(state, BEAT_PAUSED, now);
	state->running = state->restless = false;
	state->n_starts = 0;
	return news;
}

unsigned beat_resume(struct beat_state *state, const struct moment *now)
{
	if (state->status != BEAT_PAUSED)
		return 0;
	/* It is expected from now on, as if it had just come; but a new one waits for its first. */
	set_status(state, state->last_ping.own_ms > 0 ? BEAT_UP : BEAT_NEW, now);
	state->anchor = state->last_ping.own_ms > 0 ? *now : (struct moment){0, 0};
	state->missed = 0;
	state->reason[0] = '\0';
	return NEWS_CHANGED;
}

const char *beat_word(const struct beat_state *state, const struct plan *plan, int64_t own_ms)
{
	switch (state->status) {
	case BEAT_PAUSED:
		return "paused";
	case BEAT_DOWN:
		return "down";
	case BEAT_NEW:
	case BEAT_UP:
		break;
	}
	if (state->running)
		return "started";
	if (state->status == BEAT_UP && (plan->late_ms <= own_ms || state->missed > 0))
		return "late";
	return state->status == BEAT_NEW ? "new" : "up";
}
