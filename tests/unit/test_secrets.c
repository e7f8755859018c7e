/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <cmocka.h>

#include "base/secrets.h"

/* What is left of a text when this secret is known. */
static const char *masked(const char *secret, const char *text)
{
	static char left[1024];
	struct secrets secrets = {0};

	assert_int_equal(secrets_add(&secrets, secret), 0);
	assert_int_equal(secrets_add(&secrets, secret), 0);
	snprintf(left, sizeof(left), "%s", text);
	secrets_mask(&secrets, left);
	secrets_done(&secrets);
	return left;
}

static void the_path_of_a_url_is_a_secret_by_itself(void **state)
{
	static const char url[] = "https://hooks.example.com/services/T0/tokentokentoken?key=a1b2";

	(void)state;
	assert_string_equal(masked(url, url), "***");
	assert_string_equal(masked(url, "no /services/T0/tokentokentoken?key=a1b2 here"),
			    "no *** here");
	assert_string_equal(masked(url, "GET /services/T0/tokentokentoken"), "GET ***");
	assert_string_equal(masked(url, "unknown tokentokentoken"), "unknown ***");
	assert_string_equal(masked(url, "cannot reach hooks.example.com"),
			    "cannot reach hooks.example.com");
	/* too short to be known by it, and a word of many texts */
	assert_string_equal(masked("http://example.com/hook", "cannot read /hooks"),
			    "cannot read /hooks");
}

static void a_password_within_a_secret_is_one_by_itself(void **state)
{
	(void)state;
	assert_string_equal(masked("postgresql://me:hunter22@db/app", "not hunter22, me"),
			    "not ***, me");
	assert_string_equal(masked("host=db password=hunter22 user=me", "not hunter22, db"),
			    "not ***, db");
	assert_string_equal(masked("host=db password='hunter 22'", "not hunter 22, db"),
			    "not ***, db");
	assert_string_equal(masked("host=db password=", "host=db"), "host=db");
	assert_string_equal(masked("host=db password = hunter22 user=me", "not hunter22, db"),
			    "not ***, db");
	assert_string_equal(masked("sslpassword=a password='hunt\\'er22'", "not hunt\\'er22"),
			    "not ***");
	assert_string_equal(masked("https://me:hunter22@host", "me:hunter22@host"), "me:***@host");
	assert_string_equal(masked("https://tokentokentoken@host", "tokentokentoken@host"),
			    "***@host");
	assert_string_equal(masked("https://me@host", "me@host"), "me@host");
	assert_string_equal(masked("https://", "https"), "https");
}

/* Whole, and as who does not expect it takes it apart. */
static void a_password_with_signs_of_a_url_is_a_secret_in_all_its_parts(void **state)
{
	static const char *const signs[] = {"@", "/", "?", "#"};

	(void)state;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		char url[100], whole[40];

		snprintf(url, sizeof(url),
			 "postgresql://tocsin:Tr0ub4%sdorSecret@127.0.0.1:5432/db", signs[i]);
		snprintf(whole, sizeof(whole), "no Tr0ub4%sdorSecret", signs[i]);
		assert_string_equal(masked(url, whole), "no ***");
		assert_string_equal(masked(url, "no port \"Tr0ub4\""), "no port \"***\"");
		assert_null(strstr(masked(url, "db on dorSecret@127.0.0.1"), "Secret"));
	}
	/* a port, and a path with the name of somebody */
	assert_string_equal(masked("https://example.com:8080/rooms/@me", "8080 rooms me"),
			    "8080 rooms me");
}

/* As AUTH LOGIN and AUTH PLAIN send it; the digits it shares with its neighbours stay. */
static void base64_of_a_secret_is_a_secret(void **state)
{
	(void)state;
	assert_string_equal(masked("hunter22", "AUTH LOGIN aHVudGVyMjI="), "AUTH LOGIN ***I=");
	assert_string_equal(masked("hunter22", "PLAIN AG1lAGh1bnRlcjIy"), "PLAIN AG1lAG***");
	assert_string_equal(masked("hunter22", "PLAIN AG15AGh1bnRlcjIyIQ=="),
			    "PLAIN AG15AG***IQ==");
	assert_string_equal(masked("hunter22", "AHlvdQBodW50ZXIyMg=="), "AHlvdQB***g==");
}

/* A server that quotes a request is a program, too: it escapes what it puts into its own words. */
static void every_spelling_of_a_secret_is_the_secret(void **state)
{
	static const char secret[] = "ab+/\"cd\\e <&'%f";

	(void)state;
	assert_string_equal(masked(secret, "no ab+/\"cd\\e <&'%f!"), "no ***!");
	assert_string_equal(masked(secret, "key=ab%2B%2f%22cd%5Ce%20%3C%26%27%25f&x"), "key=***&x");
	assert_string_equal(masked(secret, "key=ab%2B/%22cd%5Ce+%3C%26'%25f"), "key=***");
	assert_string_equal(masked(secret, "\"ab+\\/\\\"cd\\\\e <&'%f\""), "\"***\"");
	assert_string_equal(masked(secret, "ab\\u002B/\\u0022cd\\x5ce \\u003c&'%f"), "***");
	assert_string_equal(masked(secret, "ab+/&quot;cd\\e &lt;&amp;&#39;%f, &amp;"),
			    "***, &amp;");
	assert_string_equal(masked(secret, "ab&#43;&#x2F;&quot;cd\\e &lt;&amp;&apos;%f"), "***");
	assert_string_equal(masked("aaa?>>??bbb", "YWFhPz4+Pz9iYmI"), "***I");
	assert_string_equal(masked("aaa?>>??bbb", "YWFhPz4%2BPz9iYmI%3D"), "***I%3D");
	/* a body quoted in a body; a URL in an error page */
	assert_string_equal(masked(secret, "\\\"ab+/\\\\\\\"cd\\\\\\\\e <&'%f\\\""), "\\\"***\\\"");
	assert_string_equal(masked(secret, "ab%252B%252f%2522cd%255Ce+%253C%2526%2527%2525f"),
			    "***");
	assert_string_equal(masked(secret, "ab+\\\\/&quot;cd\\\\e &lt;&amp;&#39;%f"), "***");
	/* what only looks like it */
	assert_string_equal(masked(secret, "ab%2B%2f%22cd%5Ce%21"), "ab%2B%2f%22cd%5Ce%21");
	assert_string_equal(masked("wordword", "%zz %7 \\q \\u12 &# &#; &quot &none; +"),
			    "%zz %7 \\q \\u12 &# &#; &quot &none; +");
	/* cut off, also within an escape */
	for (const char *end = "&quot;"; *end; end++) {
		char text[32];

		snprintf(text, sizeof(text), "no abcdefgh%.*s", (int)strlen(end), "&quot;");
		assert_string_equal(masked("abcdefgh\"ijk", text), "no ***");
	}
	assert_string_equal(masked("abcdefgh+ijk", "no abcdefgh%2"), "no ***");
	assert_string_equal(masked("abcdefgh+ijk", "no abcdefgh%2Bi"), "no ***");
	assert_string_equal(masked("abcdefgh+ijk", "no abcdefgh\\\\u00"), "no ***");
	assert_string_equal(masked("abcdefgh&<ijk", "no abcdefgh&am"), "no ***");
}

/* One byte as URLs, JSON or HTML may write it; what begins an escape never stands for itself. */
static void spell(FILE *out, unsigned char c, unsigned int *seed)
{
	static const char *const ways[] = {"%%%02x", "%%%02X", "\\u%04x", "&#%d;", "&#x%x;"};

	if (rand_r(seed) % 2 && !strchr("%\\&", c))
		fputc(c, out);
	else if (c >= 0x80)
		fprintf(out, ways[rand_r(seed) % 2], c);
	else
		fprintf(out, ways[(unsigned int)rand_r(seed) % 5], c);
}

static char *spelled(const char *text, unsigned int *seed)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	for (; *text; text++)
		spell(out, (unsigned char)*text, seed);
	fclose(out);
	return result;
}

/* However it is escaped, once or twice, and wherever it is cut off: nothing of it is left. */
static void no_mixture_of_escapes_hides_a_secret(void **state)
{
	const char *given = getenv("TOCSIN_SEED");
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 10)
				  : (unsigned int)time(NULL);

	(void)state;
	print_message("TOCSIN_SEED=%u\n", seed);
	for (int round = 0; round < 3000; round++) {
		char secret[13] = "", text[1024];
		char *once, *twice;

		for (size_t i = 0; i < 12; i++)
			secret[i] = (char)(1 + rand_r(&seed) % 255);
		once = spelled(secret, &seed);
		twice = spelled(once, &seed);
		snprintf(text, sizeof(text), "= %s = %s = ", once, twice);
		assert_string_equal(masked(secret, text), "= *** = *** = ");
		secret[8] = '\0'; /* so much must be there to be known */
		free(once);
		once = spelled(secret, &seed);
		secret[8] = '!';
		snprintf(text, sizeof(text), "= %s%.*s", once, rand_r(&seed) % 4, "%21");
		assert_string_equal(masked(secret, text), "= ***");
		free(once);
		free(twice);
	}
}

static void nothing_is_left_of_a_secret_that_ends_like_an_escape_begins(void **state)
{
	(void)state;
	assert_string_equal(masked("geheim12&", "= geheim12&#38; ="), "= *** =");
	assert_string_equal(masked("geheim12%", "= geheim12%25 = geheim12%2525 ="),
			    "= *** = *** =");
	assert_string_equal(masked("geheim12\\", "= geheim12\\\\ ="), "= *** =");
}

/* As vendors hand out URLs. */
static void what_is_percent_encoded_in_a_secret_is_one_in_the_clear(void **state)
{
	static const char url[] = "https://example.com/a?token=%22Zm9vYmFy%2BbGVu%3D%22";

	(void)state;
	assert_string_equal(masked(url, "no \"Zm9vYmFy+bGVu=\""), "no ***");
	assert_string_equal(masked(url, "no Zm9vYmFy+bGVu=, no"), "no ***, no");
	assert_string_equal(masked(url, "no %22Zm9vYmFy%2bbGVu%3d%22"), "no ***");
	assert_string_equal(masked(url, "no /a?token=\"Zm9vYmFy+bGVu=\""), "no ***");
	/* too short for being looked for */
	assert_string_equal(masked("%41%42%43%44", "ABCD"), "ABCD");
}

static void a_secret_for_signing_is_one_without_its_prefix(void **state)
{
	(void)state;
	assert_string_equal(masked("whsec_Zm9vYmFybGVu", "whsec_Zm9vYmFybGVu"), "***");
	assert_string_equal(masked("whsec_Zm9vYmFybGVu", "not Zm9vYmFybGVu"), "not ***");
	assert_string_equal(masked("whsec_", "not whsec_ab, a"), "not ***ab, a");
}

static void what_is_left_of_a_secret_at_the_end_of_a_text_is_masked(void **state)
{
	(void)state;
	assert_string_equal(masked("correct horse battery", "said correct ho"), "said ***");
	assert_string_equal(masked("correct horse battery", "said correct house"),
			    "said correct house");
	assert_string_equal(masked("correct horse battery", "said corr"), "said corr");
	/* a host may be named */
	assert_string_equal(masked("https://example.com/abc", "is down: https://example.com"),
			    "is down: https://example.com");
}

static void a_program_with_secrets_leaves_no_core_dump(void **state)
{
	(void)state;
	secrets_keep_in_memory();
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_of_a_url_is_a_secret_by_itself),
		cmocka_unit_test(a_password_within_a_secret_is_one_by_itself),
		cmocka_unit_test(a_password_with_signs_of_a_url_is_a_secret_in_all_its_parts),
		cmocka_unit_test(base64_of_a_secret_is_a_secret),
		cmocka_unit_test(every_spelling_of_a_secret_is_the_secret),
		cmocka_unit_test(no_mixture_of_escapes_hides_a_secret),
		cmocka_unit_test(nothing_is_left_of_a_secret_that_ends_like_an_escape_begins),
		cmocka_unit_test(what_is_percent_encoded_in_a_secret_is_one_in_the_clear),
		cmocka_unit_test(a_secret_for_signing_is_one_without_its_prefix),
		cmocka_unit_test(what_is_left_of_a_secret_at_the_end_of_a_text_is_masked),
		cmocka_unit_test(a_program_with_secrets_leaves_no_core_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
