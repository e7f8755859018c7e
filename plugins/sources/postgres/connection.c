/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is said to the server goes through here. */
#include "postgres.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* A server that outlives its own statement_timeout by this is gone. */
#define GRACE_MS 10000

int connection_error(struct postgres *p, int error, const char *format, ...)
{
	va_list args;
	char *c = p->why;

	va_start(args, format);
	vsnprintf(p->why, sizeof(p->why), format, args);
	va_end(args);
	/* libpq ends its sentences with a line break and puts one into long ones. */
	for (size_t i = 0; p->why[i]; i++) {
		bool blank = p->why[i] == '\n' || p->why[i] == '\t' || p->why[i] == ' ';

		if (!blank)
			*c++ = p->why[i];
		else if (c > p->why && c[-1] != ' ')
			*c++ = ' ';
	}
	while (c > p->why && c[-1] == ' ')
		c--;
	*c = '\0';
	return error;
}

int connection_lost(struct postgres *p, const char *why)
{
	p->lost = true;
	return connection_error(p, -ENOTCONN, "connection to the database lost: %s", why);
}

/* Waits until a result is complete, but never for ever on a server that says nothing. */
static int await_result(struct postgres *p, int64_t deadline_ms)
{
	while (PQisBusy(p->db)) {
		struct pollfd fd = {.fd = PQsocket(p->db), .events = POLLIN};
		int64_t left = deadline_ms - session_now_ms();

		if (left <= 0)
			return connection_lost(p, "the server does not answer");
		if (poll(&fd, 1, (int)left) > 0 && !PQconsumeInput(p->db))
			return connection_lost(p, PQerrorMessage(p->db));
	}
	return 0;
}

/* Turns a failed result into errno and sentence. */
static int explain(struct postgres *p, const char *option, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	int error = sql_errno(state);

	if (!message)
		message = PQresultErrorMessage(result);
	if (PQstatus(p->db) == CONNECTION_BAD || error == -ENOTCONN)
		return connection_lost(p, message);
	if (!option)
		return connection_error(p, error, "%s (SQLSTATE %s); %s", message, state,
					sql_advice(state));
	return connection_error(p, error, "option '%s': %s (SQLSTATE %s); %s", option, message,
				state, sql_advice(state));
}

int connection_query(struct postgres *p, const char *option, const char *sql, int n,
		     const char *const *value, PGresult **result)
{
	int64_t deadline = session_now_ms() + p->config->statement_timeout + GRACE_MS;
	PGresult *last = NULL, *next;
	int rc = 0;

	if (!sql)
		return connection_error(p, -ENOMEM, "out of memory");
	if (p->lost)
		return connection_error(p, -ENOTCONN, "connection to the database lost");
	/* The extended protocol takes one statement only: nothing can be slipped in. */
	if (!PQsendQueryParams(p->db, sql, n, NULL, value, NULL, NULL, 0))
		return connection_lost(p, PQerrorMessage(p->db));
	while (!(rc = await_result(p, deadline)) && (next = PQgetResult(p->db))) {
		PQclear(last);
		last = next;
	}
	if (!rc && PQresultStatus(last) != PGRES_COMMAND_OK &&
	    PQresultStatus(last) != PGRES_TUPLES_OK)
		rc = explain(p, option, last);
	if (!rc && result)
		*result = last;
	else
		PQclear(last);
	return rc;
}

int connection_command(struct postgres *p, const char *sql)
{
	return connection_query(p, NULL, sql, 0, NULL, NULL);
}

void connection_rollback(struct postgres *p)
{
	char why[sizeof(p->why)];

	if (p->lost || !p->db || PQtransactionStatus(p->db) == PQTRANS_IDLE)
		return;
	/* The sentence of the error that brought us here is the one to keep. */
	memcpy(why, p->why, sizeof(why));
	connection_command(p, "ROLLBACK");
	memcpy(p->why, why, sizeof(why));
}

static void on_notice(void *data, const char *message)
{
	struct postgres *p = data;

	p->host->log(p->self, TOCSIN_LOG_DEBUG, "%s", message);
}

static PGconn *connect_with_options(const struct config *config)
{
	/* What stands before dbname can be changed by the connection string, the rest not. */
	const char *keyword[] = {"application_name", "connect_timeout",
				 "keepalives_idle",  "keepalives_interval",
				 "keepalives_count", "tcp_user_timeout",
				 "dbname",           "client_encoding",
				 "password",         NULL};
	const char *value[] = {
		"tocsin",         "10", "10", "5", "3", "10000", config->connection, "UTF8",
		config->password, NULL};

	if (!config->password || !*config->password)
		keyword[8] = NULL;
	return PQconnectdbParams(keyword, value, 1);
}

/* One statement for all settings, each for this session only. */
static int apply_settings(struct postgres *p)
{
	static const char sql[] =
		"SELECT pg_is_in_recovery(), pg_backend_pid()::text,"
		" set_config('statement_timeout', $1, false),"
		" set_config('lock_timeout', '10s', false),"
		" set_config('idle_in_transaction_session_timeout', '30s', false),"
		" set_config('DateStyle', 'ISO', false), set_config('TimeZone', 'UTC', false),"
		/* A settled row that a crash of the server unsettles would be sent again. */
		" set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
		" WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)";
	char timeout[24];
	const char *value[] = {timeout};
	PGresult *result = NULL;
	int rc;

	snprintf(timeout, sizeof(timeout), "%lld", (long long)p->config->statement_timeout);
	rc = connection_query(p, NULL, sql, 1, value, &result);
	if (rc)
		return rc;
	if (*PQgetvalue(result, 0, 0) == 't')
		rc = connection_error(p, -ENOTCONN,
				      "the server is a standby that cannot be "
				      "written to; name the primary in 'connection', or add "
				      "target_session_attrs=read-write");
	snprintf(p->backend, sizeof(p->backend), "%s", PQgetvalue(result, 0, 1));
	PQclear(result);
	return rc;
}

int connection_open(struct postgres *p)
{
	struct epoll_event event = {.events = EPOLLIN};
	int rc;

	p->lost = false;
	p->notified = false;
	p->db = connect_with_options(p->config);
	if (!p->db)
		return connection_error(p, -ENOMEM, "out of memory");
	PQsetNoticeProcessor(p->db, on_notice, p);
	if (PQstatus(p->db) != CONNECTION_OK)
		rc = connection_error(p, -ENOTCONN, "cannot connect to the database: %s",
				      PQerrorMessage(p->db));
	else if (epoll_ctl(p->events, EPOLL_CTL_ADD, PQsocket(p->db), &event) < 0)
		rc = connection_error(p, -ENOMEM, "cannot wait on the connection");
	else
		rc = apply_settings(p);
	if (rc)
		connection_close(p);
	return rc;
}

void connection_close(struct postgres *p)
{
	if (!p->db)
		return;
	if (PQsocket(p->db) >= 0)
		epoll_ctl(p->events, EPOLL_CTL_DEL, PQsocket(p->db), NULL);
	PQfinish(p->db);
	p->db = NULL;
	p->owner = false;
}
