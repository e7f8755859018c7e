/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delivery/underway.h"

#define BOOT "11111111-2222-4333-8444-555555555555"
#define OTHER_BOOT "11111111-2222-4333-8444-555555555556"

/* The memory outlives the processes of a test, of which each has taken it over during a boot. */
struct life {
	struct underway_memory *memory;
	struct underway underway;
	int64_t left[UNDERWAY_SLOTS];
};

static size_t begin(struct life *life, const char *boot)
{
	size_t n = underway_take_over(life->memory, boot, life->left);

	underway_init(&life->underway, life->memory);
	return n;
}

static int setup(void **state)
{
	struct life *life = calloc(1, sizeof(*life));

	*state = life;
	if (life)
		life->memory = calloc(1, sizeof(*life->memory));
	return life && life->memory && begin(life, BOOT) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct life *life = *state;

	free(life->memory);
	free(life);
	return 0;
}

static void what_is_in_hand_at_a_death_is_left(void **state)
{
	struct life *life = *state;
	size_t slot = underway_enter(&life->underway, 7);

	underway_enter(&life->underway, 8);
	underway_leave(&life->underway, slot);
	assert_int_equal(begin(life, BOOT), 1);
	assert_int_equal(life->left[0], 8);
}

static void a_death_counts_once(void **state)
{
	struct life *life = *state;

	underway_enter(&life->underway, 7);
	assert_int_equal(begin(life, BOOT), 1);
	assert_int_equal(begin(life, BOOT), 0);
}

static void a_power_cut_leaves_nothing(void **state)
{
	struct life *life = *state;

	underway_enter(&life->underway, 7);
	assert_int_equal(begin(life, OTHER_BOOT), 0);
	assert_int_equal(begin(life, OTHER_BOOT), 0);
	underway_enter(&life->underway, 8); /* and the memory is of that boot now */
	assert_int_equal(begin(life, OTHER_BOOT), 1);
	assert_int_equal(life->left[0], 8);
}

/* Of each of several boots that were cut short the disk has the same old moment. */
static void what_the_disk_kept_does_not_come_again(void **state)
{
	struct life *life = *state;
	struct underway_memory *disk = malloc(sizeof(*disk));

	assert_non_null(disk);
	underway_enter(&life->underway, 7);
	memcpy(disk, life->memory, sizeof(*disk));
	for (int i = 0; i < 3; i++) {
		memcpy(life->memory, disk, sizeof(*disk));
		assert_int_equal(begin(life, OTHER_BOOT), 0);
	}
	free(disk);
}

static void a_boot_without_an_id_is_like_any_other(void **state)
{
	struct life *life = *state;

	begin(life, "");
	underway_enter(&life->underway, 7);
	assert_int_equal(begin(life, ""), 1);
	assert_int_equal(begin(life, BOOT), 0);
}

static void no_more_than_there_are_slots(void **state)
{
	struct life *life = *state;
	size_t last = 0;

	for (int64_t i = 1; i <= UNDERWAY_SLOTS + 10; i++)
		last = underway_enter(&life->underway, i);
	underway_leave(&life->underway, last); /* it has none */
	assert_int_equal(begin(life, BOOT), UNDERWAY_SLOTS);
}

static void without_memory_nothing_is_noted(void **state)
{
	struct life *life = *state;

	underway_init(&life->underway, NULL);
	underway_leave(&life->underway, underway_enter(&life->underway, 7));
	assert_int_equal(begin(life, BOOT), 0);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_is_in_hand_at_a_death_is_left),
		CASE(a_death_counts_once),
		CASE(a_power_cut_leaves_nothing),
		CASE(what_the_disk_kept_does_not_come_again),
		CASE(a_boot_without_an_id_is_like_any_other),
		CASE(no_more_than_there_are_slots),
		CASE(without_memory_nothing_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
