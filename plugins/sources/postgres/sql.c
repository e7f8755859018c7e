/* SPDX-License-Identifier: Apache-2.0 */
#include "sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NAMEDATALEN - 1 of the server: what is longer would be cut silently. */
#define NAME_BYTES 63

static bool is_letter(char c)
{
	/* Not isalpha(): what counts as a letter must not depend on the locale. */
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(const char *text, size_t length)
{
	if (length == 0 || length > NAME_BYTES || !is_letter(text[0]))
		return false;
	for (size_t i = 1; i < length; i++) {
		char c = text[i];

		if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '$')
			return false;
	}
	return true;
}

bool sql_is_name(const char *text)
{
	return is_name(text, strlen(text));
}

bool sql_is_table_name(const char *text)
{
	const char *dot = strchr(text, '.');

	if (!dot)
		return sql_is_name(text);
	return is_name(text, (size_t)(dot - text)) && sql_is_name(dot + 1);
}

char *sql_format(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return text;
}

char *sql_quote(PGconn *db, const char *name)
{
	const char *dot = strchr(name, '.');
	char *schema = NULL, *table, *quoted = NULL;

	if (!dot)
		dot = name;
	else if (!(schema = PQescapeIdentifier(db, name, (size_t)(dot++ - name))))
		return NULL;
	table = PQescapeIdentifier(db, dot, strlen(dot));
	if (table)
		quoted = sql_format("%s%s%s", schema ? schema : "", schema ? "." : "", table);
	PQfreemem(table);
	PQfreemem(schema);
	return quoted;
}

/* The condition that lets through what comes after a position, "" from the start. */
static char *after_position(const struct sql_table *table, enum sql_phase phase, bool after)
{
	if (!after)
		return strdup("");
	if (phase == SQL_DATED && table->order)
		return sql_format(" AND (%s, %s) > ($1::%s, $2::%s)", table->order, table->key,
				  table->order_type, table->key_type);
	return sql_format(" AND %s > $1::%s", table->key, table->key_type);
}

char *sql_page(const struct sql_table *table, const char *columns, enum sql_phase phase, bool after,
	       int64_t limit)
{
	const char *dated = phase == SQL_DATED ? "IS NOT NULL" : "IS NULL";
	char *position = after_position(table, phase, after);
	char *filter = NULL, *order = NULL, *text = NULL;

	/* In ORDER BY a bare name would mean the selected column of that name, which is text: "10"
	 * before "9". With the table's name before it, it is the table's own. */
	if (table->order) {
		filter = sql_format(" AND %s %s", table->order, dated);
		order = sql_format("%s.%s, ", table->name, table->order);
	} else {
		filter = strdup("");
		order = strdup("");
	}
	/* The line break ends a comment at the end of the user's condition. */
	if (position && filter && order)
		text = sql_format("SELECT %s FROM %s WHERE (%s\n) AND %s IS NOT NULL%s%s"
				  " ORDER BY %s%s.%s LIMIT %lld",
				  columns, table->name, table->pending, table->key, filter,
				  position, order, table->name, table->key, (long long)limit);
	free(order);
	free(filter);
	free(position);
	return text;
}

char *sql_count(const struct sql_table *table)
{
	return sql_format("SELECT count(*), count(%s) FROM %s WHERE (%s\n)", table->key,
			  table->name, table->pending);
}

/* Rows whose keys are in the array $1. The planner that sees many keys reads a table of some thousand
 * rows whole, for each array anew. One that does not see them takes the index, if there is one; without
 * it, it must see them, or compares each row with each of them. */
static char *in_keys(const struct sql_table *table)
{
	return sql_format(table->indexed ? "%s = ANY((SELECT $1)::%s[])" : "%s = ANY($1::%s[])",
			  table->key, table->key_type);
}

char *sql_settle(const struct sql_table *table, const char *flag)
{
	/* Rows that are settled already are left alone: a repeated settlement writes nothing. */
	char *rows = in_keys(table);
	char *text = rows ? sql_format("UPDATE %s SET %s = true WHERE %s AND %s IS NOT TRUE",
				       table->name, flag, rows, flag)
			  : NULL;

	free(rows);
	return text;
}

char *sql_still_pending(const struct sql_table *table)
{
	char *rows = in_keys(table);
	char *text = rows ? sql_format("SELECT %s::text FROM %s WHERE %s AND (%s\n) LIMIT 3",
				       table->key, table->name, rows, table->pending)
			  : NULL;

	free(rows);
	return text;
}

char *sql_array(const char *const *value, size_t n)
{
	size_t size = 3;
	char *text, *end;

	for (size_t i = 0; i < n; i++)
		size += 2 * strlen(value[i]) + 3;
	text = malloc(size);
	if (!text)
		return NULL;
	end = text;
	*end++ = '{';
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			*end++ = ',';
		*end++ = '"';
		for (const char *c = value[i]; *c; c++) {
			if (*c == '"' || *c == '\\')
				*end++ = '\\';
			*end++ = *c;
		}
		*end++ = '"';
	}
	*end++ = '}';
	*end = '\0';
	return text;
}
