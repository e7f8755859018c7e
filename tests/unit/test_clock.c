/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/clock.h"

static void times_are_read_as_rfc_3339(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2025-11-18T14:30:45.123Z", INT64_C(1763476245123)},
		{"2025-11-18t14:30:45.1239999z", INT64_C(1763476245123)},
		{"2025-11-18 15:30:45.1+01:00", INT64_C(1763476245100)},
		{"2025-11-18T09:00:45-05:30", INT64_C(1763476245000)},
		{"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
		{"2000-02-29T12:00:00Z", INT64_C(951825600000)},
		{"1969-12-31T23:59:59.999Z", -1},
		{"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
		{"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
		{"0001-01-01T00:00:00Z", 0},
		{"0001-01-01T00:00:01Z", INT64_C(-62135596799000)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = 7;

		assert_int_equal(clock_parse(cases[i].text, &ms), 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"now",
		"2025-11-18",
		"2025-11-18T14:30Z",
		"2025-11-18T14:30:45",
		"2025-13-18T14:30:45Z",
		"2025-00-18T14:30:45Z",
		"2025-02-29T14:30:45Z",
		"1900-02-29T14:30:45Z",
		"2025-11-31T14:30:45Z",
		"2025-11-18T24:00:00Z",
		"2025-11-18T14:60:00Z",
		"2025-11-18T14:30:61Z",
		"2025-11-18T14:30:45.Z",
		"2025-11-18T14:30:45+0100",
		"2025-11-18T14:30:45+24:00",
		"2025-11-18T14:30:45Zx",
		"25-11-18T14:30:45Z",
		"+025-11-18T14:30:45Z",
		"9999-12-31T23:59:59-00:01",
		"0000-01-01T00:00:00+00:01",
	};
	int64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(clock_parse(bad[i], &ms), -EINVAL);
	assert_int_equal(ms, 7);
}

static void every_time_written_is_read_back(void **state)
{
	static const int64_t times[] = {1,
					-1,
					INT64_C(1763476245123),
					INT64_C(-62167219200000),
					INT64_C(253402300799999),
					INT64_C(951782400001)};
	char text[CLOCK_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t ms = 0;

		clock_format_utc(times[i], text);
		assert_int_equal(clock_parse(text, &ms), 0);
		assert_int_equal(ms, times[i]);
	}
	clock_format_utc(INT64_C(1763476245123), text);
	assert_string_equal(text, "2025-11-18T14:30:45.123Z");
	clock_format_utc(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	clock_format_utc(INT64_MIN, text);
	assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void local_time_has_the_form_people_read(void **state)
{
	char text[CLOCK_TEXT];

	(void)state;
	clock_format_local(INT64_C(1763476245123), text);
	assert_int_equal(strlen(text), strlen("2025-11-18 14:30:45"));
	assert_int_equal(strncmp(text, "2025-11-1", 9), 0);
	/* A year that no calendar holds must not leave garbage. */
	clock_format_local(INT64_MAX, text);
	assert_true(strlen(text) < CLOCK_TEXT);
}

static void a_wait_ends_at_the_boot_time(void **state)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond;
	int64_t until = clock_boot_ms() + 30;
	int code = 0;

	(void)state;
	assert_int_equal(clock_cond_init(&cond), 0);
	pthread_mutex_lock(&mutex);
	while (code == 0)
		code = clock_cond_wait(&cond, &mutex, until);
	pthread_mutex_unlock(&mutex);
	assert_int_equal(code, -ETIMEDOUT);
	assert_true(clock_boot_ms() >= until);
	assert_true(clock_boot_ms() < until + 5000);
	assert_int_equal(pthread_cond_destroy(&cond), 0);
}

struct signal {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int set;
};

static void *signal_it(void *data)
{
	struct signal *signal = data;

	pthread_mutex_lock(&signal->mutex);
	signal->set = 1;
	pthread_cond_signal(&signal->cond);
	pthread_mutex_unlock(&signal->mutex);
	return NULL;
}

static void a_wait_for_ever_ends_with_the_signal(void **state)
{
	struct signal signal = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	pthread_t thread;

	(void)state;
	assert_int_equal(clock_cond_init(&signal.cond), 0);
	pthread_mutex_lock(&signal.mutex);
	assert_int_equal(pthread_create(&thread, NULL, signal_it, &signal), 0);
	while (!signal.set)
		assert_int_equal(clock_cond_wait(&signal.cond, &signal.mutex, INT64_MAX), 0);
	pthread_mutex_unlock(&signal.mutex);
	pthread_join(thread, NULL);
	assert_int_equal(pthread_cond_destroy(&signal.cond), 0);
}

static void a_clock_that_was_set_is_told_once(void **state)
{
	static const struct {
		int64_t wall_ms, boot_ms;
		bool set;
	} looks[] = {
		{1763476245123, 5000, false}, /* the first look */
		{1763476246123, 6000, false},
		{1763476306153, 66000, false}, /* it runs a little faster */
		{1763479906153, 66000, true},  /* an hour ahead */
		{1763479907153, 67000, false},
		{1448119907153, 67000, true}, /* ten years back */
		{1448119907153, 68500, true}, /* it stood still */
		{1448119908153, 69500, false},
	};
	int64_t ahead_ms = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		assert_int_equal(clock_was_set(&ahead_ms, looks[i].wall_ms, looks[i].boot_ms),
				 looks[i].set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_as_rfc_3339),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(every_time_written_is_read_back),
		cmocka_unit_test(local_time_has_the_form_people_read),
		cmocka_unit_test(a_wait_ends_at_the_boot_time),
		cmocka_unit_test(a_wait_for_ever_ends_with_the_signal),
		cmocka_unit_test(a_clock_that_was_set_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
