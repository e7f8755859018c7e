/* SPDX-License-Identifier: Apache-2.0 */
/* What a session is for: the lock, notifications, waiting, and saying what went wrong. */
#include "postgres.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* First key of the advisory lock: "tocs". Such locks belong to one database, so the
 * second key, the table's oid, is all that must differ between tables. */
#define LOCK_KEY 0x746f6373

#define COMPLAINT_MS 60000

int64_t session_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t session_backoff_ms(int attempt, uint32_t random)
{
	int64_t most = attempt >= 6 ? 30000 : INT64_C(1000) << (attempt > 1 ? attempt - 1 : 0);

	return most / 2 + random % (most / 2 + 1);
}

void session_complain(struct postgres *p)
{
	int64_t now = session_now_ms();

	if (strcmp(p->why, p->complaint) == 0 && now - p->complaint_ms < COMPLAINT_MS)
		return;
	p->complaint_ms = now;
	snprintf(p->complaint, sizeof(p->complaint), "%s", p->why);
	p->host->log(p->self, TOCSIN_LOG_ERROR, "%s", p->why);
}

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
	rc = connection_query(p, NULL, "SELECT pg_try_advisory_lock($1::int4, $2::int4)", 2, value,
			      &result);
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
	channel = sql_quote(p->db, p->config->listen);
	if (channel)
		sql = sql_format("LISTEN %s", channel);
	if (connection_query(p, "listen", sql, 0, NULL, NULL) && !p->lost)
		p->host->log(p->self, TOCSIN_LOG_WARNING, "%s; new rows are found by polling",
			     p->why);
	free(sql);
	free(channel);
}

void session_drain(struct postgres *p)
{
	uint64_t ignored;
	PGnotify *notification;

	(void)!read(p->wakeup, &ignored, sizeof(ignored));
	if (p->lost || !p->db)
		return;
	if (!PQconsumeInput(p->db) || PQstatus(p->db) == CONNECTION_BAD)
		connection_lost(p, PQerrorMessage(p->db));
	while ((notification = PQnotifies(p->db))) {
		p->notified = true;
		PQfreemem(notification);
	}
}

int session_wait(struct postgres *p, int64_t timeout_ms)
{
	enum tocsin_wait woken = p->host->wait(p->self, p->events, p->lost ? 0 : timeout_ms);

	session_drain(p);
	if (woken == TOCSIN_STOP)
		return -ESHUTDOWN;
	return p->lost ? -ENOTCONN : 0;
}
