/* SPDX-License-Identifier: Apache-2.0 */
/* The session on the connection: what it needs beyond being connected. */
#include "postgres.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#define LOCK_MS 10000

/* How long a statement waits for somebody else's lock: in a queue never so long that leases run out. */
static int64_t lock_timeout_ms(const struct config *config)
{
	int64_t most = config->queue.table ? config->queue.lease / 10 : LOCK_MS;

	return most < LOCK_MS ? most : LOCK_MS;
}

/* One statement for all settings, each for this session only. */
static int apply_settings(struct postgres *p)
{
	static const char sql[] =
		"SELECT pg_is_in_recovery(), pg_backend_pid()::text,"
		" set_config('statement_timeout', $1, false),"
		" set_config('lock_timeout', $2, false),"
		" set_config('idle_in_transaction_session_timeout', '30s', false),"
		/* Who waited for a lock must see what was written meanwhile. */
		" set_config('default_transaction_isolation', 'read committed', false),"
		/* A role that reads by default has to write here; what only reads says so itself. */
		" set_config('default_transaction_read_only', 'off', false),"
		" set_config('DateStyle', 'ISO', false), set_config('TimeZone', 'UTC', false),"
		/* A settled row that a crash of the server unsettles would be sent again. */
		" set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
		" WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)";
	char timeout[24], lock[24];
	const char *value[] = {timeout, lock};
	PGresult *result = NULL;
	int rc;

	snprintf(timeout, sizeof(timeout), "%lld", (long long)p->config->statement_timeout);
	snprintf(lock, sizeof(lock), "%lld", (long long)lock_timeout_ms(p->config));
	rc = database_query(&p->db, NULL, sql, 2, value, &result);
	if (rc)
		return rc;
	if (*PQgetvalue(result, 0, 0) == 't')
		rc = database_error(&p->db, -ENOTCONN,
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
	int rc = database_open(&p->db);

	if (rc)
		return rc;
	p->notified = false;
	if (epoll_ctl(p->events, EPOLL_CTL_ADD, PQsocket(p->db.connection), &event) < 0)
		rc = database_error(&p->db, -ENOMEM, "cannot wait on the connection");
	else
		rc = apply_settings(p);
	if (rc)
		connection_close(p);
	return rc;
}

void connection_close(struct postgres *p)
{
	PGconn *connection = p->db.connection;

	if (connection && PQsocket(connection) >= 0)
		epoll_ctl(p->events, EPOLL_CTL_DEL, PQsocket(connection), NULL);
	database_close(&p->db);
	p->owner = false;
}
