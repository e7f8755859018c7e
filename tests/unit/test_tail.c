/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/tail.h"

static struct tail tail;
static struct buffer text;

static int set_up(void **state)
{
	(void)state;
	tail_init(&tail);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buffer_done(&text);
	tail_done(&tail);
	return 0;
}

static void what_fits_is_kept_as_it_is(void **state)
{
	(void)state;
	tail_text(&tail, &text);
	assert_string_equal(buffer_text(&text), "");
	tail_add(&tail, "one\ntw", 6);
	tail_add(&tail, "o", 1);
	tail_text(&tail, &text);
	assert_string_equal(buffer_text(&text), "one\ntwo");
}

static void of_more_the_last_whole_lines_are_kept(void **state)
{
	char line[32];

	(void)state;
	for (int i = 0; i < 5000; i++)
		tail_add(&tail, line, (size_t)snprintf(line, sizeof(line), "line %d\n", i));
	tail_text(&tail, &text);
	assert_true(text.length <= TAIL_MOST && text.length > TAIL_MOST - 12);
	assert_memory_equal(buffer_text(&text), "line ", 5);
	assert_string_equal(buffer_text(&text) + text.length - 10, "line 4999\n");
}

/* However it is cut into pieces. */
static void the_end_is_the_same_for_all_pieces(void **state)
{
	static char all[3 * TAIL_MOST];

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = i % 61 == 60 ? '\n' : (char)('a' + i % 26);
	for (size_t piece = 1; piece <= sizeof(all); piece = piece * 2 + 1) {
		tail_done(&tail);
		tail_init(&tail);
		for (size_t at = 0; at < sizeof(all); at += piece)
			tail_add(&tail, all + at,
				 piece < sizeof(all) - at ? piece : sizeof(all) - at);
		buffer_clear(&text);
		tail_text(&tail, &text);
		assert_true(text.length > TAIL_MOST - 61);
		assert_memory_equal(buffer_text(&text), all + sizeof(all) - text.length,
				    text.length);
	}
}

static void one_long_line_is_better_than_nothing(void **state)
{
	static char all[TAIL_MOST * 2];

	(void)state;
	memset(all, 'x', sizeof(all));
	all[sizeof(all) - 1] = '\n';
	tail_add(&tail, all, sizeof(all));
	tail_text(&tail, &text);
	assert_int_equal(text.length, TAIL_MOST);
}

static void bytes_become_text(void **state)
{
	(void)state;
	tail_add(&tail, "a\0b\xff", 4);
	tail_text(&tail, &text);
	assert_string_equal(buffer_text(&text), "ab\xef\xbf\xbd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_fits_is_kept_as_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_more_the_last_whole_lines_are_kept, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_end_is_the_same_for_all_pieces, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(one_long_line_is_better_than_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(bytes_become_text, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
