/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: a delivery is handed out under a token, and comes back settled or
 * untried. A claim is kept in memory (held.h): only its end is written.
 */
#include <errno.h>

#include "rows.h"

static const char select_ready[] =
	"SELECT id, due_ms FROM delivery INDEXED BY delivery_ready WHERE state = 0 AND channel = ?1"
	" AND due_ms BETWEEN ?4 AND ?2 AND NOT held(id) ORDER BY due_ms, id LIMIT ?3";
/* LEFT: one whose alert got lost is handed out with an empty body, and ends where that is read. */
static const char select_ready_row[] =
	"SELECT d.id, d.alert, a.id, d.source, d.recipient, d.route, d.key, d.attempt, d.token + 1,"
	" d.created_ms, d.due_ms, d.reason, coalesce(a.json, '{}'),"
	" EXISTS (SELECT 1 FROM telling WHERE alert = d.alert AND tell = 1), a.received_ms,"
	" d.crashes FROM delivery d LEFT JOIN alert a ON a.number = d.alert WHERE d.id = ?1";
static const char insert_attempt[] =
	"INSERT INTO attempt (delivery, token, number, state, due_ms, started_ms, ended_ms, detail)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char insert_output[] =
	"INSERT INTO output (delivery, token, text) VALUES (?1, ?2, ?3)";
/* An attempt that came to its end clears the crashes before it. */
static const char update_retry[] =
	"UPDATE delivery SET attempt = attempt + 1, token = ?2, crashes = 0, due_ms = ?3,"
	" reason = ?4 WHERE id = ?1";
static const char update_released[] = "UPDATE delivery SET token = ?2, due_ms = ?3 WHERE id = ?1";
static const char update_token[] = "UPDATE delivery SET token = ?2 WHERE id = ?1";
static const char count_pending[] = "SELECT count(*) FROM delivery WHERE id = ?1 AND state = 0";
static const char update_crashed[] =
	"UPDATE delivery SET crashes = crashes + 1, due_ms = max(due_ms, ?2) WHERE id = ?1";
static const char update_due[] = "UPDATE delivery SET due_ms = ?2 WHERE id = ?1";
static const char select_next[] =
	"SELECT coalesce((SELECT due_ms FROM delivery INDEXED BY delivery_ready WHERE state = 0"
	" AND channel = ?1 AND due_ms >= ?2 AND NOT held(id) ORDER BY due_ms LIMIT 1),"
	" 9223372036854775807)";

static struct db_looked *looked_of(struct db *db, int64_t channel)
{
	struct db_looked *looked = &db->looked[(size_t)channel % DB_LOOKED];

	if (looked->channel != channel)
		*looked = (struct db_looked){.channel = channel, .until_ms = INT64_MIN};
	return looked;
}

void db_ready_at(struct db *db, int64_t due_ms)
{
	if (due_ms >= db->looked_most_ms)
		return;
	for (size_t i = 0; i < DB_LOOKED; i++)
		db->looked[i].until_ms = INT64_MIN;
	db->looked_most_ms = INT64_MIN;
}

/* Everything that is due earlier is held, or becomes so now. */
static void look_no_more_before(struct db *db, int64_t channel, int64_t due_ms)
{
	looked_of(db, channel)->until_ms = due_ms;
	if (due_ms > db->looked_most_ms)
		db->looked_most_ms = due_ms;
}

/* A delivery that is ready. */
struct ready {
	int64_t id, due_ms;
};

/* Who claims it, and until when. */
struct claimant {
	const char *channel;
	int64_t lease_until_ms;
	tocsin_delivery_fn *fn;
	void *data;
};

/* Holds it and hands it out. The caller may settle it before it returns. */
static int hand_out(struct db *db, const struct claimant *to, struct held claim,
		    const struct tocsin_stored_delivery *delivery)
{
	int result;

	claim.delivery = delivery->id;
	claim.alert = delivery->alert;
	claim.token = delivery->token;
	claim.lease_until_ms = to->lease_until_ms;
	result = held_put(&db->held, &claim);
	if (result)
		return result;
	result = to->fn(delivery, to->data);
	/* What the caller could not take is pending again. */
	if (result)
		(void)db_release(db, delivery->id, delivery->token, delivery->due_ms);
	return result;
}

/* What is known of it from memory: it was never claimed. */
static int claim_fresh(struct db *db, const struct claimant *to, const struct fresh *fresh,
		       int64_t due_ms)
{
	const struct tocsin_stored_delivery delivery = {
		.id = fresh->delivery,
		.alert = fresh->alert,
		.alert_id = fresh->accepted->id,
		.source = fresh->accepted->source,
		.channel = to->channel,
		.recipient = fresh->recipient,
		.route = fresh->route,
		.key = fresh->key,
		.state = TOCSIN_STATE_CLAIMED,
		.token = 1,
		.created_ms = fresh->created_ms,
		.due_ms = due_ms,
		.reason = "",
		.accepted = fresh->accepted,
		.received_ms = fresh->received_ms,
	};
	const struct held claim = {.tell = fresh->tell, .alone = fresh->alone};

	return hand_out(db, to, claim, &delivery);
}

static int read_row(struct db *db, struct statement *st, const char *channel,
		    struct tocsin_stored_delivery *delivery)
{
	*delivery = (struct tocsin_stored_delivery){
		.id = column_int(st, 0),
		.alert = column_int(st, 1),
		.alert_id = column_text(st, 2),
		.source = db_name_text(db, column_int(st, 3)),
		.channel = channel,
		.recipient = column_text(st, 4),
		.route = db_name_text(db, column_int(st, 5)),
		.key = column_text(st, 6),
		.state = TOCSIN_STATE_CLAIMED,
		.attempt = (int)column_count(st, 7, INT32_MAX / 2),
		.token = column_int(st, 8),
		.created_ms = column_count(st, 9, INT64_MAX / 2),
		.due_ms = column_int(st, 10),
		.reason = column_text(st, 11),
		.body = column_text(st, 12),
		.received_ms = column_int(st, 14),
		.crashes = (int)column_count(st, 15, INT32_MAX),
	};
	if (st->error)
		return st->error;
	if (!delivery->source || !delivery->route)
		return db->spoiled ? db->spoiled : -ENOMEM;
	return 0;
}

static int claim_stored(struct db *db, const struct claimant *to, int64_t id)
{
	struct statement st = statement_use(db, select_ready_row);
	struct tocsin_stored_delivery delivery;
	int row, result;

	bind_int(&st, 1, id);
	row = statement_row(&st);
	if (row != 1)
		return statement_end(&st, row < 0 ? row : -EPROTO);
	result = read_row(db, &st, to->channel, &delivery);
	if (!result)
		result = hand_out(db, to, (struct held){.tell = column_int(&st, 13)}, &delivery);
	return statement_end(&st, result);
}

static int claim_one(struct db *db, const struct claimant *to, const struct ready *ready)
{
	struct fresh *fresh = fresh_take(&db->fresh, ready->id);
	int result;

	if (!fresh)
		return claim_stored(db, to, ready->id);
	result = claim_fresh(db, to, fresh, ready->due_ms);
	fresh_free(fresh);
	return result;
}

/* What is ready; it is read before the first is handed out, which may change it. */
static int find_ready(struct db *db, int64_t channel, int64_t now_ms, size_t limit,
		      struct ready *ready, size_t *n)
{
	struct statement st = statement_use(db, select_ready);
	int row;

	bind_int(&st, 1, channel);
	bind_int(&st, 2, now_ms);
	bind_int(&st, 3, (int64_t)limit);
	bind_int(&st, 4, looked_of(db, channel)->until_ms);
	for (*n = 0; (row = statement_row(&st)) == 1 && *n < limit; ++*n)
		ready[*n] = (struct ready){.id = column_int(&st, 0), .due_ms = column_int(&st, 1)};
	if (*n > 0)
		look_no_more_before(db, channel, ready[*n - 1].due_ms);
	return statement_end(&st, row < 0 ? row : 0);
}

int db_claim(void *state, const char *channel, int64_t now_ms, int64_t lease_until_ms, size_t limit,
	     tocsin_delivery_fn *fn, void *data)
{
	const struct claimant to = {
		.channel = channel, .lease_until_ms = lease_until_ms, .fn = fn, .data = data};
	struct db *db = state;
	struct ready ready[DB_CHUNK];
	int64_t name;
	int result = db_name_find(db, channel, &name);
	size_t n = DB_CHUNK;

	if (!name)
		return result;
	while (!result && limit && n == DB_CHUNK) {
		result = find_ready(db, name, now_ms, limit < DB_CHUNK ? limit : DB_CHUNK, ready,
				    &n);
		for (size_t i = 0; i < n && !result; i++)
			result = claim_one(db, &to, &ready[i]);
		limit -= n;
	}
	if (result) /* some were found and not handed out */
		db_ready_at(db, INT64_MIN);
	return result;
}

static int add_attempt(struct db *db, const struct tocsin_attempt *attempt)
{
	struct statement st = statement_use(db, insert_attempt);

	bind_int(&st, 1, attempt->delivery);
	bind_int(&st, 2, attempt->token);
	bind_int(&st, 3, attempt->number);
	bind_int(&st, 4, attempt->state);
	bind_int(&st, 5, attempt->due_ms);
	bind_int(&st, 6, attempt->started_ms);
	bind_int(&st, 7, attempt->ended_ms);
	bind_text(&st, 8, attempt->detail ? attempt->detail : "");
	return statement_run(&st);
}

static int add_output(struct db *db, const struct tocsin_attempt *attempt)
{
	struct statement st;

	if (!attempt->output)
		return 0;
	st = statement_use(db, insert_output);
	bind_int(&st, 1, attempt->delivery);
	bind_int(&st, 2, attempt->token);
	bind_text(&st, 3, attempt->output);
	return statement_run(&st);
}

static int retry_later(struct db *db, const struct tocsin_attempt *attempt)
{
	struct statement st;
	int result = add_attempt(db, attempt);

	if (result)
		return result;
	st = statement_use(db, update_retry);
	bind_int(&st, 1, attempt->delivery);
	bind_int(&st, 2, attempt->token);
	bind_int(&st, 3, attempt->due_ms);
	bind_text(&st, 4, attempt->detail ? attempt->detail : "");
	db_ready_at(db, attempt->due_ms);
	result = statement_run(&st);
	return result ? result : held_remove(&db->held, attempt->delivery);
}

static int end(struct db *db, const struct tocsin_attempt *attempt, const struct held *claim,
	       bool *alert_settled)
{
	const struct db_settlement settlement = {
		.state = attempt->state,
		/* An attempt at the very beginning of time was one all the same. */
		.started_ms = attempt->number == 0      ? 0
			      : attempt->started_ms > 0 ? attempt->started_ms
							: 1,
		.token = attempt->token,
		.done_ms = attempt->ended_ms,
		.reason = attempt->detail,
	};
	int result = db_add_instead(db, claim->alert, attempt);

	if (!result)
		result = db_settle_pending(db, attempt->delivery, &settlement);
	if (result)
		return result;
	if (claim->alone && attempt->n_instead == 0) {
		*alert_settled = true;
		return claim->tell ? db_alert_ended(db, claim->alert) : 0;
	}
	return claim->tell ? db_alert_changed(db, claim->alert, false, alert_settled)
			   : db_alert_settled(db, claim->alert, alert_settled);
}

int db_settle(void *state, const struct tocsin_attempt *attempt,
	      struct tocsin_attempt_result *result)
{
	struct db *db = state;
	const struct held *found = held_find(&db->held, attempt->delivery);
	struct held claim;
	int error;

	*result = (struct tocsin_attempt_result){0};
	if (attempt->state == TOCSIN_STATE_CLAIMED ||
	    !db_all_new(attempt->instead, attempt->n_instead))
		return -EINVAL;
	if (db->spoiled)
		return db->spoiled;
	if (!found || found->token != attempt->token) {
		result->stale = true;
		db->counter[COUNTER_STALE]++;
		return 0;
	}
	claim = *found;
	error = add_output(db, attempt);
	if (error)
		return error;
	if (attempt->state == TOCSIN_STATE_PENDING)
		return retry_later(db, attempt);
	return end(db, attempt, &claim, &result->alert_settled);
}

/* The claim, when the token is its own: else it was settled in this very transaction, or taken back,
 * which its settlement will show. */
static const struct held *claim_of(const struct db *db, int64_t delivery, int64_t token)
{
	const struct held *claim = held_find(&db->held, delivery);

	return claim && claim->token == token ? claim : NULL;
}

int db_release(void *state, int64_t delivery, int64_t token, int64_t due_ms)
{
	struct db *db = state;
	struct statement st;
	int result;

	if (!claim_of(db, delivery, token))
		return db->spoiled;
	st = statement_use(db, update_released);
	bind_int(&st, 1, delivery);
	bind_int(&st, 2, token);
	bind_int(&st, 3, due_ms);
	db_ready_at(db, due_ms);
	result = statement_run(&st);
	return result ? result : held_remove(&db->held, delivery);
}

int db_renew(void *state, int64_t delivery, int64_t token, int64_t lease_until_ms)
{
	struct db *db = state;
	const struct held *found = claim_of(db, delivery, token);
	struct held claim;

	if (!found || db->spoiled)
		return db->spoiled;
	claim = *found;
	claim.lease_until_ms = lease_until_ms;
	return held_put(&db->held, &claim);
}

/* Claims whose lease is over end, and their tokens are worth nothing any more. */
static int take_back(struct db *db, int64_t now_ms, int64_t *n)
{
	const struct held *over;
	int result = 0;

	db_ready_at(db, INT64_MIN);
	while (!result && (over = held_over(&db->held, now_ms))) {
		struct statement st = statement_use(db, update_token);
		int64_t delivery = over->delivery;

		bind_int(&st, 1, delivery);
		bind_int(&st, 2, over->token);
		result = statement_run(&st);
		if (!result)
			result = held_remove(&db->held, delivery);
		++*n;
	}
	return result;
}

/* Counts a death of the process against a delivery that was in a plugin's hands. */
static int suspect(struct db *db, int64_t delivery, int64_t again_ms, int64_t *n)
{
	struct statement st = statement_use(db, count_pending);
	int64_t pending = 0;
	int result;

	bind_int(&st, 1, delivery);
	result = statement_value(&st, &pending);
	if (result || !pending) /* it was settled after all */
		return result;
	*n += held_find(&db->held, delivery) == NULL; /* else it is counted as taken back */
	st = statement_use(db, update_crashed);
	bind_int(&st, 1, delivery);
	bind_int(&st, 2, again_ms);
	return statement_run(&st);
}

int db_recover(void *state, int64_t now_ms, const int64_t *suspects, size_t n_suspects,
	       int64_t again_ms, int64_t *n)
{
	struct db *db = state;
	int result = 0;

	*n = 0;
	for (size_t i = 0; i < n_suspects && !result; i++)
		result = suspect(db, suspects[i], again_ms, n);
	return result ? result : take_back(db, now_ms, n);
}

int db_hasten(void *state, int64_t now_ms)
{
	struct db_walk walk = {.from_ms = now_ms + 1, .to_ms = TOCSIN_PARKED - 1};
	struct db_pair found[DB_CHUNK];
	size_t n = DB_CHUNK;
	int result = 0;

	db_ready_at(state, now_ms);
	while (!result && n == DB_CHUNK) {
		result = db_walk_pending(state, &walk, found, &n);
		for (size_t i = 0; i < n && !result; i++) {
			struct statement st = statement_use(state, update_due);

			bind_int(&st, 1, found[i].id);
			bind_int(&st, 2, now_ms);
			result = statement_run(&st);
		}
	}
	return result;
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
	bind_int(&st, 2, looked_of(db, name)->until_ms);
	return statement_value(&st, due_ms);
}
