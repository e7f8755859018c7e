/* SPDX-License-Identifier: Apache-2.0 */
/* The names that a source announces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine/names.h"

static void a_name_is_found_and_no_other(void **state)
{
	const char *given[] = {"nightly backup", "b", "a", "B", "a", "b/c", "\xc3\xa4"};
	struct names *names = names_new(given, 7);

	(void)state;
	assert_int_equal(names_count(names), 6);
	for (size_t i = 0; i < 7; i++)
		assert_true(names_has(names, given[i]));
	assert_false(names_has(names, ""));
	assert_false(names_has(names, "A"));
	assert_false(names_has(names, "nightly"));
	assert_false(names_has(names, "nightly backup "));
	names_free(names);
}

static void nothing_is_in_an_empty_set(void **state)
{
	struct names *names = names_new(NULL, 0);

	(void)state;
	assert_int_equal(names_count(names), 0);
	assert_false(names_has(names, ""));
	assert_null(names_closest(names, "a"));
	names_free(names);
	names_free(NULL);
}

static void what_was_probably_meant_is_named(void **state)
{
	const char *given[] = {"restore", "backup", "report"};
	struct names *names = names_new(given, 3);

	(void)state;
	assert_string_equal(names_closest(names, "bakcup"), "backup");
	assert_null(names_closest(names, "something else"));
	names_free(names);
}

static void a_hundred_thousand_names_cost_little(void **state)
{
	enum { MANY = 100000 };
	char(*text)[24] = calloc(MANY, sizeof(*text));
	const char **given = calloc(MANY, sizeof(*given));
	struct names *names;
	clock_t begun;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "heartbeat-%zu", i * 7919 % MANY);
		given[i] = text[i];
	}
	names = names_new(given, MANY);
	assert_int_equal(names_count(names), MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_true(names_has(names, text[i]));
	/* Who asks what was meant holds a lock meanwhile. */
	begun = clock();
	for (size_t i = 0; i < 10; i++) {
		assert_string_equal(names_closest(names, "heartbeat-99999x"), "heartbeat-99999");
		assert_non_null(names_closest(names, "hearbeat-9999"));
	}
	assert_true(clock() - begun < CLOCKS_PER_SEC); /* under a sanitizer, too */
	names_free(names);
	free(given);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_found_and_no_other),
		cmocka_unit_test(nothing_is_in_an_empty_set),
		cmocka_unit_test(what_was_probably_meant_is_named),
		cmocka_unit_test(a_hundred_thousand_names_cost_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
