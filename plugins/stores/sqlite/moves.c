/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a delivery comes in, ends, and goes on again; and what its alert's source
 * has to hear of it.
 */
#include <errno.h>

#include "statement.h"

static const char insert_delivery[] =
	"INSERT INTO delivery (id, alert, source, channel, route, state, attempt, token, crashes,"
	" created_ms, due_ms, started_ms, done_ms, recipient, key, reason)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, ?7, ?8, 0, ?9, ?10, ?11, ?12)";
static const char update_settled[] =
	"UPDATE delivery SET state = ?2, attempt = attempt + ?3, token = max(token, ?4),"
	" started_ms = ?5, done_ms = ?6, reason = ?7, due_ms = ?8 WHERE id = ?1 AND state = 0";
/* The attempt that ended it becomes one of those after which it went on. */
static const char keep_last_attempt[] =
	"INSERT INTO attempt (delivery, token, number, state, due_ms, started_ms, ended_ms, detail)"
	" SELECT id, token, attempt, state, 0, started_ms, done_ms, reason"
	" FROM delivery WHERE id = ?1 AND started_ms > 0";
static const char update_reopened[] =
	"UPDATE delivery SET state = 0, attempt = 0, crashes = 0, created_ms = ?2, due_ms = ?3,"
	" started_ms = 0, done_ms = 0 WHERE id = ?1";
static const char update_restated[] =
	"UPDATE delivery SET state = ?2, started_ms = 0, done_ms = ?3, reason = ?4, due_ms = ?5"
	" WHERE id = ?1";
static const char select_same[] = "SELECT EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_alert"
				  " WHERE alert = ?1 AND channel = ?2 AND recipient = ?3)";
static const char select_source[] = "SELECT source FROM delivery WHERE id = ?1";
static const char select_pending[] =
	"SELECT EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_alert"
	" WHERE alert = ?1 AND state = 0)";
static const char select_states[] =
	"SELECT coalesce(max(state = 0), 0), coalesce(max(state = 3), 0)"
	" FROM delivery INDEXED BY delivery_alert WHERE alert = ?1";
/* ?2: nothing is pending; ?3: and whether any is dead is as it was. The source has to hear again of
 * what ends otherwise than it was told. */
static const char update_telling[] =
	"UPDATE telling SET told = told AND ?3, untold = ?2 AND NOT (told AND ?3)"
	" WHERE alert = ?1 AND tell = 1";
static const char walk_ready[] =
	"SELECT id, alert, channel, due_ms FROM delivery INDEXED BY delivery_ready"
	" WHERE state = 0 AND (channel, due_ms, id) > (?1, ?2, ?3)"
	" AND due_ms BETWEEN ?4 AND ?5 AND (?6 = 0 OR source = ?6) AND NOT held(id)"
	" ORDER BY channel, due_ms, id LIMIT ?7";

static enum db_counter counter_of(enum tocsin_state state)
{
	switch (state) {
	case TOCSIN_STATE_DELIVERED:
		return COUNTER_DELIVERED;
	case TOCSIN_STATE_DEAD:
		return COUNTER_DEAD;
	case TOCSIN_STATE_SUPPRESSED:
		return COUNTER_SUPPRESSED;
	case TOCSIN_STATE_PENDING:
	case TOCSIN_STATE_CLAIMED:
		break;
	}
	return COUNTER_PENDING;
}

static bool is_new(const struct tocsin_new_delivery *delivery)
{
	if (delivery->state == TOCSIN_STATE_CLAIMED || delivery->state == TOCSIN_STATE_DELIVERED)
		return false;
	return delivery->channel && delivery->recipient && delivery->route && delivery->key;
}

bool db_all_new(const struct tocsin_new_delivery *delivery, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_new(&delivery[i]))
			return false;
	}
	return true;
}

static int insert(struct db *db, const int64_t numbers[4],
		  const struct tocsin_new_delivery *delivery, int64_t done_ms)
{
	struct statement st = statement_use(db, insert_delivery);
	bool pending = delivery->state == TOCSIN_STATE_PENDING;

	bind_int(&st, 1, ++db->counter[COUNTER_LAST_DELIVERY]);
	for (int i = 0; i < 4; i++)
		bind_int(&st, 2 + i, numbers[i]);
	bind_int(&st, 6, delivery->state);
	bind_int(&st, 7, db->now_ms);
	bind_int(&st, 8, pending ? delivery->due_ms : db->now_ms);
	bind_int(&st, 9, pending ? 0 : done_ms);
	bind_text(&st, 10, delivery->recipient);
	bind_text(&st, 11, delivery->key);
	bind_text(&st, 12, pending || !delivery->reason ? "" : delivery->reason);
	if (pending)
		db_ready_at(db, delivery->due_ms);
	return statement_run(&st);
}

int db_add_delivery(struct db *db, int64_t alert, int64_t source,
		    const struct tocsin_new_delivery *delivery, int64_t done_ms)
{
	int64_t numbers[4] = {alert, source, 0, 0};
	int result = db_name(db, delivery->channel, &numbers[2]);

	if (!result)
		result = db_name(db, delivery->route, &numbers[3]);
	if (result)
		return result;
	db->counter[COUNTER_ACCEPTED]++;
	db->counter[counter_of(delivery->state)]++;
	return insert(db, numbers, delivery, done_ms);
}

static int has_recipient(struct db *db, int64_t alert, const struct tocsin_new_delivery *delivery,
			 int64_t *has)
{
	int64_t channel;
	int result = db_name_find(db, delivery->channel, &channel);
	struct statement st;

	*has = 0;
	if (result || !channel)
		return result;
	st = statement_use(db, select_same);
	bind_int(&st, 1, alert);
	bind_int(&st, 2, channel);
	bind_text(&st, 3, delivery->recipient);
	return statement_value(&st, has);
}

int db_add_instead(struct db *db, int64_t alert, const struct tocsin_attempt *attempt)
{
	struct statement st;
	int64_t source, has;
	int result;

	if (attempt->n_instead == 0)
		return 0;
	st = statement_use(db, select_source);
	bind_int(&st, 1, attempt->delivery);
	result = statement_value(&st, &source);
	for (size_t i = 0; i < attempt->n_instead && !result; i++) {
		result = has_recipient(db, alert, &attempt->instead[i], &has);
		if (!result && !has)
			result = db_add_delivery(db, alert, source, &attempt->instead[i],
						 attempt->ended_ms);
	}
	return result;
}

int db_settle_pending(struct db *db, int64_t delivery, const struct db_settlement *settlement)
{
	struct statement st = statement_use(db, update_settled);
	int result;

	bind_int(&st, 1, delivery);
	bind_int(&st, 2, settlement->state);
	bind_int(&st, 3, settlement->started_ms > 0);
	bind_int(&st, 4, settlement->token);
	bind_int(&st, 5, settlement->started_ms);
	bind_int(&st, 6, settlement->done_ms);
	bind_text(&st, 7, settlement->reason ? settlement->reason : "");
	bind_int(&st, 8, db->now_ms);
	result = statement_run(&st);
	if (result)
		return result;
	db->counter[COUNTER_PENDING]--;
	db->counter[counter_of(settlement->state)]++;
	fresh_free(fresh_take(&db->fresh, delivery));
	return held_remove(&db->held, delivery);
}

static int run_for(struct db *db, const char *sql, int64_t number)
{
	struct statement st = statement_use(db, sql);

	bind_int(&st, 1, number);
	return statement_run(&st);
}

int db_reopen_dead(struct db *db, int64_t delivery, int64_t due_ms)
{
	int result = run_for(db, keep_last_attempt, delivery);
	struct statement st;

	if (result)
		return result;
	db->counter[COUNTER_DEAD]--;
	db->counter[COUNTER_PENDING]++;
	st = statement_use(db, update_reopened);
	bind_int(&st, 1, delivery);
	bind_int(&st, 2, db->now_ms);
	bind_int(&st, 3, due_ms);
	db_ready_at(db, due_ms);
	return statement_run(&st);
}

int db_restate_dead(struct db *db, int64_t delivery, const struct db_settlement *settlement)
{
	int result = run_for(db, keep_last_attempt, delivery);
	struct statement st;

	if (result)
		return result;
	db->counter[COUNTER_DEAD]--;
	db->counter[counter_of(settlement->state)]++;
	st = statement_use(db, update_restated);
	bind_int(&st, 1, delivery);
	bind_int(&st, 2, settlement->state);
	bind_int(&st, 3, settlement->done_ms);
	bind_text(&st, 4, settlement->reason ? settlement->reason : "");
	bind_int(&st, 5, db->now_ms);
	return statement_run(&st);
}

int db_alert_settled(struct db *db, int64_t alert, bool *settled)
{
	struct statement st = statement_use(db, select_pending);
	int64_t pending = 0;
	int result;

	bind_int(&st, 1, alert);
	result = statement_value(&st, &pending);
	*settled = !result && !pending;
	return result;
}

/* ?2: nothing is pending; ?3: and whether any is dead is as it was. */
static int change_alert(struct db *db, int64_t alert, bool settled, bool as_it_was)
{
	struct statement st = statement_use(db, update_telling);

	bind_int(&st, 1, alert);
	bind_int(&st, 2, settled);
	bind_int(&st, 3, settled && as_it_was);
	return statement_run(&st);
}

int db_alert_ended(struct db *db, int64_t alert)
{
	return change_alert(db, alert, true, false);
}

int db_alert_changed(struct db *db, int64_t alert, bool was_dead, bool *settled)
{
	struct statement st = statement_use(db, select_states);
	bool pending = false, dead = false;
	int row;

	bind_int(&st, 1, alert);
	row = statement_row(&st);
	if (row == 1) {
		pending = column_int(&st, 0);
		dead = column_int(&st, 1);
	}
	row = statement_end(&st, row < 0 ? row : 0);
	if (row)
		return row;
	if (settled)
		*settled = !pending;
	return change_alert(db, alert, !pending, dead == was_dead);
}

int db_walk_pending(struct db *db, struct db_walk *walk, struct db_pair *found, size_t *n)
{
	struct statement st = statement_use(db, walk_ready);
	int row;

	bind_int(&st, 1, walk->channel);
	bind_int(&st, 2, walk->due_ms);
	bind_int(&st, 3, walk->id);
	bind_int(&st, 4, walk->from_ms);
	bind_int(&st, 5, walk->to_ms);
	bind_int(&st, 6, walk->source);
	bind_int(&st, 7, DB_CHUNK);
	for (*n = 0; (row = statement_row(&st)) == 1 && *n < DB_CHUNK; ++*n) {
		found[*n] = (struct db_pair){.id = column_int(&st, 0), .alert = column_int(&st, 1)};
		walk->channel = column_int(&st, 2);
		walk->due_ms = column_int(&st, 3);
		walk->id = found[*n].id;
	}
	return statement_end(&st, row < 0 ? row : 0);
}
