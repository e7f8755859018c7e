/* SPDX-License-Identifier: Apache-2.0 */
/* The texts themselves: the tests of channels are worth what these are worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "hostile.h"

#define SEED 1

static void a_seed_gives_the_same_texts_and_another_seed_others(void **unused)
{
	size_t differ = 0;

	(void)unused;
	for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
		char *text = hostile_text(SEED, i), *same = hostile_text(SEED, i);
		char *other = hostile_text(SEED + 1, i);

		assert_string_equal(text, same);
		assert_true(*text && strlen(text) <= 64 * 1024);
		differ += strcmp(text, other) != 0;
		free(text);
		free(same);
		free(other);
	}
	assert_true(differ > HOSTILE_TEXTS / 2);
}

static size_t with(const char *part)
{
	size_t n = 0;

	for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
		char *text = hostile_text(SEED, i);

		n += strstr(text, part) != NULL;
		free(text);
	}
	return n;
}

static void every_kind_of_attack_occurs_alone_and_in_mixtures(void **unused)
{
	static const char *const parts[] = {
		"@everyone", "<!channel>", "<at>",         "](https://", "javascript:",  "<script>",
		"```",       "\r\nBcc:",   "\n.\n",        "\"] [",      "{{",           "$(id)",
		"../",       "\x1b[",      "\xe2\x80\xae", "\xff",       "\xed\xa0\x80", "\"},\"",
		"&lt;",      "%s%n",       "' OR 1",       "\x01"};

	(void)unused;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t n = with(parts[i]);

		if (n < 5)
			fail_msg("'%s' occurs in %zu texts only", parts[i], n);
	}
}

static void many_are_not_utf8_and_many_are_long(void **unused)
{
	size_t invalid = 0, longer = 0;

	(void)unused;
	for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
		char *text = hostile_text(SEED, i);

		invalid += !text_is_valid(text, strlen(text));
		longer += strlen(text) > 4096;
		free(text);
	}
	assert_true(invalid > 500);
	assert_true(longer > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_gives_the_same_texts_and_another_seed_others),
		cmocka_unit_test(every_kind_of_attack_occurs_alone_and_in_mixtures),
		cmocka_unit_test(many_are_not_utf8_and_many_are_long),
	};

	(void)hostile_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
