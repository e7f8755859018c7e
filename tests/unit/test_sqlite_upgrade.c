/* SPDX-License-Identifier: Apache-2.0 */
/* Files become those of this version: earlier ones go on as if it had made them, new ones are whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "faulty_disk.h"
#include "sqlite_store.h"

/* From the tables of version 3 back to those of version 2, */
static const char as_of_2[] = "CREATE UNIQUE INDEX alert_mark ON alert (source, mark, generation)"
			      " WHERE mark IS NOT NULL;"
			      "DROP TABLE mark;"
			      "ALTER TABLE telling DROP COLUMN hash;"
			      "DELETE FROM counter WHERE name = 'filed';"
			      "PRAGMA user_version = 2";

/* and from there to those of version 1. */
static const char as_of_1[] =
	"ALTER TABLE alert ADD COLUMN tell INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE alert ADD COLUMN told INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE alert ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;"
	"UPDATE alert SET tell = t.tell, told = t.told, untold = t.untold FROM telling t"
	" WHERE t.alert = number;"
	"DROP TABLE telling;"
	"CREATE INDEX alert_untold ON alert (source) WHERE untold = 1;"
	"PRAGMA user_version = 1";

static void what_sources_know_is_kept(void **state)
{
	struct sqlite_store store;
	struct contract c = {.subject = &store.subject};
	struct tocsin_marked found;
	struct telling telling;
	struct copy claim;

	sqlite_store_init(&store);
	c.ops = store.subject.ops;
	assert_int_equal(store.subject.open(&store.subject, &c.store), 0);
	claim = contract_settled(&c, "knows", TOCSIN_STATE_DELIVERED);
	contract_begin(&c);
	assert_int_equal(c.ops->told(c.store, claim.alert, false), 0);
	contract_commit(&c);
	(void)contract_settled(&c, "ended", TOCSIN_STATE_DEAD);
	contract_begin(&c);
	(void)contract_accept(&c, &(struct sample){.mark = "waits", .tell = true});
	(void)contract_accept(&c, &(struct sample){.channel = {"chat"}});
	contract_commit(&c);
	c.ops->close(c.store);

	sqlite_run_sql(&store, as_of_2);
	if (*state)
		sqlite_run_sql(&store, *state);
	assert_int_equal(store.subject.open(&store.subject, &c.store), 0);
	assert_int_equal(contract_counters(&c).alerts, 4);
	assert_int_equal(c.ops->find_mark(c.store, "site-alerts", "knows", &found), 0);
	assert_true(found.told);
	assert_int_equal(c.ops->find_mark(c.store, "site-alerts", "waits", &found), 0);
	assert_true(!found.told && found.pending == 1);
	telling = contract_untold(&c, "site-alerts");
	assert_int_equal(telling.n, 1);
	assert_string_equal(telling.mark, "ended");
	assert_true(telling.dead);

	contract_begin(&c);
	claim = contract_claim_one(&c, "mail");
	(void)contract_settle(&c, &claim, TOCSIN_STATE_DELIVERED, 0);
	(void)contract_claim_one(&c, "chat");
	contract_commit(&c);
	telling = contract_untold(&c, "site-alerts");
	assert_int_equal(telling.n, 2);
	assert_string_equal(telling.mark, "waits");
	c.ops->close(c.store);
	assert_string_equal(store.log, "");
	sqlite_store_done(&store);
}

/* SQLite says "wal" before it removes the journal of that change, and goes back when it cannot. */
static void a_new_file_without_its_log_is_refused(void **state)
{
	struct sqlite_store store;
	void *opened;

	(void)state;
	sqlite_store_init(&store);
	mount_disk();
	break_disk(FAULT_DELETE, 0, false);
	assert_int_equal(store.subject.open(&store.subject, &opened), -EIO);
	assert_true(disk.hit);
	assert_non_null(strstr(store.log, "cannot be read or written"));
	assert_int_equal(store.subject.open(&store.subject, &opened), 0);
	assert_int_equal(sqlite_accept_one(store.subject.ops, opened, 1), 0);
	assert_int_equal(access(sqlite_beside(&store, "-wal"), F_OK), 0);
	store.subject.ops->close(opened);
	sqlite_store_done(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_sources_know_is_kept),
		cmocka_unit_test_prestate(what_sources_know_is_kept, (void *)as_of_1),
		cmocka_unit_test(a_new_file_without_its_log_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
