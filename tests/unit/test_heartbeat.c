/* SPDX-License-Identifier: Apache-2.0 */
/* What a heartbeat becomes by pings and by time, told as scenes: at this second, that, and then it is so. */
#include "heartbeat_scene.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenes),
		cmocka_unit_test(test_a_ping_from_before_changes_nothing),
		cmocka_unit_test(test_absence),
		cmocka_unit_test(test_the_end_of_a_run_may_not_have_been_heard),
		cmocka_unit_test(test_a_clock_that_is_set),
		cmocka_unit_test(test_a_period_does_not_know_the_wall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
