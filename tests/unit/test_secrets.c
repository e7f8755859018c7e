/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include <cmocka.h>

#include "base/secrets.h"

/* What is left of a text when this secret is known. */
static const char *masked(const char *secret, const char *text)
{
	static char left[512];
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
	assert_string_equal(masked("https://me@host", "me@host"), "me@host");
	assert_string_equal(masked("https://", "https"), "https");
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
		cmocka_unit_test(base64_of_a_secret_is_a_secret),
		cmocka_unit_test(what_is_left_of_a_secret_at_the_end_of_a_text_is_masked),
		cmocka_unit_test(a_program_with_secrets_leaves_no_core_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
