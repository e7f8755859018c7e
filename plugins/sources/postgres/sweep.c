/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sweep reads everything that is pending, oldest first, and hands it in. Rows
 * whose alerts are under way are read again each time, which is how nothing is
 * ever missed: not a row whose transaction took long to commit, not one with a
 * time in the past. The core recognises them. So that this stays cheap when
 * many are under way, sweeps take at most a tenth of the time, and a
 * notification between them only reads what is newer than all seen before.
 */
#include "postgres.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_PAUSE_MS 600000
#define COUNT_TIMEOUT "5s"
#define STORE_PAUSE_MS 1000
#define LOT 32 /* rows that are handed in together */

struct tally {
	int64_t accepted, known, refused;
	char first[64]; /* row that was refused ... */
	char why[640];  /* ... and why, when that is known */
};

void position_done(struct position *position)
{
	free(position->order);
	free(position->key);
	*position = (struct position){0};
}

static int position_set(struct postgres *p, struct position *position, const struct page *page)
{
	int row = PQntuples(page->rows) - 1;

	if (row < 0)
		return 0;
	position_done(position);
	position->order = strdup(PQgetvalue(page->rows, row, COLUMN_ORDER));
	position->key = strdup(PQgetvalue(page->rows, row, COLUMN_KEY));
	if (!position->order || !position->key)
		return database_error(&p->db, -ENOMEM, "out of memory");
	return 0;
}

/* Only a number for people: a table too large to count in time is no reason not to start. */
static int count_pending(struct postgres *p)
{
	char *sql = sql_count(&p->table.sql);
	PGresult *result = NULL;
	int64_t all, keyed;
	int rc = database_command(&p->db, "BEGIN READ ONLY");

	if (!rc)
		rc = database_command(&p->db, "SET LOCAL statement_timeout = '" COUNT_TIMEOUT "'");
	if (!rc)
		rc = database_query(&p->db, "pending", sql, 0, NULL, &result);
	free(sql);
	if (rc == -EAGAIN) {
		p->host->log(p->self, TOCSIN_LOG_INFO, "many alerts pending");
		rc = 0;
	} else if (!rc) {
		all = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
		keyed = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
		p->host->expect(p->self, keyed);
		p->host->log(p->self, TOCSIN_LOG_INFO, "%" PRId64 " alert%s pending", keyed,
			     keyed == 1 ? "" : "s");
		if (all > keyed)
			p->host->log(p->self, TOCSIN_LOG_WARNING,
				     "%" PRId64 " pending rows are left alone: their %s is NULL",
				     all - keyed, p->config->key);
		rc = database_command(&p->db, "COMMIT");
	}
	PQclear(result);
	database_rollback(&p->db);
	return rc;
}

static void note_refused(struct tally *tally, const char *key, const char *why)
{
	snprintf(tally->first, sizeof(tally->first), "%s", key);
	snprintf(tally->why, sizeof(tally->why), "%s", why);
}

static void count(const struct page *page, size_t from, size_t n, struct tally *tally)
{
	for (size_t i = from; i < from + n; i++) {
		switch (page->emission[i].result) {
		case TOCSIN_ACCEPTED:
			tally->accepted++;
			break;
		case TOCSIN_KNOWN:
			tally->known++;
			break;
		case TOCSIN_INVALID:
			if (tally->refused++ == 0)
				note_refused(tally, page->emission[i].mark, "");
			break;
		}
	}
}

/* A few at a time: each lot is one transaction, and deliveries that end wait for it. -ENOSPC: the
 * store takes none now. */
static int emit_page(struct postgres *p, struct page *page, struct tally *tally)
{
	for (size_t from = 0; from < page->n; from += LOT) {
		size_t n = page->n - from < LOT ? page->n - from : LOT;
		int rc;

		/* The lock went with the session: what is in the store is parked, and this is read
		 * again. */
		while ((rc = p->host->emit(p->self, page->emission + from, n)) == -EINTR) {
			session_drain(p);
			if (p->db.lost)
				return -ENOTCONN;
		}
		if (rc)
			return rc == -EAGAIN ? -ENOSPC : rc;
		count(page, from, n, tally);
	}
	if (page->n_refused > 0 && tally->refused == 0)
		note_refused(tally, page->refused, page->why);
	tally->refused += (int64_t)page->n_refused;
	return 0;
}

/* Reads one page and hands it in; *n is how many rows it had. */
static int pass_on(struct postgres *p, enum sql_phase phase, struct position *position,
		   struct tally *tally, size_t *n)
{
	int64_t began = database_now_ms(), accepted = tally->accepted, read;
	struct page page;
	int rc = page_read(p, phase, position, &page);

	*n = (size_t)PQntuples(page.rows);
	if (rc)
		return rc;
	read = database_now_ms() - began;
	rc = emit_page(p, &page, tally);
	if (!rc)
		rc = position_set(p, position, &page);
	page_done(&page);
	/* Handing in new alerts may wait for slow channels, and that is no cost of the sweep. */
	p->sweep_busy_ms += tally->accepted > accepted ? read : database_now_ms() - began;
	return rc;
}

static int read_phase(struct postgres *p, enum sql_phase phase, struct position *position,
		      struct tally *tally)
{
	bool waiting = false;
	size_t n;
	int rc;

	do {
		rc = pass_on(p, phase, position, tally, &n);
		if (rc == -ENOSPC) {
			/* The store has no room. The same rows are read again afterwards, not
			 * kept: one may be settled during the wait, and must then not be
			 * handed in once more. */
			if (!waiting)
				p->host->log(p->self, TOCSIN_LOG_WARNING,
					     "the store takes no alerts now; waiting");
			waiting = true;
			rc = session_wait(p, STORE_PAUSE_MS);
			n = (size_t)p->config->batch;
		} else if (!rc) {
			/* Lets settlements in, also while a long backlog is read. */
			rc = session_wait(p, 0);
		}
	} while (!rc && n >= (size_t)p->config->batch);
	return rc;
}

static void report(struct postgres *p, const struct tally *tally)
{
	p->host->log(p->self, TOCSIN_LOG_DEBUG, "%" PRId64 " new alert%s, %" PRId64 " under way",
		     tally->accepted, tally->accepted == 1 ? "" : "s", tally->known);
	if (tally->refused == 0)
		return;
	database_error(&p->db, 0,
		       "%" PRId64 " row%s of %s cannot be sent and stay%s pending, the first "
		       "is %s%s%s",
		       tally->refused, tally->refused == 1 ? "" : "s", p->config->table,
		       tally->refused == 1 ? "s" : "", tally->first, *tally->why ? ": " : "",
		       tally->why);
	database_complain(&p->db);
}

static int read_pending(struct postgres *p, struct position *position, bool all)
{
	struct position undated = {0};
	struct tally tally = {0};
	int rc;

	p->notified = false;
	p->sweep_busy_ms = 0;
	rc = read_phase(p, SQL_DATED, position, &tally);
	if (!rc && all && p->table.undated)
		rc = read_phase(p, SQL_UNDATED, &undated, &tally);
	position_done(&undated);
	if (!rc)
		report(p, &tally);
	return rc;
}

int sweep_all(struct postgres *p)
{
	int64_t began = database_now_ms();
	int rc = table_verify(p);

	if (!rc && !p->counted)
		rc = count_pending(p);
	if (rc)
		return rc;
	p->counted = true;
	position_done(&p->last);
	rc = read_pending(p, &p->last, true);
	if (rc)
		return rc;
	if (!p->swept)
		p->host->swept(p->self);
	p->swept = true;
	p->sweep_end_ms = p->tail_from_ms = database_now_ms();
	if (p->sweep_busy_ms > p->sweep_end_ms - began)
		p->sweep_busy_ms = p->sweep_end_ms - began;
	return 0;
}

int sweep_new(struct postgres *p)
{
	int64_t busy = p->sweep_busy_ms;
	int rc = read_pending(p, &p->last, false);

	/* Without an index even this is slow; leave the server as much time as it took. */
	p->tail_from_ms = database_now_ms() + p->sweep_busy_ms;
	p->sweep_busy_ms = busy;
	return rc;
}

int64_t sweep_due_ms(const struct postgres *p, int64_t now_ms, bool *all)
{
	int64_t rest = p->sweep_busy_ms * 10 < LONGEST_PAUSE_MS ? p->sweep_busy_ms * 10
								: LONGEST_PAUSE_MS;
	int64_t pause = rest > p->config->poll ? rest : p->config->poll;
	int64_t due = p->sweep_end_ms + (p->notified ? rest : pause);

	*all = now_ms >= due;
	if (*all)
		return 0;
	if (p->notified && p->tail_from_ms < due)
		due = p->tail_from_ms;
	return due > now_ms ? due - now_ms : 0;
}
