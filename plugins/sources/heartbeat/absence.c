/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two things for which a heartbeat is not to blame: that tocsin was not there, and that somebody set the
 * clock.
 *
 * A ping that tocsin could not hear is forgiven once. After a short absence the time without tocsin just
 * does not count: senders try again for that long, or leave their ping in the spool. After a longer one
 * a heartbeat that may have come meanwhile counts as come at the return, so that the next one tells.
 */
#include "beat.h"

bool beat_absence(struct beat_state *state, const struct expectation *expect,
		  const struct tocsin_host *host, const struct moment *left,
		  const struct moment *back, int64_t outage_ms)
{
	int64_t gone = back->own_ms - left->own_ms;
	bool changed = false;
	struct plan plan;

	if (gone <= 0)
		return false;
	beat_plan(state, expect, host, &plan);
	/* How the run ended may be what was not heard. */
	if (plan.run_ms != BEAT_NEVER && (gone > outage_ms || plan.run_ms <= back->own_ms + gone)) {
		state->running = false;
		changed = true;
	}
	/* As a heartbeat may come late, it may come early. */
	if (plan.late_ms == BEAT_NEVER || back->own_ms < plan.late_ms - expect->grace_ms)
		return changed;
	if (gone > outage_ms)
		state->anchor = *back;
	else
		state->anchor.own_ms += gone;
	return true;
}

void beat_clock_set(struct beat_state *state, const struct expectation *expect,
		    const struct tocsin_host *host, const struct moment *now)
{
	struct plan plan;

	if (!expect->schedule)
		return;
	beat_plan(state, expect, host, &plan);
	if (plan.late_ms == BEAT_NEVER || plan.late_ms <= now->own_ms)
		return;
	if (state->anchor.own_ms > now->own_ms)
		state->anchor.wall_ms = now->wall_ms + (state->anchor.own_ms - now->own_ms);
	else
		state->anchor = *now;
}
