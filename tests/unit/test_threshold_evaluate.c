/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions, and how the state of a figure changes: tables with a made-up clock. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/sources/threshold/evaluate.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- conditions --- */

static void conditions_hold_where_they_say(void **state)
{
	static const struct {
		const char *text;
		double holds[4], not [4];
		size_t n_holds, n_not;
		const char *range;
	} cases[] = {
		{"> 300", {300.1, 1e9}, {300, 0, -5}, 2, 3, "300"},
		{">300", {301}, {300}, 1, 1, "300"},
		{">= 20", {20, 21}, {19.999}, 2, 1, "20"},
		{"< 70", {69.9, -1}, {70, 71}, 2, 2, "70:"},
		{"<= 70", {70, 0}, {70.1}, 2, 1, "70:"},
		{"> -5", {-4, 0}, {-5, -6}, 2, 2, "~:-5"},
		{"= 3", {3}, {2, 4}, 1, 2, ""},
		{"== 3", {3}, {2}, 1, 1, ""},
		{"!= 3", {2, 4}, {3}, 2, 1, ""},
		{"<> 3", {2, 4}, {3}, 2, 1, ""},
		{"< 40 or > 95", {39, 96}, {40, 95, 60}, 2, 3, "40:95"},
		{"  < 40 OR   >95  ", {39, 96}, {40, 95}, 2, 2, "40:95"},
		{"= 1 or = 2 or = 3 or > 9", {1, 2, 3, 10}, {0, 4, 9}, 4, 3, ""},
		{"10:20", {9, 21}, {10, 15, 20}, 2, 3, "10:20"},
		{"@10:20", {10, 15, 20}, {9.9, 20.1}, 3, 2, "@10:20"},
		{"10:", {9, -3}, {10, 11}, 2, 2, "10:"},
		{"~:10", {11}, {10, -99}, 1, 2, "10"},
		{"0:10", {-1, 11}, {0, 10}, 2, 2, "0:10"},
		{"@~:0", {0, -1}, {1}, 2, 1, "@~:0"},
		{"-5:5", {-6, 6}, {-5, 5}, 2, 2, "-5:5"},
		{"> 1.5e3", {1501}, {1500}, 1, 1, "1500"},
		{"", {0}, {0, 1, -1}, 0, 3, ""},
		{NULL, {0}, {0, 1, -1}, 0, 3, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct condition condition;
		char why[300] = "", range[80];

		if (condition_parse(cases[i].text, &condition, why, sizeof(why)))
			fail_msg("'%s': %s", cases[i].text, why);
		for (size_t j = 0; j < cases[i].n_holds; j++)
			if (!condition_holds(&condition, cases[i].holds[j]))
				fail_msg("'%s' holds for %g", cases[i].text, cases[i].holds[j]);
		for (size_t j = 0; j < cases[i].n_not; j++)
			if (condition_holds(&condition, cases[i].not [j]))
				fail_msg("'%s' does not hold for %g", cases[i].text,
					 cases[i].not [j]);
		condition_range(&condition, range, sizeof(range));
		assert_string_equal(range, cases[i].range);
	}
}

static void what_is_no_condition_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"10", "'10' does not say which side is meant; write '> 10', '< 10', or the range "
		       "'0:10'"},
		{"> ", "does not compare with a plain number"},
		{"> 5%", "is no condition"},
		{"> $500", "does not compare with a plain number"},
		{"> 0x10", "is no condition"},
		{"> inf", "does not compare with a plain number"},
		{"> 1e999", "does not compare with a plain number"},
		{"< 40 and > 95", "is no condition"},
		{"< 40 or", "is no condition"},
		{"< 40 or 95", "is no condition"},
		{"=> 3", "does not compare with a plain number"},
		{"20:10", "begins above its end"},
		{"~:", "has no bound"},
		{"@~:", "has no bound"},
		{":", "is no range"},
		{"a:b", "is no range"},
		{"10:20:30", "is no range"},
		{"= 1 or = 2 or = 3 or = 4 or = 5", "has too many parts"},
		{"high", "is no condition"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct condition condition;
		char why[300] = "";

		assert_int_equal(condition_parse(cases[i].text, &condition, why, sizeof(why)),
				 -EINVAL);
		if (!strstr(why, cases[i].why))
			fail_msg("'%s': %s", cases[i].text, why);
	}
}

/* --- states --- */

/*
 * One story a line: what is found at which second, and what is said of it. Steps are
 * "SECOND:FOUND=LEVEL" with "!" and the news behind where there are any: f firing,
 * r repeated, x flapping, o resolved. FOUND: a number, null, none, error, gone.
 */
struct story {
	const char *name, *limits, *steps;
};

static enum action action_of(const char *text)
{
	static const char *const name[] = {"unknown", "ok", "keep", "warning", "critical"};

	for (size_t i = 0; i < COUNT(name); i++)
		if (strncmp(text, name[i], strlen(name[i])) == 0)
			return (enum action)i;
	fail_msg("no action: %s", text);
	return ACTION_UNKNOWN;
}

/* "w > 5; c > 9; for 60; n 3 5" */
static void read_limits(const char *text, struct limits *limits)
{
	char copy[300], why[300], *part, *rest = copy;

	*limits = (struct limits){.breaches = 1, .of = 1, .clears = 1, .vanish_after = 2};
	snprintf(copy, sizeof(copy), "%s", text);
	while ((part = strsep(&rest, ";"))) {
		char word[20] = "", *at, *second;
		long long a = 0, b = 0;
		int end = 0;

		part += strspn(part, " ");
		sscanf(part, "%19s %n", word, &end);
		at = part + end;
		if (strcmp(word, "null") != 0 && strcmp(word, "none") != 0 &&
		    strcmp(word, "error") != 0)
			a = strtoll(at, &second, 10), b = strtoll(second, NULL, 10);
		if (strcmp(word, "w") == 0)
			assert_int_equal(condition_parse(at, &limits->warning, why, 300), 0);
		else if (strcmp(word, "c") == 0)
			assert_int_equal(condition_parse(at, &limits->critical, why, 300), 0);
		else if (strcmp(word, "recovery") == 0)
			assert_int_equal(condition_parse(at, &limits->recovery, why, 300), 0);
		else if (strcmp(word, "for") == 0)
			limits->for_ms = a * 1000;
		else if (strcmp(word, "n") == 0)
			limits->breaches = a, limits->of = b;
		else if (strcmp(word, "clears") == 0)
			limits->clears = a;
		else if (strcmp(word, "repeat") == 0)
			limits->repeat_ms = a * 1000;
		else if (strcmp(word, "flap") == 0)
			limits->flap_changes = a, limits->flap_window_ms = b * 1000;
		else if (strcmp(word, "vanish") == 0)
			limits->vanish_after = a;
		else {
			struct policy *policy = strcmp(word, "null") == 0   ? &limits->null
						: strcmp(word, "none") == 0 ? &limits->no_data
									    : &limits->error;

			policy->action = action_of(at);
			if (strchr(at, ' '))
				policy->for_ms = strtoll(strchr(at, ' '), NULL, 10) * 1000;
		}
	}
}

static enum finding finding_of(const char *text, double *value)
{
	*value = strtod(text, NULL);
	if (strncmp(text, "null", 4) == 0)
		return FOUND_NULL;
	if (strncmp(text, "none", 4) == 0)
		return FOUND_NOTHING;
	return strncmp(text, "error", 5) == 0 ? FOUND_ERROR : FOUND_VALUE;
}

static void tell_story(const struct story *story)
{
	static const char *const level[] = {"unknown", "ok",      "no_data",
					    "error",   "warning", "critical"};
	static const char news[] = {' ', 'f', 'r', 'x', 'o'};
	struct limits limits;
	struct track track = {0};
	char copy[2000], *step, *rest = copy;

	read_limits(story->limits, &limits);
	snprintf(copy, sizeof(copy), "%s", story->steps);
	while ((step = strsep(&rest, " "))) {
		struct verdict verdict;
		char *found = strchr(step, ':') + 1, *expected = strchr(step, '=') + 1;
		char said[40];
		int64_t now = 1000000 + (int64_t)(strtod(step, NULL) * 1000);
		double value;

		if (strncmp(found, "gone", 4) == 0) {
			evaluate_missing(&limits, &track, now, &verdict);
		} else {
			enum finding finding = finding_of(found, &value);

			evaluate(&limits, &track, finding, value, now, &verdict);
		}
		snprintf(said, sizeof(said), "%s%s%.1s",
			 verdict.forget ? "over" : level[track.level], verdict.news ? "!" : "",
			 verdict.news ? &news[verdict.news] : "");
		if (strcmp(said, expected) != 0)
			fail_msg("%s: at %s it is %s", story->name, step, said);
		/* An alert is out exactly while something is bad or flaps. */
		if (!verdict.forget)
			assert_int_equal(track.firing, track.level > LEVEL_OK || track.flapping);
	}
}

static const struct story stories[] = {
	{"a threshold is told once, and its end", "w > 180; c > 300",
	 "0:100=ok 60:200=warning!f 120:210=warning 180:100=ok!o 240:90=ok"},
	{"it gets worse and better by steps", "w > 180; c > 300",
	 "0:200=warning!f 1:301=critical!f 2:400=critical 3:200=warning!f 4:1=ok!o"},
	{"only critical", "c > 300", "0:200=ok 1:301=critical!f 2:300=ok!o"},
	{"only a warning", "w < 60", "0:59=warning!f 1:60=ok!o"},
	{"both sides", "w < 50 or > 85; c < 40 or > 95",
	 "0:60=ok 1:45=warning!f 2:39=critical!f 3:96=critical 4:90=warning!f 5:50=ok!o"},
	{"a warning that lasts", "w > 5; for 60",
	 "0:6=ok 30:6=ok 59:6=ok 60:6=warning!f 70:6=warning 80:5=ok!o"},
	{"what does not last is not told", "w > 5; for 60",
	 "0:6=ok 30:6=ok 50:5=ok 60:6=ok 100:6=ok 119:6=ok 120:6=warning!f"},
	{"critical has a time of its own", "w > 5; c > 9; for 60",
	 "0:6=ok 30:10=ok 60:10=warning!f 89:10=warning 90:10=critical!f"},
	{"back to a warning at once, that has lasted", "w > 5; c > 9; for 60",
	 "0:10=ok 60:10=critical!f 70:6=warning!f 80:1=ok!o"},
	{"three in a row", "w > 5; n 3 3",
	 "0:6=ok 1:6=ok 2:1=ok 3:6=ok 4:6=ok 5:6=warning!f "
	 "6:1=ok!o"},
	{"three of five", "w > 5; n 3 5",
	 "0:6=ok 1:1=ok 2:6=ok 3:1=ok 4:6=warning!f 5:1=ok!o 6:6=warning!f 7:6=warning "
	 "8:1=warning 9:1=ok!o"},
	{"three of five, and that for a time", "w > 5; n 2 3; for 10",
	 "0:6=ok 5:6=ok 10:6=ok 15:6=warning!f 20:1=warning 25:1=ok!o"},
	{"critical ones count as warnings", "w > 5; c > 9; n 3 3",
	 "0:6=ok 1:10=ok 2:10=warning!f 3:10=critical!f"},
	{"two clear results", "w > 5; clears 2",
	 "0:6=warning!f 1:1=warning 2:6=warning 3:1=warning 4:1=ok!o"},
	{"clear results count for less bad, too", "w > 5; c > 9; clears 2",
	 "0:10=critical!f 1:6=critical 2:6=warning!f 3:1=warning 4:1=ok!o"},
	{"a recovery threshold", "w > 180; c > 300; recovery < 150",
	 "0:200=warning!f 1:170=warning 2:150=warning 3:149=ok!o 4:170=ok 5:181=warning!f"},
	{"from critical, which stays where only recovery is missing",
	 "w > 180; c > 300; recovery < 150",
	 "0:310=critical!f 1:160=critical 2:200=warning!f 3:160=warning 4:1=ok!o"},
	{"recovery with a time", "w > 5; for 10; recovery < 3",
	 "0:6=ok 10:6=warning!f 20:4=warning 30:4=warning 40:2=ok!o"},
	{"again while it lasts", "w > 5; repeat 60",
	 "0:6=warning!f 30:6=warning 60:6=warning!r 90:6=warning 120:6=warning!r 130:1=ok!o "
	 "200:1=ok"},
	{"a change begins the time anew", "w > 5; c > 9; repeat 60",
	 "0:6=warning!f 50:10=critical!f 100:10=critical 110:10=critical!r"},
	{"no rows", "w > 5; none unknown", "0:none=no_data!f 1:none=no_data 2:1=ok!o"},
	{"no rows, for long enough", "w > 5; none unknown 60",
	 "0:1=ok 10:none=ok 60:none=ok 70:none=no_data!f 80:1=ok!o 90:none=ok 100:1=ok 110:none=ok "
	 "160:none=ok"},
	{"no rows are fine", "w > 5; none ok", "0:none=ok 1:6=warning!f 2:none=ok!o"},
	{"no rows change nothing", "w > 5; none keep",
	 "0:none=unknown 1:6=warning!f 2:none=warning 3:none=warning 4:1=ok!o 5:none=ok"},
	{"no rows are a warning", "c > 5; none warning", "0:none=warning!f 1:1=ok!o"},
	{"no rows are critical, after a time", "w > 5; none critical 10",
	 "0:none=unknown 9:none=unknown 10:none=critical!f 11:6=warning!f 12:none=warning "
	 "22:none=critical!f"},
	{"NULL has its own policy", "w > 5; none ok; null unknown",
	 "0:none=ok 1:null=no_data!f 2:none=ok!o"},
	{"from NULL to nothing is one and the same", "w > 5; none unknown; null unknown",
	 "0:null=no_data!f 1:none=no_data 2:1=ok!o"},
	{"an error, for long enough", "w > 5; error unknown 60",
	 "0:6=warning!f 10:error=warning 60:error=warning 70:error=error!f 80:6=warning!f 90:1=ok!o"},
	{"an error keeps", "w > 5; error keep", "0:6=warning!f 10:error=warning 20:1=ok!o"},
	{"an error does not count as one of three", "w > 5; n 3 3; error keep",
	 "0:6=ok 1:6=ok 2:error=ok 3:6=warning!f"},
	{"from an error to no data, each with its time", "w > 5; error unknown 5; none unknown 5",
	 "0:error=unknown 4:error=unknown 5:none=unknown 9:none=unknown 10:none=no_data!f"},
	{"repeated while unknown", "w > 5; error unknown; repeat 10",
	 "0:error=error!f 5:error=error 10:error=error!r"},
	{"a row that is gone", "w > 5; vanish 2", "0:6=warning!f 1:gone=warning 2:gone=over!o"},
	{"a row that was away", "w > 5; vanish 3",
	 "0:6=warning!f 1:gone=warning 2:gone=warning 3:6=warning 4:gone=warning 5:gone=warning "
	 "6:gone=over!o"},
	{"a good row that is gone", "w > 5; vanish 1", "0:1=ok 1:gone=over"},
	{"four changes in a minute are one alert", "w > 5; flap 4 60",
	 "0:1=ok 5:6=warning!f 10:1=ok!o 15:6=warning!f 20:1=ok!x 25:6=warning 30:1=ok 35:6=warning "
	 "80:6=warning 90:6=warning!f 100:1=ok!o"},
	{"calm is good news", "w > 5; flap 4 60",
	 "0:1=ok 5:6=warning!f 10:1=ok!o 15:6=warning!f 20:1=ok!x 40:1=ok 69:1=ok 70:1=ok 75:1=ok!o "
	 "80:1=ok 90:6=warning!f"},
	{"slow changes do not flap", "w > 5; flap 4 60",
	 "0:1=ok 20:6=warning!f 40:1=ok!o 60:6=warning!f 80:1=ok!o 100:6=warning!f"},
	{"flapping is repeated", "w > 5; flap 3 60; repeat 30",
	 "0:6=warning!f 1:1=ok!o 2:6=warning!f 3:1=ok!x 33:6=warning!r"},
	{"a flapping row that is gone", "w > 5; flap 3 60; vanish 1",
	 "0:6=warning!f 1:1=ok!o 2:6=warning!f 3:1=ok!x 4:gone=over!o"},
	{"at the end of a week nothing is left over", "w > 5; n 2 64",
	 "0:6=ok 1:1=ok 2:6=warning!f 604800:1=warning"},
};

static void states_change_as_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(stories); i++)
		tell_story(&stories[i]);
}

/* A state that does not change is not written to the store. */
static void a_state_that_lasts_stays_the_same(void **state)
{
	static const char *const all[] = {"w > 5", "w > 5; n 3 5; for 10; clears 3",
					  "w > 5; n 1 64", "c > 5; flap 4 60",
					  "w > 5; recovery < 3"};
	static const double values[] = {1, 6};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(all); i++) {
		struct limits limits;
		struct track track = {0}, before = {0};
		struct verdict verdict;

		read_limits(all[i / 2], &limits);
		for (int n = 0; n < 200; n++) {
			before = track;
			evaluate(&limits, &track, FOUND_VALUE, values[i % 2], 1000 + n * 1000,
				 &verdict);
		}
		assert_memory_equal(&before, &track, sizeof(track));
	}
}

/* Whatever comes in whatever order: an alert that is out ends, none ends twice. */
static void firing_and_resolved_take_turns(void **state)
{
	unsigned int seed = 42;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct limits limits;
		struct track track = {0};
		int64_t now = 1000;
		bool out = false;

		read_limits("w > 5; c > 9; error unknown; none keep; null ok", &limits);
		limits.for_ms = rand_r(&seed) % 3 * 1000;
		limits.of = 1 + rand_r(&seed) % 5;
		limits.breaches = 1 + rand_r(&seed) % limits.of;
		limits.clears = 1 + rand_r(&seed) % 3;
		limits.flap_changes = rand_r(&seed) % 2 ? 3 + rand_r(&seed) % 4 : 0;
		limits.flap_window_ms = 10000;
		limits.repeat_ms = rand_r(&seed) % 2 * 3000;
		for (int n = 0; n < 60; n++) {
			enum finding finding = (enum finding)(
				rand_r(&seed) % 8 < 5 ? FOUND_VALUE : rand_r(&seed) % 4);
			struct verdict verdict;

			now += 1 + rand_r(&seed) % 3000;
			evaluate(&limits, &track, finding, rand_r(&seed) % 12, now, &verdict);
			if (verdict.news == NEWS_RESOLVED)
				assert_true(out);
			if (verdict.news == NEWS_REPEATED)
				assert_true(out);
			if (verdict.news != NEWS_NONE)
				out = verdict.news != NEWS_RESOLVED;
			assert_int_equal(out, track.firing);
			assert_int_equal(out, track.level > LEVEL_OK || track.flapping);
			assert_in_range(track.changes, 0, MOST_CHANGES);
			assert_true(verdict.lasted_ms >= 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_hold_where_they_say),
		cmocka_unit_test(what_is_no_condition_is_refused_with_a_sentence),
		cmocka_unit_test(states_change_as_told),
		cmocka_unit_test(a_state_that_lasts_stays_the_same),
		cmocka_unit_test(firing_and_resolved_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
