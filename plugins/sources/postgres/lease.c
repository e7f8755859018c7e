/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row is ours for a lease, which is renewed for all of them at once, long
 * before it is over. From the moment in which that could have failed on, none of
 * their deliveries begins any more: the core is told until when they may.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "postgres.h"

#define UNLEASED_AGAIN_MS 600000 /* between two times that rows without a lease are spoken of */
#define LOST "somebody else has its row now, or changed it"
#define LOCKED "somebody has locked its row, so that its lease could not be renewed"

void lease_note(struct postgres *p, int64_t asked_ms)
{
	int64_t lease = p->config->queue.lease;

	/* A fifth is left for what is on its way into a program or a connection. */
	p->queue.renew_ms = asked_ms + lease / 3;
	p->host->lease(p->self, asked_ms + lease - lease / 5);
}

bool lease_any(const struct postgres *p, int64_t now_ms)
{
	struct held **list = held_list(&p->queue.held);
	bool any = false;

	for (size_t i = 0; list && !any && i < p->queue.held.n; i++)
		any = now_ms < list[i]->until_ms;
	free(list);
	return any;
}

static const char **texts_of(struct held *const *list, size_t n, bool token)
{
	const char **text = calloc(n + 1, sizeof(*text));

	if (!text)
		return NULL;
	for (size_t i = 0; i < n; i++)
		text[i] = token ? list[i]->token : list[i]->key;
	return text;
}

static char *array_of(struct held *const *list, size_t n, bool token)
{
	const char **text = texts_of(list, n, token);
	char *array = text ? sql_array(text, n) : NULL;

	free(text);
	return array;
}

static int ask(struct postgres *p, struct held *const *list, PGresult **result)
{
	size_t n = p->queue.held.n;
	char *keys = array_of(list, n, false), *tokens = array_of(list, n, true), lease[24];
	const char *value[] = {keys, tokens, lease};
	int rc;

	snprintf(lease, sizeof(lease), "%" PRId64, p->config->queue.lease);
	rc = keys && tokens ? database_query(&p->db, "queue", p->queue.renew, 3, value, result)
			    : database_error(&p->db, -ENOMEM, "out of memory");
	free(keys);
	free(tokens);
	return rc;
}

/* Those that the server did not name: what of them has not begun must not begin. */
static void drop_lost(struct postgres *p, struct held *const *list, const PGresult *ours)
{
	size_t n = p->queue.held.n, n_lost = 0;
	const char **lost = calloc(n + 1, sizeof(*lost));

	if (!lost)
		return; /* the next renewal sees them, too */
	for (size_t i = 0; i < n; i++)
		list[i]->seen = false;
	for (int i = 0; i < PQntuples(ours); i++) {
		struct held *held = held_find(&p->queue.held, PQgetvalue(ours, i, 0));

		if (held)
			held->seen = true;
	}
	for (size_t i = 0; i < n; i++)
		if (!list[i]->seen)
			lost[n_lost++] = list[i]->mark;
	if (n_lost > 0 && p->host->withdraw(p->self, lost, n_lost, LOST) == 0) {
		p->host->count(p->self, "lost", (int64_t)n_lost);
		p->host->log(p->self, TOCSIN_LOG_WARNING,
			     "%zu row%s of %s, such as %s, are not ours any more: somebody else "
			     "has them, or changed them; what has not begun is not begun",
			     n_lost, n_lost == 1 ? "" : "s", p->config->table, lost[0]);
		for (size_t i = 0; i < n_lost; i++)
			held_remove(&p->queue.held, lost[i]);
	}
	free(lost);
}

/* Those that are ours and could not be renewed: they may run out, so they must not begin. */
static void hold_back_locked(struct postgres *p, const char **locked, size_t n, size_t n_new)
{
	if (n > 0 && p->host->withdraw(p->self, locked, n, LOCKED) == 0 && n_new > 0)
		p->host->log(p->self, TOCSIN_LOG_WARNING,
			     "%zu row%s of %s, such as %s, cannot be renewed: somebody else has a "
			     "lock on them; what has not begun is not begun",
			     n, n == 1 ? "" : "s", p->config->table, locked[0]);
}

/* What was renewed is ours for longer; what is locked is as it was. */
static void note_renewed(struct postgres *p, const PGresult *ours, int64_t until_ms)
{
	const char **locked = calloc((size_t)PQntuples(ours) + 1, sizeof(*locked));
	size_t n = 0, n_new = 0;

	for (int i = 0; i < PQntuples(ours); i++) {
		struct held *held = held_find(&p->queue.held, PQgetvalue(ours, i, 0));
		bool renewed = *PQgetvalue(ours, i, 1) == 't';

		if (!renewed && locked)
			locked[n++] = PQgetvalue(ours, i, 0);
		if (!held)
			continue;
		n_new += !renewed && !held->locked;
		held->locked = !renewed;
		if (renewed)
			held->until_ms = until_ms;
	}
	hold_back_locked(p, locked, n, n_new);
	free(locked);
}

int lease_renew(struct postgres *p)
{
	int64_t asked_ms = queue_now_ms();
	struct held **list = held_list(&p->queue.held);
	PGresult *ours = NULL;
	int rc = list ? ask(p, list, &ours) : database_error(&p->db, -ENOMEM, "out of memory");

	if (!rc && list && (size_t)PQntuples(ours) != p->queue.held.n)
		drop_lost(p, list, ours);
	if (!rc) {
		note_renewed(p, ours, asked_ms + p->config->queue.lease);
		lease_note(p, asked_ms);
	}
	PQclear(ours);
	free(list);
	return rc;
}

/* Whose they are nobody can know: a program that is still at work may have claimed them in its own way. */
static void report_unleased(struct postgres *p, int64_t n)
{
	int64_t now = queue_now_ms();

	if (n == 0 || (p->queue.unleased_ms > 0 && now - p->queue.unleased_ms < UNLEASED_AGAIN_MS))
		return;
	p->queue.unleased_ms = now;
	p->host->log(p->self, TOCSIN_LOG_WARNING,
		     "%" PRId64 " row%s of %s %s '%s' without a lease, claimed by something else; "
		     "if that is no longer at work: UPDATE %s SET %s = now() WHERE %s = '%s' AND "
		     "%s IS NULL",
		     n, n == 1 ? "" : "s", p->config->table, n == 1 ? "is" : "are",
		     p->config->queue.values.processing, p->config->table,
		     p->config->queue.columns.lease_until, p->config->queue.columns.status,
		     p->config->queue.values.processing, p->config->queue.columns.lease_until);
}

int lease_recover(struct postgres *p)
{
	const char *value[] = {p->queue.worker};
	PGresult *result = NULL;
	int64_t again, failed;
	int rc = database_query(&p->db, "queue", p->queue.recover, 1, value, &result);

	if (rc)
		return rc;
	p->queue.recover_ms = queue_now_ms() + p->config->queue.poll;
	again = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	failed = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
	if (again + failed > 0) {
		p->host->count(p->self, "recovered", again + failed);
		p->host->log(p->self, TOCSIN_LOG_WARNING,
			     "%" PRId64
			     " row%s of %s, such as %s, %s left by a worker that gave no "
			     "sign of life: %" PRId64 " pending again, %" PRId64
			     " failed because their attempts are used up",
			     again + failed, again + failed == 1 ? "" : "s", p->config->table,
			     PQgetvalue(result, 0, 2), again + failed == 1 ? "was" : "were", again,
			     failed);
		p->queue.freed = true;
	}
	report_unleased(p, strtoll(PQgetvalue(result, 0, 3), NULL, 10));
	PQclear(result);
	return 0;
}

void lease_withdraw_all(struct postgres *p, const char *reason)
{
	struct held **list = held_list(&p->queue.held);
	size_t n = p->queue.held.n;
	const char **mark = list ? calloc(n + 1, sizeof(*mark)) : NULL;

	if (mark) {
		for (size_t i = 0; i < n; i++)
			mark[i] = list[i]->mark;
		(void)p->host->withdraw(p->self, mark, n, reason); /* it is tried again */
	}
	free(mark);
	free(list);
}
