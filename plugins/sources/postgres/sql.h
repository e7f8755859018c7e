/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of the statements, made from names that are already quoted. Pure: no
 * server is needed, nothing is kept. Every char * returned is for the caller to
 * free(), NULL when memory is short.
 */
#ifndef POSTGRES_SQL_H
#define POSTGRES_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

/* A table as its statements need it. pending is the user's text, the rest is quoted. */
struct sql_table {
	char *name;
	char *key, *key_type;
	char *order, *order_type; /* NULL: rows are read in order of the key alone */
	char *pending;
	bool indexed; /* the key has an index of its own */
};

/* Rows that have a value in the order column come first, then those where it is NULL. */
enum sql_phase { SQL_DATED, SQL_UNDATED };

/* A name: a letter or _, then letters, digits, _ and $; 63 bytes at most. */
bool sql_is_name(const char *text);
/* One or two names with a dot between: table or schema.table. */
bool sql_is_table_name(const char *text);
/* A table name, each part in quotes. The connection knows the encoding; it need not be alive. */
char *sql_quote(PGconn *db, const char *name);

/*
 * One page of pending rows, oldest first. With after, only those behind a
 * position: $1 is its order value and $2 its key, or $1 its key where rows are
 * read by key alone (SQL_UNDATED, or no order column).
 */
char *sql_page(const struct sql_table *table, const char *columns, enum sql_phase phase, bool after,
	       int64_t limit);
/* How many rows are pending, and how many of them have a key. */
char *sql_count(const struct sql_table *table);
/* Sets the flag column of the rows whose keys are in the array $1. */
char *sql_settle(const struct sql_table *table, const char *flag);
/* The keys of the array $1 whose rows are (still) pending. */
char *sql_still_pending(const struct sql_table *table);
/* An array in the form that PostgreSQL reads: {"a","b\"c"}. */
char *sql_array(const char *const *value, size_t n);
/* As asprintf, but returning the text. */
char *sql_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
