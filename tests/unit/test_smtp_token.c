/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens: how they are read, kept and asked for, and what the program may do. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../plugins/channels/smtp/token.h"
#include "fake_host.h"
#include "valgrind.h"

#define WALL_S 1763476245

static struct smtp_token token_of(const char *output, int wanted)
{
	struct smtp_token token = {0};
	char *copy = strdup(output);

	assert_int_equal(smtp_token_read(&token, copy, strlen(copy), 1000, WALL_S), wanted);
	assert_true((wanted == 0) == (token.text != NULL));
	free(copy);
	return token;
}

static void assert_token(const char *output, const char *text, int64_t until_ms)
{
	struct smtp_token token = token_of(output, 0);

	assert_string_equal(token.text, text);
	assert_int_equal(token.until_ms, until_ms);
	assert_true(token.fresh);
	smtp_token_forget(&token);
}

static void tokens_are_read_bare_or_from_json(void **unused)
{
	(void)unused;
	assert_token("ya29.a0Af_-~+/=\n", "ya29.a0Af_-~+/=", 0);
	assert_token("x \r\n\n", "x", 0);
	assert_token("{\"access_token\": \"abc\", \"token_type\": \"Bearer\"}", "abc", 0);
	/* a minute early, or half of it when there is not much */
	assert_token("{\"access_token\":\"abc\",\"expires_in\":3600}\n", "abc", 1000 + 3540000);
	assert_token("{\"access_token\":\"abc\",\"expires_in\":\"3600\"}", "abc", 1000 + 3540000);
	assert_token("{\"access_token\":\"abc\",\"expires_in\":60}", "abc", 1000 + 30000);
	assert_token("{\"accessToken\":\"abc\",\"expires_on\":1763479845}", "abc", 1000 + 3540000);
	assert_token("{\"accessToken\":\"abc\",\"expires_on\":\"5\"}", "abc", 1000 + 1000);
	assert_token("{\"access_token\":\"abc\",\"expires_in\":-5}", "abc", 0);
	assert_token("{\"access_token\":\"abc\",\"expires_in\":1e300}", "abc", 0);
}

static void what_is_no_token_is_refused(void **unused)
{
	static const char *const bad[] = {
		"",
		"\n",
		"two words",
		"two\nlines",
		"umlaut\xc3\xa4",
		"tab\tinside",
		"nul\x01",
		"{}",
		"{\"access_token\": 5}",
		"{\"access_token\": \"\"}",
		"{\"access_token\": \"a b\"}",
		"{\"access_token\": \"a\\r\\nRCPT\"}",
		"{\"access_token\": \"a\"",
		"{\"error\": \"invalid_grant\"}",
	};
	char *endless = calloc(1, SMTP_TOKEN_MAX + 2);

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(bad); i++)
		(void)token_of(bad[i], -EINVAL);
	memset(endless, 'x', SMTP_TOKEN_MAX + 1);
	(void)token_of(endless, -EINVAL);
	free(endless);
}

/* Asks the shell for a token. */
static int ask(struct smtp_token *token, const char *script, int64_t timeout_ms, char why[256])
{
	const char *const argv[] = {"/bin/sh", "-c", script};
	struct tocsin_strings command = {argv, 3};

	why[0] = '\0';
	return smtp_token_get(token, &command, timeout_ms, 1000, why, 256);
}

static void one_is_kept_until_it_expires(void **unused)
{
	struct smtp_token token = {0};
	char why[256];

	(void)unused;
	assert_int_equal(ask(&token, "echo first", 10000, why), 0);
	token.fresh = false;
	assert_int_equal(ask(&token, "echo second", 10000, why), 0);
	assert_string_equal(token.text, "first");
	assert_false(token.fresh);
	token.until_ms = 1001;
	assert_int_equal(ask(&token, "echo second", 10000, why), 0);
	assert_string_equal(token.text, "first");
	token.until_ms = 1000;
	assert_int_equal(ask(&token, "echo second", 10000, why), 0);
	assert_string_equal(token.text, "second");
	smtp_token_forget(&token);
	assert_int_equal(ask(&token, "echo third", 10000, why), 0);
	assert_string_equal(token.text, "third");
	smtp_token_forget(&token);
}

static void failures_are_told_without_what_was_printed(void **unused)
{
	static const struct {
		const char *script, *wanted;
		int64_t timeout_ms;
	} cases[] = {
		{"echo s3cret; echo s3cret >&2; exit 3", "token_command ended with status 3",
		 10000},
		{"echo s3cret; kill -9 $$", "token_command was killed by signal 9", 10000},
		{"echo s3cret s3cret", "token_command printed no token", 10000},
		{"echo s3cret; exec sleep 60", "token_command did not end within 1 s", 1000},
		{"echo s3cret; exec >&-; exec sleep 60", "token_command did not end within 1 s",
		 1000},
		{"exec yes s3cret", "token_command printed more than 64 KiB", 10000},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		struct smtp_token token = {0};
		char why[256];

		assert_true(ask(&token, cases[i].script, cases[i].timeout_ms, why) < 0);
		assert_string_equal(why, cases[i].wanted);
		assert_null(token.text);
	}
}

static void a_program_that_is_not_there_is_told(void **unused)
{
	const char *const argv[] = {"/nonexistent/token"};
	struct tocsin_strings command = {argv, 1};
	struct smtp_token token = {0};
	char why[256];

	(void)unused;
	skip_under_valgrind();
	assert_int_equal(smtp_token_get(&token, &command, 1000, 1, why, sizeof(why)), -ENOENT);
	assert_string_equal(why, "token_command could not be started: No such file or directory");
}

/* What the script prints when it is asked. */
static void assert_prints(const char *script, const char *wanted)
{
	const char *const argv[] = {"/bin/sh", "-c", script, "sh", "two words", "$(x)"};
	struct tocsin_strings command = {argv, TOCSIN_COUNT(argv)};
	char out[4096];
	size_t length = 0;
	int status = 0;

	assert_int_equal(smtp_command_output(&command, 10000, out, sizeof(out), &length, &status),
			 0);
	out[length] = '\0';
	assert_string_equal(out, wanted);
}

static void the_program_inherits_nothing(void **unused)
{
	sigset_t usr1;

	(void)unused;
	setenv("TOCSIN_SECRET", "s3cret", 1);
	setenv("HOME", "/somewhere", 1);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	assert_int_not_equal(fcntl(1, F_DUPFD, 40), -1); /* one that is not closed by exec */
	assert_prints("echo \"$TOCSIN_SECRET|$HOME|$1|$2\"", "|/somewhere|two words|$(x)\n");
	assert_prints("exec ls /proc/self/fd", "0\n1\n2\n3\n"); /* 3 is what it reads from */
	/* of the signals up to 28: the C library has its own */
	assert_prints("exec sed -nE 's/Sig(Blk|Ign).*(.{7})$/\\1 \\2/p' /proc/self/status",
		      "Blk 0000000\nIgn 0000000\n");
	assert_prints("cat", "");
}

/* Also what it has left behind. */
static void its_children_end_with_it(void **unused)
{
	struct smtp_token token = {0};
	char why[256], name[64];
	pid_t child = 0;
	FILE *status;

	(void)unused;
	assert_int_equal(ask(&token, "sleep 60 >/dev/null & echo $!", 10000, why), 0);
	child = (pid_t)atoi(token.text);
	assert_true(child > 1);
	smtp_token_forget(&token);
	snprintf(name, sizeof(name), "/proc/%d/stat", (int)child);
	for (int i = 0; i < 1000 && (status = fopen(name, "r")); i++) {
		char state = 0;

		if (fscanf(status, "%*d (%*[^)]) %c", &state) == 1 && state == 'Z')
			i = 1000;
		fclose(status);
		if (i < 1000)
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		assert_int_not_equal(i, 999);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_read_bare_or_from_json),
		cmocka_unit_test(what_is_no_token_is_refused),
		cmocka_unit_test(one_is_kept_until_it_expires),
		cmocka_unit_test(failures_are_told_without_what_was_printed),
		cmocka_unit_test(a_program_that_is_not_there_is_told),
		cmocka_unit_test(the_program_inherits_nothing),
		cmocka_unit_test(its_children_end_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
