/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile texts in every slot of a mail: the headers are those of a harmless one, the parts are
 * ours, and the HTML has no element but ours. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../plugins/channels/smtp/smtp.h"
#include "hostile.h"
#include "mail_judge.h"

/* What a mail is made of, and where the text stands in it. */
struct slots {
	struct smtp_config config;
	struct smtp_envelope envelope;
	struct smtp_thread thread;
	struct fake_alert fake;
	const struct tocsin_alert *folded[2];
	struct smtp_mail mail;
};

static void fill_alert(struct slots *slots, const char *text)
{
	hostile_fill(&slots->fake, text);
	slots->fake.alert.fingerprint = text;
}

static void fill_shown(struct slots *slots, const char *text)
{
	hostile_fill_shown(&slots->fake, text);
}

/* Every word that only mails know, as labels, where names come from data just the same. */
static void fill_letter(struct slots *slots, const char *text)
{
	hostile_fill(&slots->fake, text);
	fake_label(&slots->fake, "recipient_name", text);
	fake_label(&slots->fake, "instructions", text);
	fake_label(&slots->fake, "link_title", text);
	fake_label(&slots->fake, "subject", text);
}

static void fill_digest(struct slots *slots, const char *text)
{
	hostile_fill(&slots->fake, text);
	slots->folded[0] = slots->folded[1] = &slots->fake.alert;
	slots->fake.delivery.folded = slots->folded;
	slots->fake.delivery.n_folded = 2;
}

/* Templates give back what is in the alert. */
static void fill_words(struct slots *slots, const char *text)
{
	hostile_fill(&slots->fake, text);
	slots->mail.words = (struct smtp_words){
		.subject = text,
		.title = text,
		.message = text,
		.text_body = text,
	};
}

/* What the store gives back, and names in the configuration. */
static void fill_thread(struct slots *slots, const char *text)
{
	char *note = smtp_thread_begin("0123@example.com", text, 1763476245000);

	assert_non_null(note);
	assert_true(strlen(note) <= 4096);
	smtp_thread_read(&slots->thread, note);
	free(note);
	assert_string_equal(slots->thread.first, "0123@example.com");
	hostile_fill(&slots->fake, text);
	slots->config.threading = SMTP_THREADING_SUBJECT;
	slots->config.subject_prefix = text;
	slots->mail.thread = &slots->thread;
	snprintf(slots->envelope.from.name, sizeof(slots->envelope.from.name), "%.250s", text);
}

static void (*const fills[])(struct slots *, const char *) = {
	fill_alert, fill_shown, fill_letter, fill_digest, fill_words, fill_thread,
};

static void judge(struct judged_mail *judged, void (*fill)(struct slots *, const char *),
		  const char *text)
{
	static struct slots slots;
	struct sheet wire = {0};
	size_t length = 0;
	char *message, *sent;

	slots = (struct slots){.config = {.html = true}};
	slots.envelope.from = (struct smtp_address){.address = "alerts@example.com"};
	slots.envelope.to = (struct smtp_address){.address = "ops@example.com"};
	slots.mail = (struct smtp_mail){
		.config = &slots.config,
		.envelope = &slots.envelope,
		.delivery = &slots.fake.delivery,
		.now_ms = 1763476245000,
	};
	fill(&slots, text);
	message = smtp_message(&slots.mail, &length);
	assert_non_null(message);
	assert_int_equal(strlen(message), length);
	judge_mail(judged, message);
	smtp_put_wire(&wire, message, length);
	sent = sheet_end(&wire, NULL);
	assert_ptr_equal(strstr(sent, "\r\n.\r\n"), sent + strlen(sent) - 5);
	free(sent);
	free(message);
}

/* A text that is a safe link makes buttons, so there are two harmless mails to compare with. */
static void hostile_texts_stay_texts(void **unused)
{
	static struct judged_mail plain, linked, judged;
	uint64_t seed = hostile_seed();
	size_t links = 0;

	(void)unused;
	for (size_t f = 0; f < TOCSIN_COUNT(fills); f++) {
		judge(&plain, fills[f], "plain");
		judge(&linked, fills[f], "https://example.com/");
		for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
			char *text = hostile_text(seed, i);
			const struct judged_mail *like;

			judge(&judged, fills[f], text);
			like = judged.buttons > 0 ? &linked : &plain;
			links += judged.buttons > 0;
			assert_string_equal(judged.names, like->names);
			assert_int_equal(judged.buttons, like->buttons);
			judge_same_shape(&judged, like);
			judged_mail_done(&judged);
			free(text);
		}
		judged_mail_done(&plain);
		judged_mail_done(&linked);
	}
	assert_in_range(links, 1, TOCSIN_COUNT(fills) * HOSTILE_TEXTS / 2);
}

/* Whether the judge ends the process over this message. */
static bool is_condemned(const char *message)
{
	static struct judged_mail judged;
	int status = 0;
	pid_t child = fork();

	assert_int_not_equal(child, -1);
	if (child == 0) {
		fclose(stderr);
		signal(SIGABRT, SIG_DFL);
		judge_mail(&judged, message);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static char *replaced(const char *message, const char *what, const char *with)
{
	const char *at = strstr(message, what);
	char *text = NULL;

	assert_non_null(at);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - message), message, with,
			     at + strlen(what)) > 0);
	return text;
}

/* The judge sees what it is there for: each of these would be an injection. */
static void what_is_no_mail_is_condemned(void **unused)
{
	static const char *const planted[][2] = {
		{"\r\nAuto-Submitted", "\nX-Evil: x\r\nAuto-Submitted"},
		{"Subject: ", "Subject: \r\n"},
		{"Subject: ", "Subject: \xc3\xa9"},
		{"Subject: ", "Subject: =?UTF-8?B?/w=3D=3D?= "},
		{"CRITICAL: disk", "=0Ddisk"},
		{"CRITICAL: disk", "=FFdisk"},
		{"CRITICAL: disk", "=1B[2Jdisk"},
		{"</title>", "</title><script>x</script>"},
		{"<p ", "<p onclick=3D\"x\" "},
		{"</td>", ""},
		{"</h1>", "<img src=3D\"x\"></h1>"},
		{"href=3D\"https", "href=3D\"javascript"},
		{"--=_tocsin_alternative--", "--=_tocsin_alternative"},
	};
	static struct slots slots;
	size_t length;
	char *message;

	(void)unused;
	slots.config.html = true;
	slots.envelope.from = (struct smtp_address){.address = "alerts@example.com"};
	slots.envelope.to = (struct smtp_address){.address = "ops@example.com"};
	fake_alert_init(&slots.fake, "disk");
	fake_annotate(&slots.fake, "message", "m");
	slots.fake.alert.link = "https://example.com/";
	slots.mail = (struct smtp_mail){
		.config = &slots.config,
		.envelope = &slots.envelope,
		.delivery = &slots.fake.delivery,
	};
	message = smtp_message(&slots.mail, &length);
	assert_non_null(message);
	assert_false(is_condemned(message));
	for (size_t i = 0; i < TOCSIN_COUNT(planted); i++) {
		char *spoilt = replaced(message, planted[i][0], planted[i][1]);

		if (!is_condemned(spoilt))
			fail_msg("not seen: %s", planted[i][1]);
		free(spoilt);
	}
	free(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_texts_stay_texts),
		cmocka_unit_test(what_is_no_mail_is_condemned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
