/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator changes by hand: dead deliveries are sent again, or given up for good. */
#include <errno.h>
#include <stdio.h>

#include "lists.h"

/* Oldest first, so that many of them go out in the order in which they were accepted. */
static int find_dead(struct db *db, const struct filter *filter, int64_t after,
		     struct db_pair *dead, size_t *n)
{
	struct statement st;
	char conditions[160], sql[320];
	int row;

	filter_conditions(filter, conditions, sizeof(conditions));
	(void)snprintf(sql, sizeof(sql),
		       "SELECT id, alert FROM delivery INDEXED BY delivery_failed"
		       " WHERE state > 2 AND state = %d AND id > :after AND %s ORDER BY id"
		       " LIMIT :limit",
		       TOCSIN_STATE_DEAD, conditions);
	st = statement_once(db, sql);
	filter_bind(filter, &st);
	bind_named_int(&st, ":after", after);
	for (*n = 0; (row = statement_row(&st)) == 1 && *n < DB_CHUNK; ++*n) {
		dead[*n].id = column_int(&st, 0);
		dead[*n].alert = column_int(&st, 1);
	}
	return statement_end(&st, row < 0 ? row : 0);
}

/* What becomes of a dead delivery: without a settlement it is pending again, due then. */
static int change_dead(struct db *db, const struct db_pair *dead,
		       const struct db_settlement *settlement, int64_t due_ms)
{
	int result = settlement ? db_restate_dead(db, dead->id, settlement)
				: db_reopen_dead(db, dead->id, due_ms);

	return result ? result : db_alert_changed(db, dead->alert, true, NULL);
}

static int change_all(struct db *db, const struct tocsin_query *query,
		      const struct db_settlement *settlement, int64_t due_ms, int64_t *n)
{
	struct db_pair dead[DB_CHUNK];
	struct filter filter;
	int64_t left, last = 0;
	size_t found = DB_CHUNK;
	int result = filter_init(&filter, db, query);

	*n = 0;
	if (result || filter.nothing || !(filter.states & (1U << TOCSIN_STATE_DEAD)))
		return result;
	/* Without a limit all of them: a list can be paged on, this cannot. */
	left = query->limit > 0 ? query->limit : INT64_MAX;
	for (; left > 0 && found == DB_CHUNK && !result; left -= (int64_t)found) {
		filter.limit = left < DB_CHUNK ? left : DB_CHUNK;
		result = find_dead(db, &filter, last, dead, &found);
		for (size_t i = 0; i < found && !result; i++) {
			last = dead[i].id;
			result = change_dead(db, &dead[i], settlement, due_ms);
		}
		*n += (int64_t)found;
	}
	return result;
}

int db_replay(void *state, const struct tocsin_query *query, int64_t now_ms, int64_t *n)
{
	return change_all(state, query, NULL, now_ms, n);
}

int db_drop(void *state, const struct tocsin_query *query, const char *reason, int64_t now_ms,
	    int64_t *n)
{
	const struct db_settlement settlement = {
		.state = TOCSIN_STATE_SUPPRESSED,
		.done_ms = now_ms,
		.reason = reason,
	};

	return change_all(state, query, &settlement, 0, n);
}
