/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

static void an_empty_buffer_is_the_empty_text(void **state)
{
	struct buffer buffer = {0};
	char *text;

	(void)state;
	assert_string_equal(buffer_text(&buffer), "");
	text = buffer_take(&buffer);
	assert_string_equal(text, "");
	free(text);
	buffer_done(&buffer);
}

static void text_grows_and_always_ends_with_nul(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		buffer_printf(&buffer, "%d,", i);
		assert_int_equal(buffer.data[buffer.length], '\0');
	}
	buffer_puts(&buffer, "end");
	buffer_putc(&buffer, '.');
	buffer_add(&buffer, "xyz", 2);
	assert_int_equal(buffer.length, 3890 + 6);
	assert_string_equal(buffer.data + 3890, "end.xy");
	assert_false(buffer.failed);
	buffer_done(&buffer);
	assert_null(buffer.data);
}

static void a_cleared_buffer_keeps_its_memory(void **state)
{
	struct buffer buffer = {0};
	char *before;

	(void)state;
	buffer_puts(&buffer, "abc");
	before = buffer.data;
	buffer_clear(&buffer);
	assert_string_equal(buffer_text(&buffer), "");
	assert_ptr_equal(buffer.data, before);
	buffer_done(&buffer);
}

static void a_failed_buffer_takes_nothing_more_and_gives_null(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_puts(&buffer, "abc");
	buffer_add(&buffer, "", SIZE_MAX / 2);
	assert_true(buffer.failed);
	buffer_puts(&buffer, "def");
	assert_string_equal(buffer_text(&buffer), "abc");
	assert_null(buffer_take(&buffer));
	assert_false(buffer.failed);
}

static void a_taken_text_belongs_to_the_caller(void **state)
{
	struct buffer buffer = {0};
	char *text;

	(void)state;
	buffer_puts(&buffer, "mine");
	text = buffer_take(&buffer);
	assert_null(buffer.data);
	assert_string_equal(text, "mine");
	free(text);
}

static void an_error_may_be_written_into_its_own_sentence(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, -22, "no %s", "route"), -22);
	assert_int_equal(error_set(&err, -5, "file a: %s", err.text), -5);
	assert_string_equal(err.text, "file a: no route");
	assert_int_equal(error_set(NULL, -5, "nobody listens"), -5);
}

static void a_long_error_is_cut_between_two_characters(void **state)
{
	struct error err;
	char text[1024] = "";

	(void)state;
	for (size_t i = 0; i + 3 <= 900; i += 3)
		memcpy(text + i, "€", 4);
	error_set(&err, -1, "x%s", text);
	assert_int_equal(strlen(err.text), 1 + 255 * 3);
	assert_string_equal(err.text + 1 + 254 * 3, "€");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_is_the_empty_text),
		cmocka_unit_test(text_grows_and_always_ends_with_nul),
		cmocka_unit_test(a_cleared_buffer_keeps_its_memory),
		cmocka_unit_test(a_failed_buffer_takes_nothing_more_and_gives_null),
		cmocka_unit_test(a_taken_text_belongs_to_the_caller),
		cmocka_unit_test(an_error_may_be_written_into_its_own_sentence),
		cmocka_unit_test(a_long_error_is_cut_between_two_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
