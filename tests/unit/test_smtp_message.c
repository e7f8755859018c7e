/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/smtp/smtp.h"
#include "fake_host.h"

static struct smtp_envelope envelope_of(const char *from, const char *to)
{
	struct smtp_envelope envelope = {0};
	char why[256];

	assert_int_equal(smtp_address_parse(&envelope.from, from, true, why, sizeof(why)), 0);
	assert_int_equal(smtp_address_parse(&envelope.to, to, false, why, sizeof(why)), 0);
	return envelope;
}

static char *message_of(const struct smtp_config *config, struct fake_alert *fake)
{
	struct smtp_envelope envelope =
		envelope_of("Alerts <alerts@example.com>", "ops@example.com");
	struct smtp_mail mail = {
		.config = config,
		.envelope = &envelope,
		.delivery = &fake->delivery,
		.now_ms = INT64_C(1763476245000),
	};
	size_t length = 0;
	char *message = smtp_message(&mail, &length);

	assert_non_null(message);
	assert_int_equal(strlen(message), length);
	return message;
}

/* The names of the headers, one a line; checks that the header is clean on the way. */
static char *header_names(const char *message)
{
	const char *end = strstr(message, "\r\n\r\n"), *next;
	char *names = calloc(1, strlen(message) + 1);

	assert_non_null(end);
	for (const char *line = message; line < end + 2; line = next + 2) {
		next = strstr(line, "\r\n");
		assert_in_range(next - line, 1, 998);
		for (const char *c = line; c < next; c++)
			assert_in_range((unsigned char)*c, 0x20, 0x7e);
		if (*line != ' ') {
			strncat(names, line, strcspn(line, ":"));
			strcat(names, "\n");
		}
	}
	return names;
}

/* No CR without LF, no LF without CR, and the end of the message only at its end. */
static void assert_wire(const char *wire)
{
	for (const char *c = wire; *c; c++) {
		assert_true(*c != '\n' || (c > wire && c[-1] == '\r'));
		assert_true(*c != '\r' || c[1] == '\n');
	}
	assert_string_equal(strstr(wire, "\r\n.\r\n"), "\r\n.\r\n");
}

static char *wire_of(const char *message, size_t length)
{
	struct sheet wire = {0};

	smtp_put_wire(&wire, message, length);
	return sheet_end(&wire, NULL);
}

static char *header(const char *name, const char *value)
{
	struct sheet text = {0};

	smtp_put_header(&text, name, value);
	return sheet_end(&text, NULL);
}

static void assert_header(const char *value, const char *wanted)
{
	char *text = header("Subject", value);

	assert_string_equal(text, wanted);
	free(text);
}

static void headers_are_encoded_and_folded(void **unused)
{
	(void)unused;
	assert_header("plain text", "Subject: plain text\r\n");
	assert_header("", "");
	assert_header(" \r\n ", "");
	assert_header("a\r\nBcc: b", "Subject: =?UTF-8?B?YSAgQmNjOiBi?=\r\n");
	assert_header("a\nBcc: b", "Subject: a Bcc: b\r\n");
	assert_header("Füllstand", "Subject: =?UTF-8?B?RsO8bGxzdGFuZA==?=\r\n");
	/* an encoded word from outside is text */
	assert_header("=?utf-8?q?x?=", "Subject: =?UTF-8?B?PT91dGYtOD9xP3g/PQ==?=\r\n");
	assert_header("left\xe2\x80\xaeright", "Subject: leftright\r\n");
	assert_header("one two three four five six seven eight nine ten eleven twelve thirteen 14",
		      "Subject: one two three four five six seven eight nine ten eleven twelve\r\n"
		      " thirteen 14\r\n");
}

/* Any text of any length: lines of at most 76, words of at most 75, characters whole. */
static void encoded_words_keep_their_limits(void **unused)
{
	static const char *const letters[] = {"é", "漢", "🚨", "a漢", " 🚨"};
	char value[1200];

	(void)unused;
	for (size_t letter = 0; letter < TOCSIN_COUNT(letters); letter++) {
		size_t size = strlen(letters[letter]);

		value[0] = '\0';
		for (size_t n = 0; (n + 1) * size < sizeof(value); n++) {
			char *text, *line, *rest;

			memcpy(value + n * size, letters[letter], size + 1);
			text = header("Subject", value);
			for (line = strtok_r(text, "\r\n", &rest); line;
			     line = strtok_r(NULL, "\r\n", &rest)) {
				assert_in_range(strlen(line), 1, 76);
				assert_non_null(strstr(line, "=?UTF-8?B?"));
			}
			free(text);
		}
	}
}

static void assert_address(const char *text, const char *name, const char *wanted)
{
	struct smtp_address address;
	char why[256] = "";

	if (smtp_address_parse(&address, text, true, why, sizeof(why)) != 0)
		fail_msg("%s: %s", text, why);
	assert_string_equal(address.name, name);
	assert_string_equal(address.address, wanted);
}

static void addresses_are_read(void **unused)
{
	(void)unused;
	assert_address("ops@example.com", "", "ops@example.com");
	assert_address("root@localhost", "", "root@localhost");
	assert_address("a.b+c=d@mail-1.example.com", "", "a.b+c=d@mail-1.example.com");
	assert_address("Alerts <alerts@example.com>", "Alerts", "alerts@example.com");
	assert_address("\"A \\\"B\\\", C\" <a@example.com>", "A \"B\", C", "a@example.com");
	assert_address("<a@example.com>", "", "a@example.com");
	assert_address("ops@xn--bcher-kva.example", "", "ops@xn--bcher-kva.example");
}

static void impossible_addresses_are_refused_in_a_sentence(void **unused)
{
	static const char *const bad[] = {
		"",
		"no-at-sign",
		"@example.com",
		"a@",
		"a b@example.com",
		"a@b c",
		"a@b\r\nRCPT TO:<v@w>",
		"a\r\n@example.com",
		"<a@example.com>",
		"Name <a@example.com>",
		"a@@example.com",
		"a@.com",
		"a@com.",
		"a@-x.com",
		"a@x-.com",
		"a..b@example.com",
		".a@example.com",
		"a.@example.com",
		"\"a b\"@example.com",
		"a@[127.0.0.1]",
		"a@exa_mple.com",
		"a>@example.com",
		"a@example.com>",
		"a,b@example.com",
		"ä@example.com",
		"a@\x1b",
		"a@xn--ü.com\xff",
		"a@b\x7f",
		"a;b@example.com",
		"a\\@example.com",
		"ops@bücher.example",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x.com",
	};
	struct smtp_address address;
	char why[256], endless[400];

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(bad); i++) {
		if (smtp_address_parse(&address, bad[i], false, why, sizeof(why)) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_non_null(strstr(why, "is not an e-mail address: "));
		assert_null(strpbrk(why, "\r\n\x1b\x7f"));
	}
	memset(endless, 'a', sizeof(endless));
	memcpy(endless, "a@", 2);
	for (size_t i = 40; i < sizeof(endless); i += 40)
		endless[i] = '.';
	endless[sizeof(endless) - 1] = '\0';
	assert_int_not_equal(smtp_address_parse(&address, endless, false, why, sizeof(why)), 0);
}

static void names_are_quoted_or_encoded(void **unused)
{
	static const struct {
		const char *from, *wanted;
	} cases[] = {
		{"a@example.com", "From: a@example.com\r\n"},
		{"On Call <a@example.com>", "From: On Call <a@example.com>\r\n"},
		{"\"A \\\"B\\\", C\" <a@example.com>",
		 "From: \"A \\\"B\\\", C\" <a@example.com>\r\n"},
		{"Müller <a@example.com>", "From: =?UTF-8?B?TcO8bGxlcg==?= <a@example.com>\r\n"},
		{"X\r\nBcc: v <a@example.com>",
		 "From: =?UTF-8?B?WCAgQmNjOiB2?= <a@example.com>\r\n"},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		struct smtp_envelope envelope = envelope_of(cases[i].from, "x@example.com");
		struct sheet out = {0};
		char *text;

		smtp_put_address_header(&out, "From", &envelope.from);
		text = sheet_end(&out, NULL);
		assert_string_equal(text, cases[i].wanted);
		free(text);
	}
}

static void quoted_printable_keeps_lines_short_and_dots_inside(void **unused)
{
	static const char wanted[] = "=2E\r\n=2E.\r\na =3D b=20\r\n=09\r\nFrom x\r\n=C3=A9\r\n";
	static const char text[] = ".\r\n..\r\na = b \r\n\t\r\nFrom x\r\n\xc3\xa9\r\n";
	char *quoted, wide[500];
	struct sheet out = {0};

	(void)unused;
	smtp_put_quoted(&out, text, strlen(text));
	memset(wide, '.', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	smtp_put_quoted(&out, wide, strlen(wide));
	quoted = sheet_end(&out, NULL);
	assert_memory_equal(quoted, wanted, strlen(wanted));
	for (char *line = quoted, *next; *line; line = next + 2) {
		next = strstr(line, "\r\n");
		assert_in_range(next - line, 0, 76);
		assert_int_not_equal(*line, '.');
	}
	free(quoted);
}

/* Each byte, in each place among others, which are read some at a time. */
static void quoted_printable_writes_what_is_special_as_digits_wherever_it_stands(void **unused)
{
	(void)unused;
	for (unsigned int byte = 1; byte < 256; byte++) {
		bool plain = byte == '\t' || (byte >= ' ' && byte <= '~' && byte != '=');

		for (int place = 0; place < 20; place++) {
			char text[] = "abcdefghijklmnopqrstuvwxyz", wanted[40], *quoted;
			struct sheet out = {0};

			text[place] = (char)byte;
			snprintf(wanted, sizeof(wanted), plain ? "%.*s%c%s\r\n" : "%.*s=%02X%s\r\n",
				 place, text, byte, text + place + 1);
			if (byte == '.' && place == 0)
				strcpy(wanted, "=2Ebcdefghijklmnopqrstuvwxyz\r\n");
			smtp_put_quoted(&out, text, strlen(text));
			quoted = sheet_end(&out, NULL);
			assert_string_equal(quoted, wanted);
			free(quoted);
		}
	}
}

static void base64_is_base64(void **unused)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"f", "Zg==\r\n"},
		{"fo", "Zm8=\r\n"},
		{"foo", "Zm9v\r\n"},
		{"foob", "Zm9vYg==\r\n"},
		{"fooba", "Zm9vYmE=\r\n"},
		{"foobar", "Zm9vYmFy\r\n"},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		struct sheet out = {0};
		char *text;

		smtp_put_base64(&out, cases[i][0], strlen(cases[i][0]));
		text = sheet_end(&out, NULL);
		assert_string_equal(text, cases[i][1]);
		free(text);
	}
}

static void nothing_ends_a_message_early(void **unused)
{
	static const char *const attacks[] = {
		"",
		".",
		".\r\n",
		"\r\n.\r\n",
		"\n.\n",
		"\r.\r",
		"\n.\r\n",
		"\r\n.\n",
		"\r.\r\n",
		"\r\r\n.\r\r\n",
		"x\r\n.\r\nMAIL FROM:<v@w>\r\n",
		"..\r\n...\r\n",
		"\r",
		"\n",
		"a\rb\nc",
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(attacks); i++) {
		char text[128], *wire;

		snprintf(text, sizeof(text), "head\r\n%stail", attacks[i]);
		wire = wire_of(text, strlen(text));
		assert_wire(wire);
		free(wire);
		wire = wire_of(attacks[i], strlen(attacks[i]));
		assert_string_equal(wire + strlen(wire) - 3, ".\r\n");
		free(wire);
	}
}

static void a_mail_has_what_people_and_machines_need(void **unused)
{
	struct smtp_config config = {
		.html = true, .subject_prefix = "[shop]", .list_id = "alerts.example.com"};
	struct tocsin_pair extra[] = {{"X-Team", "operations"}};
	struct fake_alert fake;
	char *message, *names;

	(void)unused;
	config.headers = (struct tocsin_map){extra, 1};
	fake_alert_init(&fake, "disk is full");
	fake_annotate(&fake, "description", "97 % <b>&amp;\nsecond");
	fake.alert.link = "https://example.com/?a=1&b=2";
	message = message_of(&config, &fake);
	names = header_names(message);
	assert_string_equal(names, "Date\nFrom\nTo\nSubject\nMessage-ID\nAuto-Submitted\n"
				   "X-Auto-Response-Suppress\nList-Id\nX-Priority\nImportance\n"
				   "X-Team\nMIME-Version\nContent-Type\n");
	assert_non_null(strstr(message, "Date: Tue, 18 Nov 2025 14:30:45 +0000\r\n"));
	assert_non_null(strstr(message, "Subject: [shop] [CRITICAL] disk is full\r\n"));
	assert_non_null(
		strstr(message, "Message-ID: <fedcba9876543210fedcba9876543210@example.com>"));
	assert_non_null(strstr(message, "List-Id: <alerts.example.com>\r\n"));
	assert_non_null(strstr(message, "97 % <b>&amp;\r\nsecond\r\n"));
	assert_non_null(strstr(message, "https://example.com/?a=3D1&amp;b=3D2"));
	free(names);
	free(message);
}

static void a_mail_without_html_is_one_part(void **unused)
{
	struct smtp_config config = {.html = false};
	struct fake_alert fake;
	char *message;

	(void)unused;
	fake_alert_init(&fake, "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字");
	fake_annotate(&fake, "description",
		      "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字");
	message = message_of(&config, &fake);
	assert_non_null(strstr(message, "Content-Type: text/plain; charset=utf-8\r\n"
					"Content-Transfer-Encoding: base64\r\n"));
	assert_null(strstr(message, "multipart"));
	assert_null(strstr(message, "text/html"));
	free(message);
}

/* Line breaks of every kind, in every slot that an alert has. */
static void no_text_adds_a_header_or_an_element(void **unused)
{
	static const char *const attacks[] = {
		"x\r\nBcc: v@example.com",
		"x\nBcc: v@example.com",
		"x\rBcc: v@example.com",
		"x\xc2\x85"
		"Bcc: v",
		"x\xe2\x80\xa8"
		"Bcc: v",
		"\r\n\r\nbody",
		"\r\n.\r\nMAIL FROM:<v@w>",
		"=?utf-8?q?x=0d=0aBcc:_v?=",
		"\xff\xfe\x80",
		"<script>alert(1)</script>",
		"--=_tocsin_"
		"alternative",
		"\r\n--=_tocsin_alternative--\r\n",
		"\" onclick=\"x",
		"\x1b[2J",
	};
	struct smtp_config config = {.html = true};
	struct fake_alert fake;
	char *message, *names, *wanted, *wire, *html;

	(void)unused;
	fake_alert_init(&fake, "plain");
	message = message_of(&config, &fake);
	wanted = header_names(message);
	free(message);
	for (size_t i = 0; i < TOCSIN_COUNT(attacks); i++) {
		fake_alert_init(&fake, attacks[i]);
		fake_label(&fake, attacks[i], attacks[i]);
		fake_annotate(&fake, "description", attacks[i]);
		fake_annotate(&fake, attacks[i], attacks[i]);
		fake.alert.link = attacks[i];
		fake.alert.fingerprint = attacks[i];
		fake.alert.source = attacks[i];
		message = message_of(&config, &fake);
		names = header_names(message);
		assert_string_equal(names, wanted);
		html = strstr(message, "Content-Type: text/html");
		assert_non_null(html);
		assert_null(strstr(html, "<script"));
		assert_null(strstr(html, "\" onclick"));
		/* the boundary stands in the header and three times in the body */
		assert_null(strstr(strstr(strstr(message, "\r\n--=_tocsin_alternative\r\n") + 4,
					  "\r\n--=_tocsin_alternative\r\n") +
					   4,
				   "\r\n--=_tocsin_alternative\r\n"));
		wire = wire_of(message, strlen(message));
		assert_wire(wire);
		free(wire);
		free(names);
		free(message);
	}
	free(wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_encoded_and_folded),
		cmocka_unit_test(encoded_words_keep_their_limits),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(impossible_addresses_are_refused_in_a_sentence),
		cmocka_unit_test(names_are_quoted_or_encoded),
		cmocka_unit_test(quoted_printable_keeps_lines_short_and_dots_inside),
		cmocka_unit_test(
			quoted_printable_writes_what_is_special_as_digits_wherever_it_stands),
		cmocka_unit_test(base64_is_base64),
		cmocka_unit_test(nothing_ends_a_message_early),
		cmocka_unit_test(a_mail_has_what_people_and_machines_need),
		cmocka_unit_test(a_mail_without_html_is_one_part),
		cmocka_unit_test(no_text_adds_a_header_or_an_element),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
