/* SPDX-License-Identifier: Apache-2.0 */
/* What a session is for: the lock, notifications, waiting. */
#include "postgres.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* First key of the advisory lock: "tocs". Such locks belong to one database, so the
 * second key, the table's oid, is all that must differ between tables. */
#define LOCK_KEY 0x746f6373

void session_wake(struct postgres *p)
{
	uint64_t one = 1;

	/* It can only fail when it is readable already. */
	(void)!write(p->wakeup, &one, sizeof(one));
}

int session_lock(struct postgres *p, bool *locked)
{
	char space[16], table[16];
	const char *value[] = {space, table};
	PGresult *result;
	int rc;

	*locked = true;
	if (!p->config->lock)
		return 0;
	snprintf(space, sizeof(space), "%d", LOCK_KEY);
	/* An oid has 32 bits without sign, the key has a sign: the same bits. */
	snprintf(table, sizeof(table), "%d", (int32_t)strtoul(p->table.oid, NULL, 10));
	rc = database_query(&p->db, NULL, "SELECT pg_try_advisory_lock($1::int4, $2::int4)", 2,
			    value, &result);
	if (rc)
		return rc;
	*locked = *PQgetvalue(result, 0, 0) == 't';
	PQclear(result);
	return 0;
}

void session_listen(struct postgres *p)
{
	char *channel, *sql = NULL;

	if (!p->config->listen || !*p->config->listen)
		return;
	channel = sql_quote(p->db.connection, p->config->listen);
	if (channel)
		sql = sql_format("LISTEN %s", channel);
	if (database_query(&p->db, "listen", sql, 0, NULL, NULL) && !p->db.lost)
		p->host->log(p->self, TOCSIN_LOG_WARNING, "%s; new rows are found by polling",
			     p->db.why);
	free(sql);
	free(channel);
}

void session_drain(struct postgres *p)
{
	uint64_t ignored;
	PGnotify *notification;

	(void)!read(p->wakeup, &ignored, sizeof(ignored));
	if (p->db.lost || !p->db.connection)
		return;
	if (!PQconsumeInput(p->db.connection) || PQstatus(p->db.connection) == CONNECTION_BAD)
		database_lost(&p->db, PQerrorMessage(p->db.connection));
	while ((notification = PQnotifies(p->db.connection))) {
		p->notified = true;
		PQfreemem(notification);
	}
}

int session_wait(struct postgres *p, int64_t timeout_ms)
{
	enum tocsin_wait woken = p->host->wait(p->self, p->events, p->db.lost ? 0 : timeout_ms);

	session_drain(p);
	if (woken == TOCSIN_STOP)
		return -ESHUTDOWN;
	return p->db.lost ? -ENOTCONN : 0;
}
