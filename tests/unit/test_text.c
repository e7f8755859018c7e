/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"

static struct buffer out;

static int empty(void **state)
{
	(void)state;
	buffer_done(&out);
	return 0;
}

static const char *valid(const char *text, size_t length)
{
	buffer_clear(&out);
	text_add_valid(&out, text, length);
	return buffer_text(&out);
}

static const char *safe(const char *text, bool keep_newlines)
{
	buffer_clear(&out);
	text_add_safe(&out, text, keep_newlines);
	return buffer_text(&out);
}

static const char *json(const char *text)
{
	buffer_clear(&out);
	text_add_json(&out, text);
	return buffer_text(&out);
}

static void valid_text_stays_as_it_is(void **state)
{
	const char *text = "a\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xF0\x90\x80\x80"
			   "\xF4\x8F\xBF\xBF";

	(void)state;
	assert_true(text_is_valid(text, strlen(text)));
	assert_string_equal(valid(text, strlen(text)), text);
	assert_true(text_is_valid("", 0));
}

static void a_byte_is_judged_alike_wherever_it_stands(void **state)
{
	static const char byte[] = {'\0', '\1', '\x1f', ' ', 'a', '\x7e', '\x7f', '\x80', '\xff'};
	char text[40];

	(void)state;
	for (size_t length = 1; length <= sizeof(text); length++) {
		for (size_t i = 0; i < length * sizeof(byte); i++) {
			unsigned char odd = (unsigned char)byte[i % sizeof(byte)];

			memset(text, 'x', sizeof(text));
			text[i / sizeof(byte)] = (char)odd;
			assert_int_equal(text_is_valid(text, length), odd > 0 && odd < 0x80);
		}
	}
}

static void invalid_sequences_become_replacement_characters(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"a\xFFz", "a�z"},
		{"abcdefgh\xFFijk\xC3", "abcdefgh�ijk�"},
		{"\x80", "�"},
		{"\xC0\xAF", "��"},           /* overlong slash */
		{"\xE0\x80\xAF", "���"},      /* overlong slash */
		{"\xED\xA0\x80", "���"},      /* surrogate */
		{"\xF4\x90\x80\x80", "����"}, /* beyond U+10FFFF */
		{"\xE2\x82", "�"},            /* cut off */
		{"\xE2\x82z", "�z"},
		{"\xF0\x9F\x98 ok", "� ok"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(text_is_valid(cases[i].text, strlen(cases[i].text)));
		assert_string_equal(valid(cases[i].text, strlen(cases[i].text)), cases[i].expected);
	}
}

static void nul_is_dropped(void **state)
{
	(void)state;
	assert_false(text_is_valid("a\0b", 3));
	assert_string_equal(valid("a\0b", 3), "ab");
}

static void control_characters_cannot_reach_a_terminal(void **state)
{
	(void)state;
	assert_string_equal(safe("a\r\nb\tc", false), "a\\r\\nb\\tc");
	assert_string_equal(safe("\x1b[31mred\x7f", false), "\\x1b[31mred\\x7f");
	assert_string_equal(safe("\xC2\x9B", false), "\\u009b");
	assert_string_equal(safe("\xE2\x80\xA8\xE2\x80\xA9", false), "\\u2028\\u2029");
	assert_string_equal(safe("\xE2\x80\xAEtxt\xE2\x81\xA6", false), "\\u202etxt\\u2066");
	assert_string_equal(safe("\x9B\xFF", false), "\\x9b\\xff");
	assert_string_equal(safe("Grüße 🔥", false), "Grüße 🔥");
}

static void newlines_stay_when_asked(void **state)
{
	(void)state;
	assert_string_equal(safe("a\n\tb\r", true), "a\n\tb\\r");
}

static void json_text_is_escaped_in_jsons_way(void **state)
{
	(void)state;
	assert_string_equal(json("say \"a\\b\"\n\x1b"), "say \\\"a\\\\b\\\"\\u000a\\u001b");
	assert_string_equal(json("\xE2\x80\xAE\xFF ok"), "\\u202e� ok");
}

static void a_prefix_never_cuts_a_character(void **state)
{
	const char *text = "a€🔥";

	(void)state;
	for (size_t max = 0; max < 10; max++) {
		size_t n = text_prefix(text, strlen(text), max);

		assert_true(n <= max);
		assert_true(text_is_valid(text, n));
	}
	assert_int_equal(text_prefix(text, 8, 8), 8);
	assert_int_equal(text_prefix(text, 8, 7), 4);
	assert_int_equal(text_prefix(text, 8, 3), 1);
	/* Not UTF-8: no more than three bytes are lost. */
	assert_int_equal(text_prefix("\x80\x80\x80\x80\x80\x80\x80\x80", 8, 7), 4);
}

static void a_near_miss_finds_what_was_meant(void **state)
{
	static const char *const keys[] = {"host",    "port", "password",      "username",
					   "timeout", "to",   "send_resolved", "from"};
	static const struct {
		const char *word, *meant;
	} cases[] = {
		{"prot", "port"},
		{"Port", "port"},
		{"hots", "host"},
		{"hst", "host"},
		{"pasword", "password"},
		{"pass", "password"},
		{"user", "username"},
		{"timeout_ms", "timeout"},
		{"passwrod", "password"},
		{"send-resolved", "send_resolved"},
		{"sendResolved", "send_resolved"},
		{"form", "from"},
		{"TO", "to"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_closest(cases[i].word, keys, 8), cases[i].meant);
}

static void a_word_far_from_all_has_no_suggestion(void **state)
{
	static const char *const keys[] = {"host", "port", "to"};
	char longest[512];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(text_closest("colour", keys, 3));
	assert_null(text_closest("x", keys, 3));
	assert_null(text_closest("", keys, 3));
	assert_null(text_closest(longest, keys, 3));
	assert_null(text_closest("host", keys, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_text_stays_as_it_is),
		cmocka_unit_test(a_byte_is_judged_alike_wherever_it_stands),
		cmocka_unit_test(invalid_sequences_become_replacement_characters),
		cmocka_unit_test(nul_is_dropped),
		cmocka_unit_test(control_characters_cannot_reach_a_terminal),
		cmocka_unit_test(newlines_stay_when_asked),
		cmocka_unit_test(json_text_is_escaped_in_jsons_way),
		cmocka_unit_test(a_prefix_never_cuts_a_character),
		cmocka_unit_test(a_near_miss_finds_what_was_meant),
		cmocka_unit_test(a_word_far_from_all_has_no_suggestion),
	};

	return cmocka_run_group_tests(tests, NULL, empty);
}
