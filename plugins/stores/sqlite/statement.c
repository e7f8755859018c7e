/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>

#include "statement.h"

static size_t slot_of(const struct db *db, const char *sql)
{
	size_t slot = (size_t)(((uint64_t)(uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

	for (slot %= DB_STATEMENTS; db->statement[slot].sql; slot = (slot + 1) % DB_STATEMENTS) {
		if (db->statement[slot].sql == sql)
			break;
	}
	return slot;
}

struct statement statement_use(struct db *db, const char *sql)
{
	struct statement st = {.db = db, .error = db->spoiled};
	size_t slot = slot_of(db, sql);
	int result;

	if (st.error)
		return st;
	if (!db->statement[slot].prepared) {
		result = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
					    &db->statement[slot].prepared, NULL);
		if (result != SQLITE_OK) {
			st.error = db_fail(db, result);
			return st;
		}
		db->statement[slot].sql = sql;
	}
	st.prepared = db->statement[slot].prepared;
	/* A statement in use twice would lose its place: a mistake of this plugin. */
	assert(!sqlite3_stmt_busy(st.prepared));
	return st;
}

struct statement statement_once(struct db *db, const char *sql)
{
	struct statement st = {.db = db, .error = db->spoiled, .once = true};
	int result;

	if (st.error)
		return st;
	result = sqlite3_prepare_v3(db->handle, sql, -1, 0, &st.prepared, NULL);
	if (result != SQLITE_OK)
		st.error = db_fail(db, result);
	return st;
}

static void check(struct statement *st, int result)
{
	if (result != SQLITE_OK && !st->error)
		st->error = db_fail(st->db, result);
}

void bind_int(struct statement *st, int position, int64_t value)
{
	if (!st->error)
		check(st, sqlite3_bind_int64(st->prepared, position, value));
}

void bind_text(struct statement *st, int position, const char *text)
{
	if (!st->error)
		check(st, sqlite3_bind_text(st->prepared, position, text, -1, SQLITE_STATIC));
}

void bind_named_int(struct statement *st, const char *name, int64_t value)
{
	int position = st->error ? 0 : sqlite3_bind_parameter_index(st->prepared, name);

	if (position > 0)
		bind_int(st, position, value);
}

int statement_row(struct statement *st)
{
	int result;

	if (st->error)
		return st->error;
	result = sqlite3_step(st->prepared);
	if (result == SQLITE_ROW)
		return 1;
	if (result != SQLITE_DONE)
		st->error = db_fail(st->db, result);
	return st->error;
}

int statement_end(struct statement *st, int result)
{
	/* The reset repeats the error of the step, which was dealt with there. */
	if (st->once) {
		(void)sqlite3_finalize(st->prepared);
	} else if (st->prepared) {
		(void)sqlite3_reset(st->prepared);
		(void)sqlite3_clear_bindings(st->prepared);
	}
	st->prepared = NULL;
	return st->error ? st->error : result;
}

int statement_run(struct statement *st)
{
	int row = statement_row(st);

	return statement_end(st, row < 0 ? row : 0);
}

int statement_changes(struct statement *st, int64_t *n)
{
	struct db *db = st->db;
	int result = statement_run(st);

	*n = result ? 0 : sqlite3_changes64(db->handle);
	return result;
}

int statement_value(struct statement *st, int64_t *value)
{
	int row = statement_row(st);

	*value = row == 1 ? column_int(st, 0) : 0;
	return statement_end(st, row < 0 ? row : 0);
}

int64_t column_int(struct statement *st, int column)
{
	return sqlite3_column_int64(st->prepared, column);
}

int64_t column_count(struct statement *st, int column, int64_t most)
{
	int64_t value = column_int(st, column);

	if (value >= 0 && value <= most)
		return value;
	if (!st->error)
		st->error = db_damaged(st->db, "it holds a number that was never written");
	return 0;
}

const char *column_text(struct statement *st, int column)
{
	const unsigned char *text;

	if (sqlite3_column_type(st->prepared, column) == SQLITE_NULL)
		return "";
	text = sqlite3_column_text(st->prepared, column);
	if (!text) {
		check(st, SQLITE_NOMEM);
		return "";
	}
	return (const char *)text;
}

const char *column_text_or_null(struct statement *st, int column)
{
	return sqlite3_column_type(st->prepared, column) == SQLITE_NULL ? NULL
									: column_text(st, column);
}
