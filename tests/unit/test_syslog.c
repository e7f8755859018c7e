/* SPDX-License-Identifier: Apache-2.0 */
/* What the syslog channel says: read back by a parser of RFC 5424 of our own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../plugins/channels/syslog/syslog.h"
#include "hostile.h"
#include "syslog_parser.h"

static const struct tocsin_channel_ops *ops(void)
{
	return tocsin_plugin.channel;
}

static struct syslog_config plain(void)
{
	return (struct syslog_config){.app_name = "tocsin",
				      .enterprise = 32473,
				      .facility = 3,
				      .hostname = "monitor.example.com",
				      .server_timeout = 5000,
				      .structured_data = true,
				      .tls_verify = true,
				      .to = "tcp:127.0.0.1:601"};
}

/* The message, for the caller to free(). */
static char *message_of(const struct syslog_config *config, const struct fake_alert *fake)
{
	struct syslog_address address;
	struct syslog_format format;
	char why[256], *text;
	size_t length;

	assert_int_equal(syslog_address_parse(&address, config->to, why, sizeof(why)), 0);
	syslog_format_init(&format, config, &address);
	format.process = 4711;
	text = malloc(format.max_size + 1);
	assert_non_null(text);
	length = syslog_format_put(&format, &fake->delivery, NULL, NULL, text);
	assert_true(length <= format.max_size);
	text[length] = '\0';
	assert_int_equal(strlen(text), length);
	return text;
}

static void assert_message(const struct syslog_config *config, const struct fake_alert *fake,
			   const char *wanted)
{
	char *text = message_of(config, fake);

	assert_string_equal(text, wanted);
	free(text);
}

static void rfc5424_has_its_parts(void **unused)
{
	struct syslog_config config = plain();
	struct fake_alert fake;

	(void)unused;
	fake_alert_init(&fake, "disk is full");
	fake_label(&fake, "alertname", "DiskFull");
	fake_annotate(&fake, "message", "97 % of /var");
	fake.alert.link = "https://example.com/a";
	assert_message(&config, &fake,
		       "<26>1 2025-11-18T14:30:45.123Z monitor.example.com tocsin 4711 DiskFull "
		       "[tocsin@32473 id=\"0123456789abcdef0123456789abcdef\" "
		       "key=\"fedcba9876543210fedcba9876543210\" status=\"firing\" "
		       "severity=\"critical\" source=\"site-alerts\" "
		       "fingerprint=\"0123456789abcdef\" link=\"https://example.com/a\"]"
		       "[labels@32473 site=\"www.example.com\" alertname=\"DiskFull\"] "
		       "disk is full: 97 % of /var");
	config.structured_data = false;
	config.bom = true;
	assert_message(&config, &fake,
		       "<26>1 2025-11-18T14:30:45.123Z monitor.example.com tocsin 4711 DiskFull - "
		       "\xef\xbb\xbf"
		       "disk is full: 97 % of /var");
}

static void rfc3164_has_its_parts(void **unused)
{
	struct syslog_config config = plain();
	struct fake_alert fake;

	(void)unused;
	config.format = SYSLOG_RFC3164;
	fake_alert_init(&fake, "disk is full");
	fake.alert.starts_at_ms = INT64_C(1762612245123); /* 2025-11-08: one digit, with a space */
	assert_message(&config, &fake,
		       "<26>Nov  8 14:30:45 monitor.example.com tocsin[4711]: disk is full "
		       "[site=www.example.com]");
	config.to = "unix:/dev/log";
	config.format = SYSLOG_AUTO;
	assert_message(&config, &fake,
		       "<26>Nov  8 14:30:45 tocsin[4711]: disk is full [site=www.example.com]");
}

static void severities_have_their_numbers(void **unused)
{
	static const int numbers[] = {7, 6, 5, 4, 3, 2, 0};
	struct syslog_config config = plain();
	struct fake_alert fake;

	(void)unused;
	config.facility = 23;
	for (int severity = TOCSIN_DEBUG; severity <= TOCSIN_EMERGENCY; severity++) {
		for (int status = TOCSIN_FIRING; status <= TOCSIN_EVENT; status++) {
			int number = numbers[severity];
			char *text;

			fake_alert_init(&fake, "x");
			fake.alert.severity = (enum tocsin_severity)severity;
			fake.alert.status = (enum tocsin_status)status;
			if (status == TOCSIN_RESOLVED && number < 5)
				number = 5;
			text = message_of(&config, &fake);
			assert_int_equal(strtol(text + 1, NULL, 10), 23 * 8 + number);
			free(text);
		}
	}
}

static void times_that_no_field_holds_are_left_out(void **unused)
{
	static const int64_t times[] = {INT64_MAX, INT64_C(253402300800000)};
	struct syslog_config config = plain();
	struct fake_alert fake;

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(times); i++) {
		struct syslog_parsed parsed;
		char *text;

		fake_alert_init(&fake, "x");
		fake.alert.starts_at_ms = times[i];
		text = message_of(&config, &fake);
		assert_null(syslog_parse(&parsed, text, strlen(text)));
		assert_memory_equal(text, "<26>1 - monitor", 15);
		free(text);
		config.format = SYSLOG_RFC3164;
		free(message_of(&config, &fake));
		config.format = SYSLOG_AUTO;
	}
}

/* Every length around where things are cut, with characters of 1 to 4 bytes. */
static void long_messages_are_cut_between_characters(void **unused)
{
	static const char *const characters[] = {
		"x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x94\xa5", "\x1b", "\"", "]"};
	struct syslog_config config = plain();
	char *filler = malloc(6001);

	(void)unused;
	for (size_t k = 0; k < TOCSIN_COUNT(characters); k++) {
		size_t size = strlen(characters[k]);

		for (size_t n = 100; n < 1500; n += 1 + n % 7) {
			struct syslog_parsed parsed;
			struct fake_alert fake;
			char *text;

			for (size_t i = 0; i < n; i++)
				memcpy(filler + i * size, characters[k], size);
			filler[n * size] = '\0';
			config.max_size = (int64_t)(480 + n % 300);
			fake_alert_init(&fake, "x");
			fake_annotate(&fake, "message", filler);
			fake_label(&fake, "long", filler);
			fake_label(&fake, "short", "y");
			text = message_of(&config, &fake);
			assert_null(syslog_parse(&parsed, text, strlen(text)));
			assert_true(strlen(text) > (size_t)config.max_size - 16 ||
				    strstr(text, "\xe2\x80\xa6") == NULL);
			assert_int_equal(parsed.n_elements, 2);
			assert_true(parsed.n_parameters >= 6);
			free(text);
		}
	}
	free(filler);
}

/* The longest header that there can be, in the smallest message. */
static void a_header_that_leaves_no_room_costs_the_structured_data(void **unused)
{
	struct syslog_config config = plain();
	char host[256], app[49];
	struct syslog_parsed parsed;
	struct fake_alert fake;
	char *text;

	(void)unused;
	memset(host, 'h', 255);
	host[255] = '\0';
	memset(app, 'a', 48);
	app[48] = '\0';
	config.hostname = host;
	config.app_name = app;
	config.max_size = SYSLOG_LEAST;
	fake_alert_init(&fake, "disk is full");
	fake_label(&fake, "alertname", "AnAlertWhoseNameIsLongerThanAnyMsgid");
	text = message_of(&config, &fake);
	assert_null(syslog_parse(&parsed, text, strlen(text)));
	assert_int_equal(parsed.n_elements, 0);
	assert_non_null(strstr(text, " - disk is full"));
	free(text);
}

static void names_of_labels_become_names_of_parameters(void **unused)
{
	struct syslog_config config = plain();
	struct fake_alert fake;
	char *text;

	(void)unused;
	fake_alert_init(&fake, "x");
	fake_label(&fake, "a b=]\"\xc3\xa4", "q\"b\\c]d\ne");
	fake_label(&fake, "a_name_that_is_longer_than_thirty_two_characters", "z");
	text = message_of(&config, &fake);
	assert_non_null(strstr(text, " a_b____=\"q\\\"b\\\\c\\]d\\\\ne\""));
	assert_non_null(strstr(text, " a_name_that_is_longer_than_thirt=\"z\""));
	free(text);
}

static void hostile_texts_stay_data(void **unused)
{
	uint64_t seed = hostile_seed();

	(void)unused;
	for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
		struct syslog_config config = plain();
		char *hostile = hostile_text(seed, i), *text;
		struct syslog_parsed parsed;
		struct fake_alert fake;
		const char *wrong;

		config.max_size = i % 3 ? 0 : 480 + (int64_t)i % 600;
		hostile_fill(&fake, hostile);
		text = message_of(&config, &fake);
		wrong = syslog_parse(&parsed, text, strlen(text));
		if (wrong)
			fail_msg("text %zu: %s: %s", i, wrong, text);
		assert_true(parsed.n_elements <= 2);
		assert_string_equal(parsed.element[0], "tocsin@32473");
		free(text);
		config.format = SYSLOG_RFC3164;
		text = message_of(&config, &fake);
		assert_true(syslog_is_clean(text, strlen(text)));
		assert_non_null(strstr(text, " monitor.example.com tocsin[4711]: "));
		free(text);
		free(hostile);
	}
}

static void addresses_are_read(void **unused)
{
	static const struct {
		const char *text;
		enum syslog_kind kind;
		const char *where;
		int port;
	} good[] = {
		{"unix:/dev/log", SYSLOG_UNIX, "/dev/log", 0},
		{"unix:///run/x", SYSLOG_UNIX, "/run/x", 0},
		{"udp:logs", SYSLOG_UDP, "logs", 514},
		{"tcp:192.0.2.1", SYSLOG_TCP, "192.0.2.1", 601},
		{"tcp://logs.example.com:1", SYSLOG_TCP, "logs.example.com", 1},
		{"tls:[2001:db8::1]:65535", SYSLOG_TLS, "2001:db8::1", 65535},
		{"tls:[2001:db8::1]", SYSLOG_TLS, "2001:db8::1", 6514},
	};
	static const char *const bad[] = {
		"",          "unix:",       "unix:dev/log", "udp:",         "udp::514",  "tcp:a:",
		"tcp:a:0",   "tcp:a:65536", "tcp:a:1x",     "http://a",     "tls:[a",    "tls:[a]b",
		"tcp:a/b:1", "tcp:a b",     "/dev/log",     "tcp:u@host:1", "tcp:a:1:2", "tcp:a%41",
	};
	struct syslog_address address;
	char why[256];

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(good); i++) {
		assert_int_equal(syslog_address_parse(&address, good[i].text, why, sizeof(why)), 0);
		assert_int_equal(address.kind, good[i].kind);
		assert_int_equal(address.port, good[i].port);
		assert_string_equal(address.kind == SYSLOG_UNIX ? address.path : address.host,
				    good[i].where);
	}
	for (size_t i = 0; i < TOCSIN_COUNT(bad); i++) {
		if (syslog_address_parse(&address, bad[i], why, sizeof(why)) == 0)
			fail_msg("'%s' passes for an address", bad[i]);
		assert_non_null(strstr(why, "not an address"));
	}
}

static void mistakes_in_the_configuration_are_named(void **unused)
{
	struct syslog_config config = plain();
	char why[256];

	(void)unused;
	assert_null(ops()->check(&config, why, sizeof(why)));
	config.app_name = "a b";
	assert_non_null(strstr(ops()->check(&config, why, sizeof(why)), "app_name"));
	config = plain();
	config.hostname = "a\nb";
	assert_non_null(strstr(ops()->check(&config, why, sizeof(why)), "hostname"));
	config = plain();
	config.format = SYSLOG_LOCAL;
	assert_non_null(strstr(ops()->check(&config, why, sizeof(why)), "format: local"));
	config = plain();
	config.max_size = 479;
	assert_non_null(strstr(ops()->check(&config, why, sizeof(why)), "max_size"));
	config = plain();
	config.to = "udp:logs";
	config.max_size = 100000;
	assert_non_null(strstr(ops()->check(&config, why, sizeof(why)), "datagram"));
	config = plain();
	config.to = "tls:logs";
	config.key_file = "/etc/key";
	assert_non_null(strstr(ops()->check(&config, why, sizeof(why)), "go together"));
	config = plain();
	config.ca_file = "/etc/ca";
	assert_non_null(strstr(ops()->check(&config, why, sizeof(why)), "tls:"));
}

static void the_preview_is_the_message(void **unused)
{
	struct syslog_config config = plain();
	struct fake_alert fake;
	char *text;

	(void)unused;
	fake_reset();
	fake_alert_init(&fake, "x");
	config.title = fake_text("T\n");
	config.message = fake_text("M");
	text = ops()->preview(&fake_host, &config, &fake.delivery);
	assert_non_null(strstr(text, "] T\\n: M\n"));
	assert_memory_equal(text, "<26>1 2025", 10);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5424_has_its_parts),
		cmocka_unit_test(rfc3164_has_its_parts),
		cmocka_unit_test(severities_have_their_numbers),
		cmocka_unit_test(times_that_no_field_holds_are_left_out),
		cmocka_unit_test(long_messages_are_cut_between_characters),
		cmocka_unit_test(a_header_that_leaves_no_room_costs_the_structured_data),
		cmocka_unit_test(names_of_labels_become_names_of_parameters),
		cmocka_unit_test(hostile_texts_stay_data),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(mistakes_in_the_configuration_are_named),
		cmocka_unit_test(the_preview_is_the_message),
	};

	return cmocka_run_group_tests(tests, fake_in_utc, NULL);
}
