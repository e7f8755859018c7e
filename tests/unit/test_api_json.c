/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "serve/api_json.h"

static struct error err;

static json_t *read_text(const char *text)
{
	json_t *root;

	(void)api_json_read(text, strlen(text), &root, &err);
	return root;
}

static void documents_are_objects_or_arrays(void **state)
{
	json_t *json;

	(void)state;
	json = read_text("{\"a\": [1, 2]}");
	assert_true(json_is_object(json));
	json_decref(json);
	assert_null(read_text("1"));
	assert_null(read_text(""));
	assert_non_null(strstr(err.text, "empty"));
	assert_null(read_text("{\"a\": 1, \"a\": 2}"));
	assert_null(read_text("{} {}"));
	assert_null(read_text("{\"a\": \"\xff\"}"));
}

static void deep_nesting_is_refused_before_parsing(void **state)
{
	char text[200001];
	json_t *json;

	(void)state;
	memset(text, '[', 100000);
	memset(text + 100000, ']', 100000);
	text[200000] = '\0';
	assert_null(read_text(text));
	assert_non_null(strstr(err.text, "deeper than 32"));

	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	text[64] = '\0';
	json = read_text(text);
	assert_non_null(json);
	json_decref(json);
}

static void brackets_in_strings_are_not_nesting(void **state)
{
	json_t *json = read_text("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\", \"\\\\\"]");

	(void)state;
	assert_non_null(json);
	json_decref(json);
}

static void text_that_is_no_utf8_is_shown_all_the_same(void **state)
{
	json_t *json = api_json_text("a\xff"
				     "b");

	(void)state;
	assert_string_equal(json_string_value(json), "a\xef\xbf\xbd"
						     "b");
	json_decref(json);
	json = api_json_text(NULL);
	assert_true(json_is_null(json));
}

static void times_are_rfc3339_or_null(void **state)
{
	json_t *json = api_json_time(INT64_C(1763476245123));

	(void)state;
	assert_string_equal(json_string_value(json), "2025-11-18T14:30:45.123Z");
	json_decref(json);
	assert_true(json_is_null(api_json_time(0)));
	assert_true(json_is_null(api_json_time(TOCSIN_PARKED)));
}

static const char body[] =
	"{\"id\":\"0123456789abcdef0123456789abcdef\",\"source\":\"api\","
	"\"fingerprint\":\"0123456789abcdef\",\"status\":\"firing\",\"severity\":\"critical\","
	"\"starts_at\":\"2025-11-18T14:30:45.123Z\",\"labels\":{\"site\":\"example.com\"},"
	"\"annotations\":{\"summary\":\"down\"},\"recipients\":[]}";

static void a_delivery_says_what_its_alert_is_about(void **state)
{
	const struct tocsin_stored_delivery delivery = {
		.id = 7,
		.alert_id = "0123456789abcdef0123456789abcdef",
		.source = "api",
		.channel = "mail",
		.recipient = "ops@example.com",
		.route = "sites",
		.key = "k",
		.state = TOCSIN_STATE_PENDING,
		.due_ms = TOCSIN_PARKED,
		.received_ms = 1000,
		.reason = "",
		.body = body,
	};
	json_t *row = api_json_delivery(&delivery);

	(void)state;
	assert_non_null(row);
	assert_int_equal(api_json_delivery_done(row, false), 0);
	assert_string_equal(json_string_value(json_object_get(row, "severity")), "critical");
	assert_string_equal(json_string_value(json_object_get(row, "subject")), "example.com");
	assert_true(json_is_true(json_object_get(row, "parked")));
	assert_true(json_is_null(json_object_get(row, "due_at")));
	assert_null(json_object_get(row, "body"));
	json_decref(row);

	row = api_json_delivery(&delivery);
	assert_int_equal(api_json_delivery_done(row, true), 0);
	assert_true(json_is_object(json_object_get(row, "alert")));
	json_decref(row);
}

static void an_alert_keeps_its_json_and_gains_its_outcome(void **state)
{
	const struct tocsin_stored_alert alert = {
		.number = 3,
		.mark = NULL,
		.received_ms = 1000,
		.body = body,
		.delivered = 2,
	};
	json_t *row = api_json_alert(&alert), *shown = api_json_alert_done(row);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(shown, "severity")), "critical");
	assert_int_equal(json_integer_value(json_object_get(shown, "number")), 3);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(shown, "deliveries"),
							    "delivered")),
			 2);
	assert_null(json_object_get(shown, "body"));
	json_decref(shown);
	json_decref(row);
}

static void an_attempt_that_goes_on_is_a_retry(void **state)
{
	const struct tocsin_attempt attempt = {.state = TOCSIN_STATE_PENDING,
					       .number = 1,
					       .started_ms = 1,
					       .ended_ms = 2,
					       .detail = "no"};
	json_t *json = api_json_attempt(&attempt);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "outcome")), "retry");
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_objects_or_arrays),
		cmocka_unit_test(deep_nesting_is_refused_before_parsing),
		cmocka_unit_test(brackets_in_strings_are_not_nesting),
		cmocka_unit_test(text_that_is_no_utf8_is_shown_all_the_same),
		cmocka_unit_test(times_are_rfc3339_or_null),
		cmocka_unit_test(a_delivery_says_what_its_alert_is_about),
		cmocka_unit_test(an_alert_keeps_its_json_and_gains_its_outcome),
		cmocka_unit_test(an_attempt_that_goes_on_is_a_retry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
