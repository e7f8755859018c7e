/* SPDX-License-Identifier: Apache-2.0 */
/* The table as a queue needs it: which columns there are, and the statements over them. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

static void names_done(struct queue_names *names)
{
	char **text = (char **)names;

	for (size_t i = 0; i < sizeof(*names) / sizeof(*text); i++)
		free(text[i]);
}

/* A column of the section: its name there, where it goes, what it is called in the shipped table. */
struct wanted {
	const char *option, *name, *preset;
	char **into;
	bool needed;
};

static int find(struct postgres *p, const PGresult *catalog, const struct wanted *wanted)
{
	const char *name = wanted->name ? wanted->name : wanted->preset;
	char option[64];
	int column, rc;

	if (!*name || (!wanted->needed && !wanted->name && columns_find(catalog, name) < 0))
		return 0;
	snprintf(option, sizeof(option), "queue.columns.%s", wanted->option);
	rc = columns_need(p, catalog, option, name, &column);
	if (rc)
		return rc;
	*wanted->into = sql_quote(p->db.connection, name);
	return *wanted->into ? 0 : database_error(&p->db, -ENOMEM, "out of memory");
}

static int find_columns(struct postgres *p, const PGresult *catalog, struct queue_names *q)
{
	const struct queue_config *config = &p->config->queue;
	const struct queue_columns *c = &config->columns;
	const struct wanted all[] = {
		{"status", c->status, "status", &q->status, true},
		{"scheduled_at", c->scheduled_at, "scheduled_at", &q->scheduled_at, true},
		{"attempts", c->attempts, "attempts", &q->attempts, true},
		{"token", c->token, "claim_token", &q->token, true},
		{"lease_until", c->lease_until, "lease_until", &q->lease_until, true},
		{"owner", c->owner, "claimed_by", &q->owner, false},
		{"max_attempts", c->max_attempts, "max_attempts", &q->max_attempts, false},
		{"started_at", c->started_at, "started_at", &q->started_at, false},
		{"completed_at", c->completed_at, "completed_at", &q->completed_at, false},
		{"duration_ms", c->duration_ms, "duration_ms", &q->duration_ms, false},
		{"last_error", c->last_error, "last_error", &q->last_error, false},
		{"output", c->output, "output", &q->output, false},
		{"per_key", config->per_key, "user_id", &q->per_key, false},
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < TOCSIN_COUNT(all); i++)
		rc = find(p, catalog, &all[i]);
	return rc;
}

/* A value of a column: the type matters where it stands alone, as in a CASE. */
static char *literal(struct postgres *p, const char *value, const char *type)
{
	char *quoted = PQescapeLiteral(p->db.connection, value, strlen(value));
	char *text = quoted ? sql_format("%s::%s", quoted, type) : NULL;

	PQfreemem(quoted);
	return text;
}

static const char *type_of(const PGresult *catalog, const char *name)
{
	return PQgetvalue(catalog, columns_find(catalog, name), CATALOG_TYPE);
}

static int find_values(struct postgres *p, const PGresult *catalog, struct queue_names *q)
{
	const struct queue_config *config = &p->config->queue;
	const struct queue_columns *c = &config->columns;
	const char *status = type_of(catalog, c->status ? c->status : "status");

	q->token_type = strdup(type_of(catalog, c->token ? c->token : "claim_token"));
	q->pending = literal(p, config->values.pending, status);
	q->processing = literal(p, config->values.processing, status);
	q->completed = literal(p, config->values.completed, status);
	q->failed = literal(p, config->values.failed, status);
	if (!q->token_type || !q->pending || !q->processing || !q->completed || !q->failed)
		return database_error(&p->db, -ENOMEM, "out of memory");
	if (strcmp(q->token_type, "uuid") != 0 && strcmp(q->token_type, "text") != 0)
		return database_error(&p->db, -EINVAL,
				      "option 'queue.columns.token': the column must be of type "
				      "uuid or text, not %s",
				      q->token_type);
	q->due = config->condition && *config->condition
			 ? sql_format("%s = %s AND %s <= now() AND (%s\n)", q->status, q->pending,
				      q->scheduled_at, config->condition)
			 : sql_format("%s = %s AND %s <= now()", q->status, q->pending,
				      q->scheduled_at);
	return q->due ? 0 : database_error(&p->db, -ENOMEM, "out of memory");
}

/* The log of executions: a table that is named must be there, the shipped one may. */
static int find_log(struct postgres *p, struct queue_names *q)
{
	const char *name = p->config->queue.log_table;
	char *quoted = sql_quote(p->db.connection, name ? name : "job_log");
	const char *value[] = {quoted};
	PGresult *result = NULL;
	int rc;

	if (!quoted)
		return database_error(&p->db, -ENOMEM, "out of memory");
	if (name && !*name) {
		free(quoted);
		return 0;
	}
	rc = database_query(&p->db, "queue.log_table", "SELECT to_regclass($1) IS NOT NULL", 1,
			    value, &result);
	if (!rc && *PQgetvalue(result, 0, 0) == 't') {
		q->log = quoted;
		quoted = NULL;
	} else if (!rc && name) {
		rc = database_error(&p->db, -EINVAL,
				    "option 'queue.log_table': there is no table %s; make it with "
				    "'tocsin sql jobs', or write \"\" for none",
				    name);
	}
	PQclear(result);
	free(quoted);
	return rc;
}

static int write_statements(struct postgres *p, const struct queue_names *names)
{
	struct queue *queue = &p->queue;
	const struct queue_config *config = &p->config->queue;

	queue->claim = queue_sql_claim(names, config);
	queue->renew = queue_sql_renew(names);
	queue->recover = queue_sql_recover(names, config);
	queue->finish = queue_sql_finish(names, config);
	queue->finish_bare = queue_sql_finish_bare(names, config);
	if (!queue->claim || !queue->renew || !queue->recover || !queue->finish ||
	    !queue->finish_bare)
		return database_error(&p->db, -ENOMEM, "out of memory");
	return 0;
}

int queue_table(struct postgres *p, const PGresult *catalog)
{
	struct queue_names names = {0};
	int rc = find_columns(p, catalog, &names);

	if (!rc)
		rc = find_values(p, catalog, &names);
	if (!rc)
		rc = find_log(p, &names);
	if (!rc) {
		names.table = strdup(p->table.sql.name);
		names.key = strdup(p->table.sql.key);
		names.key_type = strdup(p->table.sql.key_type);
		names.columns = strdup(p->table.columns);
		names.too_long = sql_format("coalesce(%s)", p->table.too_long);
		if (!names.table || !names.key || !names.key_type || !names.columns ||
		    !names.too_long)
			rc = database_error(&p->db, -ENOMEM, "out of memory");
	}
	if (!rc)
		rc = write_statements(p, &names);
	names_done(&names);
	return rc;
}

void queue_table_close(struct queue *queue)
{
	free(queue->claim);
	free(queue->renew);
	free(queue->recover);
	free(queue->finish);
	free(queue->finish_bare);
	queue->claim = queue->renew = queue->recover = NULL;
	queue->finish = queue->finish_bare = NULL;
}
