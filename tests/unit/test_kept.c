/* SPDX-License-Identifier: Apache-2.0 */
/* Values that wait for the commit of something else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scarce.h"
#include "store/kept.h"

static char saved[512];
static int result;

static int fake_save(void *state, const char *instance, const char *name, const char *value)
{
	size_t used = strlen(saved);

	assert_ptr_equal(state, saved);
	assert_string_equal(instance, "beats");
	(void)snprintf(saved + used, sizeof(saved) - used, "%s=%s ", name,
		       value ? value : "(none)");
	return result;
}

static const struct tocsin_store_ops ops = {.size = sizeof(ops), .save = fake_save};
static const struct transaction transaction = {&ops, saved};

static const char *apply(const struct kept *kept, int expected)
{
	saved[0] = '\0';
	result = expected;
	assert_int_equal(kept_apply(kept, &transaction, "beats"), expected);
	return saved;
}

static void what_is_kept_is_saved(void **state)
{
	struct kept kept = {0};

	(void)state;
	assert_true(kept_is_empty(&kept));
	assert_string_equal(apply(&kept, 0), "");
	assert_int_equal(kept_put(&kept, "b", "1"), 0);
	assert_int_equal(kept_put(&kept, "a", "\xff not UTF-8"), 0);
	assert_false(kept_is_empty(&kept));
	assert_string_equal(apply(&kept, 0), "b=1 a=\xff not UTF-8 ");
	/* a transaction that was rolled back is applied again */
	assert_string_equal(apply(&kept, 0), "b=1 a=\xff not UTF-8 ");
	kept_clear(&kept);
	assert_true(kept_is_empty(&kept));
	assert_string_equal(apply(&kept, 0), "");
}

static void the_last_word_on_a_name_counts(void **state)
{
	struct kept kept = {0};

	(void)state;
	assert_int_equal(kept_put(&kept, "a", "1"), 0);
	assert_int_equal(kept_put(&kept, "b", "1"), 0);
	assert_int_equal(kept_put(&kept, "a", "2"), 0);
	assert_int_equal(kept_put(&kept, "b", NULL), 0);
	assert_string_equal(apply(&kept, 0), "a=2 b=(none) ");
	assert_int_equal(kept.written, 1);
	assert_int_equal(kept_put(&kept, "a", NULL), 0);
	assert_int_equal(kept.written, 0);
	assert_int_equal(kept_put(&kept, "b", "3"), 0);
	assert_int_equal(kept.written, 1);
	assert_string_equal(apply(&kept, 0), "a=(none) b=3 ");
	kept_clear(&kept);
	assert_int_equal(kept.written, 0);
}

static void a_failure_of_the_store_ends_it(void **state)
{
	struct kept kept = {0};

	(void)state;
	assert_int_equal(kept_put(&kept, "a", "1"), 0);
	assert_int_equal(kept_put(&kept, "b", "1"), 0);
	assert_string_equal(apply(&kept, -ENOSPC), "a=1 ");
	assert_string_equal(apply(&kept, 0), "a=1 b=1 ");
	kept_clear(&kept);
}

static int put_two(void *data)
{
	struct kept kept = {0};
	int first = kept_put(&kept, "a", "1"), second = kept_put(&kept, "a", "2");

	(void)data;
	if (kept.written != (size_t)(first == 0 || second == 0))
		scarce_fail("values are counted wrongly");
	(void)apply(&kept, 0);
	if (strcmp(saved, second == 0 ? "a=2 " : first == 0 ? "a=1 " : "") != 0)
		scarce_fail("something else is saved than what was kept");
	kept_clear(&kept);
	return first < 0 ? first : second;
}

static void memory_may_run_out(void **state)
{
	(void)state;
	assert_true(scarce_sweep("keep", put_two, NULL) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_saved),
		cmocka_unit_test(the_last_word_on_a_name_counts),
		cmocka_unit_test(a_failure_of_the_store_ends_it),
		cmocka_unit_test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
