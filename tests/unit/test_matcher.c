/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alert/alert.h"
#include "alert/matcher.h"
#include "alert/pattern.h"

static const struct tocsin_pair labels[] = {
	{"env", "prod"},
	{"host", "web-12"},
	{"team", "web"},
	{"\xc3\xbc", "\xc3\x9f"},
};
static const struct tocsin_alert sample = {
	.size = sizeof(sample),
	.source = "site-alerts",
	.severity = TOCSIN_ERROR,
	.labels = {labels, 4},
};

static bool holds(const char *text)
{
	struct matcher *matcher = NULL;
	struct error err;
	bool result;

	if (matcher_parse(text, &matcher, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	result = matcher_matches(matcher, &sample);
	matcher_free(matcher);
	return result;
}

static void refused(const char *text, const char *because)
{
	struct matcher *matcher = NULL;
	struct error err = {""};

	assert_true(matcher_parse(text, &matcher, &err) < 0);
	assert_null(matcher);
	if (!strstr(err.text, because))
		fail_msg("'%s' is refused with '%s', not '%s'", text, err.text, because);
}

static void the_four_operators_do_what_they_say(void **state)
{
	(void)state;
	assert_true(holds("team=\"web\""));
	assert_false(holds("team=\"we\""));
	assert_true(holds("team!=\"db\""));
	assert_false(holds("team!=\"web\""));
	assert_true(holds("host=~\"web-[0-9]+\""));
	assert_false(holds("host=~\"db-[0-9]+\""));
	assert_true(holds("env!~\"dev|test\""));
	assert_false(holds("env!~\"dev|prod\""));
}

static void expressions_are_anchored_at_both_ends(void **state)
{
	(void)state;
	assert_false(holds("host=~\"web\""));
	assert_false(holds("host=~\"12\""));
	assert_false(holds("host=~\"x|web\""));
	assert_true(holds("host=~\"x|web.*\""));
	assert_true(holds("host=~\"^web-12$\""));
}

static void a_missing_label_is_the_empty_string(void **state)
{
	(void)state;
	assert_true(holds("rack=\"\""));
	assert_true(holds("rack="));
	assert_true(holds("rack!=\"a\""));
	assert_true(holds("rack=~\".*\""));
	assert_true(holds("rack=~\"\""));
	assert_false(holds("rack=~\".+\""));
	assert_true(holds("rack!~\".+\""));
}

static void values_may_be_bare_and_spaced_and_names_any_utf8(void **state)
{
	(void)state;
	assert_true(holds("team=web"));
	assert_true(holds("  team  =  web  "));
	assert_true(holds("host=~web-.*"));
	assert_true(holds("\xc3\xbc=\xc3\x9f"));
	assert_true(holds("\"\xc3\xbc\"=\"\xc3\x9f\""));
	assert_true(holds("\"env\"=\"prod\""));
}

static void severity_status_and_source_are_the_alerts_own(void **state)
{
	struct tocsin_pair label = {"severity", "page"};
	struct tocsin_alert alert = sample;
	struct matcher *matcher;

	(void)state;
	assert_true(holds("severity=error"));
	assert_true(holds("status=firing"));
	assert_true(holds("source=\"site-alerts\""));
	assert_int_equal(matcher_parse("severity=page", &matcher, NULL), 0);
	assert_false(matcher_matches(matcher, &alert));
	alert.labels = (struct tocsin_map){&label, 1};
	assert_true(matcher_matches(matcher, &alert));
	matcher_free(matcher);
}

static void mistakes_say_where_they_are(void **state)
{
	char long_name[400];

	(void)state;
	refused("", "label name is missing at character 1");
	refused("team", "is missing at character 5");
	refused("team~web", "one of =, !=, =~ and !~ is missing at character 5");
	refused("team==web", "write one = for equality");
	refused("team=\"web", "not closed at character 6");
	refused("team=\"web\" x", "at character 12");
	refused("team='web'", "double quotes");
	refused("{team=\"web\"}", "without braces");
	refused("\"\"=x", "name is empty");
	refused("=x", "label name is missing at character 1");
	refused("\xc3\xbc team=1", "at character 3");
	refused("team=~\"a(b\"", "not closed (character 2");
	refused("team=\"\xff\"", "not valid UTF-8");
	memset(long_name, 'a', sizeof(long_name));
	memcpy(long_name + sizeof(long_name) - 3, "=x", 3);
	refused(long_name, "256 is the most");
}

static void text_reads_back_as_the_same_matcher(void **state)
{
	static const struct {
		const char *name;
		const char *value;
		const char *text;
	} cases[] = {
		{"site", "example.com", "site=~\"example.com\""},
		{"site", "(www|shop)\\.example\\.com", "site=~\"(www|shop)\\.example\\.com\""},
		{"a b", "x", "\"a b\"=~\"x\""},
		{"a\"b", "\\\\\\.", NULL},
		{"q", "say \"hi\"", "q=~\"say \\\"hi\\\"\""},
		{"end", "a\\\\", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct matcher *first, *second;
		struct error err;

		assert_int_equal(
			matcher_new(cases[i].name, MATCH_REGEX, cases[i].value, &first, &err), 0);
		if (cases[i].text)
			assert_string_equal(matcher_text(first), cases[i].text);
		assert_int_equal(matcher_parse(matcher_text(first), &second, &err), 0);
		assert_string_equal(matcher_text(first), matcher_text(second));
		matcher_free(first);
		matcher_free(second);
	}
}

/* One expression, a text that it must match and one that it must not. */
static void expressions_mean_what_posix_says(void **state)
{
	static const struct {
		const char *pattern, *yes, *no;
	} cases[] = {
		{"", "", "a"},
		{"a*", "aaa", "ab"},
		{"a+", "a", ""},
		{"ab?c", "ac", "abbc"},
		{"a|bc|d", "bc", "ab"},
		{"(a|bc)+d", "abcbcd", "abcb"},
		{"a{3}", "aaa", "aa"},
		{"a{2,}", "aaaaa", "a"},
		{"a{1,3}", "aaa", "aaaa"},
		{"a{0}b", "b", "ab"},
		{"a{0,1}b", "ab", "aab"},
		{"(ab){2,3}", "ababab", "ab"},
		{"x{", "x{", "x"},
		{"[abc]+", "cab", "cad"},
		{"[^abc]+", "xyz", "xaz"},
		{"[]a]+", "a]", "b"},
		{"[^]a]", "b", "]"},
		{"[a-c-]+", "a-c", "d"},
		{"[[:digit:][:upper:]_]+", "A_9", "a"},
		{"[\\d.]+", "10.2", "10,2"},
		{"[\\]\\\\]+", "]\\", "["},
		{"[^\\s]+", "ab", "a b"},
		{"\\d+\\.\\d+", "10.25", "10x25"},
		{"\\w+", "a_9", "a-9"},
		{"\\S\\s\\D\\W", "a\tb-", "a bb"},
		{"a\\.b\\*\\(\\)", "a.b*()", "axb*()"},
		{".", "\xc3\xa4", "ab"},
		{"[\xc3\xa0-\xc3\xbc]+", "\xc3\xa4\xc3\xb6", "\xc3\xbf"},
		{"[^\xc3\xa0-\xc3\xbc]", "\xe2\x82\xac", "\xc3\xa4"},
		{"[\xc3\xa4\xe2\x82\xac\xc3\xa5]+", "\xe2\x82\xac\xc3\xa5\xc3\xa4", "\xc3\xa6"},
		{"(?i)Web-[a-c]", "wEB-B", "web-d"},
		{"(?i)[^a]", "b", "A"},
		{"(?:a|b)c", "bc", "ab"},
		{"^a$|^b$", "b", "ab"},
		{"a^b", "", "ab"},
		{"()", "", "a"},
		{"(a*)*b", "aab", "aa"},
		{"(a|)+", "aa", "b"},
		{"((a{2}){2}|c)x", "aaaax", "aax"},
		{"(a|b|cd|e)(f|g)", "cdg", "cf"},
		{".*error.*", "an error\nhere", "an eror"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pattern *pattern;
		struct error err;

		if (pattern_new(cases[i].pattern, &pattern, &err) < 0)
			fail_msg("%s: %s", cases[i].pattern, err.text);
		/* a^b can match nothing at all; its `yes` is only there to fill the row. */
		if (strcmp(cases[i].pattern, "a^b") != 0 &&
		    !pattern_matches(pattern, cases[i].yes, NULL))
			fail_msg("%s must match '%s'", cases[i].pattern, cases[i].yes);
		if (pattern_matches(pattern, cases[i].no, NULL))
			fail_msg("%s must not match '%s'", cases[i].pattern, cases[i].no);
		pattern_free(pattern);
	}
}

static void what_cannot_be_matched_safely_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *pattern, *because;
	} cases[] = {
		{"(a)\\1", "back-references are not supported (character 4"},
		{"(?=a)", "only (...) and (?:...) are groups"},
		{"(?<n>a)", "only (...) and (?:...) are groups"},
		{"\\bx", "not supported"},
		{"a(b", "not closed (character 2"},
		{"a)b", "no group is open"},
		{"*a", "nothing to repeat here"},
		{"a|+", "nothing to repeat here"},
		{"a\\", "nothing follows the backslash"},
		{"[a", "closing ] is missing (character 1"},
		{"[z-a]", "runs backwards"},
		{"[[:foo:]]", "POSIX class names"},
		{"[[.a.]]", "POSIX class names"},
		{"[\\q]", "no meaning"},
		{"a{2,1}", "runs backwards"},
		{"a{1001}", "1000 is the most"},
		{"a{2", "is written {2}"},
		{"a{99999999999999999999}", "1000 is the most"},
		{"(a{100}){100}", "too large"},
		{"((((a{30}){30}){30}){30}){30}", "too large"},
		{"\xff", "not valid UTF-8"},
		/* quoted up to 80 bytes, and never half a character */
		{"[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xc3\xa9",
		 "x\")"},
	};
	char nested[600];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pattern *pattern = NULL;
		struct error err = {""};

		assert_int_not_equal(pattern_new(cases[i].pattern, &pattern, &err), 0);
		if (!strstr(err.text, cases[i].because))
			fail_msg("%s is refused with '%s'", cases[i].pattern, err.text);
	}
	memset(nested, '(', sizeof(nested));
	nested[sizeof(nested) - 1] = '\0';
	refused("a=~aaa(", "not closed");
	assert_int_not_equal(pattern_new(nested, &(struct pattern *){NULL}, NULL), 0);
}

/* Expressions that make other engines take seconds: here the work is steps times characters. */
static void no_expression_and_text_take_more_than_bounded_work(void **state)
{
	static const char *const evil[] = {
		"(a+)+$",     "(a+)+b",          "(a|aa)+",        "(a|a?)+",           "((a*)*)*b",
		"(.*a){12}",  "(a{1,30}){1,30}", "([a-z]+)*[0-9]", "(a|b)*a(a|b){20}c", "a{1000}",
		"(.*){400}x",
	};
	static char subject[ALERT_VALUE + 1];
	size_t most = 0;

	(void)state;
	memset(subject, 'a', sizeof(subject) - 1);
	subject[sizeof(subject) - 2] = 'X';
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		struct pattern *pattern;
		struct error err;
		size_t visits = 0;

		if (pattern_new(evil[i], &pattern, &err) < 0)
			continue;
		pattern_matches(pattern, subject, &visits);
		assert_true(visits <= (size_t)PATTERN_STEPS * sizeof(subject));
		if (i < 5)
			assert_true(visits <= 16 * sizeof(subject)); /* far below 5 ms */
		if (visits > most)
			most = visits;
		pattern_free(pattern);
	}
	assert_true(most > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_four_operators_do_what_they_say),
		cmocka_unit_test(expressions_are_anchored_at_both_ends),
		cmocka_unit_test(a_missing_label_is_the_empty_string),
		cmocka_unit_test(values_may_be_bare_and_spaced_and_names_any_utf8),
		cmocka_unit_test(severity_status_and_source_are_the_alerts_own),
		cmocka_unit_test(mistakes_say_where_they_are),
		cmocka_unit_test(text_reads_back_as_the_same_matcher),
		cmocka_unit_test(expressions_mean_what_posix_says),
		cmocka_unit_test(what_cannot_be_matched_safely_is_refused_with_its_place),
		cmocka_unit_test(no_expression_and_text_take_more_than_bounded_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
