/* SPDX-License-Identifier: Apache-2.0 */
/* Columns with times: how they are asked for, and what they say. */
#include "database.h"

#include <stdlib.h>

void database_put_name(FILE *out, const char *name)
{
	fputc('"', out);
	for (; *name; name++) {
		if (*name == '"')
			fputc('"', out);
		fputc(*name, out);
	}
	fputc('"', out);
}

void database_put_column(FILE *out, const char *table, const char *column)
{
	fprintf(out, "%s.", table);
	database_put_name(out, column);
}

/* A timestamp without a zone has milliseconds since 1970 only in some zone: in that of the reading. */
static void put_instant(FILE *out, const char *table, const char *column)
{
	database_put_column(out, table, column);
	fputs("::timestamptz", out);
}

void database_put_time(FILE *out, const char *table, const char *column)
{
	/* 'infinity' is a timestamp too, and has no milliseconds. */
	fputs("CASE WHEN isfinite(", out);
	put_instant(out, table, column);
	fputs(") THEN floor(extract(epoch FROM ", out);
	put_instant(out, table, column);
	fputs(") * 1000)::bigint::text ELSE ", out);
	database_put_column(out, table, column);
	fputs("::text END", out);
}

enum database_time database_time(const PGresult *rows, int row, int column, int64_t *ms)
{
	const char *text = PQgetvalue(rows, row, column);
	char *end;

	*ms = strtoll(text, &end, 10);
	if (PQgetisnull(rows, row, column))
		return DATABASE_NO_TIME;
	return *text && *end == '\0' ? DATABASE_TIME : DATABASE_INFINITE;
}
