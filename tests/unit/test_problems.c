/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "config/problems.h"

static void a_problem_begins_with_its_place(void **state)
{
	struct problems problems = {0};
	struct place place = {"conf.d/10-mail.yaml", 4, 9}, whole = {"conf.d/20.yaml", 0, 0};

	(void)state;
	problems_add(&problems, &place, "unknown key '%s'", "prot");
	problems_add(&problems, &whole, "not a regular file");
	problems_add(&problems, NULL, "nowhere");
	assert_int_equal(problems.n, 3);
	assert_string_equal(problems.text[0], "conf.d/10-mail.yaml:4:9: unknown key 'prot'");
	assert_string_equal(problems.text[1], "conf.d/20.yaml: not a regular file");
	assert_string_equal(problems.text[2], "nowhere");
	problems_done(&problems);
	assert_int_equal(problems.n, 0);
}

static void problems_are_sorted_by_number_not_by_digit(void **state)
{
	static const struct place places[] = {
		{"b.yaml", 2, 1},     {"a:1:2.yaml", 10, 1}, {"a:1:2.yaml", 9, 12},
		{"a:1:2.yaml", 9, 2}, {"a.yaml", 100, 1},    {"b.yaml", 0, 0},
		{"a.yaml", 9, 1},
	};
	static const char *const sorted[] = {
		"a.yaml:9:1: x",      "a.yaml:100:1: x", "a:1:2.yaml:9:2: x", "a:1:2.yaml:9:12: x",
		"a:1:2.yaml:10:1: x", "b.yaml: x",       "b.yaml:2:1: x",
	};
	struct problems problems = {0};

	(void)state;
	for (size_t i = 0; i < 7; i++)
		problems_add(&problems, &places[i], "x");
	problems_sort(&problems);
	for (size_t i = 0; i < 7; i++)
		assert_string_equal(problems.text[i], sorted[i]);
	problems_done(&problems);
}

static void problems_of_one_place_keep_their_order(void **state)
{
	struct problems problems = {0};
	struct place place = {"a.yaml", 1, 1};

	(void)state;
	for (int i = 0; i < 100; i++)
		problems_add(&problems, &place, "%d", 99 - i);
	problems_sort(&problems);
	assert_string_equal(problems.text[0], "a.yaml:1:1: 99");
	assert_string_equal(problems.text[99], "a.yaml:1:1: 0");
	problems_done(&problems);
}

static void hostile_text_in_a_problem_stays_on_one_line(void **state)
{
	struct problems problems = {0};

	(void)state;
	problems_add(&problems, NULL, "unknown key '%s'", "a\nb\x1b[2J\xFF");
	assert_string_equal(problems.text[0], "unknown key 'a\\nb\\x1b[2J\\xff'");
	problems_done(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_problem_begins_with_its_place),
		cmocka_unit_test(problems_are_sorted_by_number_not_by_digit),
		cmocka_unit_test(problems_of_one_place_keep_their_order),
		cmocka_unit_test(hostile_text_in_a_problem_stays_on_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
