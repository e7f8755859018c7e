/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of the webhook channel: paths, cutting, encodings, signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/webhook/cut.h"
#include "../../plugins/channels/webhook/path.h"
#include "../../plugins/channels/webhook/sign.h"

static void a_path_finds_what_stands_there(void **state)
{
	static const struct {
		const char *path, *found; /* as JSON; NULL: nothing */
	} cases[] = {
		{"ok", "true"},
		{"error.message", "\"no\""},
		{"messages[1].status", "\"9\""},
		{"messages[1][\"status\"]", "\"9\""},
		{"[\"a.b\"].c[0]", "7"},
		{"[\"a.b\"]", "{\"c\":[7]}"},
		{"messages[2]", NULL},
		{"messages[999999999].status", NULL},
		{"messages.status", NULL},
		{"ok.more", NULL},
		{"error[0]", NULL},
		{"nothing", NULL},
	};
	json_t *root = json_loads("{\"ok\":true,\"error\":{\"message\":\"no\"},\"a.b\":{\"c\":[7]},"
				  "\"messages\":[{\"status\":\"0\"},{\"status\":\"9\"}]}",
				  0, NULL);

	(void)state;
	assert_non_null(root);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *found = webhook_path_find(root, cases[i].path);
		char *text = found ? json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

		assert_true(webhook_path_is_valid(cases[i].path));
		if (cases[i].found)
			assert_string_equal(text, cases[i].found);
		else
			assert_null(found);
		free(text);
	}
	json_decref(root);
}

static void what_is_no_path_is_refused(void **state)
{
	static const char *const wrong[] = {"",
					    ".",
					    "a.",
					    ".a",
					    "a..b",
					    "a[",
					    "a[]",
					    "a[x]",
					    "a[1",
					    "a]",
					    "a[-1]",
					    "a[\"b]",
					    "a[1]b",
					    "[\"a\"",
					    "a\"b",
					    "a[1].",
					    "a[1]..b",
					    "[0]x",
					    "a[12345678901234567890]"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (webhook_path_is_valid(wrong[i]))
			fail_msg("'%s' counts as a path", wrong[i]);
}

static void assert_cut(const char *text, size_t most, enum webhook_unit unit, const char *kept)
{
	size_t n = webhook_cut(text, most, unit);

	if (n != strlen(kept) || strncmp(text, kept, n) != 0)
		fail_msg("of '%s' %zu leaves '%.*s', not '%s'", text, most, (int)n, text, kept);
}

static void what_fits_is_kept_and_what_does_not_has_room_for_the_mark(void **state)
{
	(void)state;
	assert_cut("abcdef", 6, UNIT_CHARACTERS, "abcdef");
	assert_cut("abcdef", 5, UNIT_CHARACTERS, "abcd");
	assert_cut("abcdef", 5, UNIT_BYTES, "ab");
	assert_cut("漢字漢字", 4, UNIT_CHARACTERS, "漢字漢字");
	assert_cut("漢字漢字", 3, UNIT_CHARACTERS, "漢字");
	assert_cut("漢字漢字", 12, UNIT_BYTES, "漢字漢字");
	assert_cut("漢字漢字", 11, UNIT_BYTES, "漢字");
	assert_cut("😀😀😀", 6, UNIT_UTF16, "😀😀😀");
	assert_cut("😀😀😀", 5, UNIT_UTF16, "😀😀");
	assert_cut("😀😀😀", 4, UNIT_UTF16, "😀");
	assert_cut("", 1, UNIT_BYTES, "");
	assert_cut("abcdef", 1, UNIT_CHARACTERS, "");
}

static void no_character_that_people_see_is_split(void **state)
{
	(void)state;
	assert_cut("ae\u0301\u0301xyz", 4, UNIT_CHARACTERS, "a");
	assert_cut("ae\u0301\u0301xyz", 5, UNIT_CHARACTERS, "ae\u0301\u0301");
	/* a family of four, three joiners; a thumb with a skin colour; two flags */
	assert_cut("a👨‍👩‍👧‍👦b", 8, UNIT_CHARACTERS, "a");
	assert_cut("x👍🏽yz", 3, UNIT_CHARACTERS, "x");
	assert_cut("x🇩🇪🇫🇷y", 5, UNIT_CHARACTERS, "x🇩🇪");
	/* nothing but one long character: then it is cut where it can be */
	assert_cut("e\u0301\u0301\u0301\u0301", 3, UNIT_CHARACTERS, "e\u0301");
}

static void every_length_keeps_every_limit(void **state)
{
	static const char *const pieces[] = {"a", "é", "漢", "😀", "e\u0301", "👨‍👩‍👧",
					     "🇩🇪"};
	char text[700 * 20];

	(void)state;
	for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
		size_t size = strlen(pieces[p]);

		for (size_t n = 0; n < 700; n++)
			memcpy(text + n * size, pieces[p], size + 1);
		for (size_t most = 27; most < 700; most += 7) {
			for (int unit = UNIT_CHARACTERS; unit <= UNIT_UTF16; unit++) {
				size_t kept = webhook_cut(text, most, (enum webhook_unit)unit);
				char result[sizeof(text) + sizeof(CUT_MARK)];

				snprintf(result, sizeof(result), "%.*s%s", (int)kept, text,
					 text[kept] ? CUT_MARK : "");
				assert_true(kept % size == 0);
				assert_true(webhook_length(result, (enum webhook_unit)unit) <=
					    most);
			}
		}
	}
}

static void assert_written(struct writer *writer, const char *expected)
{
	assert_string_equal(writer_text(writer), expected);
	writer_done(writer);
}

/* Texts of plain bytes are looked at eight at a time. */
static void every_byte_is_escaped_wherever_it_stands(void **state)
{
	char text[20], expected[64], escape[8];
	struct writer writer = {0};

	(void)state;
	for (int c = 1; c < 0x80; c++) {
		bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';

		snprintf(escape, sizeof(escape),
			 plain                   ? "%c"
			 : c == '\n'             ? "\\n"
			 : c == '"' || c == '\\' ? "\\%c"
						 : "\\u%04x",
			 c);
		for (int at = 0; at < 18; at++) {
			memset(text, 'x', sizeof(text));
			text[at] = (char)c;
			text[18] = '\0';
			snprintf(expected, sizeof(expected), "\"%.*s%s%s\"", at, text, escape,
				 text + at + 1);
			writer_json(&writer, text);
			assert_written(&writer, expected);
		}
	}
}

static void encodings_are_right(void **state)
{
	struct writer writer = {0};

	(void)state;
	writer_json(&writer, "a\"b\\c\n\x01\x7f é😀\xff/");
	assert_written(&writer, "\"a\\\"b\\\\c\\n\\u0001\\u007f é😀\xef\xbf\xbd/\"");
	writer_json(&writer, "");
	assert_written(&writer, "\"\"");
	writer_uri(&writer, "a b&c=d/é~-._");
	assert_written(&writer, "a%20b%26c%3Dd%2F%C3%A9~-._");
	writer_line(&writer, "a\r\nb\tc\u2028d");
	assert_written(&writer, "a  b c d");
	writer_base64(&writer, (const unsigned char *)"foobar", 6);
	writer_puts(&writer, " ");
	writer_base64(&writer, (const unsigned char *)"fooba", 5);
	writer_puts(&writer, " ");
	writer_base64(&writer, (const unsigned char *)"foob", 4);
	assert_written(&writer, "Zm9vYmFy Zm9vYmE= Zm9vYg==");
	writer_hex(&writer, (const unsigned char *)"\x01\xfe", 2);
	assert_written(&writer, "01fe");
	/* The text grows, and moves, while it is copied. */
	writer_puts(&writer, "0123456789");
	for (size_t i = 0; i < 10; i++)
		writer_again(&writer, 0, writer.length);
	assert_int_equal(writer.length, 10240);
	for (size_t i = 0; i < writer.length; i++)
		assert_int_equal(writer.data[i], '0' + i % 10);
	writer_done(&writer);
}

/* The vector that the specification and its libraries share. */
static const struct signable published = {
	.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
	.now_ms = INT64_C(1614265330000),
	.body = "{\"test\": 2432232314}",
	.length = 20,
};
#define PUBLISHED_SECRET "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define PUBLISHED_SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static void the_published_vector_of_standard_webhooks_holds(void **state)
{
	struct writer out = {0};

	(void)state;
	assert_true(webhook_sign_standard("whsec_" PUBLISHED_SECRET, NULL, &published, &out));
	assert_string_equal(writer_text(&out), PUBLISHED_SIGNATURE);
	assert_true(webhook_sign_standard(PUBLISHED_SECRET, NULL, &published, &out));
	assert_string_equal(writer_text(&out), PUBLISHED_SIGNATURE);
	writer_done(&out);
}

static void while_a_secret_is_changed_both_sign(void **state)
{
	static const char other[] = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
	struct writer out = {0}, alone = {0};
	char expected[256];

	(void)state;
	assert_true(webhook_sign_standard(other, NULL, &published, &alone));
	snprintf(expected, sizeof(expected), "%s " PUBLISHED_SIGNATURE, writer_text(&alone));
	assert_true(webhook_sign_standard(other, PUBLISHED_SECRET, &published, &out));
	assert_string_equal(writer_text(&out), expected);
	writer_done(&out);
	writer_done(&alone);
}

static void a_secret_that_is_none_is_refused(void **state)
{
	(void)state;
	assert_true(webhook_secret_is_valid("whsec_" PUBLISHED_SECRET));
	assert_true(webhook_secret_is_valid("whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="));
	assert_false(webhook_secret_is_valid(""));
	assert_false(webhook_secret_is_valid("whsec_"));
	assert_false(webhook_secret_is_valid("whsec_dG9vc2hvcnQ="));
	assert_false(webhook_secret_is_valid("not base64 at all, though it is long enough!"));
	assert_false(webhook_secret_is_valid(
		PUBLISHED_SECRET PUBLISHED_SECRET PUBLISHED_SECRET PUBLISHED_SECRET));
}

static struct webhook_hmac hmac_of(const char *secret)
{
	return (struct webhook_hmac){.secret = secret, .key = "{secret}", .message = "{body}"};
}

/* RFC 4231, case 2, and the same key and text for SHA-1 (RFC 2202). */
static void the_published_vectors_of_hmac_hold(void **state)
{
	struct signable what = {"id", 0, "what do ya want for nothing?", 28};
	struct webhook_hmac hmac = hmac_of("Jefe");
	struct writer out = {0};

	(void)state;
	hmac.prefix = "sha256=";
	assert_true(webhook_sign_hmac(&hmac, &what, &out));
	assert_string_equal(writer_text(&out),
			    "sha256="
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hmac.algorithm = 1;
	hmac.prefix = NULL;
	assert_true(webhook_sign_hmac(&hmac, &what, &out));
	assert_string_equal(writer_text(&out), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	hmac.algorithm = 2;
	assert_true(webhook_sign_hmac(&hmac, &what, &out));
	assert_int_equal(
		strncmp(writer_text(&out), "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e83", 44), 0);
	writer_done(&out);
}

/* Computed with Python's hmac for the vendors' own descriptions. */
static void the_ways_of_dingtalk_and_feishu_are_right(void **state)
{
	struct signable what = {"id", INT64_C(1599360473123), "{}", 2};
	struct webhook_hmac dingtalk = hmac_of("SEC0123456789abcdef");
	struct webhook_hmac feishu = hmac_of("demo");
	struct writer out = {0};

	(void)state;
	dingtalk.message = "{timestamp}\n{secret}";
	dingtalk.encoding = 1;
	dingtalk.unit = 1;
	assert_true(webhook_sign_hmac(&dingtalk, &what, &out));
	assert_string_equal(writer_text(&out), "xMfqlbzeZae+zPIbgTbEwuCyPTmXPgH/WMqwBk0jhI0=");
	feishu.key = "{timestamp}\n{secret}";
	feishu.message = "";
	feishu.encoding = 1;
	assert_true(webhook_sign_hmac(&feishu, &what, &out));
	assert_string_equal(writer_text(&out), "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=");
	writer_done(&out);
}

static void only_known_placeholders_are_placeholders(void **state)
{
	(void)state;
	assert_true(webhook_hmac_text_is_valid(""));
	assert_true(webhook_hmac_text_is_valid("{id}.{timestamp}.{body}{secret}}"));
	assert_false(webhook_hmac_text_is_valid("{Body}"));
	assert_false(webhook_hmac_text_is_valid("{body}{"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_finds_what_stands_there),
		cmocka_unit_test(what_is_no_path_is_refused),
		cmocka_unit_test(what_fits_is_kept_and_what_does_not_has_room_for_the_mark),
		cmocka_unit_test(no_character_that_people_see_is_split),
		cmocka_unit_test(every_length_keeps_every_limit),
		cmocka_unit_test(every_byte_is_escaped_wherever_it_stands),
		cmocka_unit_test(encodings_are_right),
		cmocka_unit_test(the_published_vector_of_standard_webhooks_holds),
		cmocka_unit_test(while_a_secret_is_changed_both_sign),
		cmocka_unit_test(a_secret_that_is_none_is_refused),
		cmocka_unit_test(the_published_vectors_of_hmac_hold),
		cmocka_unit_test(the_ways_of_dingtalk_and_feishu_are_right),
		cmocka_unit_test(only_known_placeholders_are_placeholders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
