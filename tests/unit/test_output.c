/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/output.h"

static void width_counts_columns_and_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(output_width(""), 0);
	assert_int_equal(output_width("abc"), 3);
	assert_int_equal(output_width("\xc3\xa9t\xc3\xa9"), 3);        /* été */
	assert_int_equal(output_width("e\xcc\x81"), 1);                /* combining acute */
	assert_int_equal(output_width("\xe6\x97\xa5\xe6\x9c\xac"), 4); /* two ideographs */
	assert_int_equal(output_width("\xf0\x9f\x9a\xa8!"), 3);        /* an emoji */
}

static void width_survives_bytes_that_are_no_utf8(void **state)
{
	(void)state;
	assert_int_equal(output_width("\xff\xfe"), 2);
	assert_int_equal(output_width("\xe6\x97"), 2);
	assert_int_equal(output_width("\xf0"), 1);
	assert_int_equal(output_width("\xc0\x80"), 2);
}

static void cutting_never_exceeds_the_width(void **state)
{
	struct buffer out = {0};

	(void)state;
	output_cut(&out, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4);
	assert_string_equal(buffer_text(&out), "\xe6\x97\xa5\xe2\x80\xa6");
	assert_true(output_width(buffer_text(&out)) <= 4);
	buffer_clear(&out);
	output_cut(&out, "short", 5);
	assert_string_equal(buffer_text(&out), "short");
	buffer_clear(&out);
	output_cut(&out, "anything", 0);
	assert_string_equal(buffer_text(&out), "anything");
	buffer_done(&out);
}

static void escape_sequences_do_not_reach_the_terminal(void **state)
{
	static const char *const hostile[] = {
		"\x1b]0;title\x07",
		"\x1b[2J",
		"a\rb",
		"\xc2\x9b"
		"31m",
		"\xe2\x80\xae"
		"x",
		"\x7f",
	};
	struct buffer out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		output_styled(&out, false, STYLE_RED, hostile[i]);
	assert_null(strpbrk(buffer_text(&out), "\x1b\x07\r\x7f"));
	assert_null(strstr(buffer_text(&out), "\xc2\x9b"));
	assert_null(strstr(buffer_text(&out), "\xe2\x80\xae"));
	buffer_done(&out);
}

static void colour_is_used_only_when_wanted(void **state)
{
	struct buffer out = {0};

	(void)state;
	output_styled(&out, true, STYLE_RED, "x");
	assert_string_equal(buffer_text(&out), "\x1b[31mx\x1b[0m");
	buffer_clear(&out);
	output_styled(&out, true, STYLE_PLAIN, "x");
	output_styled(&out, false, STYLE_RED, "y");
	assert_string_equal(buffer_text(&out), "xy");
	buffer_done(&out);
}

static const struct column columns[] = {{"N", true}, {"NAME", false}, {"WHY", false}};

static void columns_align_by_display_width(void **state)
{
	struct buffer out = {0};
	struct table table;

	(void)state;
	table_init(&table, columns, 3);
	table_add_number(&table, 7);
	table_add(&table, STYLE_PLAIN, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	table_add(&table, STYLE_PLAIN, "first");
	table_add_number(&table, 123);
	table_add(&table, STYLE_PLAIN, "ab");
	table_add(&table, STYLE_PLAIN, "a\nb");
	table_print(&table, &out, false, 0);
	assert_string_equal(buffer_text(&out), "  N  NAME    WHY\n"
					       "  7  \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e  first\n"
					       "123  ab      a\\nb\n");
	table_done(&table);
	buffer_done(&out);
}

static void the_last_column_is_cut_to_the_terminal(void **state)
{
	struct buffer out = {0};
	struct table table;

	(void)state;
	table_init(&table, columns, 3);
	table_add_number(&table, 1);
	table_add(&table, STYLE_PLAIN, "x");
	table_add(&table, STYLE_PLAIN, "a reason that is much too long for a narrow terminal");
	table_print(&table, &out, false, 30);
	for (const char *line = buffer_text(&out); *line; line = strchr(line, '\n') + 1) {
		char copy[128];
		size_t length = strcspn(line, "\n");

		assert_true(length < sizeof(copy));
		memcpy(copy, line, length);
		copy[length] = '\0';
		assert_true(output_width(copy) <= 30);
	}
	table_done(&table);
	buffer_done(&out);
}

static void rows_that_wrap_anyway_are_whole(void **state)
{
	const char *reason = "a reason that is much too long for a narrow terminal";
	struct buffer out = {0};
	struct table table;

	(void)state;
	table_init(&table, columns, 3);
	table_add_number(&table, 1);
	table_add(&table, STYLE_PLAIN, "labels, which are never cut");
	table_add(&table, STYLE_PLAIN, reason);
	table_print(&table, &out, false, 30);
	assert_non_null(strstr(buffer_text(&out), reason));
	table_done(&table);
	buffer_done(&out);
}

static void a_table_without_rows_prints_its_titles(void **state)
{
	struct buffer out = {0};
	struct table table;

	(void)state;
	table_init(&table, columns, 3);
	table_print(&table, &out, false, 80);
	assert_string_equal(buffer_text(&out), "N  NAME  WHY\n");
	table_done(&table);
	buffer_done(&out);
}

static void severities_and_states_have_their_styles(void **state)
{
	(void)state;
	assert_int_equal(output_severity_style("critical"), STYLE_BOLD_RED);
	assert_int_equal(output_severity_style("info"), STYLE_PLAIN);
	assert_int_equal(output_severity_style(NULL), STYLE_PLAIN);
	assert_int_equal(output_state_style("delivered"), STYLE_GREEN);
	assert_int_equal(output_state_style("dead"), STYLE_RED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(width_counts_columns_and_not_bytes),
		cmocka_unit_test(width_survives_bytes_that_are_no_utf8),
		cmocka_unit_test(cutting_never_exceeds_the_width),
		cmocka_unit_test(escape_sequences_do_not_reach_the_terminal),
		cmocka_unit_test(colour_is_used_only_when_wanted),
		cmocka_unit_test(columns_align_by_display_width),
		cmocka_unit_test(rows_that_wrap_anyway_are_whole),
		cmocka_unit_test(the_last_column_is_cut_to_the_terminal),
		cmocka_unit_test(a_table_without_rows_prints_its_titles),
		cmocka_unit_test(severities_and_states_have_their_styles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
