/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate.h"

#include <string.h>

static bool is_bad(enum level level)
{
	return level > LEVEL_OK;
}

/* Of what thresholds say, as opposed to what is missing. */
static bool is_measured(enum level level)
{
	return level == LEVEL_OK || level == LEVEL_WARNING || level == LEVEL_CRITICAL;
}

enum level evaluate_value(const struct limits *limits, double value)
{
	if (condition_holds(&limits->critical, value))
		return LEVEL_CRITICAL;
	return condition_holds(&limits->warning, value) ? LEVEL_WARNING : LEVEL_OK;
}

const struct policy *evaluate_finding(const struct limits *limits, enum finding finding)
{
	switch (finding) {
	case FOUND_NULL:
		return &limits->null;
	case FOUND_NOTHING:
		return &limits->no_data;
	case FOUND_ERROR:
	case FOUND_VALUE:
		break;
	}
	return &limits->error;
}

enum level evaluate_policy(const struct policy *policy, enum level without)
{
	switch (policy->action) {
	case ACTION_OK:
		return LEVEL_OK;
	case ACTION_WARNING:
		return LEVEL_WARNING;
	case ACTION_CRITICAL:
		return LEVEL_CRITICAL;
	case ACTION_KEEP:
	case ACTION_UNKNOWN:
		break;
	}
	return without;
}

static int count_breaches(uint64_t seen, int64_t of)
{
	uint64_t mask = of >= MOST_BREACHES ? UINT64_MAX : (UINT64_C(1) << of) - 1;

	return __builtin_popcountll(seen & mask);
}

/* Takes one more result into the record of a threshold. True when its breach counts. */
static bool breached(const struct limits *limits, bool now, uint64_t *seen, int64_t *since_ms,
		     int64_t now_ms)
{
	int64_t of = limits->of > 0 ? limits->of : 1;
	int64_t least = limits->breaches > 0 ? limits->breaches : 1;

	*seen = *seen << 1 | now;
	/* What is behind the window must not make two equal states differ. */
	if (of < MOST_BREACHES)
		*seen &= (UINT64_C(1) << of) - 1;
	if (count_breaches(*seen, of) < least)
		*since_ms = 0;
	else if (*since_ms == 0)
		*since_ms = now_ms;
	return *since_ms > 0 && now_ms - *since_ms >= limits->for_ms;
}

/* Where a figure, or a policy that speaks of one, leads. */
static enum level measure(const struct limits *limits, struct track *t, enum level raw,
			  int64_t now_ms)
{
	bool warning = breached(limits, raw >= LEVEL_WARNING, &t->warned, &t->warning_ms, now_ms);
	bool critical =
		breached(limits, raw == LEVEL_CRITICAL, &t->alarmed, &t->critical_ms, now_ms);
	enum level next = critical ? LEVEL_CRITICAL : warning ? LEVEL_WARNING : LEVEL_OK;

	/* What is as bad as ever cannot be better for a reason of counting. */
	if (is_measured(t->level) && raw >= t->level && next < t->level)
		next = t->level;
	if (!is_measured(t->level) || next >= t->level) {
		t->clears = 0;
		return next;
	}
	if (++t->clears < limits->clears)
		return t->level;
	t->clears = 0;
	return next;
}

/* A figure that lies between the recovery threshold and the others leaves things as they are. */
static enum level hold(const struct limits *limits, const struct track *t, double value)
{
	enum level raw = evaluate_value(limits, value);

	if (raw == LEVEL_OK && is_measured(t->level) && is_bad(t->level) && limits->recovery.n &&
	    !condition_holds(&limits->recovery, value))
		return t->level;
	return raw;
}

/* Where something leads that is no figure, once it has lasted long enough. */
static enum level endure(const struct policy *policy, struct track *t, enum level target,
			 int64_t now_ms)
{
	if (t->odd != target) {
		t->odd = target;
		t->odd_ms = now_ms;
	}
	return now_ms - t->odd_ms >= policy->for_ms ? target : t->level;
}

static enum level decide(const struct limits *limits, struct track *t, enum finding finding,
			 double value, int64_t now_ms)
{
	const struct policy *policy = evaluate_finding(limits, finding);
	enum level odd = finding == FOUND_ERROR ? LEVEL_ERROR : LEVEL_NO_DATA;

	if (finding != FOUND_VALUE && policy->action == ACTION_KEEP)
		return t->level;
	if (finding != FOUND_VALUE && policy->action != ACTION_OK)
		return endure(policy, t, evaluate_policy(policy, odd), now_ms);
	t->odd = LEVEL_UNKNOWN;
	t->odd_ms = 0;
	return measure(limits, t, finding == FOUND_VALUE ? hold(limits, t, value) : LEVEL_OK,
		       now_ms);
}

static void note_change(struct track *t, int64_t now_ms)
{
	if (t->changes == MOST_CHANGES) {
		t->changes--;
		memmove(t->change_ms, t->change_ms + 1,
			sizeof(t->change_ms[0]) * (size_t)t->changes);
	}
	t->change_ms[t->changes++] = now_ms;
}

/* Forgets changes that are too old to count, and counts the rest. */
static int64_t recent_changes(const struct limits *limits, struct track *t, int64_t now_ms)
{
	int64_t old = 0;

	while (old < t->changes && now_ms - t->change_ms[old] >= limits->flap_window_ms)
		old++;
	t->changes -= old;
	memmove(t->change_ms, t->change_ms + old, sizeof(t->change_ms[0]) * (size_t)t->changes);
	memset(t->change_ms + t->changes, 0,
	       sizeof(t->change_ms[0]) * (size_t)(MOST_CHANGES - t->changes));
	return t->changes;
}

static void fire(struct track *t, enum news news, int64_t now_ms, struct verdict *verdict)
{
	if (!t->firing)
		t->fired_ms = now_ms;
	t->firing = true;
	t->told_ms = now_ms;
	verdict->news = news;
}

static void resolve(struct track *t, int64_t now_ms, struct verdict *verdict)
{
	verdict->news = NEWS_RESOLVED;
	verdict->lasted_ms = now_ms - t->fired_ms;
	t->firing = false;
	t->fired_ms = t->told_ms = 0;
}

/* Takes over the new level and says what it is worth saying by itself. */
static void change(struct track *t, enum level next, int64_t now_ms, struct verdict *verdict)
{
	if (next == t->level)
		return;
	if (t->level != LEVEL_UNKNOWN)
		note_change(t, now_ms);
	t->level = next;
	t->since_ms = now_ms;
	if (t->flapping)
		return;
	if (is_bad(next))
		fire(t, NEWS_FIRING, now_ms, verdict);
	else if (t->firing)
		resolve(t, now_ms, verdict);
}

static void damp(const struct limits *limits, struct track *t, int64_t now_ms,
		 struct verdict *verdict)
{
	int64_t most = limits->flap_changes, recent = recent_changes(limits, t, now_ms);

	if (!t->flapping && most > 0 && recent >= most) {
		t->flapping = true;
		fire(t, NEWS_FLAPPING, now_ms, verdict);
	} else if (t->flapping && (most == 0 || recent * 2 < most)) {
		/* Calm: half as many changes as made it flap, so that this does not flap itself. */
		t->flapping = false;
		if (is_bad(t->level))
			fire(t, NEWS_FIRING, now_ms, verdict);
		else
			resolve(t, now_ms, verdict);
	}
}

bool evaluate_same(const struct track *a, const struct track *b)
{
	for (int64_t i = 0; i < a->changes && i < b->changes; i++)
		if (a->change_ms[i] != b->change_ms[i])
			return false;
	return a->level == b->level && a->firing == b->firing && a->flapping == b->flapping &&
	       a->since_ms == b->since_ms && a->fired_ms == b->fired_ms &&
	       a->told_ms == b->told_ms && a->warned == b->warned && a->alarmed == b->alarmed &&
	       a->warning_ms == b->warning_ms && a->critical_ms == b->critical_ms &&
	       a->odd == b->odd && a->odd_ms == b->odd_ms && a->clears == b->clears &&
	       a->missing == b->missing && a->changes == b->changes;
}

void evaluate(const struct limits *limits, struct track *track, enum finding finding, double value,
	      int64_t now_ms, struct verdict *verdict)
{
	*verdict = (struct verdict){.previous = track->level};
	track->missing = 0;
	change(track, decide(limits, track, finding, value, now_ms), now_ms, verdict);
	damp(limits, track, now_ms, verdict);
	if (verdict->news == NEWS_NONE && track->firing && limits->repeat_ms > 0 &&
	    now_ms - track->told_ms >= limits->repeat_ms)
		fire(track, NEWS_REPEATED, now_ms, verdict);
}

void evaluate_missing(const struct limits *limits, struct track *track, int64_t now_ms,
		      struct verdict *verdict)
{
	*verdict = (struct verdict){.previous = track->level};
	if (++track->missing < limits->vanish_after)
		return;
	verdict->forget = true;
	if (track->firing)
		resolve(track, now_ms, verdict);
}
