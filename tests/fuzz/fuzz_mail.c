/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert as a mail: whatever it says, the headers are those of a harmless alert, every line
 * ends in CRLF and keeps its length, the parts of the message are those that we made, and what
 * goes over the wire ends where the message ends.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/channels/smtp/smtp.h"
#include "../unit/mail_judge.h"
#include "alert/alert.h"

static const char *const expected[] = {
	"Date",         "From",           "To",
	"Subject",      "Message-ID",     "In-Reply-To",
	"References",   "Auto-Submitted", "X-Auto-Response-Suppress",
	"X-Priority",   "Importance",     "X-Team",
	"MIME-Version", "Content-Type",   "Content-Transfer-Encoding",
};

/* Each header once, in this order; only those of a conversation and of urgency may be missing. */
static void check_headers(const char *message, const struct tocsin_alert *alert)
{
	const char *end = strstr(message, "\r\n\r\n"), *next;
	size_t at = 0;

	assert(end);
	for (const char *line = message; line < end + 2; line = next + 2) {
		next = strstr(line, "\r\n");
		assert(next > line && next - line <= 78);
		for (const char *c = line; c < next; c++)
			assert(*c >= 0x20 && *c <= 0x7e);
		if (*line == ' ')
			continue;
		while (at < TOCSIN_COUNT(expected) &&
		       (strncmp(line, expected[at], strlen(expected[at])) != 0 ||
			line[strlen(expected[at])] != ':'))
			at++;
		assert(at++ < TOCSIN_COUNT(expected));
	}
	assert(strstr(message, "\r\nSubject:") < end);
	next = strstr(message, "\r\nX-Priority:");
	assert((next && next < end) ==
	       (alert->severity >= TOCSIN_CRITICAL && alert->status != TOCSIN_RESOLVED));
}

/* The body: ASCII, CRLF, lines of at most 78, and our three boundaries. */
static void check_body(const char *message, size_t parts)
{
	const char *body = strstr(message, "\r\n\r\n") + 4, *next;
	size_t boundaries = 0;

	for (const char *line = body; *line; line = next + 2) {
		next = strstr(line, "\r\n");
		assert(next && next - line <= 78);
		boundaries += strncmp(line, "--", 2) == 0 && strstr(line, "=_") &&
			      strstr(line, "=_") < next;
	}
	assert(boundaries == parts);
	for (const char *c = body; *c; c++) {
		assert((*c >= 0x20 && *c <= 0x7e) || *c == '\t' || *c == '\r' || *c == '\n');
		assert(*c != '\n' || c[-1] == '\r');
		assert(*c != '\r' || c[1] == '\n');
	}
}

/* Nothing in it ends it early, and taking the dots away gives the message back. */
static void check_wire(const char *message, size_t length)
{
	char *wire, *back = malloc(length + 8);
	size_t size = 0, n = 0;
	struct sheet out = {0};
	bool start = true;

	smtp_put_wire(&out, message, length);
	wire = sheet_end(&out, &size);
	assert(size >= 5 && strcmp(strstr(wire, "\r\n.\r\n"), "\r\n.\r\n") == 0);
	for (const char *c = wire; c < wire + size - 3; c++) {
		if (start && *c == '.')
			c++;
		assert(back && n < length + 8);
		back[n++] = *c;
		start = *c == '\n';
	}
	assert(n >= length && memcmp(back, message, length) == 0);
	free(back);
	free(wire);
}

static void check_mail(const struct smtp_config *config, const struct tocsin_delivery *delivery,
		       const struct smtp_thread *thread)
{
	struct smtp_envelope envelope = {
		.from = {.name = "Tocsin", .address = "tocsin@example.com"},
		.to = {.address = "ops@example.com"},
	};
	struct smtp_mail mail = {
		.config = config,
		.envelope = &envelope,
		.delivery = delivery,
		.thread = thread,
		.now_ms = 1763476245123,
	};
	struct judged_mail judged;
	size_t length = 0;
	char *message = smtp_message(&mail, &length);

	assert(message && strlen(message) == length);
	check_headers(message, delivery->alert);
	check_body(message, config->html ? 3 : 0);
	check_wire(message, length);
	judge_mail(&judged, message);
	assert(!judged.html == !config->html);
	judged_mail_done(&judged);
	free(message);
}

/* Whatever the note says that the store gives back. */
static void check_note(const struct smtp_config *config, const struct tocsin_delivery *delivery)
{
	struct smtp_thread thread;
	char note[4096];

	snprintf(note, sizeof(note), "1 %s@example.com 1763476245123 open %s", delivery->alert->id,
		 delivery->alert->labels.pair[0].value);
	smtp_thread_read(&thread, note);
	if (*thread.first)
		check_mail(config, delivery, &thread);
	smtp_thread_read(&thread, delivery->alert->labels.pair[0].value);
	if (*thread.first)
		check_mail(config, delivery, &thread);
}

/* The alert as one of a digest. */
static void check_digest(const struct smtp_config *config, const struct tocsin_delivery *delivery)
{
	const struct tocsin_alert *folded[] = {delivery->alert, delivery->alert};
	struct tocsin_delivery digest = *delivery;

	digest.folded = folded;
	digest.n_folded = 2;
	check_mail(config, &digest, NULL);
}

/* "@" and a text that is to be an address, or an alert. */
static void check_address(char *text)
{
	struct smtp_address address;
	char why[256] = "";

	for (int named = 0; named < 2; named++) {
		if (smtp_address_parse(&address, text, named, why, sizeof(why)) != 0) {
			assert(*why);
			continue;
		}
		assert(fuzz_is_utf8(address.name, strlen(address.name)) ||
		       !fuzz_is_utf8(text, strlen(text)));
		assert(strchr(address.address, '@') && strpbrk(address.address, "<>\r\n ") == NULL);
		for (const char *c = address.address; *c; c++)
			assert(*c > 0x20 && *c < 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tocsin_pair team = {"X-Team", "web"};
	struct smtp_config config = {.subject_prefix = "[x]", .headers = {&team, 1}};
	struct fuzz_input input = {data, size};
	struct fuzz_delivery delivery;
	char *text;

	if (size > 0 && data[0] == '@') {
		input = (struct fuzz_input){data + 1, size - 1};
		text = fuzz_rest(&input);
		check_address(text);
		free(text);
	} else if (fuzz_delivery_read(&delivery, &input)) {
		check_mail(&config, &delivery.pub, NULL);
		config.html = true;
		check_mail(&config, &delivery.pub, NULL);
		check_digest(&config, &delivery.pub);
		config.threading = SMTP_THREADING_SUBJECT;
		check_note(&config, &delivery.pub);
		fuzz_delivery_done(&delivery);
	}
	return 0;
}
