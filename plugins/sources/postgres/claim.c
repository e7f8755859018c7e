/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Due rows become ours, committed before anything of them is handed in. Who
 * claims from a table with limits holds a lock of the transaction, so that each
 * sees what the others have running.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

/* First key of the advisory lock: "tocq"; the second is the table's oid. */
#define LOCK_KEY 0x746f6371
/* Behind the mapped columns of each row. */
enum { BEHIND_TOKEN, BEHIND_ATTEMPT, BEHIND_TOO_LONG };

size_t claim_room(const struct postgres *p)
{
	const struct queue_config *config = &p->config->queue;
	size_t most = (size_t)(config->prefetch > 0 ? config->prefetch : config->batch);
	size_t room = most > p->queue.held.n ? most - p->queue.held.n : 0;

	return room < (size_t)config->batch ? room : (size_t)config->batch;
}

static bool is_limited(const struct queue_config *config)
{
	return config->max_running > 0 || config->max_per_key > 0;
}

/*
 * Our turn? Another one may have hung in the middle of his: we must not wait for so long that our own
 * rows are lost, and the server ends his transaction after a lease.
 */
static int lock_claims(struct postgres *p, bool *turn)
{
	static const char sql[] =
		"SELECT set_config('idle_in_transaction_session_timeout', $3, true),"
		" set_config('lock_timeout', $4, true), pg_advisory_xact_lock($1::int4, $2::int4)";
	char space[16], table[16], lease[24], wait[24];
	const char *value[] = {space, table, lease, wait};
	int rc = database_command(&p->db, "BEGIN READ WRITE");

	snprintf(space, sizeof(space), "%d", LOCK_KEY);
	snprintf(table, sizeof(table), "%d", (int32_t)strtoul(p->table.oid, NULL, 10));
	snprintf(lease, sizeof(lease), "%" PRId64, p->config->queue.lease);
	snprintf(wait, sizeof(wait), "%" PRId64, p->config->queue.lease / 10);
	if (!rc)
		rc = database_query(&p->db, NULL, sql, 4, value, NULL);
	*turn = !rc;
	return rc == -EAGAIN ? 0 : rc;
}

/* Without a turn there are no rows: page->rows stays NULL. */
static int take_rows(struct postgres *p, size_t most, struct page *page)
{
	char limit[24], lease[24];
	const char *value[] = {limit, lease, p->queue.worker};
	bool limited = is_limited(&p->config->queue), turn = true;
	int rc = 0;

	memset(page, 0, sizeof(*page));
	snprintf(limit, sizeof(limit), "%zu", most);
	snprintf(lease, sizeof(lease), "%" PRId64, p->config->queue.lease);
	if (limited)
		rc = lock_claims(p, &turn);
	if (!rc && turn)
		rc = database_query(&p->db, "queue", p->queue.claim, 3, value, &page->rows);
	if (!rc && turn && limited)
		rc = database_command(&p->db, "COMMIT");
	database_rollback(&p->db);
	if (rc) {
		PQclear(page->rows);
		page->rows = NULL;
	}
	return rc;
}

static const char *behind(const struct postgres *p, const struct page *page, size_t row, int which)
{
	return PQgetvalue(page->rows, (int)row, COLUMN_FIELDS + (int)p->table.n_fields + which);
}

static char *mark_of(const struct postgres *p, const struct page *page, size_t row)
{
	return sql_format("%s %s", PQgetvalue(page->rows, (int)row, COLUMN_KEY),
			  behind(p, page, row, BEHIND_TOKEN));
}

/* Each claim is an alert of its own: the key with the token of the claim. */
static int hold(struct postgres *p, struct page *page, int64_t until_ms)
{
	for (size_t i = 0; i < page->n; i++) {
		char *mark = mark_of(p, page, i);
		struct held *held = NULL;

		if (mark && !held_add(&p->queue.held, PQgetvalue(page->rows, (int)i, COLUMN_KEY),
				      behind(p, page, i, BEHIND_TOKEN)))
			held = held_find(&p->queue.held, mark);
		free(mark);
		if (!held)
			return database_error(&p->db, -ENOMEM, "out of memory");
		held->until_ms = until_ms;
		page->emission[i].mark = held->mark;
	}
	return 0;
}

static struct ending ending_of(const struct postgres *p, const struct page *page, size_t row,
			       const char *mark)
{
	return (struct ending){.mark = mark,
			       .key = PQgetvalue(page->rows, (int)row, COLUMN_KEY),
			       .token = behind(p, page, row, BEHIND_TOKEN),
			       .error = "",
			       .output = ""};
}

/* Rows that were claimed and did not become alerts, or not yet. Nobody renews them any more: what cannot
 * be given back now (no memory, no connection, a lock) waits for the end of its lease. */
static int give_back(struct postgres *p, const struct page *page, bool refused_only)
{
	struct ending *ending = calloc(page->n + 1, sizeof(*ending));
	char **mark = calloc(page->n + 1, sizeof(*mark));
	size_t n = 0;
	int rc = -ENOMEM;

	for (size_t i = 0; ending && mark && i < page->n; i++) {
		if (refused_only && page->emission[i].result != TOCSIN_INVALID)
			continue;
		mark[n] = mark_of(p, page, i);
		if (!mark[n])
			continue;
		ending[n] = ending_of(p, page, i, mark[n]);
		ending[n].how = refused_only ? FINISH_FAILED : FINISH_BACK;
		if (refused_only)
			ending[n].error = "the row cannot be made an alert; see the log";
		n++;
	}
	if (ending && mark)
		rc = finish_rows(p, ending, n);
	for (size_t i = 0; i < n; i++) {
		held_remove(&p->queue.held, mark[i]);
		free(mark[i]);
	}
	free(mark);
	free(ending);
	return rc;
}

static const char *too_long(const struct postgres *p, const struct page *page, size_t row)
{
	return behind(p, page, row, BEHIND_TOO_LONG);
}

/* These rows would lose a part of what the job has to know: they fail now, for good. */
static int fail_too_long(struct postgres *p, const struct page *page, size_t from, size_t n)
{
	struct ending *ending = calloc(n + 1, sizeof(*ending));
	char **mark = calloc(n + 1, sizeof(*mark));
	size_t made = 0;
	int rc = -ENOMEM;

	for (; ending && mark && made < n; made++) {
		mark[made] = mark_of(p, page, from + made);
		if (!mark[made])
			break;
		ending[made] = ending_of(p, page, from + made, mark[made]);
		ending[made].how = FINISH_NEVER;
		ending[made].error = too_long(p, page, from + made);
	}
	if (ending && made == n)
		rc = finish_rows(p, ending, n);
	else
		database_error(&p->db, rc, "out of memory");
	if (!rc && n > 0)
		p->host->log(p->self, TOCSIN_LOG_ERROR,
			     "%zu row%s of %s failed untried, such as %s: %s", n, n == 1 ? "" : "s",
			     p->config->table, ending->key, ending->error);
	for (size_t i = 0; mark && i < n; i++)
		free(mark[i]);
	free(mark);
	free(ending);
	return rc;
}

static int hand_in(struct postgres *p, struct page *page, int64_t until_ms)
{
	int rc = page_map(p, page);
	size_t all = page->n;

	/* Those are the last. */
	while (!rc && page->n > 0 && *too_long(p, page, page->n - 1))
		page->n--;
	if (!rc && page->n < all)
		rc = fail_too_long(p, page, page->n, all - page->n);
	if (rc)
		page->n = all; /* none of them is held */
	if (!rc)
		rc = hold(p, page, until_ms);
	if (!rc)
		rc = p->host->emit(p->self, page->emission, page->n);
	if (!rc) {
		/* only now: what was not taken is claimed again, and would be expected twice */
		p->host->expect(p->self, (int64_t)page->n);
		return give_back(p, page, true);
	}
	(void)give_back(p, page, false);
	return rc == -EAGAIN ? database_error(&p->db, -EAGAIN,
					      "the store takes no alerts now; rows "
					      "are handed back until it does")
			     : rc;
}

int claim_rows(struct postgres *p, size_t *claimed)
{
	size_t most = claim_room(p);
	int64_t asked_ms = queue_now_ms();
	struct page page;
	int rc = take_rows(p, most, &page);

	*claimed = 0;
	/* Also without a turn: somebody has to wait, or nothing that ended is told. */
	p->queue.more = p->queue.freed = p->notified = false;
	if (rc || !page.rows)
		return rc;
	*claimed = (size_t)PQntuples(page.rows);
	/* Rows of one user may have hidden those of others, who come next when he has enough. */
	p->queue.more = *claimed == most || (*claimed > 0 && p->config->queue.max_per_key > 0);
	if (*claimed > 0) {
		p->host->count(p->self, "claimed", (int64_t)*claimed);
		if (p->queue.held.n == 0)
			lease_note(p, asked_ms);
		rc = hand_in(p, &page, asked_ms + p->config->queue.lease);
	}
	page_done(&page);
	return rc;
}
