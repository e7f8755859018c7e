/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves of a delivery between the small table of what is pending and the
 * history, and the counts of its alert that go with them.
 */
#include <errno.h>

#include "statement.h"

static const char select_counts[] =
	"SELECT pending, delivered, dead, suppressed, settled_ms, tell, told"
	" FROM alert WHERE number = ?1";
static const char update_counts[] =
	"UPDATE alert SET pending = ?2, delivered = ?3, dead = ?4, suppressed = ?5,"
	" settled_ms = ?6, told = ?7 WHERE number = ?1";
static const char insert_delivery[] =
	"INSERT INTO delivery (id, alert, source, channel, route, state, attempt, token, crashes,"
	" created_ms, due_ms, lease_until_ms, recipient, key, reason)"
	" VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 0, ?6, ?7, 0, ?8, ?9, '')";
static const char insert_settled[] =
	"INSERT INTO history (id, alert, source, channel, route, state, attempt, token,"
	" created_ms, done_ms, recipient, key, reason)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7, ?7, ?8, ?9, ?10)";
static const char copy_to_history[] =
	"INSERT INTO history (id, alert, source, channel, route, state, attempt, token,"
	" created_ms, done_ms, recipient, key, reason)"
	" SELECT id, alert, source, channel, route, ?2, attempt + ?3, token, created_ms, ?4,"
	" recipient, key, ?5 FROM delivery WHERE id = ?1";
static const char delete_delivery[] = "DELETE FROM delivery WHERE id = ?1";
static const char copy_from_history[] =
	"INSERT INTO delivery (id, alert, source, channel, route, state, attempt, token, crashes,"
	" created_ms, due_ms, lease_until_ms, recipient, key, reason)"
	" SELECT id, alert, source, channel, route, 0, iif(?2, 0, attempt), token, 0, created_ms,"
	" ?3, 0, recipient, key, reason FROM history WHERE id = ?1";
static const char delete_settled[] = "DELETE FROM history WHERE id = ?1";
static const char restate_settled[] =
	"UPDATE history SET state = ?2, done_ms = ?3, reason = ?4 WHERE id = ?1";

static const char select_slice[] =
	"SELECT max(id) FROM (SELECT id FROM delivery WHERE id > ?1 ORDER BY id LIMIT 10000)";

void db_count(struct db_change *change, enum tocsin_state state, int64_t add)
{
	switch (state) {
	case TOCSIN_STATE_PENDING:
	case TOCSIN_STATE_CLAIMED:
		change->pending += add;
		break;
	case TOCSIN_STATE_DELIVERED:
		change->delivered += add;
		break;
	case TOCSIN_STATE_DEAD:
		change->dead += add;
		break;
	case TOCSIN_STATE_SUPPRESSED:
		change->suppressed += add;
		break;
	}
}

static int update_alert(struct db *db, int64_t alert, const struct db_change *now, bool told)
{
	struct statement st = statement_use(db, update_counts);

	bind_int(&st, 1, alert);
	bind_int(&st, 2, now->pending);
	bind_int(&st, 3, now->delivered);
	bind_int(&st, 4, now->dead);
	bind_int(&st, 5, now->suppressed);
	if (!now->pending)
		bind_int(&st, 6, now->now_ms);
	bind_int(&st, 7, told);
	return statement_run(&st);
}

int db_change_alert(struct db *db, int64_t alert, const struct db_change *change, int64_t *left)
{
	struct statement st = statement_use(db, select_counts);
	struct db_change now = {.now_ms = change->now_ms};
	bool told = false;
	int row;

	bind_int(&st, 1, alert);
	row = statement_row(&st);
	if (row == 1) {
		bool was_dead = column_int(&st, 2) > 0;

		now.pending = column_int(&st, 0) + change->pending;
		now.delivered = column_int(&st, 1) + change->delivered;
		now.dead = column_int(&st, 2) + change->dead;
		now.suppressed = column_int(&st, 3) + change->suppressed;
		/* The clock may have been set back: never older than it was. */
		if (column_int(&st, 4) > now.now_ms)
			now.now_ms = column_int(&st, 4);
		/* The source has to hear again of what ends otherwise than it was told. */
		told = column_int(&st, 6) &&
		       (!column_int(&st, 5) || (!now.pending && was_dead == (now.dead > 0)));
	}
	row = statement_end(&st, row);
	if (row != 1)
		return row ? row : -ENOENT;
	db->counter[COUNTER_PENDING] += change->pending;
	db->counter[COUNTER_DELIVERED] += change->delivered;
	db->counter[COUNTER_DEAD] += change->dead;
	db->counter[COUNTER_SUPPRESSED] += change->suppressed;
	if (left)
		*left = now.pending;
	return update_alert(db, alert, &now, told);
}

static int add_pending(struct db *db, const int64_t numbers[4],
		       const struct tocsin_new_delivery *delivery, int64_t now_ms)
{
	struct statement st = statement_use(db, insert_delivery);

	bind_int(&st, 1, ++db->counter[COUNTER_LAST_DELIVERY]);
	for (int i = 0; i < 4; i++)
		bind_int(&st, 2 + i, numbers[i]);
	bind_int(&st, 6, now_ms);
	bind_int(&st, 7, delivery->due_ms);
	bind_text(&st, 8, delivery->recipient);
	bind_text(&st, 9, delivery->key);
	return statement_run(&st);
}

static int add_settled(struct db *db, const int64_t numbers[4],
		       const struct tocsin_new_delivery *delivery, int64_t now_ms)
{
	struct statement st = statement_use(db, insert_settled);

	bind_int(&st, 1, ++db->counter[COUNTER_LAST_DELIVERY]);
	for (int i = 0; i < 4; i++)
		bind_int(&st, 2 + i, numbers[i]);
	bind_int(&st, 6, delivery->state);
	bind_int(&st, 7, now_ms);
	bind_text(&st, 8, delivery->recipient);
	bind_text(&st, 9, delivery->key);
	bind_text(&st, 10, delivery->reason ? delivery->reason : "");
	return statement_run(&st);
}

int db_add_delivery(struct db *db, int64_t alert, int64_t source,
		    const struct tocsin_new_delivery *delivery, int64_t now_ms)
{
	int64_t numbers[4] = {alert, source, 0, 0};
	int result = db_name(db, delivery->channel, &numbers[2]);

	if (!result)
		result = db_name(db, delivery->route, &numbers[3]);
	if (result)
		return result;
	db->counter[COUNTER_ACCEPTED]++;
	return delivery->state == TOCSIN_STATE_PENDING ? add_pending(db, numbers, delivery, now_ms)
						       : add_settled(db, numbers, delivery, now_ms);
}

static int run_for(struct db *db, const char *sql, int64_t number)
{
	struct statement st = statement_use(db, sql);

	bind_int(&st, 1, number);
	return statement_run(&st);
}

int db_to_history(struct db *db, int64_t delivery, const struct db_settlement *settlement)
{
	struct statement st = statement_use(db, copy_to_history);
	int result;

	bind_int(&st, 1, delivery);
	bind_int(&st, 2, settlement->state);
	bind_int(&st, 3, settlement->attempts);
	bind_int(&st, 4, settlement->now_ms);
	bind_text(&st, 5, settlement->reason ? settlement->reason : "");
	result = statement_run(&st);
	return result ? result : run_for(db, delete_delivery, delivery);
}

int db_settle_one(struct db *db, int64_t delivery, int64_t alert,
		  const struct db_settlement *settlement, int64_t *left)
{
	struct db_change change = {.pending = -1, .now_ms = settlement->now_ms};
	int result = db_to_history(db, delivery, settlement);

	if (result)
		return result;
	db_count(&change, settlement->state, 1);
	return db_change_alert(db, alert, &change, left);
}

int db_from_history(struct db *db, int64_t delivery, bool forget_attempts, int64_t now_ms)
{
	struct statement st = statement_use(db, copy_from_history);
	int result;

	bind_int(&st, 1, delivery);
	bind_int(&st, 2, forget_attempts);
	bind_int(&st, 3, now_ms);
	result = statement_run(&st);
	return result ? result : run_for(db, delete_settled, delivery);
}

int db_restate(struct db *db, int64_t delivery, const struct db_settlement *settlement)
{
	struct statement st = statement_use(db, restate_settled);

	bind_int(&st, 1, delivery);
	bind_int(&st, 2, settlement->state);
	bind_int(&st, 3, settlement->now_ms);
	bind_text(&st, 4, settlement->reason ? settlement->reason : "");
	return statement_run(&st);
}

int db_update_slices(struct db *db, const char *sql, int64_t value)
{
	int64_t after = 0, last = 0;
	int result;

	do {
		struct statement st = statement_use(db, select_slice);

		after = last;
		bind_int(&st, 1, after);
		result = statement_value(&st, &last);
		if (result || !last)
			break;
		st = statement_use(db, sql);
		bind_int(&st, 1, after);
		bind_int(&st, 2, last);
		bind_int(&st, 3, value);
		result = statement_run(&st);
	} while (!result);
	return result;
}
