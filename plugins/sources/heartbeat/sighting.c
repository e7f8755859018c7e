/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a table or a file says of the past. It says it in the time of another clock, which may be set
 * like any other. So a heartbeat is that the time it says has changed, and its age is counted here.
 */
#include "beat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SET_MS 1500 /* clocks that differ by less than that were not set */

int64_t sighting_own_ms(int64_t value_ms, const struct reading *before, const struct reading *now)
{
	int64_t age = now->outer_ms - value_ms;

	if (before->outer_ms > 0 && before->own_ms <= now->own_ms) {
		int64_t passed = now->own_ms - before->own_ms;
		int64_t set = now->outer_ms - before->outer_ms - passed;

		/* Written since then, but seemingly not: written before the clock was set. */
		if (llabs(set) > SET_MS && (age < 0 || age > passed + SET_MS))
			age -= set;
	}
	if (age < 0)
		age = 0;
	return now->own_ms > age ? now->own_ms - age : 1;
}

static unsigned not_there(struct beat_state *state, const struct sighting *sighting,
			  const struct moment *now)
{
	unsigned news = state->absent ? 0 : NEWS_CHANGED;

	/* What was wrong with it stays known: it may come back as it was, or well. */
	state->absent = true;
	snprintf(state->text, sizeof(state->text), "%s", sighting->text);
	/* One that never was there is expected from now on. */
	if (state->status == BEAT_NEW && state->anchor.own_ms == 0)
		state->anchor = *now;
	return news;
}

/* The thing behind it says since when it runs: another moment is another start, which must outlive a
 * restart of tocsin. */
static unsigned count_start(struct beat_state *state, const struct sighting *sighting,
			    const struct reading *before, const struct reading *reading)
{
	int64_t known = state->seen_start_ms;

	if (known == sighting->start_ms)
		return 0;
	state->seen_start_ms = sighting->start_ms;
	if (known == 0 || sighting->start_ms == 0)
		return NEWS_CHANGED;
	if (state->n_starts == BEAT_STARTS)
		memmove(state->start_ms, state->start_ms + 1,
			--state->n_starts * sizeof(*state->start_ms));
	state->start_ms[state->n_starts++] = sighting_own_ms(sighting->start_ms, before, reading);
	return NEWS_CHANGED;
}

/* Is what it says now, though new, too old to make it well again? */
static bool is_stale(const struct beat_state *state, const struct expectation *expect,
		     const struct tocsin_host *host, const struct moment *at,
		     const struct moment *now)
{
	struct beat_state well = *state;
	struct plan plan;

	well.status = BEAT_UP;
	well.anchor = *at;
	well.missed = 0;
	well.running = false;
	beat_plan(&well, expect, host, &plan);
	return plan.down_ms <= now->own_ms;
}

static unsigned take(struct beat_state *state, const struct expectation *expect,
		     const struct tocsin_host *host, const struct moment *at,
		     const struct moment *now)
{
	struct ping ping = {.kind = PING_SUCCESS, .exit = -1, .rid = "", .at = *at};

	if (state->status == BEAT_DOWN && is_stale(state, expect, host, at, now)) {
		state->last_ping = state->anchor = *at;
		return 0;
	}
	/* A row that somebody set back is as old as it says. */
	state->last_ping = *at;
	return beat_ping(state, expect, host, &ping) & ~(unsigned)NEWS_CHANGED;
}

unsigned beat_sighting(struct beat_state *state, const struct expectation *expect,
		       const struct tocsin_host *host, const struct sighting *sighting,
		       const struct reading *before, const struct reading *reading,
		       const struct moment *now)
{
	bool recovers = state->unwell && !sighting->unwell;
	bool fresh = sighting->value_ms != state->seen_ms;
	struct moment at = state->last_ping;
	unsigned news = 0, changed;

	/* Rows change all the time; only a person ends the pause of one. */
	if (state->status == BEAT_PAUSED)
		return 0;
	if (!sighting->there)
		return not_there(state, sighting, now);
	state->absent = false;
	state->unwell = sighting->unwell;
	state->seen_ms = sighting->value_ms;
	snprintf(state->text, sizeof(state->text), "%s", sighting->text ? sighting->text : "");
	changed = count_start(state, sighting, before, reading);
	if (fresh)
		at = (struct moment){sighting_own_ms(sighting->value_ms, before, reading),
				     sighting->value_ms};
	if (sighting->unwell) {
		state->last_ping = at;
		snprintf(state->reason, sizeof(state->reason), "its status is '%s'", state->text);
		if (state->status != BEAT_DOWN)
			news = beat_fall(state, now);
	} else if (fresh || recovers) {
		news = take(state, expect, host, &at, now);
		/* Its status is well again, but the time it says is too old. */
		if (recovers && state->status == BEAT_DOWN) {
			words_missed(state, expect, host, now);
			news |= NEWS_CHANGED;
		}
	}
	return news | changed | beat_settle_starts(state, expect, now);
}
