/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alert/severity.h"

static enum tocsin_severity parsed(const char *text)
{
	enum tocsin_severity severity = TOCSIN_DEBUG;

	assert_int_equal(severity_parse(text, NULL, &severity), 0);
	return severity;
}

static void names_and_numbers_agree_and_are_ordered(void **state)
{
	(void)state;
	assert_true(TOCSIN_DEBUG < TOCSIN_INFO && TOCSIN_INFO < TOCSIN_NOTICE);
	assert_true(TOCSIN_NOTICE < TOCSIN_WARNING && TOCSIN_WARNING < TOCSIN_ERROR);
	assert_true(TOCSIN_ERROR < TOCSIN_CRITICAL && TOCSIN_CRITICAL < TOCSIN_EMERGENCY);
	for (int i = 0; i < SEVERITY_COUNT; i++)
		assert_int_equal(parsed(severity_name((enum tocsin_severity)i)), i);
}

static void every_alias_means_what_the_manual_says(void **state)
{
	(void)state;
	assert_int_equal(parsed("low"), TOCSIN_NOTICE);
	assert_int_equal(parsed("medium"), TOCSIN_WARNING);
	assert_int_equal(parsed("warn"), TOCSIN_WARNING);
	assert_int_equal(parsed("high"), TOCSIN_ERROR);
	assert_int_equal(parsed("err"), TOCSIN_ERROR);
	assert_int_equal(parsed("crit"), TOCSIN_CRITICAL);
	assert_int_equal(parsed("fatal"), TOCSIN_CRITICAL);
	assert_int_equal(parsed("page"), TOCSIN_CRITICAL);
	assert_int_equal(parsed("alert"), TOCSIN_CRITICAL);
	assert_int_equal(parsed("emerg"), TOCSIN_EMERGENCY);
	assert_int_equal(parsed("panic"), TOCSIN_EMERGENCY);
}

static void case_does_not_matter(void **state)
{
	(void)state;
	assert_int_equal(parsed("CRITICAL"), TOCSIN_CRITICAL);
	assert_int_equal(parsed("High"), TOCSIN_ERROR);
}

static void unknown_words_are_refused(void **state)
{
	static const char *const wrong[] = {"", "criticall", " error", "warning+", "none"};
	enum tocsin_severity severity;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(severity_parse(wrong[i], NULL, &severity) < 0);
}

static void own_aliases_are_known_and_win_over_built_in_ones(void **state)
{
	struct severity_alias own[] = {{"blocker", TOCSIN_CRITICAL}, {"page", TOCSIN_EMERGENCY}};
	struct severity_aliases aliases = {own, 2};
	enum tocsin_severity severity;
	unsigned int set;

	(void)state;
	assert_int_equal(severity_parse("Blocker", &aliases, &severity), 0);
	assert_int_equal(severity, TOCSIN_CRITICAL);
	assert_int_equal(severity_parse("page", &aliases, &severity), 0);
	assert_int_equal(severity, TOCSIN_EMERGENCY);
	assert_int_equal(severity_parse_set("blocker+", &aliases, &set), 0);
	assert_int_equal(set, 1U << TOCSIN_CRITICAL | 1U << TOCSIN_EMERGENCY);
}

static void a_set_is_a_name_a_floor_or_a_list(void **state)
{
	unsigned int set;

	(void)state;
	assert_int_equal(severity_parse_set("warning", NULL, &set), 0);
	assert_int_equal(set, 1U << TOCSIN_WARNING);
	assert_int_equal(severity_parse_set("error+", NULL, &set), 0);
	assert_int_equal(set, 1U << TOCSIN_ERROR | 1U << TOCSIN_CRITICAL | 1U << TOCSIN_EMERGENCY);
	assert_int_equal(severity_parse_set(" info ,crit", NULL, &set), 0);
	assert_int_equal(set, 1U << TOCSIN_INFO | 1U << TOCSIN_CRITICAL);
	assert_int_equal(severity_parse_set("debug+", NULL, &set), 0);
	assert_int_equal(set, SEVERITY_ANY);
}

static void a_broken_set_is_refused_and_changes_nothing(void **state)
{
	static const char *const wrong[] = {"",         "+",          ",",         "warning,",
					    "warn ing", "warning+,x", "warning ++"};
	unsigned int set = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(severity_parse_set(wrong[i], NULL, &set) < 0);
	assert_int_equal(set, 42);
}

static void every_word_for_suggestions_is_a_severity(void **state)
{
	const char *const *word = severity_words();
	size_t n = 0;

	(void)state;
	for (; word[n]; n++)
		parsed(word[n]);
	assert_int_equal(n, 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_numbers_agree_and_are_ordered),
		cmocka_unit_test(every_alias_means_what_the_manual_says),
		cmocka_unit_test(case_does_not_matter),
		cmocka_unit_test(unknown_words_are_refused),
		cmocka_unit_test(own_aliases_are_known_and_win_over_built_in_ones),
		cmocka_unit_test(a_set_is_a_name_a_floor_or_a_list),
		cmocka_unit_test(a_broken_set_is_refused_and_changes_nothing),
		cmocka_unit_test(every_word_for_suggestions_is_a_severity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
