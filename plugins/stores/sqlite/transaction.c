/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions and what travels with them in memory: counters (written once a
 * commit, however many requests share it), claims and cached names.
 */
#include <errno.h>
#include <string.h>

#include "statement.h"

static const char begin_immediate[] = "BEGIN IMMEDIATE";
static const char commit_it[] = "COMMIT";
static const char select_counters[] = "SELECT name, value FROM counter";
static const char write_counter[] = "INSERT INTO counter (name, value) VALUES (?1, ?2) "
				    "ON CONFLICT (name) DO UPDATE SET value = excluded.value";

static const char *const counter_name[DB_COUNTERS] = {
	[COUNTER_ACCEPTED] = "accepted",
	[COUNTER_DELIVERED] = "delivered",
	[COUNTER_DEAD] = "dead",
	[COUNTER_SUPPRESSED] = "suppressed",
	[COUNTER_PENDING] = "pending",
	[COUNTER_ALERTS] = "alerts",
	[COUNTER_KNOWN] = "known",
	[COUNTER_STALE] = "stale",
	[COUNTER_LAST_ALERT] = "last_alert",
	[COUNTER_LAST_DELIVERY] = "last_delivery",
	[COUNTER_FILED] = "filed",
};

int db_load_counters(struct db *db)
{
	struct statement st = statement_use(db, select_counters);
	int row;

	while ((row = statement_row(&st)) == 1) {
		for (size_t i = 0; i < DB_COUNTERS; i++) {
			if (strcmp(column_text(&st, 0), counter_name[i]) == 0)
				db->committed[i] = column_count(&st, 1, INT64_MAX / 2);
		}
	}
	memcpy(db->counter, db->committed, sizeof(db->counter));
	return statement_end(&st, row);
}

static int write_counters(struct db *db)
{
	int result = 0;

	for (size_t i = 0; i < DB_COUNTERS && !result; i++) {
		struct statement st;

		if (db->counter[i] == db->committed[i])
			continue;
		st = statement_use(db, write_counter);
		bind_text(&st, 1, counter_name[i]);
		bind_int(&st, 2, db->counter[i]);
		result = statement_run(&st);
	}
	return result;
}

int db_begin(void *state, int64_t now_ms)
{
	struct db *db = state;
	struct statement st;
	int result;

	/* A rollback needs memory, too, and may not have got it. */
	if (db->stuck)
		db_rollback(db);
	if (db->stuck && !db->spoiled)
		return -ENOMEM;
	/* And so does what upkeep turned off for a moment. */
	if (db->lax && db_set_syncs(db, true) != SQLITE_OK)
		return -ENOMEM;
	st = statement_use(db, begin_immediate);
	result = statement_run(&st);
	db->transaction = !result;
	db->now_ms = now_ms;
	return result;
}

int db_commit(void *state)
{
	struct db *db = state;
	struct statement st;
	int result = write_counters(db);

	if (result)
		return result;
	st = statement_use(db, commit_it);
	result = statement_run(&st);
	if (result)
		return result;
	db->transaction = false;
	memcpy(db->committed, db->counter, sizeof(db->committed));
	held_commit(&db->held);
	return 0;
}

void db_rollback(void *state)
{
	struct db *db = state;

	db->transaction = false;
	db->spoiled = 0;
	db->stuck = false;
	/* SQLite rolls back by itself after some errors. */
	if (!sqlite3_get_autocommit(db->handle)) {
		int result = sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);

		if (result != SQLITE_OK) {
			(void)db_fail(db, result);
			db->stuck = true;
		}
	}
	memcpy(db->counter, db->committed, sizeof(db->counter));
	held_rollback(&db->held);
	/* Numbers of that transaction are given out again. */
	fresh_clear(&db->fresh);
	marks_keep(&db->marks, db->counter[COUNTER_LAST_ALERT]);
	db_ready_at(db, INT64_MIN);
	db_names_forget(db);
	if (db->lost)
		db->spoiled = -EIO;
}

int db_counters(void *state, struct tocsin_counters *counters)
{
	const struct db *db = state;

	if (db->spoiled)
		return db->spoiled;
	*counters = (struct tocsin_counters){
		.accepted = db->counter[COUNTER_ACCEPTED],
		.delivered = db->counter[COUNTER_DELIVERED],
		.dead = db->counter[COUNTER_DEAD],
		.suppressed = db->counter[COUNTER_SUPPRESSED],
		.pending = db->counter[COUNTER_PENDING],
		.alerts = db->counter[COUNTER_ALERTS],
		.known = db->counter[COUNTER_KNOWN],
		.stale = db->counter[COUNTER_STALE],
	};
	return 0;
}
