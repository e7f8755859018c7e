/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/id.h"

static void a_new_id_is_32_hex_digits_and_never_the_same(void **state)
{
	char ids[100][ID_TEXT];

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		id_new(ids[i]);
		assert_int_equal(strlen(ids[i]), 32);
		assert_int_equal(strspn(ids[i], "0123456789abcdef"), 32);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
}

static void a_uuid_is_one_of_version_7(void **state)
{
	char ids[100][ID_UUID];

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		id_uuid(ids[i]);
		assert_true(id_is_uuid(ids[i]));
		assert_int_equal(ids[i][14], '7');
		assert_non_null(strchr("89ab", ids[i][19]));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
	assert_true(id_is_uuid("123E4567-e89b-12d3-a456-426614174000"));
	assert_false(id_is_uuid(""));
	assert_false(id_is_uuid("123e4567-e89b-12d3-a456-42661417400"));
	assert_false(id_is_uuid("123e4567-e89b-12d3-a456-4266141740000"));
	assert_false(id_is_uuid("123e4567ae89b-12d3-a456-426614174000"));
	assert_false(id_is_uuid("g23e4567-e89b-12d3-a456-426614174000"));
}

static void ids_sort_by_time(void **state)
{
	char earlier[ID_TEXT], later[ID_TEXT];
	int64_t start = clock_wall_ms();

	(void)state;
	id_new(earlier);
	while (clock_wall_ms() <= start + 1)
		;
	id_new(later);
	assert_true(strcmp(earlier, later) < 0);
}

static void a_derived_id_is_the_hash_of_parts_with_lengths(void **state)
{
	static const char *const parts[] = {"ab", "c"};
	static const char *const others[] = {"a", "bc"};
	char id[ID_TEXT], again[ID_TEXT], other[ID_TEXT];

	(void)state;
	id_derive(parts, 2, id);
	id_derive(parts, 2, again);
	id_derive(others, 2, other);
	/* printf '\0\0\0\0\0\0\0\2ab\0\0\0\0\0\0\0\1c' | sha256sum: keys in stores depend on it */
	assert_string_equal(id, "601d5476e2ccfe2c87a2bba7a3226597");
	assert_string_equal(id, again);
	assert_string_not_equal(id, other);
	id_derive(NULL, 0, id);
	assert_string_equal(id, "e3b0c44298fc1c149afbf4c8996fb924");
}

static void fnv1a_gives_the_published_values(void **state)
{
	(void)state;
	assert_true(fnv1a(FNV_START, "", 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(fnv1a(FNV_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(fnv1a(FNV_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_id_is_32_hex_digits_and_never_the_same),
		cmocka_unit_test(a_uuid_is_one_of_version_7),
		cmocka_unit_test(ids_sort_by_time),
		cmocka_unit_test(a_derived_id_is_the_hash_of_parts_with_lengths),
		cmocka_unit_test(fnv1a_gives_the_published_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
