/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "../../common/draft.h"
#include "../../common/notice.h"

typedef void body_fn(FILE *out, const struct tocsin_delivery *delivery);

/* Readable where it is mostly ASCII, short where it is not. */
static bool prefers_base64(const char *text, size_t length)
{
	size_t beyond = 0;

	for (size_t i = 0; i < length; i++)
		beyond += (unsigned char)text[i] >= 0x80;
	return beyond > length / 6;
}

/* The draft fails when memory is short: a mail without its text would count as delivered. */
static void put_part(struct draft *draft, const char *type, body_fn *body,
		     const struct tocsin_delivery *delivery)
{
	struct draft part;
	char *text = NULL;
	size_t length;

	if (draft_begin(&part)) {
		body(part.out, delivery);
		text = draft_end(&part, &length);
	}
	if (text) {
		bool base64 = prefers_base64(text, length);

		fprintf(draft->out, "Content-Type: %s; charset=utf-8\r\n", type);
		fprintf(draft->out, "Content-Transfer-Encoding: %s\r\n\r\n",
			base64 ? "base64" : "quoted-printable");
		(base64 ? smtp_put_base64 : smtp_put_quoted)(draft->out, text, length);
	}
	draft->failed |= !text;
	free(text);
}

/* The boundary cannot occur in a part: neither encoding ever writes "=_". */
static void put_parts(struct draft *draft, const struct tocsin_delivery *delivery)
{
	static const char boundary[] = "=_tocsin_alternative";
	FILE *out = draft->out;

	fprintf(out, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", boundary);
	fprintf(out, "--%s\r\n", boundary);
	put_part(draft, "text/plain", smtp_put_text_body, delivery);
	fprintf(out, "\r\n--%s\r\n", boundary);
	put_part(draft, "text/html", smtp_put_html_body, delivery);
	fprintf(out, "\r\n--%s--\r\n", boundary);
}

static void put_subject(struct draft *draft, const char *prefix, const struct tocsin_alert *alert)
{
	char *subject;

	if (asprintf(&subject, "%s%s[%s] %s", prefix ? prefix : "", prefix && *prefix ? " " : "",
		     notice_heading(alert), notice_title(alert)) < 0) {
		draft->failed = true;
		return;
	}
	smtp_put_header(draft->out, "Subject", subject);
	free(subject);
}

/* An id must not be folded or encoded; the domain was checked as that of an address. */
static void put_id_header(FILE *out, const char *name, const char *left, const char *domain)
{
	fprintf(out, "%s: <", name);
	for (; *left; left++) {
		if (isalnum((unsigned char)*left) || *left == '.')
			fputc(*left, out);
	}
	fprintf(out, "@%s>\r\n", domain);
}

/* The key makes a repeat recognisable; the reference threads the news of one incident. */
static void put_identity(FILE *out, const struct smtp_envelope *envelope,
			 const struct tocsin_delivery *delivery)
{
	const char *domain = smtp_address_domain(&envelope->from);
	const struct tocsin_alert *alert = delivery->alert;
	char incident[64];

	put_id_header(out, "Message-ID", delivery->key, domain);
	if (alert->status != TOCSIN_EVENT && alert->fingerprint && *alert->fingerprint) {
		snprintf(incident, sizeof(incident), "%.32s.%" PRId64, alert->fingerprint,
			 alert->starts_at_ms);
		put_id_header(out, "References", incident, domain);
	}
}

static void put_headers(struct draft *draft, const struct smtp_config *config,
			const struct smtp_envelope *envelope,
			const struct tocsin_delivery *delivery, int64_t now_ms)
{
	const struct tocsin_alert *alert = delivery->alert;
	FILE *out = draft->out;
	size_t i;

	smtp_put_date_header(out, now_ms);
	smtp_put_address_header(out, "From", &envelope->from);
	smtp_put_address_header(out, "To", &envelope->to);
	if (*envelope->reply_to.address)
		smtp_put_address_header(out, "Reply-To", &envelope->reply_to);
	put_subject(draft, config->subject_prefix, alert);
	put_identity(out, envelope, delivery);
	/* So that nobody's absence note or mailing list answers a machine. */
	smtp_put_header(out, "Auto-Submitted", "auto-generated");
	smtp_put_header(out, "X-Auto-Response-Suppress", "All");
	if (config->list_id)
		fprintf(out, "List-Id: <%s>\r\n", config->list_id);
	if (alert->severity >= TOCSIN_CRITICAL && alert->status != TOCSIN_RESOLVED) {
		smtp_put_header(out, "X-Priority", "1");
		smtp_put_header(out, "Importance", "high");
	}
	for (i = 0; i < config->headers.n; i++)
		smtp_put_header(out, config->headers.pair[i].name, config->headers.pair[i].value);
	smtp_put_header(out, "MIME-Version", "1.0");
}

char *smtp_message(const struct smtp_config *config, const struct smtp_envelope *envelope,
		   const struct tocsin_delivery *delivery, int64_t now_ms, size_t *length)
{
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	put_headers(&draft, config, envelope, delivery, now_ms);
	if (config->html)
		put_parts(&draft, delivery);
	else
		put_part(&draft, "text/plain", smtp_put_text_body, delivery);
	return draft_end(&draft, length);
}
