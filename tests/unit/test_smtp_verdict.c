/* SPDX-License-Identifier: Apache-2.0 */
/* What replies mean, how they are read, what the configuration may say, and SCRAM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/smtp/session.h"
#include "fake_host.h"

static struct tocsin_verdict judged(enum smtp_stage stage, int code, const char *text)
{
	struct smtp_result result = {.stage = stage, .code = code};
	struct tocsin_verdict verdict;

	assert_true(strlen(text) < sizeof(result.text));
	memcpy(result.text, text, strlen(text) + 1);
	smtp_judge(&result, &verdict);
	return verdict;
}

static void a_reply_means_what_rfc_5321_says(void **unused)
{
	(void)unused;
	assert_int_equal(judged(SMTP_STAGE_END, 250, "ok").outcome, TOCSIN_DELIVERED);
	for (enum smtp_stage stage = SMTP_STAGE_MAIL; stage <= SMTP_STAGE_END; stage++) {
		assert_int_equal(judged(stage, 550, "5.7.1 no").outcome, TOCSIN_REJECTED);
		assert_int_equal(judged(stage, 451, "4.3.0 later").outcome, TOCSIN_RETRY);
		assert_int_equal(judged(stage, 421, "4.3.2 down").outcome, TOCSIN_UNAVAILABLE);
		assert_int_equal(judged(stage, 0, "lost").outcome, TOCSIN_UNAVAILABLE);
	}
	assert_int_equal(judged(SMTP_STAGE_DATA, 250, "odd").outcome, TOCSIN_RETRY);
	assert_int_equal(judged(SMTP_STAGE_END, 354, "odd").outcome, TOCSIN_RETRY);
	assert_string_equal(judged(SMTP_STAGE_RCPT, 550, "5.1.1 no such user").why,
			    "the server refuses the recipient: 550 5.1.1 no such user");
	assert_string_equal(judged(SMTP_STAGE_END, 451, "4.3.0 later").why,
			    "the server defers the message: 451 4.3.0 later");
}

static void trouble_of_the_channel_kills_no_alert(void **unused)
{
	static const int codes[] = {530, 534, 535, 538};

	(void)unused;
	assert_int_equal(judged(SMTP_STAGE_CONNECT, 554, "go away").outcome, TOCSIN_UNAVAILABLE);
	assert_int_equal(judged(SMTP_STAGE_CONNECT, 0, "refuses the login").outcome,
			 TOCSIN_UNAVAILABLE);
	for (size_t i = 0; i < TOCSIN_COUNT(codes); i++)
		assert_int_equal(judged(SMTP_STAGE_RCPT, codes[i], "auth").outcome,
				 TOCSIN_UNAVAILABLE);
}

/* What providers say when they take no passwords any more, and when they say it. */
static void exchange_is_explained_and_kills_no_alert(void **unused)
{
	static const char words[] = "5.7.30 Basic authentication is not supported for Client "
				    "Submission. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]";
	struct tocsin_verdict verdict;

	(void)unused;
	for (enum smtp_stage stage = SMTP_STAGE_CONNECT; stage <= SMTP_STAGE_END; stage++) {
		verdict = judged(stage, 550, words);
		assert_int_equal(verdict.outcome, TOCSIN_UNAVAILABLE);
		assert_non_null(strstr(verdict.why, "set 'auth: xoauth2' and 'token_command'"));
		assert_non_null(strstr(verdict.why, "550 5.7.30 Basic authentication is not"));
	}
	assert_non_null(strstr(smtp_hint("5.7.139 Authentication unsuccessful, the user "
					 "credentials were incorrect"),
			       "SMTP AUTH enabled"));
	assert_non_null(strstr(smtp_hint("5.7.57 Client not authenticated"), "'username'"));
	assert_non_null(
		strstr(smtp_hint("5.7.9 Application-specific password required."), "app password"));
	assert_string_equal(smtp_hint("5.7.3 Authentication unsuccessful"), "");
	assert_string_equal(smtp_hint("5.7.300 Basic authentication"), "");
	assert_string_equal(smtp_hint("5.7.30 something else"), "");
	assert_int_equal(judged(SMTP_STAGE_RCPT, 550, "5.7.3 no").outcome, TOCSIN_REJECTED);
}

static void greylisting_is_given_time(void **unused)
{
	(void)unused;
	assert_int_equal(judged(SMTP_STAGE_RCPT, 451, "4.7.1 try again").retry_after_ms, 300000);
	assert_int_equal(judged(SMTP_STAGE_RCPT, 450, "Greylisted, come back").retry_after_ms,
			 300000);
	assert_int_equal(judged(SMTP_STAGE_RCPT, 450, "4.2.1 busy").retry_after_ms, 0);
	assert_int_equal(judged(SMTP_STAGE_RCPT, 452, "4.7.1 full").retry_after_ms, 0);
}

static void a_lost_answer_says_that_it_may_repeat(void **unused)
{
	(void)unused;
	assert_non_null(strstr(judged(SMTP_STAGE_END, 0, "lost").why, "may have taken"));
	assert_null(strstr(judged(SMTP_STAGE_RCPT, 0, "lost").why, "may have taken"));
}

static void hostile_replies_are_shown_harmlessly(void **unused)
{
	char text[302];
	struct tocsin_verdict verdict;

	(void)unused;
	verdict = judged(SMTP_STAGE_RCPT, 550, "\x1b[2J\r\nforged \xff");
	assert_null(strpbrk(verdict.why, "\x1b\r\n\xff"));
	for (size_t i = 0; i + 4 <= sizeof(text); i += 3)
		memcpy(text + i, "\xe6\xbc\xa2", 4);
	verdict = judged(SMTP_STAGE_RCPT, 550, text);
	assert_true(strlen(verdict.why) < sizeof(verdict.why));
	assert_true(((unsigned char)verdict.why[strlen(verdict.why) - 1] & 0xc0) == 0x80);
}

static void replies_are_read_line_by_line(void **unused)
{
	struct smtp_reply reply = {0};

	(void)unused;
	smtp_reply_line(&reply, "550-5.1.1 no\r\n", 14);
	assert_false(reply.complete);
	smtp_reply_line(&reply, "550 such user\r\n", 15);
	assert_true(reply.complete);
	assert_int_equal(reply.code, 550);
	assert_string_equal(reply.text, "5.1.1 no such user");
	smtp_reply_line(&reply, "250\n", 4);
	assert_true(reply.complete && reply.code == 250 && !*reply.text);
	smtp_reply_line(&reply, "HTTP/1.1 400 Bad Request\r\n", 26);
	assert_true(reply.complete && reply.code == 0);
	smtp_reply_line(&reply, "", 0);
	assert_true(reply.complete && reply.code == 0);
}

/* RFC 7677, section 3. */
static void scram_agrees_with_the_rfc(void **unused)
{
	struct smtp_scram scram;
	char why[128], *first, *final;

	(void)unused;
	first = smtp_scram_first(&scram, "user", "rOprNGfwEbeRWgbNEkqO");
	assert_string_equal(first, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
	final = smtp_scram_final(&scram,
				 "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
				 "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
				 "pencil", why, sizeof(why));
	assert_string_equal(final, "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
				   "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
	assert_true(smtp_scram_verify(&scram, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
	assert_false(smtp_scram_verify(&scram, "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
	assert_false(smtp_scram_verify(&scram, "e=other-error"));
	assert_false(smtp_scram_verify(&scram, ""));
	free(first);
	free(final);
	smtp_scram_done(&scram);
}

static void scram_refuses_a_server_that_cheats(void **unused)
{
	static const char *const bad[] = {
		"",
		"r=other,s=W22Z,i=4096",
		"r=abc,s=W22Z,i=4096",
		"r=abcX,i=4096",
		"r=abcX,s=W22,i=4096",
		"r=abcX,s=W22Z,i=1",
		"r=abcX,s=W22Z,i=999999999",
		"r=abcX,s=W22Z,i=",
		"r=abcX,s=W22Z",
		"s=W22Z,i=4096",
		"r=abcX,s=!!!!,i=4096",
	};
	struct smtp_scram scram;
	char why[128], *first = smtp_scram_first(&scram, "a=b,c", "abc");

	(void)unused;
	assert_string_equal(first, "n,,n=a=3Db=2Cc,r=abc");
	for (size_t i = 0; i < TOCSIN_COUNT(bad); i++)
		assert_null(smtp_scram_final(&scram, bad[i], "x", why, sizeof(why)));
	free(first);
	smtp_scram_done(&scram);
}

static struct smtp_config fine(void)
{
	return (struct smtp_config){
		.host = "mail.example.com",
		.from = "Alerts <alerts@example.com>",
		.username = "u",
		.password = "p",
		.tls_verify = true,
	};
}

static void assert_check(const struct smtp_config *config, const char *wanted)
{
	char why[256] = "";
	const char *wrong = tocsin_plugin.channel->check(config, why, sizeof(why));

	if (!wanted)
		assert_null(wrong);
	else if (!wrong || !strstr(wrong, wanted))
		fail_msg("'%s' not in: %s", wanted, wrong ? wrong : "(nothing)");
}

static void a_token_command_is_checked(void **unused)
{
	const char *const argv[] = {"/usr/bin/token"}, *const relative[] = {"token"};
	struct smtp_config config = fine();

	(void)unused;
	config.token_command = (struct tocsin_strings){argv, 1};
	assert_check(&config, "needs 'auth: xoauth2'");
	config.auth = SMTP_AUTH_XOAUTH2;
	assert_check(&config, "takes the place of 'password'");
	config.password = NULL;
	assert_check(&config, NULL);
	config.auth = SMTP_AUTH_OAUTHBEARER;
	assert_check(&config, NULL);
	config.tls = SMTP_TLS_NONE;
	assert_check(&config, "in the clear");
	config = fine();
	config.auth = SMTP_AUTH_XOAUTH2;
	config.password = NULL;
	config.token_command = (struct tocsin_strings){relative, 1};
	assert_check(&config, "absolute path");
	config.username = NULL;
	config.token_command = (struct tocsin_strings){argv, 1};
	assert_check(&config, "needs a 'username'");
}

static void the_configuration_is_checked_as_a_whole(void **unused)
{
	struct tocsin_pair header = {"Subject", "x"};
	struct smtp_config config = fine();

	(void)unused;
	assert_check(&config, NULL);
	config.from = "nobody";
	assert_check(&config, "'from': 'nobody' is not an e-mail address");
	config = fine();
	config.password = NULL;
	assert_check(&config, "needs a 'password'");
	config = fine();
	config.username = NULL;
	assert_check(&config, "needs a 'username'");
	config = fine();
	config.tls = SMTP_TLS_NONE;
	assert_check(&config, "in the clear");
	config.auth = SMTP_AUTH_SCRAM_SHA_256;
	assert_check(&config, NULL);
	config.auth = SMTP_AUTH_AUTO;
	config.host = "127.0.0.1";
	assert_check(&config, NULL);
	config.host = "127.example.com";
	assert_check(&config, "in the clear");
	config = fine();
	config.host = "mail.example.com:25";
	assert_check(&config, "the port goes to 'port'");
	config.host = "2001:db8::25";
	assert_check(&config, NULL);
	config.host = "smtp://mail.example.com";
	assert_check(&config, "'host'");
	config = fine();
	config.hello = "x\r\nMAIL";
	assert_check(&config, "'hello'");
	config = fine();
	config.headers = (struct tocsin_map){&header, 1};
	assert_check(&config, "must not set Subject");
	header.name = "X-Team\r\nBcc";
	assert_check(&config, "not a header's");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_means_what_rfc_5321_says),
		cmocka_unit_test(trouble_of_the_channel_kills_no_alert),
		cmocka_unit_test(exchange_is_explained_and_kills_no_alert),
		cmocka_unit_test(greylisting_is_given_time),
		cmocka_unit_test(a_lost_answer_says_that_it_may_repeat),
		cmocka_unit_test(hostile_replies_are_shown_harmlessly),
		cmocka_unit_test(replies_are_read_line_by_line),
		cmocka_unit_test(scram_agrees_with_the_rfc),
		cmocka_unit_test(scram_refuses_a_server_that_cheats),
		cmocka_unit_test(a_token_command_is_checked),
		cmocka_unit_test(the_configuration_is_checked_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
