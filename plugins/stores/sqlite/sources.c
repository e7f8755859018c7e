/* SPDX-License-Identifier: Apache-2.0 */
/* What concerns sources: parked deliveries, and telling sources the end. */
#include "statement.h"

static const char park_source[] =
	"UPDATE delivery SET due_ms = 9223372036854775807"
	" WHERE id > ?1 AND id <= ?2 AND source = ?3 AND state = 0 AND due_ms < 9223372036854775807"
	" AND (SELECT mark IS NOT NULL AND tell = 1 FROM alert WHERE number = delivery.alert)";
static const char select_parked[] =
	"SELECT id, alert FROM delivery WHERE source = ?1 AND state = 0"
	" AND due_ms = 9223372036854775807 AND id > ?2 ORDER BY id LIMIT ?3";
static const char select_untold[] =
	"SELECT number, mark, dead > 0 FROM alert INDEXED BY alert_untold"
	" WHERE source = ?1 AND pending = 0 AND tell > told AND number > ?2"
	" ORDER BY number LIMIT ?3";
/* Not when it was replayed meanwhile: the source is then told of the new end. One that did not ask
 * for the end may know of it before it comes. */
static const char update_told[] =
	"UPDATE alert SET told = 1 WHERE number = ?1 AND (pending = 0 OR tell = 0)";

int db_park(void *state, const char *source)
{
	struct db *db = state;
	int64_t name;
	int result = db_name_find(db, source, &name);

	return result || !name ? result : db_update_slices(db, park_source, name);
}

static int find_parked(struct db *db, int64_t source, int64_t after, struct db_pair *parked,
		       size_t *n)
{
	struct statement st = statement_use(db, select_parked);
	int row;

	bind_int(&st, 1, source);
	bind_int(&st, 2, after);
	bind_int(&st, 3, DB_CHUNK);
	for (*n = 0; (row = statement_row(&st)) == 1 && *n < DB_CHUNK; ++*n) {
		parked[*n].id = column_int(&st, 0);
		parked[*n].alert = column_int(&st, 1);
	}
	return statement_end(&st, row < 0 ? row : 0);
}

int db_unwanted(void *state, const char *source, const char *reason, int64_t now_ms, int64_t *n)
{
	struct db *db = state;
	const struct db_settlement settlement = {
		.state = TOCSIN_STATE_SUPPRESSED,
		.now_ms = now_ms,
		.reason = reason,
	};
	struct db_pair parked[DB_CHUNK];
	size_t found = DB_CHUNK;
	int64_t name, last = 0;
	int result = db_name_find(db, source, &name);

	*n = 0;
	if (!name)
		return result;
	while (!result && found == DB_CHUNK) {
		result = find_parked(db, name, last, parked, &found);
		for (size_t i = 0; i < found && !result; i++) {
			last = parked[i].id;
			result = db_settle_one(db, last, parked[i].alert, &settlement, NULL);
		}
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
	int row, result = db_name_find(db, source, &name);

	if (result || !name)
		return result;
	st = statement_use(db, select_untold);
	bind_int(&st, 1, name);
	bind_int(&st, 2, after);
	bind_int(&st, 3, (int64_t)limit);
	while (!result && (row = statement_row(&st)) == 1) {
		int64_t alert = column_int(&st, 0);
		const char *mark = column_text(&st, 1);

		if (!st.error)
			result = fn(alert, mark, column_int(&st, 2), data);
	}
	return statement_end(&st, result);
}

int db_told(void *state, int64_t alert)
{
	struct statement st = statement_use(state, update_told);

	bind_int(&st, 1, alert);
	return statement_run(&st);
}
