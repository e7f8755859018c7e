/* SPDX-License-Identifier: Apache-2.0 */
/* What a heartbeat becomes by pings and by time, told as scenes: at this second, that, and then it is so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/sources/heartbeat/beat.h"

#define WALL INT64_C(1763424000000) /* 2025-11-18T00:00:00Z */
#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)
#define D (24 * H)

/* A schedule of the test: every so many milliseconds of the wall clock. */
struct beats_every {
	struct tocsin_schedule schedule;
	int64_t ms;
};
static const struct beats_every hourly = {{.text = "0 * * * *"}, H},
				daily = {{.text = "0 0 * * *"}, D},
				minutely = {{.text = "* * * * *"}, M};

static int64_t fake_next(const struct tocsin_schedule *schedule, const struct tocsin_zone *zone,
			 int64_t after_ms)
{
	int64_t every = ((const struct beats_every *)schedule)->ms;

	(void)zone;
	return (after_ms / every + 1) * every;
}

static void fake_local(const struct tocsin_zone *zone, int64_t wall_ms,
		       char text[TOCSIN_LOCAL_TIME])
{
	(void)zone;
	snprintf(text, TOCSIN_LOCAL_TIME, "wall %lld", (long long)((wall_ms - WALL) / S));
}

static const struct tocsin_host host = {
	.size = sizeof(host), .next = fake_next, .local = fake_local};

/* own time runs from 1 day on, so that a mix-up with the wall shows */
static struct moment at(int64_t ms)
{
	return (struct moment){D + ms, WALL + ms};
}

struct step {
	int64_t ms;
	const char
		*what; /* "success", "fail", "exit 3", "start", "success r1", "log", "pass", ... */
	const char *state;
	unsigned news; /* without NEWS_CHANGED */
	const char *reason;
};

struct scene {
	const char *name;
	struct expectation expect;
	struct step step[14];
};

static unsigned act(struct beat_state *state, const struct expectation *expect, const char *what,
		    struct moment now)
{
	char word[16] = "", rest[BEAT_RID] = "";
	struct ping ping = {.at = now, .exit = -1};

	sscanf(what, "%15s %39s", word, rest);
	ping.rid = rest;
	if (strcmp(word, "pass") == 0)
		return beat_pass(state, expect, &host, &now);
	if (strcmp(word, "pause") == 0)
		return beat_pause(state, &now);
	if (strcmp(word, "resume") == 0)
		return beat_resume(state, &now);
	if (strcmp(word, "fail") == 0)
		ping.kind = PING_FAIL;
	if (strcmp(word, "start") == 0)
		ping.kind = PING_START;
	if (strcmp(word, "log") == 0)
		ping.kind = PING_LOG;
	if (strcmp(word, "exit") == 0) {
		ping.exit = atoi(rest);
		ping.kind = ping.exit ? PING_FAIL : PING_SUCCESS;
		ping.rid = "";
	}
	return beat_ping(state, expect, &host, &ping);
}

static void play(const struct scene *scene)
{
	struct beat_state state;
	struct plan plan;

	beat_init(&state);
	for (const struct step *step = scene->step; step->what; step++) {
		struct moment now = at(step->ms);
		unsigned news = act(&state, &scene->expect, step->what, now);
		const char *word;

		beat_plan(&state, &scene->expect, &host, &plan);
		word = beat_word(&state, &plan, now.own_ms);
		if (strcmp(word, step->state) != 0 ||
		    (news & ~(unsigned)NEWS_CHANGED) != step->news)
			fail_msg("%s: after %lld ms and %s it is %s with news %u, not %s with %u",
				 scene->name, (long long)step->ms, step->what, word, news,
				 step->state, step->news);
		if (step->reason && strcmp(state.reason, step->reason) != 0)
			fail_msg("%s: the reason is \"%s\", not \"%s\"", scene->name, state.reason,
				 step->reason);
		/* What is planned happens when it was planned, and not a moment before. */
		if (plan.next_ms != BEAT_NEVER) {
			struct beat_state copy = state;
			struct moment before = {plan.next_ms - 1, 0}, then = {plan.next_ms, 0};

			if (before.own_ms > now.own_ms)
				assert_int_equal(beat_pass(&copy, &scene->expect, &host, &before),
						 0);
			assert_int_not_equal(beat_pass(&copy, &scene->expect, &host, &then), 0);
		}
	}
}

static const struct scene scenes[] = {
	{"a new one waits for ever for its first ping",
	 {.period_ms = M, .grace_ms = S, .misses = 1},
	 {{10 * D, "pass", "new", 0, ""}, {11 * D, "success", "up", 0, ""}}},
	{"period and grace",
	 {.period_ms = D, .grace_ms = H, .misses = 1},
	 {{0, "success", "up", 0, NULL},
	  {D - 1, "pass", "up", 0, ""},
	  {D, "pass", "late", 0, ""},
	  {D + H - 1, "pass", "late", 0, ""},
	  {D + H, "pass", "down", NEWS_DOWN,
	   "no heartbeat for 1 day and 1 hour, at most 1 day and 1 hour allowed"},
	  {D + 2 * H, "pass", "down", 0, NULL},
	  {D + 3 * H, "success", "up", NEWS_UP, ""},
	  {D + 4 * H, "pass", "up", 0, NULL}}},
	{"no grace: down at the period",
	 {.period_ms = 5 * M, .misses = 1},
	 {{0, "success", "up", 0, NULL},
	  {5 * M - 1, "pass", "up", 0, NULL},
	  {5 * M, "pass", "down", NEWS_DOWN,
	   "no heartbeat for 5 minutes, at most 5 minutes allowed"}}},
	{"a failure is down at once, another one no news, a log no matter",
	 {.period_ms = D, .grace_ms = H, .misses = 1},
	 {{0, "success", "up", 0, NULL},
	  {1, "fail", "down", NEWS_DOWN, "it reported a failure"},
	  {2, "exit 3", "down", 0, "it ended with exit status 3"},
	  {3, "log", "down", 0, NULL},
	  {4, "exit 0", "up", NEWS_UP, ""}}},
	{"the first ping may be a failure",
	 {.period_ms = D, .misses = 1},
	 {{0, "exit 255", "down", NEWS_DOWN, "it ended with exit status 255"}}},
	{"a start opens a second timer, and either makes it down",
	 {.period_ms = D, .grace_ms = H, .misses = 1},
	 {{0, "success", "up", 0, NULL},
	  {2 * H, "start", "started", 0, NULL},
	  {3 * H - 1, "pass", "started", 0, NULL},
	  {3 * H, "pass", "down", NEWS_DOWN,
	   "it started 1 hour ago and has not ended, at most 1 hour allowed"},
	  {4 * H, "success", "up", NEWS_UP, NULL},
	  {D + 4 * H, "start", "started", 0, NULL},
	  {D + 5 * H, "pass", "down", NEWS_DOWN, NULL}}},
	{"a run that began late does not move when the heartbeat is due",
	 {.period_ms = D, .grace_ms = H, .misses = 1},
	 {{0, "success", "up", 0, NULL},
	  {D + 30 * M, "start", "started", 0, NULL},
	  {D + H, "pass", "down", NEWS_DOWN, NULL}}},
	{"a new one that starts is expected to end",
	 {.period_ms = D, .grace_ms = H, .misses = 1},
	 {{0, "start", "started", 0, NULL}, {H, "pass", "down", NEWS_DOWN, NULL}}},
	{"start_grace and max_run apart",
	 {.period_ms = D,
	  .grace_ms = 2 * H,
	  .start_grace_ms = 10 * M,
	  .max_run_ms = 5 * H,
	  .misses = 1},
	 {{0, "success", "up", 0, NULL},
	  {D + 10 * M - 1, "start", "started", 0, NULL},
	  {D + 5 * H, "pass", "started", 0, NULL},
	  {D + 5 * H + 5 * M, "success", "up", 0, NULL},
	  {2 * D + 5 * H + 5 * M, "pass", "late", 0, NULL},
	  {2 * D + 5 * H + 15 * M, "pass", "down", NEWS_DOWN, NULL}}},
	{"one that starts over and over and never ends is down all the same",
	 {.period_ms = H, .grace_ms = M, .max_run_ms = 10 * M, .misses = 1},
	 {{0, "success", "up", 0, NULL},
	  {H, "start", "started", 0, NULL},
	  {H + 9 * M, "start", "started", 0, NULL},
	  {H + 11 * M - 1, "pass", "started", 0, NULL},
	  {H + 11 * M, "pass", "down", NEWS_DOWN, NULL}}},
	{"ids of runs: another one's end leaves this one running",
	 {.period_ms = D, .grace_ms = H, .misses = 1},
	 {{0, "start aa", "started", 0, NULL},
	  {M, "start bb", "started", 0, NULL},
	  {2 * M, "success aa", "started", 0, NULL},
	  {3 * M, "success bb", "up", 0, NULL},
	  {4 * M, "start cc", "started", 0, NULL},
	  {5 * M, "success", "up", 0, NULL},
	  {6 * M, "start dd", "started", 0, NULL},
	  {7 * M, "fail ee", "down", NEWS_DOWN, NULL},
	  {8 * M, "success", "up", NEWS_UP, NULL}}},
	{"what ends too fast has failed",
	 {.period_ms = D, .grace_ms = H, .min_run_ms = M, .misses = 1},
	 {{0, "start", "started", 0, NULL},
	  {M, "success", "up", 0, ""},
	  {H, "start", "started", 0, NULL},
	  {H + 2 * S, "success", "down", NEWS_DOWN,
	   "it ended after 2 seconds, at least 1 minute is expected"},
	  {2 * H, "success", "up", NEWS_UP, NULL}}},
	{"misses: so many periods",
	 {.period_ms = H, .grace_ms = M, .misses = 3},
	 {{0, "success", "up", 0, NULL},
	  {H, "pass", "late", 0, NULL},
	  {2 * H + M, "pass", "late", 0, NULL},
	  {3 * H + M - 1, "pass", "late", 0, NULL},
	  {3 * H + M, "pass", "down", NEWS_DOWN, NULL}}},
	{"misses: so many failures, and a success begins anew",
	 {.period_ms = D, .grace_ms = H, .misses = 2},
	 {{0, "fail", "late", 0, "it reported a failure (1 of 2 in a row)"},
	  {1, "success", "up", 0, ""},
	  {2, "fail", "late", 0, NULL},
	  {3, "fail", "down", NEWS_DOWN, "it reported a failure (2 of 2 in a row)"},
	  {4, "success", "up", NEWS_UP, ""}}},
	{"misses: a failure and a heartbeat that stays away",
	 {.period_ms = H, .grace_ms = M, .misses = 2},
	 {{0, "success", "up", 0, NULL},
	  {30 * M, "fail", "late", 0, NULL},
	  {90 * M + M - 1, "pass", "late", 0, NULL},
	  {91 * M, "pass", "down", NEWS_DOWN, NULL}}},
	{"misses: a run that takes too long is one",
	 {.period_ms = H, .grace_ms = M, .misses = 2},
	 {{0, "start", "started", 0, NULL},
	  {M, "pass", "new", 0,
	   "it started 1 minute ago and has not ended, at most 1 minute allowed "
	   "(1 of 2 in a row)"},
	  {2 * M, "start", "started", 0, NULL},
	  {3 * M, "pass", "down", NEWS_DOWN, NULL}}},
	{"paused: nothing is expected, a ping ends it silently",
	 {.period_ms = M, .misses = 1},
	 {{0, "success", "up", 0, NULL},
	  {1, "pause", "paused", 0, NULL},
	  {D, "pass", "paused", 0, NULL},
	  {D + 1, "success", "up", 0, NULL},
	  {D + 1 + M, "pass", "down", NEWS_DOWN, NULL},
	  {2 * D, "pause", "paused", NEWS_UP, NULL},
	  {3 * D, "start", "started", 0, NULL}}},
	{"paused by hand: pings are ignored until it is resumed",
	 {.period_ms = M, .misses = 1, .manual_resume = true},
	 {{0, "success", "up", 0, NULL},
	  {1, "pause", "paused", 0, NULL},
	  {2, "fail", "paused", 0, NULL},
	  {3, "success", "paused", 0, NULL},
	  {D, "resume", "up", 0, NULL},
	  {D + M - 1, "pass", "up", 0, NULL},
	  {D + M, "pass", "down", NEWS_DOWN, NULL}}},
	{"a new one that is paused and resumed is new",
	 {.period_ms = M, .misses = 1},
	 {{0, "pause", "paused", 0, NULL},
	  {1, "resume", "new", 0, NULL},
	  {D, "pass", "new", 0, NULL}}},
	{"a schedule",
	 {.schedule = &daily.schedule, .grace_ms = H, .misses = 1},
	 {{10 * M, "success", "up", 0, NULL},
	  {D - 1, "pass", "up", 0, NULL},
	  {D, "pass", "late", 0, NULL},
	  {D + H - 1, "pass", "late", 0, NULL},
	  {D + H, "pass", "down", NEWS_DOWN,
	   "no heartbeat for 1 day, one was expected at wall 86400, and 1 hour of grace is over"},
	  {D + 2 * H, "success", "up", NEWS_UP, NULL},
	  {2 * D, "pass", "late", 0, NULL}}},
	{"a schedule: a little early is that one",
	 {.schedule = &daily.schedule, .grace_ms = H, .misses = 1},
	 {{D - 2 * S, "success", "up", 0, NULL},
	  {D + 2 * H, "pass", "up", 0, NULL},
	  {2 * D, "pass", "late", 0, NULL},
	  {3 * D - 11 * S, "success", "up", 0, NULL},
	  {3 * D, "pass", "late", 0, NULL}}},
	{"a schedule and misses",
	 {.schedule = &hourly.schedule, .grace_ms = 10 * M, .misses = 3},
	 {{5 * M, "success", "up", 0, NULL},
	  {H, "pass", "late", 0, NULL},
	  {3 * H + 10 * M - 1, "pass", "late", 0, NULL},
	  {3 * H + 10 * M, "pass", "down", NEWS_DOWN, NULL}}},
	{"a schedule of minutes: early is a quarter at most",
	 {.schedule = &minutely.schedule, .grace_ms = 30 * S, .misses = 1},
	 {{45 * S, "success", "up", 0, NULL}, {60 * S, "pass", "late", 0, NULL}}},
	{"too many starts",
	 {.period_ms = D, .misses = 1, .max_starts = 3, .starts_within_ms = H},
	 {{0, "start", "started", 0, NULL},
	  {10 * M, "start", "started", 0, NULL},
	  {20 * M, "start", "started", 0, NULL},
	  {30 * M, "start", "started", NEWS_RESTLESS, NULL},
	  {40 * M, "start", "started", 0, NULL},
	  {H + 10 * M - 1, "pass", "started", 0, NULL},
	  {H + 10 * M, "pass", "started", NEWS_CALM, NULL},
	  {H + 11 * M, "pass", "started", 0, NULL}}},
};

static void test_scenes(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(scenes); i++)
		play(&scenes[i]);
}

/* An old ping that comes late tells nothing new. */
static void test_a_ping_from_before_changes_nothing(void **unused)
{
	const struct expectation expect = {.period_ms = D, .misses = 1};
	struct ping ping = {.kind = PING_SUCCESS, .exit = -1, .rid = "", .at = at(H)};
	struct beat_state state, before;

	(void)unused;
	beat_init(&state);
	beat_ping(&state, &expect, &host, &ping);
	before = state;
	ping.kind = PING_FAIL;
	ping.at = at(H - 1);
	assert_int_equal(beat_ping(&state, &expect, &host, &ping), NEWS_CHANGED);
	assert_memory_equal(&state, &before, sizeof(state));
}

/* --- tocsin was away --- */

static void test_absence(void **unused)
{
	static const struct {
		const char *what;
		int64_t left, back;
		int64_t down; /* after the last heartbeat */
	} cases[] = {
		{"over long before it is due", H, 12 * H, D + H},
		{"over before it may come early", H, D - H - 1, D + H},
		{"when it may have come early", D - 2 * H, D - H, 2 * D},
		{"when it was due", D - M, D + 10 * M, 2 * D + H + 10 * M},
		{"for days", H, 5 * D, 6 * D + H},
		{"short, and not when it was due", H, H + M, D + H},
		{"short, when it was due: the time does not count", D - 30 * S, D + 30 * S,
		 D + H + M},
	};
	const struct expectation expect = {.period_ms = D, .grace_ms = H, .misses = 1};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		struct moment left = at(cases[i].left), back = at(cases[i].back);
		struct beat_state state;
		struct plan plan;

		beat_init(&state);
		act(&state, &expect, "success", at(0));
		beat_absence(&state, &expect, &host, &left, &back, 2 * M);
		beat_plan(&state, &expect, &host, &plan);
		if (plan.down_ms != at(cases[i].down).own_ms)
			fail_msg("%s: down after %lld s, not %lld", cases[i].what,
				 (long long)((plan.down_ms - at(0).own_ms) / S),
				 (long long)(cases[i].down / S));
	}
}

static void test_the_end_of_a_run_may_not_have_been_heard(void **unused)
{
	const struct expectation expect = {.period_ms = D, .grace_ms = H, .misses = 1};
	struct moment left = at(M), back = at(2 * H);
	struct beat_state state;

	(void)unused;
	beat_init(&state);
	act(&state, &expect, "success", at(0));
	act(&state, &expect, "start", at(S));
	assert_true(beat_absence(&state, &expect, &host, &left, &back, 2 * M));
	assert_false(state.running);
	assert_int_equal(beat_pass(&state, &expect, &host, &back), 0);
}

/* --- the clock on the wall was set --- */

/* The wall clock jumps by so much, 12 hours after a heartbeat that is due daily at midnight; the job
 * goes by the wall. It is expected at the next midnight there is, and nothing is late before. */
static void test_a_clock_that_is_set(void **unused)
{
	static const int64_t jumps[] = {H, -H, D, -D, 3650 * D, -3650 * D, 13 * H, -13 * H};
	const struct expectation expect = {
		.schedule = &daily.schedule, .grace_ms = 10 * M, .misses = 1};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(jumps); i++) {
		struct moment now = at(12 * H);
		struct beat_state state;
		struct plan plan;
		int64_t midnight;

		beat_init(&state);
		act(&state, &expect, "success", at(S));
		now.wall_ms += jumps[i];
		beat_clock_set(&state, &expect, &host, &now);
		assert_int_equal(beat_pass(&state, &expect, &host, &now), 0);
		beat_plan(&state, &expect, &host, &plan);
		midnight = (now.wall_ms / D + 1) * D;
		assert_int_equal(plan.late_ms - now.own_ms, midnight - now.wall_ms);
	}
}

/* One with a period does not look at the wall at all. */
static void test_a_period_does_not_know_the_wall(void **unused)
{
	const struct expectation expect = {.period_ms = D, .grace_ms = H, .misses = 1};
	struct beat_state state, before;
	struct moment now = at(H);

	(void)unused;
	beat_init(&state);
	act(&state, &expect, "success", at(0));
	before = state;
	now.wall_ms += 3650 * D;
	beat_clock_set(&state, &expect, &host, &now);
	assert_memory_equal(&state, &before, sizeof(state));
	assert_int_equal(beat_pass(&state, &expect, &host, &now), 0);
}

/* --- what others say --- */

static void test_sighting_times(void **unused)
{
	/* Read at own 1000 s and 1010 s; the outer clock said 5000 s at first. In seconds. */
	static const struct {
		const char *what;
		int64_t value, outer, own; /* outer: at the second reading; own: the result */
	} cases[] = {
		{"as it should be", 5007, 5010, 1007},
		{"at this moment", 5010, 5010, 1010},
		{"of a clock that is ahead", 5020, 5010, 1010},
		{"somebody made it old", 4000, 5010, 0},
		{"set ahead by an hour after it was written", 5004, 8610, 1004},
		{"set ahead by an hour before it was written", 8605, 8610, 1005},
		{"set back by an hour after it was written", 5004, 1410, 1004},
		{"set back by an hour before it was written", 1407, 1410, 1007},
		{"set ahead by ten years", 5009, 315365010, 1009},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		const struct reading before = {5000 * S, 1000 * S},
				     now = {cases[i].outer * S, 1010 * S};
		int64_t own = sighting_own_ms(cases[i].value * S, &before, &now);

		if (own != (cases[i].own ? cases[i].own * S : 1))
			fail_msg("%s: at %lld ms, not %lld s", cases[i].what, (long long)own,
				 (long long)cases[i].own);
	}
}

static unsigned see(struct beat_state *state, int64_t now_ms, int64_t value_ms, const char *status,
		    bool unwell)
{
	const struct expectation expect = {
		.period_ms = 5 * M, .misses = 1, .max_starts = 3, .starts_within_ms = H};
	const struct sighting sighting = {
		.there = value_ms != 0, .value_ms = value_ms, .text = status, .unwell = unwell};
	struct moment now = at(now_ms);
	struct reading reading = {now.wall_ms, now.own_ms},
		       before = {now.wall_ms - S, now.own_ms - S};
	unsigned news = beat_sighting(state, &expect, &host, &sighting, &before, &reading, &now);

	return (news | beat_pass(state, &expect, &host, &now)) & ~(unsigned)NEWS_CHANGED;
}

static void test_a_row_that_changes_is_a_heartbeat(void **unused)
{
	struct beat_state state;

	(void)unused;
	beat_init(&state);
	assert_int_equal(see(&state, 10 * M, WALL + 10 * M - S, "running", false), 0);
	assert_int_equal(state.status, BEAT_UP);
	/* The same value again ages, on our clock. */
	assert_int_equal(see(&state, 15 * M - S - 1, WALL + 10 * M - S, "running", false), 0);
	assert_int_equal(see(&state, 15 * M - S, WALL + 10 * M - S, "running", false), NEWS_DOWN);
	assert_int_equal(see(&state, 16 * M, WALL + 16 * M, "running", false), NEWS_UP);
	/* Somebody makes it old by hand: it is as old as it says. */
	assert_int_equal(see(&state, 17 * M, WALL + 7 * M, "running", false), NEWS_DOWN);
	assert_string_equal(state.reason, "no heartbeat for 10 minutes, at most 5 minutes allowed");
	/* And so does who makes it a little less old: no news. */
	assert_int_equal(see(&state, 17 * M + S, WALL + 8 * M, "running", false), 0);
	assert_int_equal(state.status, BEAT_DOWN);
}

static void test_a_status_that_is_not_healthy(void **unused)
{
	struct beat_state state;

	(void)unused;
	beat_init(&state);
	assert_int_equal(see(&state, 0, WALL, "running", false), 0);
	assert_int_equal(see(&state, S, WALL + S, "stopped", true), NEWS_DOWN);
	assert_string_equal(state.reason, "its status is 'stopped'");
	assert_int_equal(see(&state, 2 * S, WALL + 2 * S, "stopped", true), 0);
	/* Well again, though the time is the same. */
	assert_int_equal(see(&state, 3 * S, WALL + 2 * S, "running", false), NEWS_UP);
}

static void test_a_row_that_is_not_there(void **unused)
{
	struct beat_state state;

	(void)unused;
	beat_init(&state);
	assert_int_equal(see(&state, 0, 0, "there is no row for it", false), 0);
	assert_int_equal(state.status, BEAT_NEW);
	assert_int_equal(see(&state, 5 * M - 1, 0, "there is no row for it", false), 0);
	assert_int_equal(see(&state, 5 * M, 0, "there is no row for it", false), NEWS_DOWN);
	assert_string_equal(state.reason, "there is no row for it; at most 5 minutes allowed");
	assert_int_equal(see(&state, 6 * M, WALL + 6 * M, NULL, false), NEWS_UP);
}

static void test_only_a_person_ends_the_pause_of_a_row(void **unused)
{
	struct beat_state state;
	struct moment now = at(S);

	(void)unused;
	beat_init(&state);
	see(&state, 0, WALL, NULL, false);
	beat_pause(&state, &now);
	assert_int_equal(see(&state, H, WALL + H, NULL, false), 0);
	assert_int_equal(state.status, BEAT_PAUSED);
}

static void test_a_row_that_says_when_it_started(void **unused)
{
	const struct expectation expect = {
		.period_ms = 5 * M, .misses = 1, .max_starts = 3, .starts_within_ms = H};
	struct beat_state state;
	unsigned news = 0;

	(void)unused;
	beat_init(&state);
	/* It runs when it is seen first, and starts four times more. */
	for (int i = 0; i <= 4; i++) {
		struct moment now = at(i * M);
		struct reading reading = {now.wall_ms, now.own_ms},
			       before = {now.wall_ms - M, now.own_ms - M};
		struct sighting sighting = {
			.there = true, .value_ms = now.wall_ms, .start_ms = now.wall_ms - S};

		assert_int_equal(news & NEWS_RESTLESS, 0);
		news = beat_sighting(&state, &expect, &host, &sighting, &before, &reading, &now);
	}
	assert_int_equal(news & NEWS_RESTLESS, NEWS_RESTLESS);
}

/* --- words --- */

static void test_durations(void **unused)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "0 seconds"},
		{-5, "0 seconds"},
		{1, "1 ms"},
		{999, "999 ms"},
		{1000, "1 second"},
		{1999, "1 second"},
		{59 * S, "59 seconds"},
		{M, "1 minute"},
		{125 * S, "2 minutes and 5 seconds"},
		{26 * H, "1 day and 2 hours"},
		{49 * H, "2 days and 1 hour"},
		{H + S, "1 hour"},
	};
	char text[WORDS_DURATION];

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++)
		assert_string_equal(words_duration(cases[i].ms, text), cases[i].text);
	words_duration(INT64_MAX, text);
}

static void assert_line(const struct beat_state *state, const struct expectation *expect,
			int64_t ms, const char *wanted)
{
	struct moment now = at(ms);
	struct plan plan;
	char *line;

	beat_plan(state, expect, &host, &plan);
	line = words_line("backup", state, expect, &plan, &now);
	assert_string_equal(line, wanted);
	free(line);
}

static void test_lines(void **unused)
{
	struct expectation expect = {.period_ms = D, .misses = 1};
	struct beat_state state;
	struct moment now = at(D);

	(void)unused;
	beat_init(&state);
	assert_line(&state, &expect, 0, "backup is new: no heartbeat yet, at most 1 day allowed");
	act(&state, &expect, "success", at(0));
	assert_line(&state, &expect, 2 * M,
		    "backup is up: last heartbeat 2 minutes ago, at most 1 day allowed");
	beat_pass(&state, &expect, &host, &now);
	assert_line(&state, &expect, D,
		    "backup is down: no heartbeat for 1 day, at most 1 day allowed");
	beat_pause(&state, &now);
	assert_line(&state, &expect, 2 * D, "backup is paused: last heartbeat 2 days ago");
	expect = (struct expectation){.schedule = &daily.schedule, .grace_ms = H, .misses = 1};
	beat_init(&state);
	act(&state, &expect, "success", at(H));
	assert_line(&state, &expect, 2 * H,
		    "backup is up: last heartbeat 1 hour ago, the next one is expected within 22 "
		    "hours");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenes),
		cmocka_unit_test(test_a_ping_from_before_changes_nothing),
		cmocka_unit_test(test_absence),
		cmocka_unit_test(test_the_end_of_a_run_may_not_have_been_heard),
		cmocka_unit_test(test_a_clock_that_is_set),
		cmocka_unit_test(test_a_period_does_not_know_the_wall),
		cmocka_unit_test(test_sighting_times),
		cmocka_unit_test(test_a_row_that_changes_is_a_heartbeat),
		cmocka_unit_test(test_a_status_that_is_not_healthy),
		cmocka_unit_test(test_a_row_that_is_not_there),
		cmocka_unit_test(test_only_a_person_ends_the_pause_of_a_row),
		cmocka_unit_test(test_a_row_that_says_when_it_started),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
