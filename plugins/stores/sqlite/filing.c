/* SPDX-License-Identifier: Apache-2.0 */
/* Marks: where an alert with a mark is found again, and how marks get into their table. */
#include "statement.h"

#define MARKS_OF_PAGE 120 /* of their table, at the least */
#define LOG_AND_FILE 2    /* places of a page that was written */

static const char select_unfiled[] =
	"SELECT alert, hash FROM telling WHERE alert > ?1 AND hash IS NOT NULL ORDER BY alert";
static const char select_alert[] =
	"SELECT number FROM alert WHERE number = ?1 AND source = ?2 AND mark = ?3";
static const char select_filed[] =
	"SELECT m.alert FROM mark m CROSS JOIN alert a ON a.number = m.alert"
	" WHERE m.hash = ?1 AND a.source = ?2 AND a.mark = ?3 ORDER BY m.alert DESC LIMIT 1";
static const char insert_marks[] =
	"INSERT OR IGNORE INTO mark (hash, alert) SELECT hash, alert FROM telling"
	" WHERE alert > ?1 AND hash IS NOT NULL ORDER BY hash, alert";

int db_add_mark(struct db *db, int64_t hash, int64_t alert)
{
	return marks_add(&db->marks, hash, alert) ? db_fail(db, SQLITE_NOMEM) : 0;
}

int db_load_marks(struct db *db)
{
	struct statement st = statement_use(db, select_unfiled);
	int row, result = 0;

	bind_int(&st, 1, db->counter[COUNTER_FILED]);
	while (!result && (row = statement_row(&st)) == 1)
		result = db_add_mark(db, column_int(&st, 1), column_int(&st, 0));
	return statement_end(&st, result ? result : row);
}

/* Two marks may share a hash, and what was pruned is still in memory: the alert itself decides. */
static int find_unfiled(struct db *db, int64_t hash, int64_t source, const char *mark,
			int64_t *alert)
{
	int64_t candidate = INT64_MAX;
	int result = 0;

	*alert = 0;
	while (!result && !*alert && (candidate = marks_find(&db->marks, hash, candidate))) {
		struct statement st = statement_use(db, select_alert);

		bind_int(&st, 1, candidate);
		bind_int(&st, 2, source);
		bind_text(&st, 3, mark);
		result = statement_value(&st, alert);
	}
	return result;
}

int db_find_newest(struct db *db, const char *source, const char *mark, int64_t *alert)
{
	int64_t name, hash;
	struct statement st;
	int result = db_name_find(db, source, &name);

	*alert = 0;
	if (result || !name)
		return result;
	hash = marks_hash(name, mark);
	result = find_unfiled(db, hash, name, mark, alert);
	if (result || *alert)
		return result;
	st = statement_use(db, select_filed);
	bind_int(&st, 1, hash);
	bind_int(&st, 2, name);
	bind_text(&st, 3, mark);
	return statement_value(&st, alert);
}

/* In the worst case each mark is the only new one on its page. */
static int64_t bytes_to_file(const struct db *db)
{
	int64_t all = db->counter[COUNTER_LAST_ALERT] / MARKS_OF_PAGE + 1;

	return LOG_AND_FILE * DB_LOG_PAGE * (all < db->marks.n ? all : db->marks.n);
}

static int file_marks(struct db *db)
{
	struct statement st = statement_use(db, insert_marks);
	int result;

	bind_int(&st, 1, db->counter[COUNTER_FILED]);
	result = statement_run(&st);
	if (result)
		return result;
	db->counter[COUNTER_FILED] = db->counter[COUNTER_LAST_ALERT];
	return db_commit(db);
}

int db_file_marks(struct db *db)
{
	int result;

	if (db->marks.n < MARKS_MOST || db->full || !db_has_room(db, bytes_to_file(db)))
		return 0;
	result = db_begin(db, db->now_ms);
	if (!result)
		result = file_marks(db);
	if (result)
		db_rollback(db);
	else
		marks_done(&db->marks);
	return result;
}
