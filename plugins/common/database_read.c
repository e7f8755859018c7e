/* SPDX-License-Identifier: Apache-2.0 */
/* A reading: begin, the rows one by one, end; each step when the server's answer has come. */
#include "database.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

int64_t database_left_ms(const struct database *db)
{
	int64_t left = db->reading.deadline_ms - database_now_ms();

	return left > 0 ? left : 0;
}

/* The settings of a reading end with it. */
static int send_begin(struct database *db, int64_t timeout)
{
	const struct tocsin_zone *timezone = db->settings.timezone;
	char *name =
		timezone ? PQescapeLiteral(db->connection, timezone->name, strlen(timezone->name))
			 : NULL;
	char begin[640];

	if (timezone && !name)
		return database_error(db, -ENOMEM, "out of memory");
	/* A server that can looks now and then whether we are still there, and else stops. */
	snprintf(begin, sizeof(begin),
		 "BEGIN READ ONLY; SET LOCAL statement_timeout = %lld;"
		 " SET LOCAL lock_timeout = '10s'; SET LOCAL DateStyle = 'ISO';"
		 " SET LOCAL idle_in_transaction_session_timeout = '30s'%s%s%s",
		 (long long)timeout,
		 PQserverVersion(db->connection) >= 140000
			 ? "; SET LOCAL client_connection_check_interval = '2s'"
			 : "",
		 name ? "; SET LOCAL TimeZone = " : "", name ? name : "");
	PQfreemem(name);
	return PQsendQuery(db->connection, begin)
		       ? 0
		       : database_lost(db, PQerrorMessage(db->connection));
}

int database_start(struct database *db, const struct database_read *read)
{
	int64_t timeout = read->timeout_ms > 0 ? read->timeout_ms : db->settings.timeout_ms;
	int rc;

	if (!db->connection || db->lost)
		return database_error(db, -ENOTCONN, "connection to the database lost");
	db->reading = (struct database_reading){
		.option = read->option,
		.sql = read->sql,
		.value = read->value,
		.n_values = read->n_values,
		.most = read->most,
		.deadline_ms = database_now_ms() + timeout + DATABASE_GRACE_MS,
	};
	rc = send_begin(db, timeout);
	if (!rc)
		db->reading.stage = DATABASE_BEGIN;
	return rc;
}

/* Adds the one row of a result to those before. */
static int collect(struct database *db, const PGresult *result)
{
	struct database_reading *r = &db->reading;
	int row, columns = PQnfields(result);

	if (!r->rows)
		r->rows = PQcopyResult(result, PG_COPYRES_ATTRS);
	if (!r->rows)
		return database_error(db, -ENOMEM, "out of memory");
	if (PQntuples(result) == 0)
		return 0;
	row = PQntuples(r->rows);
	if ((size_t)row == r->most) {
		r->more = true;
		return 0;
	}
	for (int i = 0; i < columns; i++) {
		bool null = PQgetisnull(result, 0, i);

		if (!PQsetvalue(r->rows, row, i, null ? NULL : PQgetvalue(result, 0, i),
				null ? -1 : PQgetlength(result, 0, i)))
			return database_error(db, -ENOMEM, "out of memory");
	}
	return 0;
}

/* What has come of a stage. The first error is the one that counts. */
static void note_result(struct database *db, const PGresult *result)
{
	struct database_reading *r = &db->reading;
	int error = 0;

	if (database_failed(result))
		error = r->error
				? 0
				: database_explain(db, r->stage == DATABASE_ROWS ? r->option : NULL,
						   result);
	else if (r->stage == DATABASE_ROWS && !r->error)
		error = collect(db, result);
	if (error)
		r->error = error;
}

/* A stage is complete: says the next thing. */
static int next_stage(struct database *db)
{
	struct database_reading *r = &db->reading;
	PGconn *c = db->connection;
	int sent = 1;

	if (r->stage == DATABASE_BEGIN && !r->error) {
		r->stage = DATABASE_ROWS;
		sent = PQsendQueryParams(c, r->sql, r->n_values, NULL, r->value, NULL, NULL, 0) &&
		       PQsetSingleRowMode(c);
	} else if (r->stage != DATABASE_END) {
		r->stage = DATABASE_END;
		sent = PQsendQuery(c, "COMMIT");
	} else {
		r->stage = DATABASE_IDLE;
	}
	return sent ? 0 : database_lost(db, PQerrorMessage(c));
}

/* Goes on as far as what has arrived allows. */
static int advance(struct database *db)
{
	struct database_reading *r = &db->reading;
	PGresult *result;
	int rc = 0;

	if (!PQconsumeInput(db->connection))
		return database_lost(db, PQerrorMessage(db->connection));
	while (!rc && r->stage != DATABASE_IDLE && !r->more) {
		if (PQisBusy(db->connection))
			return database_left_ms(db) > 0
				       ? -EINPROGRESS
				       : database_lost(db, "the server does not answer");
		result = PQgetResult(db->connection);
		if (result)
			note_result(db, result);
		else
			rc = next_stage(db);
		PQclear(result);
		if (db->lost)
			return -ENOTCONN;
	}
	return rc ? rc : r->error;
}

int database_take(struct database *db, PGresult **rows, bool *more)
{
	struct database_reading *r = &db->reading;
	int rc = advance(db);

	if (rc == -EINPROGRESS)
		return rc;
	if (more)
		*more = r->more;
	*rows = rc ? NULL : r->rows;
	if (!rc)
		r->rows = NULL;
	/* What else the server sends is for nobody: it ends when the connection does. */
	if (rc == -ENOTCONN || r->more)
		database_close(db);
	PQclear(r->rows);
	memset(r, 0, sizeof(*r));
	return rc;
}

int database_read(struct database *db, const struct database_read *read, PGresult **rows,
		  bool *more)
{
	int rc = database_start(db, read);

	*rows = NULL;
	if (rc)
		return rc;
	while ((rc = database_take(db, rows, more)) == -EINPROGRESS) {
		struct pollfd fd = {.fd = PQsocket(db->connection), .events = POLLIN};

		poll(&fd, 1, (int)database_left_ms(db));
	}
	return rc;
}
