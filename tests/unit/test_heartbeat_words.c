/* SPDX-License-Identifier: Apache-2.0 */
/* What a table or a file says of a heartbeat, and what is said about it. */
#include "heartbeat_scene.h"

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
