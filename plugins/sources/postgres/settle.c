/* SPDX-License-Identifier: Apache-2.0 */
/* Rows whose alert is done are marked in the table, and it is looked whether that took. */
#include "postgres.h"

#include <errno.h>
#include <stdlib.h>

static int mark_each(struct postgres *p, const char *const *key, size_t n)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = database_query(&p->db, "settle", p->table.settle, 1, &key[i], NULL);
	return rc;
}

/*
 * A statement that leaves its row pending would have it read again for ever.
 * The core knows that the alert was sent and does not repeat it, but a person
 * must hear of it.
 */
static int check_settled(struct postgres *p, const char *const *keys)
{
	char *sql = sql_still_pending(&p->table.sql);
	PGresult *result;
	int rc = database_query(&p->db, "pending", sql, 1, keys, &result);

	free(sql);
	if (rc)
		return rc;
	if (PQntuples(result) > 0)
		rc = database_error(&p->db, -EINVAL,
				    "option 'settle': row %s of %s is still pending "
				    "after the statement; it was sent and will not be sent again, "
				    "but make the statement turn the condition of 'pending' false",
				    PQgetvalue(result, 0, 0), p->config->table);
	PQclear(result);
	return rc;
}

static int mark_batch(struct postgres *p, const char *const *key, size_t n)
{
	char *array = sql_array(key, n);
	const char *const keys[] = {array};
	int rc, still;

	if (!array)
		return database_error(&p->db, -ENOMEM, "out of memory");
	rc = database_command(&p->db, "BEGIN READ WRITE");
	if (!rc)
		rc = p->table.settle_many
			     ? database_query(&p->db, "settle", p->table.settle, 1, keys, NULL)
			     : mark_each(p, key, n);
	if (!rc) {
		/* What did take is kept, whatever became of the others. */
		still = check_settled(p, keys);
		rc = still && still != -EINVAL ? still : database_command(&p->db, "COMMIT");
		rc = rc ? rc : still;
	}
	database_rollback(&p->db);
	free(array);
	return rc;
}

/* One row that the table refuses must not keep the others from being marked. */
static int mark_apart(struct postgres *p, const char *const *key, size_t n)
{
	int rc = mark_batch(p, key, n), left, right;

	if (rc != -EDOM || n == 1)
		return rc;
	left = mark_apart(p, key, n / 2);
	right = mark_apart(p, key + n / 2, n - n / 2);
	return left ? left : right;
}

static int mark_all(struct postgres *p, const char *const *key, size_t n)
{
	size_t batch = (size_t)p->config->batch;
	int rc = 0;

	for (size_t i = 0; i < n && (!rc || rc == -EINVAL || rc == -EDOM); i += batch) {
		int error = mark_apart(p, key + i, n - i < batch ? n - i : batch);

		rc = error ? error : rc;
	}
	return rc;
}

int settle_rows(struct postgres *p, const struct tocsin_settled *settled, size_t n)
{
	const char **key;
	size_t wanted = 0;
	int rc;

	if (!p->db.connection || p->db.lost || !p->table.settle)
		return -EAGAIN;
	key = calloc(n + 1, sizeof(*key));
	if (!key)
		return -EAGAIN;
	for (size_t i = 0; i < n; i++)
		if (settled[i].outcome != TOCSIN_SETTLED_DEAD ||
		    p->config->on_dead == ON_DEAD_SETTLE)
			key[wanted++] = settled[i].mark;
	rc = mark_all(p, key, wanted);
	free(key);
	if (rc)
		database_complain(&p->db);
	/* The answers may have brought notifications along: then the socket stays silent, and
	 * host->wait, inside which we are, must be told. */
	session_drain(p);
	if (p->notified || p->db.lost)
		session_wake(p);
	p->failed = rc == -EINVAL || rc == -EDOM ? -EINVAL : 0;
	return rc && !p->failed ? -EAGAIN : p->failed;
}
