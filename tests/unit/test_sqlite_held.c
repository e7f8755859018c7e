/* SPDX-License-Identifier: Apache-2.0 */
/* The set of claims beside a plain array that does the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../plugins/stores/sqlite/held.h"

#define DELIVERIES 300

struct model {
	struct held now[DELIVERIES], before[DELIVERIES]; /* by delivery; token 0: no claim */
};

static void compare(const struct held_set *set, const struct model *model)
{
	size_t n = 0;

	for (int64_t i = 1; i < DELIVERIES; i++) {
		const struct held *found = held_find(set, i);

		assert_int_equal(found != NULL, model->now[i].token != 0);
		if (!found)
			continue;
		n++;
		assert_int_equal(found->token, model->now[i].token);
		assert_int_equal(found->lease_until_ms, model->now[i].lease_until_ms);
	}
	assert_int_equal(set->n, n);
}

static void step(struct held_set *set, struct model *model)
{
	int64_t delivery = 1 + rand() % (DELIVERIES - 1);

	if (rand() % 2) {
		struct held claim = {
			.delivery = delivery, .token = 1 + rand() % 1000, .lease_until_ms = rand()};

		assert_int_equal(held_put(set, &claim), 0);
		model->now[delivery] = claim;
	} else {
		assert_int_equal(held_remove(set, delivery), 0);
		model->now[delivery].token = 0;
	}
}

static void it_holds_what_was_put_and_forgets_what_was_rolled_back(void **state)
{
	static struct model model;
	struct held_set set = {0};
	unsigned int seed = (unsigned int)time(NULL);

	(void)state;
	printf("seed %u\n", seed);
	srand(seed);
	for (int transaction = 0; transaction < 2000; transaction++) {
		for (int steps = rand() % 40; steps > 0; steps--)
			step(&set, &model);
		if (rand() % 3) {
			held_commit(&set);
			memcpy(model.before, model.now, sizeof(model.now));
		} else {
			held_rollback(&set);
			memcpy(model.now, model.before, sizeof(model.now));
		}
		compare(&set, &model);
	}
	held_done(&set);
}

static void a_claim_whose_lease_is_over_is_found(void **state)
{
	struct held_set set = {0};

	(void)state;
	assert_null(held_find(&set, 7));
	assert_null(held_over(&set, INT64_MAX));
	assert_int_equal(held_remove(&set, 7), 0);
	for (int64_t i = 1; i <= 100; i++)
		assert_int_equal(
			held_put(&set, &(struct held){.delivery = i, .lease_until_ms = 1000 + i}),
			0);
	assert_null(held_over(&set, 1000));
	assert_int_equal(held_over(&set, 1001)->delivery, 1);
	held_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_holds_what_was_put_and_forgets_what_was_rolled_back),
		cmocka_unit_test(a_claim_whose_lease_is_over_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
