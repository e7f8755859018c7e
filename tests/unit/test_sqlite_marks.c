/* SPDX-License-Identifier: Apache-2.0 */
/* Marks in memory, and how the SQLite store files them (MARKS_MOST is 16 here). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "../../plugins/stores/sqlite/marks.h"
#include "sqlite_store.h"

#define SOURCE "site-alerts"
/* Of the first source that a store gets to know, two marks with one hash. */
#define ONE "4156ff33-89c12fe1"
#define OTHER "5332be4a-891e9371"

static void the_newest_below_a_number_is_found(void **state)
{
	struct marks *marks = calloc(1, sizeof(*marks));

	(void)state;
	/* Hash 7 at 1, 4, 7 ...; another one of its chain in between. */
	for (int64_t alert = 1; alert <= 3000; alert++)
		assert_int_equal(marks_add(marks, alert % 3 == 1 ? 7 : 7 + MARKS_CHAINS, alert), 0);
	assert_int_equal(marks_find(marks, 7, INT64_MAX), 2998);
	assert_int_equal(marks_find(marks, 7, 2998), 2995);
	assert_int_equal(marks_find(marks, 7, 1), 0);
	assert_int_equal(marks_find(marks, 7 + MARKS_CHAINS, INT64_MAX), 3000);
	assert_int_equal(marks_find(marks, 8, INT64_MAX), 0);

	marks_keep(marks, 1000);
	assert_int_equal(marks->n, 1000);
	assert_int_equal(marks_find(marks, 7, INT64_MAX), 1000);
	assert_int_equal(marks_add(marks, 8, 1001), 0);
	assert_int_equal(marks_find(marks, 8, INT64_MAX), 1001);
	marks_keep(marks, 0);
	assert_int_equal(marks_find(marks, 7, INT64_MAX), 0);
	marks_done(marks);
	free(marks);
}

static void a_hash_takes_six_bytes_and_tells_sources_apart(void **state)
{
	(void)state;
	assert_int_equal(marks_hash(1, ONE), marks_hash(1, OTHER));
	assert_int_not_equal(marks_hash(2, ONE), marks_hash(1, ONE));
	assert_int_not_equal(marks_hash(1, ""), marks_hash(1, "0"));
	for (int64_t source = 1; source < 1000; source++)
		assert_in_range(marks_hash(source, "row"), 0, (INT64_C(1) << 47) - 1);
}

static int set_up(void **state)
{
	struct contract *c = *state = calloc(1, sizeof(*c));
	struct sqlite_store *store = malloc(sizeof(*store));

	sqlite_store_init(store);
	c->subject = &store->subject;
	c->ops = store->subject.ops;
	return store->subject.open(&store->subject, &c->store);
}

static int tear_down(void **state)
{
	struct contract *c = *state;
	struct sqlite_store *store = c->subject->data;

	c->ops->close(c->store);
	assert_string_equal(store->log, "");
	sqlite_store_done(store);
	free(store);
	free(c);
	return 0;
}

static int64_t accept(struct contract *c, const char *mark)
{
	int64_t number;

	contract_begin(c);
	number = contract_accept(c, &(struct sample){.mark = mark});
	contract_commit(c);
	return number;
}

static void accept_many(struct contract *c, int from, int to)
{
	for (int i = from; i <= to; i++) {
		char mark[16];

		(void)snprintf(mark, sizeof(mark), "row-%d", i);
		(void)accept(c, mark);
		assert_int_equal(c->ops->maintain(c->store, false), 0);
	}
}

static struct tocsin_marked find(struct contract *c, const char *mark)
{
	struct tocsin_marked found;

	assert_int_equal(c->ops->find_mark(c->store, SOURCE, mark, &found), 0);
	return found;
}

static void all_are_found(struct contract *c, int last)
{
	for (int i = 1; i <= last; i++) {
		char mark[16];

		(void)snprintf(mark, sizeof(mark), "row-%d", i);
		assert_int_equal(find(c, mark).alert, i);
	}
}

/* What a query of the closed file says; the store is opened again. */
static int64_t in_file(struct contract *c, const char *sql)
{
	const struct sqlite_store *store = c->subject->data;
	sqlite3_stmt *statement;
	sqlite3 *handle;
	int64_t value;

	c->ops->close(c->store);
	assert_int_equal(sqlite3_open(store->path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
	assert_int_equal(c->subject->open(c->subject, &c->store), 0);
	return value;
}

static int64_t filed(struct contract *c)
{
	return in_file(c, "SELECT count(*) FROM mark");
}

static void marks_are_found_in_memory_in_their_table_and_after_a_start(void **state)
{
	struct contract *c = *state;

	accept_many(c, 1, 15);
	all_are_found(c, 15);
	assert_int_equal(filed(c), 0);
	all_are_found(c, 15);
	accept_many(c, 16, 40);
	all_are_found(c, 40);
	assert_int_equal(filed(c), 32);
	all_are_found(c, 40);
	accept_many(c, 41, 47);
	assert_int_equal(filed(c), 32);
	accept_many(c, 48, 48);
	assert_int_equal(filed(c), 48);
	all_are_found(c, 48);
	assert_int_equal(find(c, "row-49").alert, 0);
}

static void a_filed_mark_has_its_newest_generation(void **state)
{
	struct contract *c = *state;
	int64_t number;

	accept_many(c, 1, 16);
	contract_begin(c);
	assert_int_equal(contract_try(c, &(struct sample){.mark = "row-3"}, &number), -EEXIST);
	number = contract_accept(c, &(struct sample){.mark = "row-3", .generation = 1});
	assert_int_equal(find(c, "row-3").alert, number);
	contract_commit(c);
	accept_many(c, 17, 31);
	assert_int_equal(filed(c), 32);
	assert_int_equal(find(c, "row-3").alert, number);
	assert_int_equal(find(c, "row-3").generation, 1);
}

static void numbers_that_are_given_out_again_are_not_taken_for_the_first(void **state)
{
	struct contract *c = *state;
	int64_t number;

	accept_many(c, 1, 3);
	contract_begin(c);
	number = contract_accept(c, &(struct sample){.mark = "lost"});
	c->ops->rollback(c->store);
	assert_int_equal(find(c, "lost").alert, 0);
	assert_int_equal(accept(c, "kept"), number);
	assert_int_equal(find(c, "kept").alert, number);
	assert_int_equal(find(c, "lost").alert, 0);
	all_are_found(c, 3);
}

static void marks_of_one_hash_are_told_apart(void **state)
{
	struct contract *c = *state;
	int64_t one = accept(c, ONE), other;

	assert_int_equal(find(c, OTHER).alert, 0);
	other = accept(c, OTHER);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(find(c, ONE).alert, one);
		assert_int_equal(find(c, OTHER).alert, other);
		accept_many(c, 1 + round * 20, 20 + round * 20); /* which files them */
	}
	assert_int_equal(in_file(c, "SELECT max(n) FROM"
				    " (SELECT count(*) AS n FROM mark GROUP BY hash)"),
			 2);
}

static void what_is_pruned_leaves_no_mark(void **state)
{
	struct contract *c = *state;
	size_t removed;

	for (int i = 0; i < 20; i++) {
		struct copy claim;
		char mark[16];

		(void)snprintf(mark, sizeof(mark), "row-%d", i);
		claim = contract_settled(c, mark, TOCSIN_STATE_DELIVERED);
		contract_begin(c);
		assert_int_equal(c->ops->told(c->store, claim.alert, false), 0);
		contract_commit(c);
		if (i == 15)
			assert_int_equal(c->ops->maintain(c->store, false), 0);
	}
	contract_begin(c);
	assert_int_equal(c->ops->prune(c->store, NOW + 100000, NOW + 100000, 100, &removed), 0);
	contract_commit(c);
	assert_int_equal(removed, 20);
	assert_int_equal(find(c, "row-1").alert, 0);
	assert_int_equal(find(c, "row-19").alert, 0);
	assert_int_equal(filed(c), 0);
	assert_int_equal(find(c, "row-19").alert, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_below_a_number_is_found),
		cmocka_unit_test(a_hash_takes_six_bytes_and_tells_sources_apart),
		cmocka_unit_test_setup_teardown(
			marks_are_found_in_memory_in_their_table_and_after_a_start, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(a_filed_mark_has_its_newest_generation, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			numbers_that_are_given_out_again_are_not_taken_for_the_first, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(marks_of_one_hash_are_told_apart, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_pruned_leaves_no_mark, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
