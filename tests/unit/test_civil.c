/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/civil.h"

static void every_day_of_a_thousand_years_is_the_one_after_the_day_before(void **state)
{
	int64_t days = civil_days(1600, 1, 1);
	int weekday = civil_weekday(days);
	struct civil found;

	(void)state;
	for (int year = 1600; year < 2600; year++) {
		for (int month = 1; month <= 12; month++) {
			for (int day = 1; day <= civil_month_days(year, month); day++, days++) {
				civil_date(days, &found);
				assert_true(found.year == year && found.month == month &&
					    found.day == day);
				assert_true(civil_days(year, month, day) == days);
				assert_true(civil_weekday(days) == weekday);
				weekday = (weekday + 1) % 7;
			}
		}
	}
}

static void known_days(void **state)
{
	static const struct {
		int64_t year;
		int month, day, weekday;
		int64_t days;
	} known[] = {
		{1970, 1, 1, 4, 0},           {1969, 12, 31, 3, -1},      {2000, 2, 29, 2, 11016},
		{2026, 11, 22, 0, 20779},     {1900, 3, 1, 4, -25508},    {0, 3, 1, 3, -719468},
		{-4713, 11, 24, 1, -2440588}, {9999, 12, 31, 5, 2932896},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		int64_t days = civil_days(known[i].year, known[i].month, known[i].day);

		assert_int_equal(days, known[i].days);
		assert_int_equal(civil_weekday(days), known[i].weekday);
	}
	assert_int_equal(civil_month_days(1900, 2), 28);
	assert_int_equal(civil_month_days(2000, 2), 29);
	assert_int_equal(civil_month_days(2024, 2), 29);
	assert_int_equal(civil_month_days(2100, 2), 28);
}

static void seconds_become_a_clock_and_come_back(void **state)
{
	static const int64_t moments[] = {0,
					  -1,
					  59,
					  86399,
					  86400,
					  -86400,
					  -86401,
					  1763476245,
					  253402300799,
					  -62135596801,
					  INT64_C(9000000000000000),
					  INT64_C(-9000000000000000)};

	(void)state;
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		struct civil civil = civil_from_seconds(moments[i]);

		assert_int_equal(civil_seconds(&civil), moments[i]);
		assert_in_range(civil.hour, 0, 23);
		assert_in_range(civil.minute, 0, 59);
		assert_in_range(civil.second, 0, 59);
	}
	assert_int_equal(civil_from_seconds(-1).year, 1969);
	assert_int_equal(civil_from_seconds(-1).second, 59);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_of_a_thousand_years_is_the_one_after_the_day_before),
		cmocka_unit_test(known_days),
		cmocka_unit_test(seconds_become_a_clock_and_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
