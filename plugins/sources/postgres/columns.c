/* SPDX-License-Identifier: Apache-2.0 */
/* Which column becomes what: from the configuration, else as in the shipped table. */
#include "postgres.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What the shipped table has; used when the table at hand has it too. */
#define SITE "site_url"
#define FLAG "email_sent"

int columns_find(const PGresult *catalog, const char *name)
{
	for (int i = 0; i < PQntuples(catalog); i++)
		if (strcmp(PQgetvalue(catalog, i, CATALOG_NAME), name) == 0)
			return i;
	return -1;
}

int columns_need(struct postgres *p, const PGresult *catalog, const char *option, const char *name,
		 int *column)
{
	*column = columns_find(catalog, name);
	if (*column >= 0)
		return 0;
	for (int i = 0; i < PQntuples(catalog); i++)
		if (strcasecmp(PQgetvalue(catalog, i, CATALOG_NAME), name) == 0)
			return database_error(&p->db, -EINVAL,
					      "option '%s': table %s has no column "
					      "'%s'; did you mean '%s'?",
					      option, p->config->table, name,
					      PQgetvalue(catalog, i, CATALOG_NAME));
	return database_error(&p->db, -EINVAL,
			      "option '%s': table %s has no column '%s'; name one of "
			      "its columns%s",
			      option, p->config->table, name,
			      strcmp(option, "order") ? "" : ", or \"\" to read by key alone");
}

/* COLUMN_KEY, COLUMN_ORDER and COLUMN_STARTS, in milliseconds. */
static char *first_columns(const struct sql_table *sql, bool is_time)
{
	const char *order = sql->order ? sql->order : sql->key;

	if (!is_time)
		return sql_format("%s::text, %s::text, NULL", sql->key, order);
	/* 'infinity' is a timestamp too, and has no milliseconds. */
	return sql_format("%s::text, %s::text, CASE WHEN isfinite(%s) THEN"
			  " (extract(epoch FROM %s) * 1000)::bigint END",
			  sql->key, order, order, order);
}

/*
 * Of a job nothing may be missing: with this expression a claim tells which column was too long. Beside
 * the annotations nobody would notice a label that was cut, either.
 */
static int add_limit(struct postgres *p, const char *name, const char *expression, int most)
{
	char *literal = PQescapeLiteral(p->db.connection, name, strlen(name)), *too_long = NULL;

	if (literal)
		too_long =
			sql_format("%s, CASE WHEN char_length(%s) > %d THEN %s || ' has ' ||"
				   " char_length(%s) || ' characters, most is %d; let the program"
				   " read it by its key' END",
				   p->table.too_long, expression, most, literal, expression, most);
	PQfreemem(literal);
	free(p->table.too_long);
	p->table.too_long = too_long;
	return too_long ? 0 : database_error(&p->db, -ENOMEM, "out of memory");
}

/*
 * How much of a column is read. A character has at most four bytes, and all
 * together must stay below what an alert takes: a row is cut rather than left.
 */
static int characters(const struct config *config, enum role role)
{
	int labels = (int)config->label_columns.n, annotations = (int)config->annotation_columns.n;

	if (role == ROLE_ANNOTATION)
		return annotations > 2 ? 32000 / annotations : 16000;
	if (role == ROLE_RECIPIENT)
		return 65536;
	return labels > 8 ? 8000 / labels : 1000;
}

static int add_field(struct postgres *p, const PGresult *catalog, int column, enum role role,
		     const char *name)
{
	int most = characters(p->config, role);
	bool array = *PQgetvalue(catalog, column, CATALOG_CATEGORY) == 'A';
	char *quoted = sql_quote(p->db.connection, PQgetvalue(catalog, column, CATALOG_NAME));
	char *expression = NULL, *columns = NULL;
	int rc = 0;

	if (quoted)
		expression = array ? sql_format("array_to_string(%s, ',')", quoted)
				   : sql_format("%s::text", quoted);
	if (expression)
		columns = sql_format("%s, left(%s, %d)", p->table.columns, expression, most);
	if (columns && p->config->queue.table && (role == ROLE_LABEL || role == ROLE_ANNOTATION))
		rc = add_limit(p, PQgetvalue(catalog, column, CATALOG_NAME), expression, most);
	free(expression);
	free(quoted);
	if (!columns || rc) {
		free(columns);
		return database_error(&p->db, -ENOMEM, "out of memory");
	}
	free(p->table.columns);
	p->table.columns = columns;
	p->table.field[p->table.n_fields++] = (struct field){.role = role, .name = name};
	return 0;
}

/* A column named in the configuration, or else the preset one if the table has it. */
static int map_column(struct postgres *p, const PGresult *catalog, const char *option,
		      enum role role, const char *name, const char *column, const char *preset)
{
	int number, rc = 0;

	if (column && *column)
		rc = columns_need(p, catalog, option, column, &number);
	else
		number = !column && preset ? columns_find(catalog, preset) : -1;
	return rc || number < 0 ? rc : add_field(p, catalog, number, role, name);
}

static int map_columns(struct postgres *p, const PGresult *catalog, const char *option,
		       enum role role, const struct tocsin_map *map,
		       const struct tocsin_pair *preset)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < map->n; i++)
		rc = map_column(p, catalog, option, role, map->pair[i].name, map->pair[i].value,
				NULL);
	if (map->n == 0)
		rc = map_column(p, catalog, option, role, preset->name, NULL, preset->value);
	return rc;
}

static int map_all(struct postgres *p, const PGresult *catalog)
{
	static const struct tocsin_pair site = {"site", SITE}, summary = {"summary", "message"};
	static const struct tocsin_pair kind = {"kind", "kind"}, payload = {"payload", "payload"};
	bool queue = p->config->queue.table != NULL;
	const struct config *config = p->config;
	size_t most = config->label_columns.n + config->annotation_columns.n + 7;
	int order = p->table.sql.order ? columns_find(catalog, config->order) : -1;
	bool is_time = order >= 0 && *PQgetvalue(catalog, order, CATALOG_IS_TIME) == 't';
	int rc;

	p->table.field = calloc(most, sizeof(*p->table.field));
	p->table.columns = first_columns(&p->table.sql, is_time);
	p->table.too_long = strdup("NULL::text");
	if (!p->table.field || !p->table.columns || !p->table.too_long)
		return database_error(&p->db, -ENOMEM, "out of memory");
	rc = map_columns(p, catalog, "label_columns", ROLE_LABEL, &config->label_columns,
			 queue ? &kind : &site);
	if (!rc && queue && config->label_columns.n == 0)
		rc = map_column(p, catalog, "queue.per_key", ROLE_LABEL, "user",
				config->queue.per_key, "user_id");
	if (!rc)
		rc = map_columns(p, catalog, "annotation_columns", ROLE_ANNOTATION,
				 &config->annotation_columns, queue ? &payload : &summary);
	if (!rc)
		rc = map_column(p, catalog, "severity_column", ROLE_SEVERITY, NULL,
				config->severity_column, "severity");
	if (!rc)
		rc = map_column(p, catalog, "link_column", ROLE_LINK, NULL, config->link_column,
				NULL);
	if (!rc)
		rc = map_column(p, catalog, "recipient_column", ROLE_RECIPIENT, NULL,
				config->recipient_column, NULL);
	return rc;
}

/* Without any word on recipients, the shipped table of recipients is used where it stands
 * beside the table of alerts. */
static int preset_recipients(struct postgres *p, const PGresult *catalog)
{
	static const char sql[] =
		"SELECT quote_ident(n.nspname) FROM pg_class t JOIN pg_class r"
		" ON r.relnamespace = t.relnamespace AND r.relname = 'alert_recipients'"
		" JOIN pg_namespace n ON n.oid = t.relnamespace WHERE t.oid = $1::oid"
		" AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = r.oid"
		" AND a.attname IN ('" SITE "', 'email') AND NOT a.attisdropped) = 2";
	const char *value[] = {p->table.oid};
	PGresult *result;
	int rc, column = columns_find(catalog, SITE);

	if (column < 0)
		return 0;
	rc = database_query(&p->db, NULL, sql, 1, value, &result);
	if (rc)
		return rc;
	if (PQntuples(result) == 1) {
		p->table.recipients = sql_format("SELECT email FROM %s.alert_recipients"
						 " WHERE " SITE " = $1 ORDER BY email",
						 PQgetvalue(result, 0, 0));
		rc = p->table.recipients ? add_field(p, catalog, column, ROLE_RECIPIENTS_BY, NULL)
					 : database_error(&p->db, -ENOMEM, "out of memory");
	}
	PQclear(result);
	return rc;
}

static int choose_recipients(struct postgres *p, const PGresult *catalog)
{
	const struct config *config = p->config;

	if (config->recipient_column && *config->recipient_column)
		return 0;
	if (!config->recipients)
		return preset_recipients(p, catalog);
	if (!*config->recipients)
		return 0;
	p->table.recipients = strdup(config->recipients);
	if (!p->table.recipients)
		return database_error(&p->db, -ENOMEM, "out of memory");
	return map_column(p, catalog, "recipients_by", ROLE_RECIPIENTS_BY, NULL,
			  config->recipients_by, NULL);
}

static int choose_settle(struct postgres *p, const PGresult *catalog)
{
	const char *settle = p->config->settle;

	p->table.settle_many = !settle || !*settle;
	if (!p->table.settle_many) {
		p->table.settle = strdup(settle);
	} else if (columns_find(catalog, FLAG) < 0) {
		return database_error(&p->db, -EINVAL,
				      "option 'settle': table %s has no column "
				      "'" FLAG "'; write the statement that marks the row with "
				      "the key $1 as sent",
				      p->config->table);
	} else {
		char *flag = sql_quote(p->db.connection, FLAG);

		p->table.settle = flag ? sql_settle(&p->table.sql, flag) : NULL;
		free(flag);
	}
	return p->table.settle ? 0 : database_error(&p->db, -ENOMEM, "out of memory");
}

int columns_map(struct postgres *p, const PGresult *catalog)
{
	int rc = map_all(p, catalog);

	if (rc || p->config->queue.table)
		return rc ? rc : queue_table(p, catalog);
	rc = choose_recipients(p, catalog);
	return rc ? rc : choose_settle(p, catalog);
}
