/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/options.h"

static struct arena *arena;
static char directory[] = "/tmp/tocsin-expand-XXXXXX";
static char heard[256];
static char why[512];
static bool found;

static void hear(const char *secret, void *data)
{
	size_t length = strlen(heard);

	(void)data;
	snprintf(heard + length, sizeof(heard) - length, "[%s]", secret);
}

/* Writes a file of the directory and gives its path. */
static const char *file_with(const char *name, const char *text, size_t length, mode_t mode)
{
	static char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return arena == NULL || mkdtemp(directory) == NULL;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"secret", "open", "group", "fifo", "empty", "large"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
	arena_free(arena);
	return 0;
}

/* The expanded text, or NULL with why. */
static const char *expand(const char *text)
{
	struct problems problems = {0};
	struct options_context context = {
		.arena = arena,
		.problems = &problems,
		.secret = hear,
	};
	char *value;
	int code;

	heard[0] = why[0] = '\0';
	code = options_expand(&context, text, &value, &found, why, sizeof(why));
	assert_int_equal(problems.n, 0);
	assert_true((code == 0) == (value != NULL));
	assert_true((code == 0) == (why[0] == '\0'));
	return value;
}

static void assert_refused(const char *text, const char *expected)
{
	assert_null(expand(text));
	if (strstr(why, expected) == NULL)
		fail_msg("expected '%s' in '%s'", expected, why);
}

static const char *reference(const char *kind, const char *name)
{
	static char text[256];

	snprintf(text, sizeof(text), "${%s:%s}", kind, name);
	return text;
}

static void text_without_references_stays_as_it_is(void **state)
{
	static const char *const texts[] = {"",          "plain", "pa$$word", "$",
					    "$x {y} $1", "}",     "$ {env:X}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_string_equal(expand(texts[i]), texts[i]);
		assert_false(found);
		assert_string_equal(heard, "");
	}
}

static void two_dollars_and_a_brace_are_the_characters(void **state)
{
	(void)state;
	assert_string_equal(expand("a $${env:X} b"), "a ${env:X} b");
	assert_false(found);
}

static void environment_variables_are_put_in_and_heard_of(void **state)
{
	(void)state;
	assert_int_equal(setenv("TOCSIN_TEST", "s3cret ${env:HOME}", 1), 0);
	assert_string_equal(expand("a ${env:TOCSIN_TEST} b ${env:TOCSIN_TEST}"),
			    "a s3cret ${env:HOME} b s3cret ${env:HOME}");
	assert_true(found);
	assert_string_equal(heard, "[s3cret ${env:HOME}][s3cret ${env:HOME}]");
	assert_int_equal(setenv("TOCSIN_TEST", "", 1), 0);
	assert_refused("${env:TOCSIN_TEST}", "variable 'TOCSIN_TEST' is empty");
	assert_int_equal(setenv("TOCSIN_TEST", "\xFF", 1), 0);
	assert_refused("${env:TOCSIN_TEST}", "is not UTF-8 text");
	assert_int_equal(unsetenv("TOCSIN_TEST"), 0);
	assert_refused("${env:TOCSIN_TEST}", "variable 'TOCSIN_TEST' is not set");
	assert_refused("${env:}", "needs the name of an environment variable");
	assert_refused("${env:A B}", "needs the name");
}

static void a_file_gives_its_text_without_the_last_newlines(void **state)
{
	(void)state;
	assert_string_equal(expand(reference("file", file_with("secret", "a\nb\r\n\n", 6, 0600))),
			    "a\nb");
	assert_string_equal(heard, "[a\nb]");
	assert_non_null(expand(reference("file", file_with("secret", "x", 1, 0400))));
}

static void a_file_that_others_can_read_is_refused(void **state)
{
	(void)state;
	assert_refused(reference("file", file_with("open", "x", 1, 0644)),
		       "(mode 0644); run chmod 600");
	assert_refused(reference("file", file_with("group", "x", 1, 0620)), "(mode 0620)");
}

static void what_is_no_file_for_a_secret_is_refused(void **state)
{
	static char large[64 * 1024 + 2];
	char path[128];

	(void)state;
	memset(large, 'x', sizeof(large));
	assert_refused("${file:relative}", "needs an absolute path");
	assert_refused("${file:/nonexistent/x}", "cannot be opened: No such file");
	assert_refused(reference("file", directory), "is not a regular file");
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(reference("file", path), "is not a regular file");
	assert_refused(reference("file", file_with("empty", "\n", 1, 0600)), "is empty");
	assert_refused(reference("file", file_with("secret", "a\0b", 3, 0600)), "NUL");
	assert_refused(reference("file", file_with("large", large, sizeof(large), 0600)),
		       "is larger than 64 KiB");
	assert_non_null(expand(reference("file", file_with("large", large, 65536, 0600))));
}

static void credentials_come_from_systemds_directory(void **state)
{
	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_refused("${cred:open}", "there are no systemd credentials here");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
	/* Its mode does not count there, whichever way it is named. */
	file_with("open", "x\n", 2, 0444);
	assert_string_equal(expand("${cred:open}"), "x");
	assert_string_equal(expand(reference("file", file_with("open", "x\n", 2, 0444))), "x");
	assert_refused("${cred:none}", "cannot be opened");
	assert_refused("${cred:../open}", "needs the name of a systemd credential");
	assert_refused("${cred:a/b}", "needs the name");
	assert_refused("${cred:}", "needs the name");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void malformed_references_are_refused_without_quoting_them(void **state)
{
	(void)state;
	assert_refused("hunter2${", "has no closing '}'");
	assert_refused("${env:HOME", "has no closing '}'");
	assert_refused("${hunter2}", "env:NAME, file:PATH or cred:NAME");
	assert_refused("${HOME:x}", "write $${");
	assert_null(strstr(why, "HOME"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_without_references_stays_as_it_is),
		cmocka_unit_test(two_dollars_and_a_brace_are_the_characters),
		cmocka_unit_test(environment_variables_are_put_in_and_heard_of),
		cmocka_unit_test(a_file_gives_its_text_without_the_last_newlines),
		cmocka_unit_test(a_file_that_others_can_read_is_refused),
		cmocka_unit_test(what_is_no_file_for_a_secret_is_refused),
		cmocka_unit_test(credentials_come_from_systemds_directory),
		cmocka_unit_test(malformed_references_are_refused_without_quoting_them),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
