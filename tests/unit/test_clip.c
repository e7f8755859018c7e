/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/common/clip.h"
#include "base/text.h"
#include "scarce.h"

static char *lines_of(const char *text, enum clip_escape escape, size_t most)
{
	struct clip clip;
	char *end;

	clip_begin(&clip, most, "…");
	clip_lines(&clip, text, escape);
	end = clip_end(&clip);
	assert_non_null(end);
	return end;
}

static void becomes(const char *text, enum clip_escape escape, size_t most, const char *expected)
{
	char *made = lines_of(text, escape, most);

	assert_string_equal(made, expected);
	free(made);
}

static void a_text_that_fits_exactly_is_not_cut(void **unused)
{
	(void)unused;
	becomes("12345", CLIP_PLAIN, 5, "12345");
	becomes("123456", CLIP_PLAIN, 5, "1234…");
	becomes("", CLIP_PLAIN, 5, "");
	becomes("🚨🚨", CLIP_PLAIN, 4, "🚨🚨");
	becomes("🚨🚨🚨", CLIP_PLAIN, 5, "🚨🚨…");
	becomes("&&", CLIP_ENTITIES, 9, "&amp;…");
	becomes("xx", CLIP_PLAIN, 1, "…");
	becomes("x", CLIP_PLAIN, 0, "");
}

static void what_a_reader_sees_as_one_character_is_not_cut_apart(void **unused)
{
	(void)unused;
	/* e and an accent; a family of joiners; a thumb with a tone of skin */
	becomes("xe\xcc\x81y", CLIP_PLAIN, 3, "x…");
	becomes("ab👩\xe2\x80\x8d👧cd", CLIP_PLAIN, 7, "ab…");
	becomes("ab👍\xf0\x9f\x8f\xbd"
		"cd",
		CLIP_PLAIN, 6, "ab…");
	becomes("ab👍\xf0\x9f\x8f\xbd"
		"cd",
		CLIP_PLAIN, 8,
		"ab👍\xf0\x9f\x8f\xbd"
		"cd");
}

static void controls_and_invalid_bytes_do_not_come_out(void **unused)
{
	struct clip clip;
	char *line;

	(void)unused;
	becomes("a\r\nb\rc\xe2\x80\xa8"
		"d\x1b[1m\xe2\x80\xae\xff",
		CLIP_PLAIN, 99, "a\nb\nc\nd [1m \xef\xbf\xbd");
	clip_begin(&clip, 99, "");
	clip_line(&clip, "a\r\nb\tc", CLIP_PLAIN);
	line = clip_end(&clip);
	assert_string_equal(line, "a b c");
	free(line);
}

static void markdown_loses_its_meaning(void **unused)
{
	(void)unused;
	becomes("**b** _i_ ~~s~~ ||x|| `c` [t](u) <@1> @everyone a\\b", CLIP_MARKDOWN, 999,
		"\\*\\*b\\*\\* \\_i\\_ \\~\\~s\\~\\~ \\|\\|x\\|\\| \\`c\\` \\[t\\](u) \\<\\@1\\> "
		"\\@everyone a\\\\b");
	becomes("https://example.com 12:30", CLIP_MARKDOWN, 99, "https\\://example.com 12:30");
	becomes("# h\n- l\n1. n\n12) n\n===\n+ x\na - b 1. c # d", CLIP_MARKDOWN, 999,
		"\\# h\n\\- l\n1\\. n\n12\\) n\n\\===\n\\+ x\na - b 1. c # d");
	becomes("  - x\n\t# y", CLIP_MARKDOWN, 99, "\xc2\xa0\xc2\xa0\\- x\n\xc2\xa0\\# y");
	/* cut away later, a blank leaves the mark at the beginning */
	becomes("\xe2\x80\x80= x", CLIP_MARKDOWN, 99, "\xe2\x80\x80\\= x");
	becomes("{{DATE(x)}}", CLIP_MARKDOWN, 99, "\\{\\{DATE(x)\\}\\}");
}

static char *markup_of(const char *text, size_t most)
{
	struct clip clip;

	clip_begin(&clip, most, "…");
	clip_markup(&clip, text, true);
	return clip_end(&clip);
}

static void markup_is_kept_whole_or_left_out(void **unused)
{
	static const struct {
		size_t most;
		const char *text, *expected;
	} cases[] = {
		{99, "*b* &amp; <https://example.com|x> \\*",
		 "*b* &amp; <https://example.com|x> \\*"},
		{8, "xx&amp;yy", "xx&amp;…"},
		{7, "xx&amp;yy", "xx…"},
		{20, "a <https://example.com|x> b", "a …"},
		{4, "xx\\*yy", "xx…"},
		{99, "a & b; <x\ny> \x1b \xff", "a & b; <x\ny>   \xef\xbf\xbd"},
		{99, "<a\xe2\x80\xae>", "<a >"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *made = markup_of(cases[i].text, cases[i].most);

		assert_string_equal(made, cases[i].expected);
		free(made);
	}
}

/* Every length of every kind of letter, against every limit: never over it, never half a character,
 * and complete whenever it fits. */
static void no_length_goes_over_a_limit(void **unused)
{
	static const char *const letters[] = {"x", "&", "*", "é", "漢", "🚨", "e\xcc\x81"};
	static const size_t limits[] = {1, 2, 3, 10, 256};
	char text[3 * 300 * 2 + 1];

	(void)unused;
	for (size_t letter = 0; letter < sizeof(letters) / sizeof(letters[0]); letter++) {
		size_t size = strlen(letters[letter]);

		for (size_t n = 0; n < 300; n++) {
			text[n * size] = '\0';
			for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
				char *made = lines_of(text, CLIP_PLAIN, limits[i]);

				assert_true(clip_length(made) <= limits[i]);
				assert_true(text_is_valid(made, strlen(made)));
				if (clip_length(text) <= limits[i])
					assert_string_equal(made, text);
				else
					assert_string_equal(made + strlen(made) - 3, "…");
				free(made);
			}
			memcpy(text + n * size, letters[letter], size);
		}
	}
}

static int make_one(void *data)
{
	char text[1000], *made;
	struct clip clip;

	(void)data;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	clip_begin(&clip, 500, "…");
	clip_lines(&clip, text, CLIP_PLAIN);
	made = clip_end(&clip);
	if (made && clip_length(made) != 500)
		scarce_fail("a part of a text");
	free(made);
	return made ? 0 : -1;
}

static void a_text_is_whole_or_none_when_memory_is_short(void **unused)
{
	(void)unused;
	assert_true(scarce_sweep("clip", make_one, NULL) > 0);
}

/* Runs of plain characters have a way of their own, which must lead to the same place: each text in one
 * piece and character by character. */
static void runs_are_as_their_characters(void **unused)
{
	static const char *const pieces[] = {
		"a",      "plain words, 12. of them",
		"7",      "42. ",
		"&",      "<b>",
		"é",      "e\u0301",
		"🚨",      "👩\u200d🚒",
		"\u200d", "\n",
		" ",      "\t",
		"*",
	};
	enum { PIECES = sizeof(pieces) / sizeof(pieces[0]) };
	unsigned int seed = 20;

	(void)unused;
	for (int round = 0; round < 20000; round++) {
		enum clip_escape escape = round % 2 ? CLIP_PLAIN : CLIP_ENTITIES;
		size_t most = (size_t)(rand_r(&seed) % 60);
		const char *note = round % 3 ? "…" : " (cut)";
		struct clip whole, single;
		char *made, *expected;
		char text[512] = "";

		for (int i = rand_r(&seed) % 8; i > 0; i--)
			strcat(text, pieces[rand_r(&seed) % PIECES]);
		clip_begin(&whole, most, note);
		clip_begin(&single, most, note);
		clip_lines(&whole, text, escape);
		for (const char *at = text, *from = at; *at; from = at) {
			char one[8] = "";

			do
				at++;
			while (((unsigned char)*at & 0xc0) == 0x80);
			memcpy(one, from, (size_t)(at - from));
			clip_lines(&single, one, escape);
		}
		/* What the line looks like so far counts for what is still to come. */
		clip_line(&whole, "1. #", CLIP_MARKDOWN);
		clip_line(&single, "1. #", CLIP_MARKDOWN);
		made = clip_end(&whole);
		expected = clip_end(&single);
		assert_string_equal(made, expected);
		free(made);
		free(expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_that_fits_exactly_is_not_cut),
		cmocka_unit_test(what_a_reader_sees_as_one_character_is_not_cut_apart),
		cmocka_unit_test(controls_and_invalid_bytes_do_not_come_out),
		cmocka_unit_test(markdown_loses_its_meaning),
		cmocka_unit_test(markup_is_kept_whole_or_left_out),
		cmocka_unit_test(no_length_goes_over_a_limit),
		cmocka_unit_test(runs_are_as_their_characters),
		cmocka_unit_test(a_text_is_whole_or_none_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
