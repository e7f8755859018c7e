/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/units.h"

static int64_t duration(const char *text)
{
	int64_t ms = -1;

	assert_int_equal(units_parse_duration(text, &ms), 0);
	return ms;
}

static int64_t size(const char *text)
{
	int64_t bytes = -1;

	assert_int_equal(units_parse_size(text, &bytes), 0);
	return bytes;
}

static void durations_are_read_in_every_unit(void **state)
{
	(void)state;
	assert_int_equal(duration("0"), 0);
	assert_int_equal(duration("0s"), 0);
	assert_int_equal(duration("300ms"), 300);
	assert_int_equal(duration("5s"), 5000);
	assert_int_equal(duration("10m"), 600000);
	assert_int_equal(duration("2h"), 7200000);
	assert_int_equal(duration("1d"), 86400000);
	assert_int_equal(duration("1w"), 604800000);
	assert_int_equal(duration("1y"), INT64_C(31536000000));
	assert_int_equal(duration("1h30m"), 5400000);
	assert_int_equal(duration("1m500ms"), 60500);
}

static void what_is_no_duration_is_refused(void **state)
{
	static const char *const bad[] = {
		"",      "5",    "s",   "5 s", "5x",   "-5s",   "1.5h",
		"30m1h", "1h1h", "5s ", "5S",  "0x5s", "5ms3s", "99999999999999999999"};
	int64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_duration(bad[i], &ms), -EINVAL);
	assert_int_equal(ms, 7);
}

static void too_large_is_told_apart_from_malformed(void **state)
{
	int64_t value = 7;
	struct tocsin_rate rate;

	(void)state;
	assert_int_equal(units_parse_duration("99999999999999999999s", &value), -ERANGE);
	assert_int_equal(units_parse_duration("9223372036854775807y", &value), -ERANGE);
	assert_int_equal(units_parse_duration("9223372036854775807ms", &value), 0);
	assert_int_equal(units_parse_size("9223372036854775808", &value), -ERANGE);
	assert_int_equal(units_parse_size("9000000000G", &value), -ERANGE);
	assert_int_equal(units_parse_rate("9223372036854775808/s", &rate), -ERANGE);
}

static void sizes_are_binary_unless_written_as_kb(void **state)
{
	(void)state;
	assert_int_equal(size("512"), 512);
	assert_int_equal(size("512B"), 512);
	assert_int_equal(size("64KiB"), 65536);
	assert_int_equal(size("64k"), 65536);
	assert_int_equal(size("10MB"), 10000000);
	assert_int_equal(size("10kb"), 10000);
	assert_int_equal(size("1G"), 1073741824);
	assert_int_equal(size("2TiB"), INT64_C(2199023255552));
}

static void what_is_no_size_is_refused(void **state)
{
	static const char *const bad[] = {"", "B", "-1", "1.5M", "10 MB", "1X", "1KiBB", "0x10"};
	int64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_size(bad[i], &bytes), -EINVAL);
}

static void rates_are_a_count_in_a_time(void **state)
{
	static const struct {
		const char *text;
		int64_t count, per_ms;
	} cases[] = {
		{"5/s", 5, 1000},      {"30/m", 30, 60000}, {"1000/h", 1000, 3600000},
		{"10/2s", 10, 2000},   {"unlimited", 0, 0}, {"1/d", 1, 86400000},
		{"3/1m30s", 3, 90000}, {"7/500ms", 7, 500},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tocsin_rate rate = {-1, -1};
		char text[UNITS_TEXT];

		assert_int_equal(units_parse_rate(cases[i].text, &rate), 0);
		assert_int_equal(rate.count, cases[i].count);
		assert_int_equal(rate.per_ms, cases[i].per_ms);
		units_format_rate(rate, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void what_is_no_rate_is_refused(void **state)
{
	static const char *const bad[] = {"",          "5",     "5/",    "/s",   "0/s",
					  "5/0s",      "5/x",   "5 / s", "5/s ", "-5/s",
					  "Unlimited", "5/s/s", "5/0"};
	struct tocsin_rate rate;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_rate(bad[i], &rate), -EINVAL);
}

static void a_duration_is_written_as_it_would_be_read(void **state)
{
	static const char *const texts[] = {"0",  "450ms", "45s",   "1h30m", "1d",  "30d",
					    "2w", "1y",    "1d12h", "1m1ms", "90d", "15m"};
	char text[UNITS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		units_format_duration(duration(texts[i]), text);
		assert_string_equal(text, texts[i]);
	}
	units_format_duration(INT64_MAX, text);
	assert_int_equal(duration(text), INT64_MAX);
	units_format_duration(INT64_MIN, text);
	assert_string_equal(text, "-9223372036854775808ms");
}

static void an_elapsed_time_is_short_for_people(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "0ms"},          {450, "450ms"},
		{45300, "45.3s"},    {59999, "59.9s"},
		{125000, "2m 5s"},   {11400000, "3h 10m"},
		{90000000, "1d 1h"}, {INT64_MAX, "106751991167d 7h"},
	};
	char text[UNITS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		units_format_elapsed(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void a_size_is_written_exactly(void **state)
{
	static const char *const texts[] = {"0", "513", "64KiB", "10MB", "1GiB", "1500"};
	char text[UNITS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		units_format_size(size(texts[i]), text);
		assert_string_equal(text, texts[i]);
	}
	units_format_rate((struct tocsin_rate){INT64_MAX, INT64_MAX}, text);
	assert_string_equal(text, "9223372036854775807/106751991167d7h12m55s807ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_in_every_unit),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(too_large_is_told_apart_from_malformed),
		cmocka_unit_test(sizes_are_binary_unless_written_as_kb),
		cmocka_unit_test(what_is_no_size_is_refused),
		cmocka_unit_test(rates_are_a_count_in_a_time),
		cmocka_unit_test(what_is_no_rate_is_refused),
		cmocka_unit_test(a_duration_is_written_as_it_would_be_read),
		cmocka_unit_test(an_elapsed_time_is_short_for_people),
		cmocka_unit_test(a_size_is_written_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
