/* SPDX-License-Identifier: Apache-2.0 */
/* What concerns sources: parked deliveries, and telling sources the end. */
#include "statement.h"

static const char park_one[] =
	"UPDATE delivery SET due_ms = 9223372036854775807 WHERE id = ?1"
	" AND EXISTS (SELECT 1 FROM telling WHERE alert = delivery.alert AND tell = 1"
	" AND hash IS NOT NULL)";
/* With the delivery that decides: a dead one, else a delivered one. */
static const char select_untold[] =
	"SELECT t.alert, a.mark, d.state, d.attempt, d.started_ms, d.done_ms, d.reason,"
	" (SELECT text FROM output WHERE delivery = d.id AND token = d.token)"
	" FROM telling t INDEXED BY telling_untold LEFT JOIN alert a ON a.number = t.alert"
	" LEFT JOIN delivery d ON d.id ="
	" (SELECT id FROM delivery INDEXED BY delivery_alert WHERE alert = t.alert"
	" ORDER BY state = 3 DESC, state = 2 DESC, done_ms DESC, id DESC LIMIT 1)"
	" WHERE t.source = ?1 AND t.untold = 1 AND t.alert > ?2 ORDER BY t.alert LIMIT ?3";
/* Not when it was replayed meanwhile, nor when what was dead was dropped: the source is then told of
 * the new end. One that did not ask for the end may know of it before it comes. */
static const char update_told[] =
	"UPDATE telling SET told = 1, untold = 0 WHERE alert = ?1 AND (tell = 0 OR untold = 1"
	" AND ?2 = EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_alert"
	" WHERE alert = ?1 AND state = 3))";
/* Nobody is to be told of it. */
static const char forgo_telling[] =
	"UPDATE telling SET told = 1, untold = 0 WHERE alert = ?1 AND untold = 1 AND NOT EXISTS"
	" (SELECT 1 FROM delivery INDEXED BY delivery_alert WHERE alert = ?1 AND state = 3)";

int db_park(void *state, const char *source)
{
	struct db *db = state;
	struct db_walk walk = {.to_ms = TOCSIN_PARKED - 1};
	struct db_pair found[DB_CHUNK];
	size_t n = DB_CHUNK;
	int result = db_name_find(db, source, &walk.source);

	if (!walk.source)
		return result;
	while (!result && n == DB_CHUNK) {
		result = db_walk_pending(db, &walk, found, &n);
		for (size_t i = 0; i < n && !result; i++) {
			struct statement st = statement_use(db, park_one);

			bind_int(&st, 1, found[i].id);
			result = statement_run(&st);
		}
	}
	return result;
}

static int drop_parked(struct db *db, const struct db_pair *parked,
		       const struct db_settlement *settlement, bool tell)
{
	int result = db_settle_pending(db, parked->id, settlement);
	struct statement st;

	if (!result)
		result = db_alert_changed(db, parked->alert, false, NULL);
	if (result || tell)
		return result;
	st = statement_use(db, forgo_telling);
	bind_int(&st, 1, parked->alert);
	return statement_run(&st);
}

int db_unwanted(void *state, const char *source, const char *reason, bool tell, int64_t now_ms,
		int64_t *n)
{
	struct db *db = state;
	const struct db_settlement settlement = {
		.state = TOCSIN_STATE_SUPPRESSED,
		.done_ms = now_ms,
		.reason = reason,
	};
	struct db_walk walk = {.from_ms = TOCSIN_PARKED, .to_ms = TOCSIN_PARKED};
	struct db_pair parked[DB_CHUNK];
	size_t found = DB_CHUNK;
	int result = db_name_find(db, source, &walk.source);

	*n = 0;
	if (!walk.source)
		return result;
	while (!result && found == DB_CHUNK) {
		result = db_walk_pending(db, &walk, parked, &found);
		for (size_t i = 0; i < found && !result; i++)
			result = drop_parked(db, &parked[i], &settlement, tell);
		*n += (int64_t)found;
	}
	return result;
}

int db_untold(void *state, const char *source, int64_t after, size_t limit, tocsin_untold_fn *fn,
	      void *data)
{
	struct db *db = state;
	struct statement st;
	int64_t name;
	int result = db_name_find(db, source, &name);

	if (result || !name)
		return result;
	st = statement_use(db, select_untold);
	bind_int(&st, 1, name);
	bind_int(&st, 2, after);
	bind_int(&st, 3, (int64_t)limit);
	while (!result && statement_row(&st) == 1) {
		int64_t state_now = column_int(&st, 2);
		const struct tocsin_settled settled = {
			.mark = column_text(&st, 1),
			.outcome = state_now == TOCSIN_STATE_DEAD ? TOCSIN_SETTLED_DEAD
								  : TOCSIN_SETTLED,
			.delivered = state_now == TOCSIN_STATE_DELIVERED,
			.attempts = (int)column_count(&st, 3, INT32_MAX / 2),
			.started_ms = column_int(&st, 4),
			.ended_ms = column_int(&st, 5),
			.reason = column_text(&st, 6),
			.output = column_text_or_null(&st, 7),
		};

		if (!st.error)
			result = fn(column_int(&st, 0), &settled, data);
	}
	return statement_end(&st, result);
}

int db_told(void *state, int64_t alert, bool dead)
{
	struct statement st = statement_use(state, update_told);

	bind_int(&st, 1, alert);
	bind_int(&st, 2, dead);
	return statement_run(&st);
}
