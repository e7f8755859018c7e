/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"

/* Readable where it is mostly ASCII, short where it is not. */
static bool prefers_base64(const char *text, size_t length)
{
	size_t beyond = 0, i = 0;

	/* eight at a time: most texts have none */
	for (; i + sizeof(uint64_t) <= length; i += sizeof(uint64_t)) {
		uint64_t bytes;

		memcpy(&bytes, text + i, sizeof(bytes));
		bytes &= UINT64_C(0x8080808080808080);
		if (bytes != 0)
			beyond += (size_t)__builtin_popcountll(bytes);
	}
	for (; i < length; i++)
		beyond += (unsigned char)text[i] >= 0x80;
	return beyond > length / 6;
}

/* The text may be that of a template, whose lines end as they like. A mail without its text would
 * count as delivered, so there is none when memory is short. */
static void put_part(struct sheet *out, const char *type, struct sheet *part)
{
	size_t length = 0;
	char *text = sheet_end(part, &length);
	bool base64 = text && prefers_base64(text, length);

	sheet_texts(out, "Content-Type: ", type, "; charset=utf-8\r\nContent-Transfer-Encoding: ",
		    base64 ? "base64\r\n\r\n" : "quoted-printable\r\n\r\n");
	if (text)
		(base64 ? smtp_put_base64 : smtp_put_quoted)(out, text, length);
	out->failed |= !text;
	free(text);
}

static void put_text_part(struct sheet *out, const struct smtp_mail *mail,
			  const struct smtp_content *content)
{
	struct sheet part = {0};

	if (mail->words.text_body)
		sheet_lines(&part, mail->words.text_body, "");
	else
		smtp_put_text(&part, content);
	put_part(out, "text/plain", &part);
}

static void put_html_part(struct sheet *out, const struct smtp_mail *mail,
			  const struct smtp_content *content)
{
	struct sheet part = {0};

	if (mail->words.html_body)
		sheet_lines(&part, mail->words.html_body, "");
	else
		smtp_put_html(&part, content);
	put_part(out, "text/html", &part);
}

/* The boundary cannot occur in a part: neither encoding ever writes "=_". */
#define BOUNDARY "=_tocsin_alternative"

static void put_body(struct sheet *out, const struct smtp_mail *mail)
{
	struct smtp_content content;

	smtp_content_init(&content, mail->delivery, &mail->words);
	if (!mail->config->html) {
		put_text_part(out, mail, &content);
		return;
	}
	sheet_text(out, "Content-Type: multipart/alternative; boundary=\"" BOUNDARY "\"\r\n\r\n"
			"--" BOUNDARY "\r\n");
	put_text_part(out, mail, &content);
	sheet_text(out, "\r\n--" BOUNDARY "\r\n");
	put_html_part(out, mail, &content);
	sheet_text(out, "\r\n--" BOUNDARY "--\r\n");
}

/* A letter to a person has the words of its sender only. */
static void put_subject(struct sheet *out, const struct smtp_mail *mail)
{
	const struct tocsin_alert *alert = mail->delivery->alert;
	const char *title = mail->words.title ? mail->words.title : notice_title(alert);
	const char *subject = mail->words.subject;

	if (!subject)
		subject = smtp_value(alert, "subject");
	if (!subject && smtp_value(alert, "recipient_name"))
		subject = title;
	if (subject)
		sheet_text(out, subject);
	else if (!mail->words.title && notice_headline(alert))
		sheet_text(out, notice_headline(alert));
	else
		sheet_texts(out, "[", notice_heading(alert), "] ", title);
}

char *smtp_subject(const struct smtp_mail *mail)
{
	const struct smtp_config *config = mail->config;
	const char *prefix = config->subject_prefix ? config->subject_prefix : "";
	struct sheet subject = {0};

	if (mail->thread && config->threading == SMTP_THREADING_SUBJECT && *mail->thread->subject) {
		sheet_texts(&subject, "Re: ", mail->thread->subject);
	} else {
		sheet_texts(&subject, prefix, *prefix ? " " : "");
		put_subject(&subject, mail);
	}
	return sheet_end(&subject, NULL);
}

static void put_subject_header(struct sheet *out, const struct smtp_mail *mail)
{
	char *subject = smtp_subject(mail);
	size_t before = out->length;

	if (subject)
		smtp_put_header(out, "Subject", subject);
	/* a template may say nothing */
	if (subject && out->length == before)
		smtp_put_header(out, "Subject", notice_heading(mail->delivery->alert));
	out->failed |= !subject;
	free(subject);
}

void smtp_put_id(struct sheet *out, const struct smtp_mail *mail)
{
	for (const char *c = mail->delivery->key; *c; c++) {
		if (isalnum((unsigned char)*c))
			sheet_char(out, *c);
	}
	sheet_texts(out, "@", smtp_address_domain(&mail->envelope->from));
}

/* Ids must not be folded or encoded: they are made here, or were checked when they were read. The
 * key makes a repeat recognisable. */
static void put_identity(struct sheet *out, const struct smtp_mail *mail)
{
	sheet_text(out, "Message-ID: <");
	smtp_put_id(out, mail);
	sheet_text(out, ">\r\n");
	if (mail->thread)
		sheet_texts(out, "In-Reply-To: <", mail->thread->first, ">\r\nReferences: <",
			    mail->thread->first, ">\r\n");
}

static void put_headers(struct sheet *out, const struct smtp_mail *mail)
{
	const struct smtp_config *config = mail->config;
	const struct smtp_envelope *envelope = mail->envelope;
	const struct tocsin_alert *alert = mail->delivery->alert;

	smtp_put_date_header(out, mail->now_ms);
	smtp_put_address_header(out, "From", &envelope->from);
	smtp_put_address_header(out, "To", &envelope->to);
	if (*envelope->reply_to.address)
		smtp_put_address_header(out, "Reply-To", &envelope->reply_to);
	put_subject_header(out, mail);
	put_identity(out, mail);
	/* So that nobody's absence note or mailing list answers a machine. */
	sheet_text(out, "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n");
	if (config->list_id)
		sheet_texts(out, "List-Id: <", config->list_id, ">\r\n");
	if (alert->severity >= TOCSIN_CRITICAL && alert->status != TOCSIN_RESOLVED)
		sheet_text(out, "X-Priority: 1\r\nImportance: high\r\n");
	for (size_t i = 0; i < config->headers.n; i++)
		smtp_put_header(out, config->headers.pair[i].name, config->headers.pair[i].value);
	sheet_text(out, "MIME-Version: 1.0\r\n");
}

char *smtp_message(const struct smtp_mail *mail, size_t *length)
{
	struct sheet message = {0};

	put_headers(&message, mail);
	put_body(&message, mail);
	return sheet_end(&message, length);
}
