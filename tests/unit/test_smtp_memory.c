/* SPDX-License-Identifier: Apache-2.0 */
/* What the mail channel makes while memory runs out: the whole of it, or none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/smtp/smtp.h"
#include "fake_host.h"
#include "scarce.h"

#define NOW INT64_C(1763476245000)

struct sweep {
	struct smtp_config config;
	struct fake_alert fake;
	struct smtp_envelope envelope;
	struct smtp_mail mail;
	char *wanted;
};

static int make_mail(void *data)
{
	struct sweep *sweep = data;
	size_t length = 0;
	char *message = smtp_message(&sweep->mail, &length);

	if (!message)
		return -ENOMEM;
	if (length != strlen(sweep->wanted) || strcmp(message, sweep->wanted) != 0)
		scarce_fail("half a mail");
	free(message);
	return 0;
}

static void a_mail_is_whole_or_none(void **unused)
{
	struct sweep sweep = {.config = {.html = true, .subject_prefix = "[shop]"}};
	char text[10000], why[256];
	size_t length;

	(void)unused;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(smtp_address_parse(&sweep.envelope.from, "Alärts <a@example.com>", true,
					    why, sizeof(why)),
			 0);
	assert_int_equal(
		smtp_address_parse(&sweep.envelope.to, "ops@example.com", false, why, sizeof(why)),
		0);
	fake_alert_init(&sweep.fake, "disk is füll");
	fake_annotate(&sweep.fake, "description", text);
	sweep.mail = (struct smtp_mail){
		.config = &sweep.config,
		.envelope = &sweep.envelope,
		.delivery = &sweep.fake.delivery,
		.now_ms = NOW,
	};
	sweep.wanted = smtp_message(&sweep.mail, &length);
	assert_non_null(sweep.wanted);
	assert_true(scarce_sweep("mail", make_mail, &sweep) > 0);
	free(sweep.wanted);
}

static int refuse_address(void *data)
{
	struct smtp_address address;
	char why[256];

	memset(why, '#', sizeof(why));
	if (smtp_address_parse(&address, data, true, why, sizeof(why)) == 0)
		scarce_fail("an impossible address");
	if (!memchr(why, '\0', sizeof(why)))
		scarce_fail("no sentence");
	return 0;
}

static void an_address_is_refused_in_a_sentence(void **unused)
{
	static char wrong[] = "nobody at example.com";

	(void)unused;
	assert_true(scarce_sweep("address", refuse_address, wrong) > 0);
}

static int begin_login(void *data)
{
	struct smtp_scram scram;
	char *first = smtp_scram_first(&scram, "us=er", data);

	if (first && strcmp(first, "n,,n=us=3Der,r=rOprNGfwEbeRWgbNEkqO") != 0)
		scarce_fail("half a name");
	smtp_scram_done(&scram);
	if (!first)
		return -ENOMEM;
	free(first);
	return 0;
}

static void a_login_names_its_user_or_is_not_tried(void **unused)
{
	static char nonce[] = "rOprNGfwEbeRWgbNEkqO";

	(void)unused;
	assert_true(scarce_sweep("login", begin_login, nonce) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_is_whole_or_none),
		cmocka_unit_test(an_address_is_refused_in_a_sentence),
		cmocka_unit_test(a_login_names_its_user_or_is_not_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
