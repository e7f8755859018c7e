/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alert/alert.h"
#include "alert/stored.h"
#include "base/text.h"

#define NOW INT64_C(1763476245123) /* 2025-11-18T14:30:45.123Z */

static int from_client(const char *text, struct alert **alert, struct error *err)
{
	json_t *object =
		json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	int rc;

	assert_non_null(object);
	*alert = NULL;
	rc = alert_from_client(object, "api", NOW, NULL, alert, err);
	json_decref(object);
	return rc;
}

static struct alert *client(const char *text)
{
	struct alert *alert;
	struct error err;

	if (from_client(text, &alert, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return alert;
}

static void refused(const char *text, const char *because)
{
	struct alert *alert;
	struct error err = {""};

	assert_int_equal(from_client(text, &alert, &err), -EINVAL);
	assert_null(alert);
	assert_true(text_is_valid(err.text, strlen(err.text)));
	if (!strstr(err.text, because))
		fail_msg("%s is refused with '%s', not '%s'", text, err.text, because);
}

static void json_has_the_documented_form(void **state)
{
	static const struct tocsin_pair label[] = {{"alertname", "a\"b\\c"},
						   {"site", "example.com"}};
	static const struct tocsin_pair note[] = {{"summary", "one\ntwo\t\x01"}};
	static const char *const recipient[] = {"ops@example.com"};
	struct tocsin_alert alert = {
		.size = sizeof(alert),
		.id = "0123",
		.source = "s",
		.fingerprint = "ff",
		.severity = TOCSIN_CRITICAL,
		.status = TOCSIN_EVENT,
		.starts_at_ms = NOW,
		.labels = {label, 2},
		.annotations = {note, 1},
		.recipients = {recipient, 1},
		.link = "https://example.com/",
	};
	char *text = alert_to_json(&alert);

	(void)state;
	assert_string_equal(text,
			    "{\"id\":\"0123\",\"source\":\"s\",\"fingerprint\":\"ff\","
			    "\"status\":\"event\",\"severity\":\"critical\","
			    "\"starts_at\":\"2025-11-18T14:30:45.123Z\","
			    "\"labels\":{\"alertname\":\"a\\\"b\\\\c\",\"site\":\"example.com\"},"
			    "\"annotations\":{\"summary\":\"one\\ntwo\\u0009\\u0001\"},"
			    "\"recipients\":[\"ops@example.com\"],"
			    "\"link\":\"https://example.com/\"}");
	free(text);
}

static void assert_round_trip(const char *text)
{
	struct alert *first = client(text), *second;
	char *one = alert_to_json(&first->pub), *two;
	struct error err;

	if (alert_from_json(one, &second, &err) < 0)
		fail_msg("%s: %s", one, err.text);
	two = alert_to_json(&second->pub);
	assert_string_equal(one, two);
	assert_int_equal(second->pub.severity, first->pub.severity);
	assert_int_equal(second->pub.status, first->pub.status);
	assert_int_equal(second->pub.starts_at_ms, first->pub.starts_at_ms);
	assert_int_equal(second->pub.ends_at_ms, first->pub.ends_at_ms);
	assert_int_equal(second->pub.size, sizeof(struct tocsin_alert));
	free(one);
	free(two);
	alert_free(first);
	alert_free(second);
}

static void what_is_written_reads_back_the_same(void **state)
{
	(void)state;
	assert_round_trip("{\"labels\":{\"a\":\"1\"}}");
	assert_round_trip("{\"labels\":{\"b\":\"\xc3\x9f\",\"a\":\"\\u001b[31m\\\"\\\\\\/\x7f\"},"
			  "\"annotations\":{\"x\":\"\",\"y\":\"l1\\r\\nl2\xe2\x80\xa8\"},"
			  "\"status\":\"resolved\",\"severity\":\"page\","
			  "\"starts_at\":\"1999-12-31T23:59:59.999Z\","
			  "\"recipients\":[\"a\",\"b\"],\"link\":\"http://example.org\"}");
	assert_round_trip("{\"labels\":{\"a\":\"1\"},\"status\":\"event\","
			  "\"startsAt\":\"9999-12-31T23:59:59.999Z\"}");
}

/* Whatever happens to a row: the quick reader takes it only when the general parser would read the
 * same alert. */
static void agree(const char *text)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct alert *alert = NULL;

	if (alert_read_stored(text, &alert) == 0) {
		char *again = alert_to_json(&alert->pub);
		json_t *same = json_loads(again, JSON_REJECT_DUPLICATES, NULL);

		if (!object)
			fail_msg("read although it is no JSON: %s", text);
		/* these two have several forms of the same value */
		json_object_set(same, "starts_at", json_object_get(object, "starts_at"));
		json_object_set(same, "severity", json_object_get(object, "severity"));
		if (!json_equal(object, same))
			fail_msg("%s was read as %s", text, again);
		json_decref(same);
		free(again);
		alert_free(alert);
	}
	json_decref(object);
}

static void the_quick_reader_takes_what_was_written_and_nothing_else(void **state)
{
	static const char bytes[] = "\"\\{}[],:0an\x01\xc3\x9f";
	struct alert *made = client(
			     "{\"labels\":{\"b\":\"\xc3\x9f\",\"a\":\"\\u001b\\\"\"},"
			     "\"annotations\":{\"x\":\"\",\"y\":\"l1\\nl2\"},"
			     "\"recipients\":[\"a\",\"b\"],\"link\":\"http://example.org\"}"),
		     *read;
	char *text = alert_to_json(&made->pub);
	size_t length = strlen(text);

	(void)state;
	assert_int_equal(alert_read_stored(text, &read), 0);
	alert_free(read);
	for (size_t i = 0; i < length; i++) {
		char was = text[i];

		for (size_t k = 0; k < sizeof(bytes); k++) { /* the last one cuts it off */
			text[i] = bytes[k];
			agree(text);
		}
		text[i] = was;
	}
	free(text);
	alert_free(made);
}

static void damaged_rows_are_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"[]",
		"{",
		"{}",
		"{\"id\":1}",
		"{\"id\":\"1\",\"source\":\"s\",\"fingerprint\":\"f\",\"status\":\"x\","
		"\"severity\":\"info\",\"labels\":{},\"annotations\":{},\"recipients\":[]}",
		"{\"id\":\"1\",\"source\":\"s\",\"fingerprint\":\"f\",\"status\":\"event\","
		"\"severity\":\"info\",\"labels\":{\"a\":1},\"annotations\":{},\"recipients\":[]}",
		"{\"id\":\"1\",\"source\":\"s\",\"fingerprint\":\"f\",\"status\":\"event\","
		"\"severity\":\"info\",\"labels\":{},\"annotations\":{},\"recipients\":[null]}",
		"{\"id\":\"1\",\"source\":\"s\",\"fingerprint\":\"f\",\"status\":\"event\","
		"\"severity\":\"info\",\"starts_at\":\"soon\",\"labels\":{},\"annotations\":{},"
		"\"recipients\":[]}",
	};
	struct alert *alert = NULL;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(alert_from_json(rows[i], &alert, &err), -EINVAL);
		assert_non_null(strstr(err.text, "damaged"));
		assert_null(alert);
	}
}

static void alertmanagers_form_is_taken(void **state)
{
	struct alert *alert = client(
		"{\"labels\":{\"alertname\":\"X\",\"severity\":\"critical\",\"empty\":\"\"},"
		"\"annotations\":{\"summary\":\"s\"},\"startsAt\":\"2025-11-18T14:00:00.000Z\","
		"\"endsAt\":\"2025-11-18T14:34:00.000Z\",\"generatorURL\":\"http://prom/graph?g0=1\"}");

	(void)state;
	assert_int_equal(alert->pub.status, TOCSIN_FIRING);
	assert_int_equal(alert->pub.severity, TOCSIN_CRITICAL);
	assert_int_equal(alert->pub.labels.n, 2);
	assert_string_equal(alert->pub.link, "http://prom/graph?g0=1");
	assert_int_equal(alert->pub.ends_at_ms, INT64_C(1763476440000));
	alert_free(alert);
}

static void an_end_in_the_past_means_resolved(void **state)
{
	struct alert *alert =
		client("{\"labels\":{\"a\":\"1\"},\"endsAt\":\"2025-11-18T14:30:45.123Z\"}");

	(void)state;
	assert_int_equal(alert->pub.status, TOCSIN_RESOLVED);
	alert_free(alert);
	alert = client("{\"labels\":{\"a\":\"1\"},\"endsAt\":\"2025-11-18T14:30:45.124Z\"}");
	assert_int_equal(alert->pub.status, TOCSIN_FIRING);
	alert_free(alert);
	alert = client("{\"labels\":{\"a\":\"1\"},\"status\":\"event\","
		       "\"ends_at\":\"2025-11-18T14:30:45Z\"}");
	assert_int_equal(alert->pub.status, TOCSIN_EVENT);
	alert_free(alert);
}

static void absent_times_may_be_null_empty_or_the_zero_time(void **state)
{
	struct alert *alert = client("{\"labels\":{\"a\":\"1\"},\"annotations\":null,\"link\":null,"
				     "\"startsAt\":\"0001-01-01T00:00:00.000Z\",\"endsAt\":null}");

	(void)state;
	assert_int_equal(alert->pub.starts_at_ms, NOW);
	assert_int_equal(alert->pub.ends_at_ms, 0);
	assert_int_equal(alert->pub.severity, TOCSIN_WARNING);
	alert_free(alert);
	alert = client("{\"labels\":{\"a\":\"1\"},\"starts_at\":\"\",\"recipients\":null}");
	assert_int_equal(alert->pub.starts_at_ms, NOW);
	alert_free(alert);
}

static void a_generator_that_is_no_web_address_is_left_out(void **state)
{
	struct alert *alert = client("{\"labels\":{\"a\":\"1\"},\"generatorURL\":\"/graph\"}");

	(void)state;
	assert_null(alert->pub.link);
	alert_free(alert);
	alert = client("{\"labels\":{\"a\":\"1\"},\"generatorURL\":\"http://x/\\u0001\"}");
	assert_null(alert->pub.link);
	alert_free(alert);
	refused("{\"labels\":{\"a\":\"1\"},\"link\":\"/graph\"}", "is no web address");
}

static void mistakes_of_clients_get_a_sentence(void **state)
{
	(void)state;
	refused("[]", "must be an object");
	refused("{}", "no label");
	refused("{\"label\":{}}", "unknown key 'label'; did you mean 'labels'?");
	refused("{\"foo\\u0100bar\":1}", "unknown key");
	refused("{\"id\":\"x\",\"labels\":{\"a\":\"1\"}}", "'id' is given by tocsin");
	refused("{\"labels\":[]}", "labels must be an object");
	refused("{\"labels\":{\"port\":8080}}", "port must be a text in quotes");
	refused("{\"labels\":{\"a\":\"x\\u0000y\"}}", "a contains a NUL");
	refused("{\"labels\":{\"a\":\"1\"},\"severity\":3}", "severity must be a text");
	refused("{\"labels\":{\"a\":\"1\"},\"severity\":\"critcal\"}", "did you mean 'critical'");
	refused("{\"labels\":{\"a\":\"1\"},\"status\":\"resolvd\"}", "did you mean 'resolved'");
	refused("{\"labels\":{\"a\":\"1\"},\"starts_at\":\"yesterday\"}", "is no time");
	refused("{\"labels\":{\"a\":\"1\"},\"starts_at\":1763476245}", "starts_at must be a text");
	refused("{\"labels\":{\"a\":\"1\"},\"starts_at\":\"\",\"startsAt\":\"\"}", "mean the same");
	refused("{\"labels\":{\"a\":\"1\"},\"recipients\":\"ops\"}", "must be a list");
	refused("{\"labels\":{\"a\":\"1\"},\"recipients\":[1]}", "each of recipients");
	refused("{\"labels\":{\"a\":\"1\"},\"endsAt\":\"2025-11-18T14:30:45Z\","
		"\"startsAt\":\"2025-11-18T14:30:46Z\"}",
		"ends before it starts");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_the_documented_form),
		cmocka_unit_test(what_is_written_reads_back_the_same),
		cmocka_unit_test(the_quick_reader_takes_what_was_written_and_nothing_else),
		cmocka_unit_test(damaged_rows_are_refused),
		cmocka_unit_test(alertmanagers_form_is_taken),
		cmocka_unit_test(an_end_in_the_past_means_resolved),
		cmocka_unit_test(absent_times_may_be_null_empty_or_the_zero_time),
		cmocka_unit_test(a_generator_that_is_no_web_address_is_left_out),
		cmocka_unit_test(mistakes_of_clients_get_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
