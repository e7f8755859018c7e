/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists for people. The statements are put together from the conditions that a query
 * has, so that SQLite chooses an index for them; every value is bound, none is written into
 * the text.
 */
#include <errno.h>
#include <stdio.h>

#include "lists.h"
#include "rows.h"

#define LIMIT_PRESET 100
#define ATTEMPTS_SHOWN 1000

#define HOT_STATES ((1U << TOCSIN_STATE_PENDING) | (1U << TOCSIN_STATE_CLAIMED))
#define ALL_STATES ((1U << (TOCSIN_STATE_SUPPRESSED + 1)) - 1)

static const char find_alert[] = "SELECT number FROM alert WHERE id = ?1";
/* The newest ones, but told in their order. The attempt that settled a delivery is the last. */
static const char select_attempts[] =
	"SELECT token, number, state, due_ms, started_ms, ended_ms, detail,"
	" (SELECT text FROM output WHERE delivery = ?1 AND output.token = tried.token) FROM"
	" (SELECT * FROM (SELECT token, number, state, due_ms, started_ms, ended_ms, detail"
	"   FROM attempt WHERE delivery = ?1 ORDER BY token DESC LIMIT ?2)"
	"  UNION ALL SELECT token, attempt, state, 0, started_ms, done_ms, reason"
	"   FROM delivery WHERE id = ?1 AND started_ms > 0) AS tried"
	" ORDER BY token";

int filter_init(struct filter *filter, struct db *db, const struct tocsin_query *query)
{
	struct statement st;
	int result = 0;

	*filter = (struct filter){.query = query};
	filter->states = query->states ? query->states & ALL_STATES : ALL_STATES;
	filter->limit = query->limit > 0 ? query->limit : LIMIT_PRESET;
	filter->before = query->before > 0 ? query->before : INT64_MAX;
	if (query->alert_id) {
		st = statement_use(db, find_alert);
		bind_text(&st, 1, query->alert_id);
		result = statement_value(&st, &filter->alert);
	}
	if (!result && query->channel)
		result = db_name_find(db, query->channel, &filter->channel);
	if (!result && query->source)
		result = db_name_find(db, query->source, &filter->source);
	/* A name that was never stored: nothing can match. */
	filter->nothing = (query->alert_id && !filter->alert) ||
			  (query->channel && !filter->channel) ||
			  (query->source && !filter->source) || !filter->states;
	return result;
}

void filter_bind(const struct filter *filter, struct statement *st)
{
	bind_named_int(st, ":id", filter->query->id);
	bind_named_int(st, ":alert", filter->alert);
	bind_named_int(st, ":channel", filter->channel);
	bind_named_int(st, ":source", filter->source);
	bind_named_int(st, ":since", filter->query->since_ms);
	bind_named_int(st, ":before", filter->before);
	bind_named_int(st, ":limit", filter->limit);
}

void filter_conditions(const struct filter *filter, char *text, size_t size)
{
	(void)snprintf(text, size, "id < :before%s%s%s%s%s",
		       filter->query->id ? " AND id = :id" : "",
		       filter->alert ? " AND alert = :alert" : "",
		       filter->channel ? " AND channel = :channel" : "",
		       filter->source ? " AND source = :source" : "",
		       filter->query->since_ms ? " AND created_ms >= :since" : "");
}

/* The numbers of the states, with commas between. */
static void state_list(unsigned int states, char *text, size_t size)
{
	size_t used = 0;

	for (int state = 0; states >> state && used < size; state++) {
		if (states & (1U << state))
			used += (size_t)snprintf(text + used, size - used, "%s%d", used ? "," : "",
						 state);
	}
}

/* What is rare has an index; else the newest are read until enough are found. */
static const char *read_from(const struct db *db, const struct filter *filter)
{
	const unsigned int rare = (1U << TOCSIN_STATE_DEAD) | (1U << TOCSIN_STATE_SUPPRESSED);
	bool few = db->counter[COUNTER_PENDING] < db->counter[COUNTER_LAST_DELIVERY] / 8;

	if (filter->alert || filter->query->id)
		return "delivery WHERE";
	if (!(filter->states & ~rare))
		return "delivery INDEXED BY delivery_failed WHERE state > 2 AND";
	if (!(filter->states & ~HOT_STATES) && few)
		return "delivery INDEXED BY delivery_ready WHERE state = 0 AND";
	return "delivery WHERE";
}

/* In the file a claimed delivery is a pending one. */
static const char *claimed_or_not(const struct filter *filter)
{
	switch (filter->states & HOT_STATES) {
	case 1U << TOCSIN_STATE_PENDING:
		return " AND NOT (state = 0 AND held(id))";
	case 1U << TOCSIN_STATE_CLAIMED:
		return " AND (state > 0 OR held(id))";
	default:
		return "";
	}
}

static void select_ids(const struct db *db, const struct filter *filter, char *sql, size_t size)
{
	char conditions[160], states[16];
	unsigned int wanted = filter->states;

	if (wanted & (1U << TOCSIN_STATE_CLAIMED))
		wanted |= 1U << TOCSIN_STATE_PENDING;
	filter_conditions(filter, conditions, sizeof(conditions));
	state_list(wanted, states, sizeof(states));
	(void)snprintf(sql, size,
		       "SELECT id FROM %s state IN (%s)%s AND %s ORDER BY id DESC LIMIT :limit",
		       read_from(db, filter), states, claimed_or_not(filter), conditions);
}

static int find_ids(struct db *db, struct filter *filter, int64_t *id, size_t *n)
{
	struct filter chunk = *filter;
	struct statement st;
	char sql[512];
	int row;

	select_ids(db, filter, sql, sizeof(sql));
	st = statement_once(db, sql);
	chunk.limit = filter->limit < DB_CHUNK ? filter->limit : DB_CHUNK;
	filter_bind(&chunk, &st);
	for (*n = 0; (row = statement_row(&st)) == 1 && *n < DB_CHUNK; ++*n)
		filter->before = id[*n] = column_int(&st, 0);
	filter->limit -= (int64_t)*n;
	return statement_end(&st, row < 0 ? row : 0);
}

static int show(struct db *db, int64_t id, tocsin_delivery_fn *fn, void *data)
{
	struct statement st = statement_use(db, rows_select);
	struct tocsin_stored_delivery delivery;
	int row, result = 0;

	bind_int(&st, 1, id);
	row = statement_row(&st);
	if (row == 1) {
		rows_delivery(&st, &delivery);
		if (!st.error)
			result = fn(&delivery, data);
	}
	return statement_end(&st, row < 0 ? row : result);
}

int db_deliveries(void *state, const struct tocsin_query *query, tocsin_delivery_fn *fn, void *data)
{
	struct db *db = state;
	int64_t id[DB_CHUNK];
	struct filter filter;
	size_t n = DB_CHUNK;
	int result = filter_init(&filter, db, query);

	while (!result && !filter.nothing && n == DB_CHUNK && filter.limit > 0) {
		result = find_ids(db, &filter, id, &n);
		for (size_t i = 0; i < n && !result; i++)
			result = show(db, id[i], fn, data);
	}
	return result;
}

int db_attempts(void *state, int64_t delivery, tocsin_attempt_fn *fn, void *data)
{
	struct statement st = statement_use(state, select_attempts);
	int result = 0;

	bind_int(&st, 1, delivery);
	bind_int(&st, 2, ATTEMPTS_SHOWN);
	while (!result && statement_row(&st) == 1) {
		const struct tocsin_attempt attempt = {
			.delivery = delivery,
			.token = column_int(&st, 0),
			.number = (int)column_int(&st, 1),
			.state = (enum tocsin_state)column_int(&st, 2),
			.due_ms = column_int(&st, 3),
			.started_ms = column_int(&st, 4),
			.ended_ms = column_int(&st, 5),
			.detail = column_text(&st, 6),
			.output = column_text_or_null(&st, 7),
		};

		if (!st.error)
			result = fn(&attempt, data);
	}
	return statement_end(&st, result);
}

#define COUNT(state) " (SELECT count(*) FROM delivery WHERE alert = a.number AND state = " state ")"

static void select_alerts(const struct filter *filter, char *sql, size_t size)
{
	char states[16], with_states[96] = "";

	state_list(filter->states, states, sizeof(states));
	if (filter->query->states)
		(void)snprintf(with_states, sizeof(with_states),
			       " AND EXISTS (SELECT 1 FROM delivery WHERE alert = a.number"
			       " AND state IN (%s%s))",
			       states, filter->states & (1U << TOCSIN_STATE_CLAIMED) ? ",0" : "");
	(void)snprintf(
		sql, size,
		"SELECT a.number, a.id, s.text, a.mark, a.fingerprint, a.severity, a.status,"
		" a.received_ms, a.json," COUNT("0") "," COUNT("2") "," COUNT("3") "," COUNT(
			"4") " FROM alert a JOIN name s ON s.id = a.source"
			     " WHERE a.number < :before%s%s%s%s%s%s ORDER BY a.number DESC LIMIT :limit",
		filter->query->id ? " AND a.number = :id" : "",
		filter->alert ? " AND a.number = :alert" : "",
		filter->source ? " AND a.source = :source" : "",
		filter->query->since_ms ? " AND a.received_ms >= :since" : "",
		filter->channel ? " AND EXISTS (SELECT 1 FROM delivery"
				  " WHERE alert = a.number AND channel = :channel)"
				: "",
		with_states);
}

static int show_alert(struct statement *st, tocsin_alert_fn *fn, void *data)
{
	const struct tocsin_stored_alert alert = {
		.number = column_int(st, 0),
		.id = column_text(st, 1),
		.source = column_text(st, 2),
		.mark = column_text_or_null(st, 3),
		.fingerprint = column_text(st, 4),
		.severity = (enum tocsin_severity)column_int(st, 5),
		.status = (enum tocsin_status)column_int(st, 6),
		.received_ms = column_int(st, 7),
		.body = column_text(st, 8),
		.pending = column_int(st, 9),
		.delivered = column_int(st, 10),
		.dead = column_int(st, 11),
		.suppressed = column_int(st, 12),
	};

	return st->error ? st->error : fn(&alert, data);
}

int db_alerts(void *state, const struct tocsin_query *query, tocsin_alert_fn *fn, void *data)
{
	struct db *db = state;
	struct filter filter;
	struct statement st;
	char sql[1024];
	int result = filter_init(&filter, db, query);

	if (result || filter.nothing)
		return result;
	select_alerts(&filter, sql, sizeof(sql));
	st = statement_once(db, sql);
	filter_bind(&filter, &st);
	while (!result && statement_row(&st) == 1)
		result = show_alert(&st, fn, data);
	return statement_end(&st, result);
}
