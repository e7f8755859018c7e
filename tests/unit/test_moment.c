/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/items.h"
#include "cli/moment.h"

#define NOW INT64_C(1763476245000)

static void times_are_said_to_the_nearest_unit(void **state)
{
	static const struct {
		int64_t away_ms;
		const char *text;
	} cases[] = {
		{0, "now"},
		{-999, "now"},
		{999, "now"},
		{1000, "in 1 second"},
		{-1000, "1 second ago"},
		{-1500, "2 seconds ago"},
		{119000, "in 119 seconds"},
		{120000, "in 2 minutes"},
		{299000, "in 5 minutes"},
		{-7199000, "120 minutes ago"},
		{-7200000, "2 hours ago"},
		{86400000, "in 24 hours"},
		{-172800000, "2 days ago"},
		{INT64_C(-400) * 86400000, "400 days ago"},
	};
	char text[MOMENT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		moment_relative(NOW + cases[i].away_ms, NOW, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void what_is_no_time_is_nothing(void **state)
{
	json_t *object = json_pack("{ss sn si ss s{} ss sI}", "good", "2025-11-18T14:35:45.000Z",
				   "null", "number", 5, "bad", "yesterday", "object", "early",
				   "0000-01-01T00:00:00.000Z", "took", (json_int_t)45300);
	char text[MOMENT_TEXT];

	(void)state;
	assert_string_equal(moment_ago(object, "good", NOW, text), "in 5 minutes");
	assert_non_null(strstr(moment_full(object, "good", NOW, text), " (in 5 minutes)"));
	assert_string_equal(moment_ago(object, "null", NOW, text), "");
	assert_string_equal(moment_ago(object, "number", NOW, text), "");
	assert_string_equal(moment_full(object, "bad", NOW, text), "");
	assert_string_equal(moment_full(object, "object", NOW, text), "");
	assert_string_equal(moment_full(NULL, "good", NOW, text), "");
	assert_non_null(strstr(moment_full(object, "early", NOW, text), "days ago)"));
	assert_string_equal(moment_took(object, "took", text), "45.3s");
	assert_string_equal(moment_took(object, "good", text), "");
	assert_string_equal(moment_took(NULL, "took", text), "");
	json_decref(object);
}

static void values_are_said_with_their_unit(void **state)
{
	static const struct {
		const char *json, *unit, *text;
	} cases[] = {
		{"17", "", "17"},
		{"17", "%", "17 %"},
		{"17.25", "s", "17.25 s"},
		{"\"big\"", "", "big"},
		{"null", "s", ""},
		{"true", "", "true"},
		{"0.1", "", "0.1"},
		{"17.0", "%", "17 %"},
		{"1234567.25", "", "1234567.25"},
		{"1e300", "", "1e+300"},
		{"\"5\"", "rows", "5 rows"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		struct buffer text = {0};

		items_value(&text, value, cases[i].unit);
		assert_string_equal(buffer_text(&text), cases[i].text);
		buffer_done(&text);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_said_to_the_nearest_unit),
		cmocka_unit_test(what_is_no_time_is_nothing),
		cmocka_unit_test(values_are_said_with_their_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
