/* SPDX-License-Identifier: Apache-2.0 */
/* The store's time: jumps of the wall clock do not move it, restarts go on with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/clock.h"

#define WALL INT64_C(1700000000000)
#define BOOT INT64_C(500000)
#define SECOND INT64_C(1000)
#define DAY (24 * 3600 * SECOND)
#define THIS "11111111-2222-3333-4444-555555555555"
#define OTHER "66666666-7777-8888-9999-000000000000"

/* A clock that was started on a new store at BOOT and WALL, and what it keeps after some time. */
static struct store_clock started(void)
{
	struct store_clock clock;

	store_clock_start(&clock, NULL, THIS, BOOT, WALL);
	return clock;
}

static void kept_after(int64_t ms, char text[STORE_CLOCK_TEXT])
{
	struct store_clock clock = started();

	store_clock_write(&clock, BOOT + ms, text);
}

/* The time after a restart on what was kept after a minute. */
static int64_t restarted(const char *boot, int64_t boot_ms, int64_t wall_ms)
{
	struct store_clock clock;
	char kept[STORE_CLOCK_TEXT];

	kept_after(60 * SECOND, kept);
	store_clock_start(&clock, kept, boot, boot_ms, wall_ms);
	return store_clock_ms(&clock, boot_ms);
}

static void a_new_store_begins_with_the_wall_clock(void **state)
{
	struct store_clock clock = started();
	const char *const nonsense[] = {"", "x", "17", "17 18", "-5 1 a", "0 0 a", "1 -1 a"};

	(void)state;
	assert_int_equal(store_clock_ms(&clock, BOOT), WALL);
	assert_int_equal(store_clock_ms(&clock, BOOT + 5), WALL + 5);
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		store_clock_start(&clock, nonsense[i], THIS, BOOT, WALL);
		assert_int_equal(store_clock_ms(&clock, BOOT), WALL);
	}
}

static void a_restart_counts_by_the_boot_clock_wherever_the_wall_clock_went(void **state)
{
	const int64_t jump[] = {0,   -3600 * SECOND, 3600 * SECOND, -DAY,
				DAY, -3650 * DAY,    3650 * DAY};

	(void)state;
	for (size_t i = 0; i < sizeof(jump) / sizeof(jump[0]); i++)
		assert_int_equal(restarted(THIS, BOOT + 90 * SECOND, WALL + 90 * SECOND + jump[i]),
				 WALL + 90 * SECOND);
}

static void after_a_reboot_the_wall_clock_says_what_passed(void **state)
{
	(void)state;
	assert_int_equal(restarted(OTHER, 7, WALL + 2 * DAY), WALL + 2 * DAY);
	assert_int_equal(restarted(OTHER, 7, WALL + 300 * DAY), WALL + 300 * DAY);
	/* a boot that cannot be told is another one; so is a boot clock that went back */
	assert_int_equal(restarted("", BOOT + 90 * SECOND, WALL + DAY), WALL + DAY);
	assert_int_equal(restarted(THIS, BOOT, WALL + DAY), WALL + DAY);
}

static void after_a_reboot_it_neither_goes_back_nor_leaps_by_years(void **state)
{
	const int64_t last = WALL + 60 * SECOND;

	(void)state;
	assert_int_equal(restarted(OTHER, 7, WALL - DAY), last);
	assert_int_equal(restarted(OTHER, 7, 0), last);
	assert_int_equal(restarted(OTHER, 7, WALL + 3650 * DAY), last);
}

/* Stops, reboots and settings of the wall clock in any order. What was due at the end of one life is
 * never further away in the next, and between lives of one boot exactly what passed has passed. */
static void no_history_makes_a_wait_longer(void **state)
{
	struct store_clock clock = started();
	int64_t boot_ms = BOOT, wall_ms = WALL;
	char kept[STORE_CLOCK_TEXT];
	bool other = false;

	(void)state;
	srand(1);
	for (int i = 0; i < 100000; i++) {
		int64_t passed = rand() % DAY, before, now;
		bool reboot = rand() % 4 == 0;

		boot_ms += rand() % DAY;
		store_clock_write(&clock, boot_ms, kept);
		before = store_clock_ms(&clock, boot_ms);
		wall_ms += (int64_t)(rand() % 7300 - 3650) * DAY * (rand() % 2);
		other ^= reboot;
		boot_ms = reboot ? rand() % DAY : boot_ms + passed;
		store_clock_start(&clock, kept, other ? OTHER : THIS, boot_ms, wall_ms);
		now = store_clock_ms(&clock, boot_ms);
		assert_true(now >= before && now <= before + STORE_CLOCK_LEAP_MS);
		if (!reboot)
			assert_int_equal(now - before, passed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_store_begins_with_the_wall_clock),
		cmocka_unit_test(a_restart_counts_by_the_boot_clock_wherever_the_wall_clock_went),
		cmocka_unit_test(after_a_reboot_the_wall_clock_says_what_passed),
		cmocka_unit_test(after_a_reboot_it_neither_goes_back_nor_leaps_by_years),
		cmocka_unit_test(no_history_makes_a_wait_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
