/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp.h"

#include <stdlib.h>
#include <string.h>

#include "../../common/draft.h"
#include "../../common/text.h"

/* A server that greylists turns an early repeat away again. */
#define GREYLIST_FLOOR_MS (5 * 60 * 1000)

/* The enhanced code in front of the text has the detail that the three digits lack. */
static bool has_enhanced(const char *text, const char *code)
{
	size_t length = strlen(code);

	return strncmp(text, code, length) == 0 &&
	       (code[length - 1] == '.' || strspn(text + length, "0123456789") == 0);
}

static bool is_greylisting(const struct smtp_result *result)
{
	return (result->code == 450 || result->code == 451) &&
	       (has_enhanced(result->text, "4.7.") || strcasestr(result->text, "greylist") ||
		strcasestr(result->text, "graylist"));
}

/* Refusals that providers are asked about most, by their enhanced codes. */
static const struct {
	const char *code, *words, *hint;
} known[] = {
	{"5.7.30", "Basic authentication",
	 " (Exchange Online takes no passwords: set 'auth: xoauth2' and 'token_command')"},
	{"5.7.139", "",
	 " (Exchange Online takes no passwords, or SMTP AUTH is off for this mailbox: set "
	 "'auth: xoauth2' and 'token_command', and have SMTP AUTH enabled)"},
	{"5.7.57", "",
	 " (Exchange Online wants a login: set 'username', 'auth: xoauth2' and "
	 "'token_command')"},
	{"5.7.9", "pplication-specific password",
	 " (Google wants an app password, or 'auth: xoauth2' and 'token_command')"},
};

const char *smtp_hint(const char *text)
{
	for (size_t i = 0; i < TOCSIN_COUNT(known); i++) {
		if (has_enhanced(text, known[i].code) && strcasestr(text, known[i].words))
			return known[i].hint;
	}
	return "";
}

/* Login and encryption are matters of the channel: the alert is fine, and goes out when
 * somebody has mended the configuration. Some say so only when they are given a mail. */
static bool is_channels_fault(const struct smtp_result *result)
{
	int code = result->code;

	return result->stage == SMTP_STAGE_CONNECT || code == 530 || code == 534 || code == 535 ||
	       code == 538 || (code >= 500 && *smtp_hint(result->text));
}

static const char *subject_of(enum smtp_stage stage)
{
	switch (stage) {
	case SMTP_STAGE_CONNECT:
		return "the connection";
	case SMTP_STAGE_MAIL:
		return "the sender";
	case SMTP_STAGE_RCPT:
		return "the recipient";
	case SMTP_STAGE_DATA:
	case SMTP_STAGE_END:
		break;
	}
	return "the message";
}

static const char *refusal(const struct smtp_result *result, enum tocsin_outcome outcome)
{
	if (result->code < 400)
		return "answers out of order to";
	return outcome != TOCSIN_REJECTED && result->code < 500 ? "defers" : "refuses";
}

/* "the server refuses the recipient: 550 5.1.1 no such user", fit for a log. */
static void say(const struct smtp_result *result, struct tocsin_verdict *verdict)
{
	struct draft draft;
	char *text;
	FILE *out;

	/* unless there is memory for more */
	snprintf(verdict->why, sizeof(verdict->why), "the server's answer has the code %d",
		 result->code);
	if (!draft_begin(&draft))
		return;
	out = draft.out;
	if (result->code == 0) {
		text_put_line(out, result->text);
		if (result->stage == SMTP_STAGE_END)
			fputs("; the server may have taken the message all the same", out);
	} else {
		if (verdict->outcome != TOCSIN_DELIVERED)
			fprintf(out, "the server %s %s%s: ", refusal(result, verdict->outcome),
				subject_of(result->stage), smtp_hint(result->text));
		fprintf(out, "%d ", result->code);
		text_put_line(out, result->text);
	}
	text = draft_end(&draft, NULL);
	if (text)
		snprintf(verdict->why, sizeof(verdict->why), "%.*s",
			 (int)text_prefix(text, sizeof(verdict->why) - 1), text);
	free(text);
}

void smtp_judge(const struct smtp_result *result, struct tocsin_verdict *verdict)
{
	*verdict = (struct tocsin_verdict){.outcome = TOCSIN_RETRY};
	if (result->stage == SMTP_STAGE_END && result->code >= 200 && result->code < 300)
		verdict->outcome = TOCSIN_DELIVERED;
	else if (result->code >= 500 && result->code < 600 && !is_channels_fault(result))
		verdict->outcome = TOCSIN_REJECTED;
	else if (is_greylisting(result))
		verdict->retry_after_ms = GREYLIST_FLOOR_MS;
	else if (result->code == 0 || result->code == 421 || is_channels_fault(result))
		verdict->outcome = TOCSIN_UNAVAILABLE;
	say(result, verdict);
}
