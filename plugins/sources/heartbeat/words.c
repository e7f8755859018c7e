/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about a heartbeat, in sentences. */
#include "beat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct unit {
	int64_t ms;
	const char *name;
} units[] = {{INT64_C(86400000), "day"},
	     {3600000, "hour"},
	     {60000, "minute"},
	     {1000, "second"},
	     {1, "ms"}};

static size_t put(char *text, size_t used, int64_t n, const struct unit *unit)
{
	int got = snprintf(text + used, WORDS_DURATION - used, "%" PRId64 " %s%s", n, unit->name,
			   n == 1 || unit->ms == 1 ? "" : "s");

	return used + (size_t)got;
}

const char *words_duration(int64_t ms, char text[WORDS_DURATION])
{
	const struct unit *unit = units;
	size_t used;

	if (ms <= 0)
		return memcpy(text, "0 seconds", sizeof("0 seconds"));
	while (unit->ms > ms)
		unit++;
	/* Who reads of days does not ask for seconds; half a second counts below ten. */
	used = put(text, 0, ms / unit->ms, unit);
	ms %= unit->ms;
	if (unit->ms > 1000 && ms / unit[1].ms > 0) {
		memcpy(text + used, " and ", sizeof(" and "));
		put(text, used + 5, ms / unit[1].ms, unit + 1);
	}
	return text;
}

/* How old a heartbeat may be at most, as far as that is a length of time. */
static int64_t allowed_ms(const struct expectation *expect)
{
	int64_t grace = expect->start_grace_ms > 0 ? expect->start_grace_ms : expect->grace_ms;

	return expect->misses * expect->period_ms + grace;
}

static void by_schedule(char *text, size_t size, const struct beat_state *state,
			const struct expectation *expect, const struct tocsin_host *host)
{
	int64_t wall = state->anchor.wall_ms;
	char when[TOCSIN_LOCAL_TIME], grace[WORDS_DURATION];

	wall = host->next(expect->schedule, expect->zone, wall);
	host->local(expect->zone, wall, when);
	snprintf(text, size, "%s was expected at %s, and %s of grace %s over",
		 expect->start_grace_ms > 0 ? "a start" : "one", when,
		 words_duration(expect->start_grace_ms > 0 ? expect->start_grace_ms
							   : expect->grace_ms,
				grace),
		 "is");
}

void words_missed(struct beat_state *state, const struct expectation *expect,
		  const struct tocsin_host *host, const struct moment *now)
{
	char age[WORDS_DURATION], limit[WORDS_DURATION], allowed[BEAT_REASON / 2];
	bool ever = state->last_ping.own_ms > 0;

	if (expect->schedule)
		by_schedule(allowed, sizeof(allowed), state, expect, host);
	else
		snprintf(allowed, sizeof(allowed), "at most %s allowed",
			 words_duration(allowed_ms(expect), limit));
	words_duration(now->own_ms - state->last_ping.own_ms, age);
	if (state->absent)
		snprintf(state->reason, sizeof(state->reason), "%s; %s", state->text, allowed);
	else if (ever)
		snprintf(state->reason, sizeof(state->reason), "no heartbeat for %s, %s", age,
			 allowed);
	else
		snprintf(state->reason, sizeof(state->reason), "no heartbeat yet, %s", allowed);
}

/* " (2 of 3 in a row)" */
static const char *nth(const struct beat_state *state, const struct expectation *expect,
		       char text[64])
{
	text[0] = '\0';
	if (expect->misses > 1)
		snprintf(text, 64, " (%" PRId64 " of %" PRId64 " in a row)", state->missed + 1,
			 expect->misses);
	return text;
}

void words_failed(struct beat_state *state, const struct expectation *expect, int exit)
{
	char row[64];

	nth(state, expect, row);
	if (exit > 0)
		snprintf(state->reason, sizeof(state->reason), "it ended with exit status %d%s",
			 exit, row);
	else
		snprintf(state->reason, sizeof(state->reason), "it reported a failure%s", row);
}

void words_ran_long(struct beat_state *state, const struct expectation *expect,
		    const struct moment *now)
{
	int64_t most = expect->max_run_ms > 0 ? expect->max_run_ms : expect->grace_ms;
	char age[WORDS_DURATION], limit[WORDS_DURATION], row[64];

	snprintf(state->reason, sizeof(state->reason),
		 "it started %s ago and has not ended, at most %s allowed%s",
		 words_duration(now->own_ms - state->last_start.own_ms, age),
		 words_duration(most, limit), nth(state, expect, row));
}

void words_ran_short(struct beat_state *state, const struct expectation *expect)
{
	char took[WORDS_DURATION], limit[WORDS_DURATION], row[64];

	snprintf(state->reason, sizeof(state->reason),
		 "it ended after %s, at least %s is expected%s",
		 words_duration(state->last_duration_ms, took),
		 words_duration(expect->min_run_ms, limit), nth(state, expect, row));
}

char *words_line(const char *name, const struct beat_state *state, const struct expectation *expect,
		 const struct plan *plan, const struct moment *now)
{
	const char *word = beat_word(state, plan, now->own_ms);
	char age[WORDS_DURATION], limit[WORDS_DURATION], last[WORDS_DURATION + 40], *line = NULL;
	int rc;

	if (state->last_ping.own_ms > 0)
		snprintf(last, sizeof(last), "last heartbeat %s ago",
			 words_duration(now->own_ms - state->last_ping.own_ms, age));
	else
		snprintf(last, sizeof(last), "no heartbeat yet");
	if (state->status == BEAT_DOWN)
		rc = asprintf(&line, "%s is down: %s", name, state->reason);
	else if (state->status == BEAT_PAUSED)
		rc = asprintf(&line, "%s is paused: %s", name, last);
	else if (state->absent)
		rc = asprintf(&line, "%s is %s: %s; %s", name, word, state->text, last);
	else if (expect->schedule && plan->late_ms != BEAT_NEVER && plan->late_ms > now->own_ms)
		rc = asprintf(&line, "%s is %s: %s, the next one is expected within %s", name, word,
			      last, words_duration(plan->late_ms - now->own_ms, limit));
	else if (state->missed > 0 && *state->reason)
		rc = asprintf(&line, "%s is %s: %s", name, word, state->reason);
	else if (expect->period_ms > 0)
		rc = asprintf(&line, "%s is %s: %s, at most %s allowed", name, word, last,
			      words_duration(allowed_ms(expect), limit));
	else
		rc = asprintf(&line, "%s is %s: %s", name, word, last);
	return rc < 0 ? NULL : line;
}
