/* SPDX-License-Identifier: Apache-2.0 */
/* Upkeep: small values of plugins, retention, checkpoints and free pages. */
#include <errno.h>
#include <string.h>

#include "statement.h"

#define PAGE_SIZE 4096
#define CHECKPOINT_PAGES 1000                          /* when idle */
#define TRUNCATE_PAGES ((16 << 20) / (PAGE_SIZE + 24)) /* 16 MiB of log, idle or not */
#define FREE_PAGES 1024                                /* kept for the next burst */
#define VACUUM_PAGES "200"

static const char upsert_value[] =
	"INSERT INTO kept (instance, name, value) VALUES (?1, ?2, ?3)"
	" ON CONFLICT (instance, name) DO UPDATE SET value = excluded.value";
static const char delete_value[] = "DELETE FROM kept WHERE instance = ?1 AND name = ?2";
static const char select_value[] = "SELECT value FROM kept WHERE instance = ?1 AND name = ?2";
/* Names of sources and routes are among these, too, and count nothing. */
static const char select_names[] = "SELECT id, text FROM name ORDER BY id";
static const char count_ready[] =
	"SELECT count(*) FROM delivery INDEXED BY delivery_ready WHERE state = 0 AND channel = ?1";
static const char select_old[] =
	"SELECT number FROM alert INDEXED BY alert_old WHERE pending = 0 AND tell <= told"
	" AND (dead > 0) = ?1 AND settled_ms < ?2 ORDER BY settled_ms LIMIT ?3";
static const char delete_attempts[] =
	"DELETE FROM attempt WHERE delivery IN"
	" (SELECT id FROM history INDEXED BY history_alert WHERE alert = ?1)";
static const char delete_settled[] =
	"DELETE FROM history INDEXED BY history_alert WHERE alert = ?1";
static const char delete_body[] = "DELETE FROM body WHERE alert = ?1";
static const char delete_alert[] = "DELETE FROM alert WHERE number = ?1";
static const char free_pages[] = "PRAGMA freelist_count";

int db_save(void *state, const char *instance, const char *name, const char *value)
{
	struct statement st = statement_use(state, value ? upsert_value : delete_value);

	bind_text(&st, 1, instance);
	bind_text(&st, 2, name);
	if (value)
		bind_text(&st, 3, value);
	return statement_run(&st);
}

int db_load(void *state, const char *instance, const char *name, char **value)
{
	struct statement st = statement_use(state, select_value);
	int row;

	*value = NULL;
	bind_text(&st, 1, instance);
	bind_text(&st, 2, name);
	row = statement_row(&st);
	if (row == 1) {
		*value = strdup(column_text(&st, 0));
		row = *value ? 0 : -ENOMEM;
	} else if (row == 0) {
		row = -ENOENT;
	}
	return statement_end(&st, row);
}

static int find_old(struct db *db, bool dead, int64_t before_ms, size_t limit, int64_t *number,
		    size_t *n)
{
	struct statement st = statement_use(db, select_old);
	int row;

	bind_int(&st, 1, dead);
	bind_int(&st, 2, before_ms);
	bind_int(&st, 3, (int64_t)limit);
	for (*n = 0; (row = statement_row(&st)) == 1 && *n < limit; ++*n)
		number[*n] = column_int(&st, 0);
	return statement_end(&st, row < 0 ? row : 0);
}

static int remove_alert(struct db *db, int64_t number)
{
	const char *const order[] = {delete_attempts, delete_settled, delete_body, delete_alert};
	int result = 0;

	for (size_t i = 0; i < TOCSIN_COUNT(order) && !result; i++) {
		struct statement st = statement_use(db, order[i]);

		bind_int(&st, 1, number);
		result = statement_run(&st);
	}
	return result;
}

static int prune(struct db *db, bool dead, int64_t before_ms, size_t limit, size_t *removed)
{
	int64_t number[DB_CHUNK];
	size_t n = DB_CHUNK;
	int result = 0;

	while (!result && n == DB_CHUNK && *removed < limit) {
		size_t room = limit - *removed;

		result = find_old(db, dead, before_ms, room < DB_CHUNK ? room : DB_CHUNK, number,
				  &n);
		for (size_t i = 0; i < n && !result; i++)
			result = remove_alert(db, number[i]);
		*removed += n;
	}
	return result;
}

int db_prune(void *state, int64_t settled_before_ms, int64_t dead_before_ms, size_t limit,
	     size_t *removed)
{
	int result;

	*removed = 0;
	result = prune(state, false, settled_before_ms, limit, removed);
	return result ? result : prune(state, true, dead_before_ms, limit, removed);
}

static int checkpoint(struct db *db, bool idle)
{
	int mode = SQLITE_CHECKPOINT_TRUNCATE, pages = 0, done = 0, result;

	if (db->wal_pages < TRUNCATE_PAGES) {
		if (!idle || db->wal_pages < CHECKPOINT_PAGES)
			return 0;
		mode = SQLITE_CHECKPOINT_PASSIVE;
	}
	result = sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, &pages, &done);
	if (result != SQLITE_OK)
		return db_fail(db, result);
	db->wal_pages = pages - done;
	return 0;
}

/* Gives pages that a prune freed back to the file system, a few at a time. */
static int shrink(struct db *db)
{
	struct statement st = statement_use(db, free_pages);
	int64_t pages;
	int result = statement_value(&st, &pages);

	if (result || pages <= FREE_PAGES)
		return result;
	result = sqlite3_exec(db->handle, "PRAGMA incremental_vacuum(" VACUUM_PAGES ")", NULL, NULL,
			      NULL);
	return result == SQLITE_OK ? 0 : db_fail(db, result);
}

int db_maintain(void *state, bool idle)
{
	struct db *db = state;
	int result = db->spoiled;

	if (!result)
		result = checkpoint(db, idle);
	if (!result && idle)
		result = shrink(db);
	if (!result && !db->full)
		db_reserve(db);
	return result;
}

static bool is_known(const char *const known[], size_t n_known, const char *name)
{
	for (size_t i = 0; i < n_known; i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

static int report_waiting(struct db *db, int64_t channel, const char *name, tocsin_waiting_fn *fn,
			  void *data)
{
	struct statement st = statement_use(db, count_ready);
	int64_t n = 0;
	int result;

	bind_int(&st, 1, channel);
	result = statement_value(&st, &n);
	return result || n == 0 ? result : fn(name, n, data);
}

int db_waiting(void *state, const char *const known[], size_t n_known, tocsin_waiting_fn *fn,
	       void *data)
{
	struct db *db = state;
	struct statement st = statement_use(db, select_names);
	int row, result = 0;

	while (!result && (row = statement_row(&st)) == 1) {
		const char *name = column_text(&st, 1);

		if (!st.error && !is_known(known, n_known, name))
			result = report_waiting(db, column_int(&st, 0), name, fn, data);
	}
	return statement_end(&st, result ? result : row < 0 ? row : 0);
}
