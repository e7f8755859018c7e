/* SPDX-License-Identifier: Apache-2.0 */
/* A source takes an alert back: nothing of it is to begin any more. */
#include "statement.h"

static const char select_open[] =
	"SELECT id, state FROM delivery INDEXED BY delivery_alert WHERE alert = ?1 AND id > ?2"
	" AND (state = 0 OR state = 3) AND NOT held(id) ORDER BY id LIMIT ?3";

/* What may still go out: pending, or dead and kept for a replay. */
struct open {
	int64_t id;
	bool dead;
};

static int find_open(struct db *db, int64_t alert, int64_t after, struct open *found, size_t *n)
{
	struct statement st = statement_use(db, select_open);
	int row;

	bind_int(&st, 1, alert);
	bind_int(&st, 2, after);
	bind_int(&st, 3, DB_CHUNK);
	for (*n = 0; (row = statement_row(&st)) == 1 && *n < DB_CHUNK; ++*n)
		found[*n] = (struct open){.id = column_int(&st, 0),
					  .dead = column_int(&st, 1) == TOCSIN_STATE_DEAD};
	return statement_end(&st, row < 0 ? row : 0);
}

int db_withdraw(void *state, const char *source, const char *mark, const char *reason,
		int64_t now_ms, int64_t *alert)
{
	struct db *db = state;
	const struct db_settlement settlement = {
		.state = TOCSIN_STATE_SUPPRESSED,
		.done_ms = now_ms,
		.reason = reason,
	};
	struct open found[DB_CHUNK];
	size_t n = DB_CHUNK, changed = 0;
	int64_t last = 0;
	bool was_dead = false;
	int result = db_find_newest(db, source, mark, alert);

	while (*alert && !result && n == DB_CHUNK) {
		result = find_open(db, *alert, last, found, &n);
		for (size_t i = 0; i < n && !result; i++) {
			last = found[i].id;
			was_dead |= found[i].dead;
			changed++;
			result = found[i].dead ? db_restate_dead(db, last, &settlement)
					       : db_settle_pending(db, last, &settlement);
		}
	}
	if (!result && changed > 0)
		result = db_alert_changed(db, *alert, was_dead, NULL);
	return result;
}
