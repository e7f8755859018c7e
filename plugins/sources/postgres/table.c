/* SPDX-License-Identifier: Apache-2.0 */
/* The table as the catalog describes it. */
#include "postgres.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_table(struct postgres *p)
{
	static const char sql[] =
		"SELECT c.oid::text, c.relkind, EXISTS (SELECT FROM pg_index i"
		" JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
		" WHERE i.indrelid = c.oid AND i.indisunique AND i.indnkeyatts = 1"
		" AND i.indpred IS NULL AND a.attname = $2)"
		" FROM pg_class c WHERE c.oid = to_regclass($1)";
	const char *value[] = {p->table.sql.name, p->config->key};
	PGresult *result;
	int rc = database_query(&p->db, "table", sql, 2, value, &result);
	bool unique;

	if (rc)
		return rc;
	if (PQntuples(result) == 0 || !strchr("rvmfp", *PQgetvalue(result, 0, 1))) {
		rc = database_error(&p->db, -EINVAL,
				    "option 'table': the database %s has no table %s that the "
				    "role can see; name it with its schema, or make the shipped "
				    "one with 'tocsin sql %s | psql'",
				    PQdb(p->db.connection), p->config->table,
				    p->config->queue.table ? "jobs" : "alerts");
	} else {
		snprintf(p->table.oid, sizeof(p->table.oid), "%s", PQgetvalue(result, 0, 0));
		p->table.sql.indexed = *PQgetvalue(result, 0, 2) == 't';
		unique = p->table.sql.indexed || *PQgetvalue(result, 0, 1) != 'r';
		if (!unique && p->config->queue.table)
			rc = database_error(&p->db, -EINVAL,
					    "option 'queue.key': column %s of %s is not unique, "
					    "so that two rows would be one job; name the key",
					    p->config->key, p->config->table);
		else if (!unique)
			p->host->log(p->self, TOCSIN_LOG_WARNING,
				     "column %s of %s is not unique: rows that share a value "
				     "are sent as one alert",
				     p->config->key, p->config->table);
	}
	PQclear(result);
	return rc;
}

static int read_catalog(struct postgres *p, PGresult **catalog)
{
	/* Types without their modifier: a cast to varchar(3) would cut. */
	static const char sql[] =
		"SELECT a.attname, format_type(a.atttypid, -1), t.typcategory,"
		" (CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END) IN"
		" ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype), a.attnotnull"
		" FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
		" WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped";
	const char *value[] = {p->table.oid};

	return database_query(&p->db, "table", sql, 1, value, catalog);
}

static int name_key_and_order(struct postgres *p, const PGresult *catalog)
{
	struct sql_table *sql = &p->table.sql;
	const char *order = p->config->order;
	int column;
	int rc = columns_need(p, catalog, "key", p->config->key, &column);

	if (rc)
		return rc;
	sql->key = sql_quote(p->db.connection, p->config->key);
	sql->key_type = strdup(PQgetvalue(catalog, column, CATALOG_TYPE));
	sql->pending = strdup(p->config->pending);
	if (order && *order && strcmp(order, p->config->key) != 0) {
		rc = columns_need(p, catalog, "order", order, &column);
		if (rc)
			return rc;
		sql->order = sql_quote(p->db.connection, order);
		sql->order_type = strdup(PQgetvalue(catalog, column, CATALOG_TYPE));
		p->table.undated = *PQgetvalue(catalog, column, CATALOG_NOT_NULL) == 'f';
		if (!sql->order || !sql->order_type)
			return database_error(&p->db, -ENOMEM, "out of memory");
	}
	if (!sql->key || !sql->key_type || !sql->pending)
		return database_error(&p->db, -ENOMEM, "out of memory");
	return 0;
}

int table_open(struct postgres *p)
{
	PGresult *catalog = NULL;
	int rc;

	memset(&p->table, 0, sizeof(p->table));
	p->table.sql.name = sql_quote(p->db.connection, p->config->table);
	if (!p->table.sql.name)
		return database_error(&p->db, -ENOMEM, "out of memory");
	rc = find_table(p);
	if (!rc)
		rc = read_catalog(p, &catalog);
	if (!rc)
		rc = name_key_and_order(p, catalog);
	if (!rc)
		rc = columns_map(p, catalog);
	PQclear(catalog);
	if (rc)
		return rc;
	return p->config->queue.table ? rehearse_queue(p) : rehearse(p);
}

void table_close(struct table *table)
{
	free(table->sql.name);
	free(table->sql.key);
	free(table->sql.key_type);
	free(table->sql.order);
	free(table->sql.order_type);
	free(table->sql.pending);
	free(table->columns);
	free(table->too_long);
	free(table->field);
	free(table->settle);
	free(table->recipients);
	memset(table, 0, sizeof(*table));
}

int table_verify(struct postgres *p)
{
	const char *value[] = {p->table.sql.name};
	PGresult *result;
	int rc = database_query(&p->db, "table",
				"SELECT pg_backend_pid()::text, to_regclass($1)::oid::text", 1,
				value, &result);

	if (rc)
		return rc;
	if (strcmp(PQgetvalue(result, 0, 0), p->backend) != 0)
		rc = database_error(&p->db, -ENOTCONN,
				    "the session moved to another process of the "
				    "server: a connection pooler must be in session mode, or the "
				    "lock and the notifications are lost");
	else if (strcmp(PQgetvalue(result, 0, 1), p->table.oid) != 0)
		rc = database_error(&p->db, -ENOTCONN, "table %s was replaced; looking at it anew",
				    p->config->table);
	PQclear(result);
	return rc;
}
