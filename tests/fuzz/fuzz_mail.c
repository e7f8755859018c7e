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
#include "alert/alert.h"

static const char *const expected[] = {
	"Date",
	"From",
	"To",
	"Subject",
	"Message-ID",
	"References",
	"Auto-Submitted",
	"X-Auto-Response-Suppress",
	"X-Priority",
	"Importance",
	"X-Team",
	"MIME-Version",
	"Content-Type",
	"Content-Transfer-Encoding",
};

/* Each header once, in this order; only References and the two of urgency may be missing. */
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
	char *wire = NULL, *back = malloc(length + 8);
	size_t size = 0, n = 0;
	FILE *out = open_memstream(&wire, &size);
	bool start = true;

	smtp_put_wire(out, message, length);
	fclose(out);
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

static void check_mail(const struct smtp_config *config, const struct tocsin_delivery *delivery)
{
	struct smtp_envelope envelope = {
		.from = {.name = "Tocsin", .address = "tocsin@example.com"},
		.to = {.address = "ops@example.com"},
	};
	size_t length = 0;
	char *message = smtp_message(config, &envelope, delivery, 1763476245123, &length);

	assert(message && strlen(message) == length);
	check_headers(message, delivery->alert);
	check_body(message, config->html ? 3 : 0);
	check_wire(message, length);
	free(message);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (text = strstr(text, what); text; text = strstr(text + 1, what))
		n++;
	return n;
}

/* As many tags as the alert has rows, and no other. */
static void check_html(const struct tocsin_delivery *delivery)
{
	char *text = NULL;
	size_t length = 0, rows;
	FILE *out = open_memstream(&text, &length);

	smtp_put_html_body(out, delivery);
	fclose(out);
	assert(fuzz_is_clean(text, length, "\r\n\t"));
	rows = count(text, "<tr>");
	assert(rows <= 3 + delivery->alert->labels.n + delivery->alert->annotations.n);
	assert(count(text, "<td") == 2 * rows && count(text, "<a ") <= 1);
	assert(count(text, "<") == 14 + 6 * rows + 2 * count(text, "<p") + 2 * count(text, "<a "));
	free(text);
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
		check_mail(&config, &delivery.pub);
		config.html = true;
		check_mail(&config, &delivery.pub);
		check_html(&delivery.pub);
		fuzz_delivery_done(&delivery);
	}
	return 0;
}
