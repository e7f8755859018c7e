/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: a delivery is handed out under a token, and comes back settled or untried. */
#include <errno.h>
#include <time.h>

#include "rows.h"

#define CRASHES 3 /* at this one the delivery is held for the cause */

static const char select_ready[] =
	"SELECT id FROM delivery INDEXED BY delivery_ready"
	" WHERE state = 0 AND channel = ?1 AND due_ms <= ?2 ORDER BY due_ms, id LIMIT ?3";
static const char update_claimed[] =
	"UPDATE delivery SET state = 1, token = token + 1, lease_until_ms = ?2 WHERE id = ?1";
static const char select_claim[] =
	"SELECT alert FROM delivery WHERE id = ?1 AND token = ?2 AND state = 1";
static const char insert_attempt[] =
	"INSERT INTO attempt (delivery, token, number, state, due_ms, started_ms, ended_ms, detail)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
/* An attempt that came to its end clears the crashes before it. */
static const char update_retry[] =
	"UPDATE delivery SET state = 0, attempt = attempt + 1, crashes = 0, due_ms = ?2,"
	" reason = ?3 WHERE id = ?1";
static const char update_released[] =
	"UPDATE delivery SET state = 0, due_ms = ?3 WHERE id = ?1 AND token = ?2 AND state = 1";
static const char update_lease[] =
	"UPDATE delivery SET lease_until_ms = ?3 WHERE id = ?1 AND token = ?2 AND state = 1";
static const char select_over[] =
	"SELECT id, alert, crashes FROM delivery INDEXED BY delivery_claimed"
	" WHERE state = 1 AND lease_until_ms <= ?1 LIMIT ?2";
static const char update_back[] =
	"UPDATE delivery SET state = 0, crashes = crashes + ?2 WHERE id = ?1";
static const char hasten_all[] = "UPDATE delivery SET due_ms = ?3 WHERE id > ?1 AND id <= ?2"
				 " AND state = 0 AND due_ms > ?3 AND due_ms < 9223372036854775807";
static const char select_next[] =
	"SELECT coalesce((SELECT due_ms FROM delivery INDEXED BY delivery_ready"
	" WHERE state = 0 AND channel = ?1 ORDER BY due_ms LIMIT 1), 9223372036854775807)";

static int show_claimed(struct db *db, int64_t id, tocsin_delivery_fn *fn, void *data)
{
	struct statement st = statement_use(db, rows_select_pending);
	struct tocsin_stored_delivery delivery;
	int row, result = 0;

	bind_int(&st, 1, id);
	row = statement_row(&st);
	if (row != 1)
		return statement_end(&st, row < 0 ? row : -EPROTO);
	rows_delivery(&st, &delivery);
	if (!st.error)
		result = fn(&delivery, data);
	/* What the caller could not take is pending again. */
	if (result)
		(void)db_release(db, id, delivery.token, delivery.due_ms);
	return statement_end(&st, result);
}

/* Claims one delivery and hands it out. The caller may settle it before it returns. */
static int hand_out(struct db *db, int64_t id, int64_t lease_until_ms, tocsin_delivery_fn *fn,
		    void *data)
{
	struct statement st = statement_use(db, update_claimed);
	int result;

	bind_int(&st, 1, id);
	bind_int(&st, 2, lease_until_ms);
	result = statement_run(&st);
	return result ? result : show_claimed(db, id, fn, data);
}

/* Numbers of what is ready; they are read before the first is claimed, which changes the index. */
static int find_ready(struct db *db, int64_t channel, int64_t now_ms, size_t limit, int64_t *id,
		      size_t *n)
{
	struct statement st = statement_use(db, select_ready);
	int row;

	bind_int(&st, 1, channel);
	bind_int(&st, 2, now_ms);
	bind_int(&st, 3, (int64_t)limit);
	for (*n = 0; (row = statement_row(&st)) == 1 && *n < limit; ++*n)
		id[*n] = column_int(&st, 0);
	return statement_end(&st, row < 0 ? row : 0);
}

int db_claim(void *state, const char *channel, int64_t now_ms, int64_t lease_until_ms, size_t limit,
	     tocsin_delivery_fn *fn, void *data)
{
	struct db *db = state;
	int64_t id[DB_CHUNK], name;
	int result = db_name_find(db, channel, &name);
	size_t n = DB_CHUNK;

	if (!name)
		return result;
	while (!result && limit && n == DB_CHUNK) {
		result = find_ready(db, name, now_ms, limit < DB_CHUNK ? limit : DB_CHUNK, id, &n);
		for (size_t i = 0; i < n && !result; i++)
			result = hand_out(db, id[i], lease_until_ms, fn, data);
		limit -= n;
	}
	return result;
}

static int add_attempt(struct db *db, const struct tocsin_attempt *attempt)
{
	struct statement st = statement_use(db, insert_attempt);

	bind_int(&st, 1, attempt->delivery);
	bind_int(&st, 2, attempt->token);
	bind_int(&st, 3, attempt->number);
	bind_int(&st, 4, attempt->state);
	bind_int(&st, 5, attempt->state == TOCSIN_STATE_PENDING ? attempt->due_ms : 0);
	bind_int(&st, 6, attempt->started_ms);
	bind_int(&st, 7, attempt->ended_ms);
	bind_text(&st, 8, attempt->detail ? attempt->detail : "");
	return statement_run(&st);
}

static int retry_later(struct db *db, const struct tocsin_attempt *attempt)
{
	struct statement st = statement_use(db, update_retry);

	bind_int(&st, 1, attempt->delivery);
	bind_int(&st, 2, attempt->due_ms);
	bind_text(&st, 3, attempt->detail ? attempt->detail : "");
	return statement_run(&st);
}

/* The alert of a claim that still holds; 0: it does not. */
static int find_claim(struct db *db, int64_t delivery, int64_t token, int64_t *alert)
{
	struct statement st = statement_use(db, select_claim);

	bind_int(&st, 1, delivery);
	bind_int(&st, 2, token);
	return statement_value(&st, alert);
}

int db_settle(void *state, const struct tocsin_attempt *attempt,
	      struct tocsin_attempt_result *result)
{
	struct db *db = state;
	const struct db_settlement settlement = {
		.state = attempt->state,
		.attempts = 1,
		.now_ms = attempt->ended_ms,
		.reason = attempt->detail,
	};
	int64_t alert, left = 1;
	int error;

	*result = (struct tocsin_attempt_result){0};
	if (attempt->state == TOCSIN_STATE_CLAIMED)
		return -EINVAL;
	error = find_claim(db, attempt->delivery, attempt->token, &alert);
	if (error)
		return error;
	if (!alert) {
		result->stale = true;
		db->counter[COUNTER_STALE]++;
		return 0;
	}
	error = add_attempt(db, attempt);
	if (error)
		return error;
	if (attempt->state == TOCSIN_STATE_PENDING)
		return retry_later(db, attempt);
	error = db_settle_one(db, attempt->delivery, alert, &settlement, &left);
	result->alert_settled = !error && left == 0;
	return error;
}

/* Nothing changes when the token is not the claim's: it was settled in this very transaction, or
 * taken back, which its settlement will show. */
static int change_claim(struct db *db, const char *sql, int64_t delivery, int64_t token, int64_t ms)
{
	struct statement st = statement_use(db, sql);

	bind_int(&st, 1, delivery);
	bind_int(&st, 2, token);
	bind_int(&st, 3, ms);
	return statement_run(&st);
}

int db_release(void *state, int64_t delivery, int64_t token, int64_t due_ms)
{
	return change_claim(state, update_released, delivery, token, due_ms);
}

int db_renew(void *state, int64_t delivery, int64_t token, int64_t lease_until_ms)
{
	return change_claim(state, update_lease, delivery, token, lease_until_ms);
}

static int64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct crashed {
	int64_t id, alert, crashes;
};

static int take_back(struct db *db, const struct crashed *crashed, bool suspect, int64_t now_ms)
{
	const struct db_settlement poison = {
		.state = TOCSIN_STATE_DEAD,
		.now_ms = now_ms,
		.reason = "the process ended three times while this delivery was under way",
	};
	struct statement st;

	if (suspect && crashed->crashes + 1 >= CRASHES)
		return db_settle_one(db, crashed->id, crashed->alert, &poison, NULL);
	st = statement_use(db, update_back);
	bind_int(&st, 1, crashed->id);
	bind_int(&st, 2, suspect);
	return statement_run(&st);
}

static int find_over(struct db *db, int64_t now_ms, struct crashed *crashed, size_t *n)
{
	struct statement st = statement_use(db, select_over);
	int row;

	bind_int(&st, 1, now_ms);
	bind_int(&st, 2, DB_CHUNK);
	for (*n = 0; (row = statement_row(&st)) == 1 && *n < DB_CHUNK; ++*n) {
		crashed[*n].id = column_int(&st, 0);
		crashed[*n].alert = column_int(&st, 1);
		crashed[*n].crashes = column_int(&st, 2);
	}
	return statement_end(&st, row < 0 ? row : 0);
}

static bool is_among(const int64_t *ids, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

int db_recover(void *state, int64_t now_ms, const int64_t *suspects, size_t n_suspects, int64_t *n)
{
	struct db *db = state;
	struct crashed crashed[DB_CHUNK];
	int64_t settled_ms = now_ms == TOCSIN_PARKED ? wall_ms() : now_ms;
	size_t found = DB_CHUNK;
	int result = 0;

	*n = 0;
	while (!result && found == DB_CHUNK) {
		result = find_over(db, now_ms, crashed, &found);
		for (size_t i = 0; i < found && !result; i++)
			result = take_back(db, &crashed[i],
					   is_among(suspects, n_suspects, crashed[i].id),
					   settled_ms);
		*n += (int64_t)found;
	}
	return result;
}

int db_hasten(void *state, int64_t now_ms)
{
	return db_update_slices(state, hasten_all, now_ms);
}

int db_next_due(void *state, const char *channel, int64_t *due_ms)
{
	struct db *db = state;
	struct statement st;
	int64_t name;
	int result = db_name_find(db, channel, &name);

	*due_ms = INT64_MAX;
	if (result || !name)
		return result;
	st = statement_use(db, select_next);
	bind_int(&st, 1, name);
	return statement_value(&st, due_ms);
}
