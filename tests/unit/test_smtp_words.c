/* SPDX-License-Identifier: Apache-2.0 */
/* What a mail says: to those who run a service, to a person, of many alerts, by templates, and as
 * one of a conversation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/smtp/smtp.h"
#include "fake_host.h"
#include "mail_judge.h"

#define NOW INT64_C(1763476245000)
#define DAY_MS (24 * INT64_C(3600000))

static struct smtp_config config;
static struct smtp_envelope envelope;
static struct fake_alert fake;
static struct smtp_mail mail;
static struct judged_mail judged;

static int begin(void **unused)
{
	char why[256];

	(void)unused;
	config = (struct smtp_config){.html = true};
	envelope = (struct smtp_envelope){0};
	assert_int_equal(
		smtp_address_parse(&envelope.from, "alerts@example.com", true, why, sizeof(why)),
		0);
	assert_int_equal(
		smtp_address_parse(&envelope.to, "ops@example.com", false, why, sizeof(why)), 0);
	fake_reset();
	fake_alert_init(&fake, "disk is full");
	mail = (struct smtp_mail){
		.config = &config,
		.envelope = &envelope,
		.delivery = &fake.delivery,
		.now_ms = NOW,
	};
	memset(&judged, 0, sizeof(judged));
	return 0;
}

static int end(void **unused)
{
	(void)unused;
	judged_mail_done(&judged);
	return 0;
}

/* The headers of the mail, up to the next call. */
static const char *headers(void)
{
	static char text[8192];
	size_t length;
	char *message = smtp_message(&mail, &length);

	assert_non_null(message);
	judged_mail_done(&judged);
	judge_mail(&judged, message);
	snprintf(text, sizeof(text), "%.*s", (int)(strstr(message, "\r\n\r\n") + 2 - message),
		 message);
	free(message);
	return text;
}

static void assert_both(const char *text, const char *html)
{
	if (!strstr(judged.text, text))
		fail_msg("'%s' is not in the text:\n%s", text, judged.text);
	if (html && !strstr(judged.html, html))
		fail_msg("'%s' is not in the HTML:\n%s", html, judged.html);
}

static void assert_none(const char *text)
{
	if (strstr(judged.text, text) || strstr(judged.html, text))
		fail_msg("'%s' is in the mail:\n%s%s", text, judged.text, judged.html);
}

static void links_are_buttons_and_unsafe_ones_are_nothing(void **unused)
{
	(void)unused;
	fake.alert.link = "https://example.com/?a=1&b=2";
	fake_annotate(&fake, "runbook_url", "https://example.com/runbook");
	fake_annotate(&fake, "dashboard_url", "javascript:alert(1)");
	fake_label(&fake, "generator_url", "http://example.com/g");
	(void)headers();
	assert_int_equal(judged.buttons, 3);
	assert_both("Link: https://example.com/?a=1&b=2\r\nRunbook: https://example.com/runbook\r\n"
		    "Source: http://example.com/g\r\n",
		    "<a href=\"https://example.com/?a=1&amp;b=2\" style=");
	assert_both("", "bold;text-decoration:none\">Open</a></td>");
	assert_both("", ">Runbook</a>");
	assert_both("  dashboard_url: javascript:alert(1)\r\n", ">javascript:alert(1)</td>");
	/* what is a button is no detail beside it */
	assert_none("runbook_url");
	assert_none("generator_url");
}

static void a_letter_greets_a_person_and_leaves_operations_out(void **unused)
{
	(void)unused;
	fake_label(&fake, "recipient_name", "Anna <Müller>");
	fake_annotate(&fake, "message", "Your export has finished.");
	fake_annotate(&fake, "instructions", "Fetch it\nwithin a week.");
	fake_annotate(&fake, "link", "https://example.com/export?a=1&b=2");
	fake_annotate(&fake, "link_title", "Download");
	(void)headers();
	assert_string_equal(judged.subject, "disk is full");
	assert_string_equal(judged.text,
			    "disk is full\r\n\r\nHello Anna <Müller>,\r\n\r\n"
			    "Your export has finished.\r\n\r\nFetch it\r\nwithin a week.\r\n\r\n"
			    "Download: https://example.com/export?a=1&b=2\r\n");
	assert_both("", "Hello Anna &lt;Müller&gt;,</p>");
	assert_both("", "Fetch it<br>within a week.</p>");
	assert_both("", ">Download</a>");
	assert_both("", ">https://example.com/export?a=1&amp;b=2</a></p>");
	assert_none("www.example.com");
	assert_none("CRITICAL");
	fake_annotate(&fake, "subject", "Your export");
	config.subject_prefix = "[shop]";
	(void)headers();
	assert_string_equal(judged.subject, "[shop] Your export");
}

static void the_text_on_a_severity_can_be_read(void **unused)
{
	(void)unused;
	(void)headers();
	assert_both("🚨 CRITICAL: disk is full\r\n", "background-color:#d32f2f;color:#ffffff");
	fake.alert.severity = TOCSIN_WARNING;
	(void)headers();
	assert_both("WARNING", "background-color:#ffa000;color:#1f2328");
	fake.alert.status = TOCSIN_RESOLVED;
	(void)headers();
	assert_both("✅ RESOLVED", "background-color:#2e7d32;color:#ffffff");
}

static void nothing_is_fetched_and_nothing_runs(void **unused)
{
	static const char *const bad[] = {"<script", "<img", "<link", "url(", "@import", "src="};

	(void)unused;
	(void)headers();
	for (size_t i = 0; i < TOCSIN_COUNT(bad); i++)
		assert_null(strstr(judged.html, bad[i]));
}

static void a_digest_lists_its_alerts(void **unused)
{
	static struct fake_alert first, second;
	const struct tocsin_alert *folded[] = {&first.alert, &second.alert};
	char essay[5000], brief[1100];

	(void)unused;
	for (size_t i = 0; i < sizeof(essay) - 1; i++)
		essay[i] = "\xc3\xa4"[i % 2];
	essay[sizeof(essay) - 2] = 'x';
	essay[sizeof(essay) - 1] = '\0';
	snprintf(brief, sizeof(brief), "%.1018s …", essay);
	fake_alert_init(&first, "db1 is <down>");
	first.alert.link = "https://example.com/db1";
	fake_annotate(&first, "description", "no answer\nfor a minute");
	fake_alert_init(&second, "db2 is slow");
	second.alert.severity = TOCSIN_WARNING;
	fake_annotate(&second, "message", essay);
	fake_alert_init(&fake, "2 alerts");
	fake_annotate(&fake, "description", "critical db1\nwarning db2");
	fake.delivery.folded = folded;
	fake.delivery.n_folded = 2;
	(void)headers();
	assert_string_equal(judged.subject, "[CRITICAL] 2 alerts");
	assert_both("🚨 CRITICAL: db1 is <down>\r\n", ">db1 is &lt;down&gt;</a></b>");
	assert_both("  no answer\r\n  for a minute\r\n", "no answer<br>for a minute</td>");
	assert_both("WARNING: db2 is slow\r\n", "<b>db2 is slow</b>");
	assert_both("  Link: https://example.com/db1\r\n", "href=\"https://example.com/db1\"");
	/* of a long message the beginning, and nothing twice */
	assert_both(brief, brief);
	assert_none("warning db2");
	assert_none("Details");
	assert_non_null(strstr(headers(), "X-Priority: 1\r\nImportance: high\r\n"));
}

static void templates_take_the_place_of_words_and_of_parts(void **unused)
{
	(void)unused;
	mail.words.title = "web: <disk>";
	mail.words.message = "Call\nsomebody & run";
	(void)headers();
	assert_string_equal(judged.subject, "[CRITICAL] web: <disk>");
	assert_both("CRITICAL: web: <disk>\r\n", ">web: &lt;disk&gt;</h1>");
	assert_both("Call\r\nsomebody & run\r\n", "Call<br>somebody &amp; run</p>");
	mail.words.subject = "from a template\r\nBcc: v@example.com";
	mail.words.text_body = "line\n.\nanother \x1b[2J\n";
	mail.words.html_body = "<!DOCTYPE html><p>as it is</p>\n<b>bold</b>\r";
	assert_null(strstr(headers(), "\nBcc"));
	assert_string_equal(judged.subject, "from a template  Bcc: v@example.com");
	assert_string_equal(judged.text, "line\r\n.\r\nanother \\x1b[2J\r\n");
	assert_string_equal(judged.html, "<!DOCTYPE html><p>as it is</p>\r\n<b>bold</b>\r\n");
	/* a mail always has a subject, and its parts even when they are empty */
	mail.words = (struct smtp_words){.subject = " \n", .text_body = "", .html_body = NULL};
	assert_non_null(strstr(headers(), "\r\nSubject: CRITICAL\r\n"));
	assert_string_equal(judged.text, "");
}

static struct smtp_thread thread_of(const char *note)
{
	struct smtp_thread thread;

	smtp_thread_read(&thread, note);
	return thread;
}

static void a_conversation_is_kept_as_a_note(void **unused)
{
	char *note = smtp_thread_begin("abc@example.com", "[CRITICAL] disk\r\nis füll", NOW);
	struct smtp_thread thread = thread_of(note);
	char *over = smtp_thread_end(&thread);

	(void)unused;
	assert_string_equal(note,
			    "1 abc@example.com 1763476245000 open [CRITICAL] disk\\r\\nis füll");
	assert_string_equal(over,
			    "1 abc@example.com 1763476245000 ended [CRITICAL] disk\\r\\nis füll");
	free(note);
	free(over);
	/* whatever fires again before it is over belongs to it, for a week */
	assert_true(smtp_thread_goes_on(&thread, &fake.alert, NOW + 6 * DAY_MS));
	assert_false(smtp_thread_goes_on(&thread, &fake.alert, NOW + 7 * DAY_MS));
	fake.alert.status = TOCSIN_RESOLVED;
	assert_true(smtp_thread_goes_on(&thread, &fake.alert, NOW + 20 * DAY_MS));
	thread.ended = true;
	assert_true(smtp_thread_goes_on(&thread, &fake.alert, NOW));
	fake.alert.status = TOCSIN_FIRING;
	assert_false(smtp_thread_goes_on(&thread, &fake.alert, NOW));
}

static void a_damaged_note_is_none(void **unused)
{
	static const char *const damaged[] = {
		"",
		"x",
		"1",
		"1 a@example.com",
		"1 a@example.com soon open x",
		"2 a@example.com 5 open x",
		"1 a@b@example.com 5 open x",
		"1 @example.com 5 open x",
		"1 aexample.com 5 open x",
		"1 a>@example.com 5 open x",
		"1 a@ex\xc3\xa4mple.com 5 open x",
		"1 a@example.com> 5 open x",
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(damaged); i++) {
		struct smtp_thread thread = thread_of(damaged[i]);

		if (*thread.first)
			fail_msg("taken: %s", damaged[i]);
		assert_false(smtp_thread_goes_on(&thread, &fake.alert, NOW));
	}
}

static void what_follows_refers_to_the_first(void **unused)
{
	struct smtp_thread thread = thread_of("1 abc@example.com 5 open [CRITICAL] disk is full");

	(void)unused;
	assert_null(strstr(headers(), "In-Reply-To"));
	fake.alert.status = TOCSIN_RESOLVED;
	mail.thread = &thread;
	assert_non_null(strstr(headers(), "In-Reply-To: <abc@example.com>\r\n"
					  "References: <abc@example.com>\r\n"));
	assert_string_equal(judged.subject, "[RESOLVED] disk is full");
	config.threading = SMTP_THREADING_SUBJECT;
	(void)headers();
	assert_string_equal(judged.subject, "Re: [CRITICAL] disk is full");
}

/* Events have nothing that follows, digests are about many. */
static void only_states_have_conversations(void **unused)
{
	const struct tocsin_alert *folded[] = {&fake.alert, &fake.alert};

	(void)unused;
	fake.alert.status = TOCSIN_FIRING;
	assert_true(smtp_threads(&config, &fake.delivery));
	fake.alert.status = TOCSIN_EVENT;
	assert_false(smtp_threads(&config, &fake.delivery));
	fake.alert.status = TOCSIN_RESOLVED;
	assert_true(smtp_threads(&config, &fake.delivery));
	fake.delivery.folded = folded;
	fake.delivery.n_folded = 2;
	assert_false(smtp_threads(&config, &fake.delivery));
	fake.delivery.folded = NULL;
	config.threading = SMTP_THREADING_OFF;
	assert_false(smtp_threads(&config, &fake.delivery));
}

/* As it goes over the line. */
static char *with_line_ends(const char *text)
{
	char *message = calloc(2, strlen(text) + 1), *out = message;

	assert_non_null(message);
	for (; *text; text++) {
		if (*text == '\n')
			*out++ = '\r';
		*out++ = *text;
	}
	return message;
}

static void a_preview_is_the_whole_mail(void **unused)
{
	char *preview, *message;

	(void)unused;
	config.from = "alerts@example.com";
	config.title = fake_text("as a template says");
	fake.delivery.recipient = "ops@example.com";
	preview = tocsin_plugin.channel->preview(&fake_host, &config, &fake.delivery);
	assert_non_null(preview);
	assert_null(strchr(preview, '\r'));
	message = with_line_ends(preview);
	judge_mail(&judged, message);
	assert_string_equal(judged.subject, "[CRITICAL] as a template says");
	assert_non_null(strstr(preview, "\nTo: ops@example.com\n"));
	free(message);
	free(preview);
	fake.delivery.recipient = "nobody";
	preview = tocsin_plugin.channel->preview(&fake_host, &config, &fake.delivery);
	assert_string_equal(preview, "'nobody' is not an e-mail address: there is no @");
	free(preview);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_buttons_and_unsafe_ones_are_nothing),
		cmocka_unit_test(a_letter_greets_a_person_and_leaves_operations_out),
		cmocka_unit_test(the_text_on_a_severity_can_be_read),
		cmocka_unit_test(nothing_is_fetched_and_nothing_runs),
		cmocka_unit_test(a_digest_lists_its_alerts),
		cmocka_unit_test(templates_take_the_place_of_words_and_of_parts),
		cmocka_unit_test(a_conversation_is_kept_as_a_note),
		cmocka_unit_test(a_damaged_note_is_none),
		cmocka_unit_test(what_follows_refers_to_the_first),
		cmocka_unit_test(only_states_have_conversations),
		cmocka_unit_test(a_preview_is_the_whole_mail),
	};
	struct CMUnitTest each[TOCSIN_COUNT(tests)];

	memcpy(each, tests, sizeof(tests));
	for (size_t i = 0; i < TOCSIN_COUNT(each); i++) {
		each[i].setup_func = begin;
		each[i].teardown_func = end;
	}
	return cmocka_run_group_tests(each, NULL, NULL);
}
