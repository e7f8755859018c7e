/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared statements. Texts that are static constants are prepared once per
 * connection and kept; others are prepared for one use.
 *
 *	struct statement st = statement_use(db, sql);
 *	bind_int(&st, 1, number);
 *	return statement_run(&st);
 *
 * An error stays in the statement, so that only the last call is checked. Bound
 * texts are borrowed until the statement ends; texts of a row until the next row.
 */
#ifndef SQLITE_STATEMENT_H
#define SQLITE_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"

struct statement {
	struct db *db;
	sqlite3_stmt *prepared;
	int error;
	bool once;
};

/* sql: a constant with static storage; its address is the key of the cache. */
struct statement statement_use(struct db *db, const char *sql);
struct statement statement_once(struct db *db, const char *sql);
void bind_int(struct statement *st, int position, int64_t value);
void bind_text(struct statement *st, int position, const char *text); /* NULL is NULL */
/* Binds if the text has that parameter (":name"). */
void bind_named_int(struct statement *st, const char *name, int64_t value);

/* Runs and ends a statement that gives no rows. 0 or a negative errno. */
int statement_run(struct statement *st);
/* As statement_run, and tells how many rows it changed. */
int statement_changes(struct statement *st, int64_t *n);
/* The next row: 1, or 0 after the last, or a negative errno. */
int statement_row(struct statement *st);
/* Ends the statement: 0, or the error that it met, or else result. */
int statement_end(struct statement *st, int result);
/* Runs, reads the first column of the only row (0 when there is none) and ends. */
int statement_value(struct statement *st, int64_t *value);

int64_t column_int(struct statement *st, int column);
/* A number that is 0 ... most wherever this plugin wrote it, so that it can be added to. Another one is
 * damage: 0, and the statement ends with -EIO. */
int64_t column_count(struct statement *st, int column, int64_t most);
const char *column_text(struct statement *st, int column); /* never NULL */
const char *column_text_or_null(struct statement *st, int column); /* NULL is NULL */

#endif
