/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats and rules in a database: each reading in its turn, on one connection. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

/* Of readings, for those who ask: as many as a call that is put off can say. */
#define NUMBERS (TOCSIN_CALL_LATEST - TOCSIN_CALL_LATER + 1)

static void add_query(struct heartbeat *h, struct rule *rule, const char *option, const char *sql,
		      int64_t every_ms, size_t most)
{
	struct table *t = h->table;

	t->query[t->n++] = (struct query){
		.rule = rule,
		.read = {.option = option, .sql = sql, .most = most},
		.every_ms = every_ms,
	};
}

int table_new(struct heartbeat *h)
{
	const struct config *config = h->config;
	const struct database_settings settings = {.connection = config->connection,
						   .password = config->password,
						   .timeout_ms = config->statement_timeout,
						   .timezone = config->database_timezone};
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	h->table = t;
	t->query = calloc(h->n_rules + 1, sizeof(*t->query));
	t->sql = config->query ? table_statement(config) : NULL;
	database_init(&t->db, h->self, h->host, &settings);
	if (!t->query || (config->query && !t->sql))
		return -ENOMEM;
	if (t->sql)
		add_query(h, NULL, "query", t->sql, config->poll, MOST_BEATS);
	for (size_t i = 0; i < h->n_rules; i++) {
		const struct rule_config *rule = h->rule[i].config;

		add_query(h, &h->rule[i], rule->name, rule->query,
			  rule->poll > 0 ? rule->poll : config->poll, MOST_WRONG);
	}
	return 0;
}

void table_free(struct heartbeat *h)
{
	if (!h->table)
		return;
	database_close(&h->table->db);
	free(h->table->query);
	free(h->table->sql);
	free(h->table);
}

struct reading table_clock(const struct heartbeat *h)
{
	return h->table ? h->table->clock : (struct reading){0, 0};
}

/* --- what cannot be read --- */

static int tell(struct heartbeat *h, struct query *query, bool ends, const struct moment *now)
{
	int rc = failing_tell(h, query->read.option, &query->failing,
			      ends ? NULL : h->table->db.why, now);

	if (!rc)
		query->told = !ends;
	return rc;
}

/* A reading is over, why not: NULL when it went well. Who asked for one of heartbeats is answered. */
static void conclude(struct table *t, const struct query *query, const char *why)
{
	if (query->rule)
		return;
	t->ended = t->begun;
	t->beats_why = why;
}

static int note_failure(struct heartbeat *h, struct query *query, const struct moment *now)
{
	conclude(h->table, query, h->table->db.why);
	database_complain(&h->table->db);
	if (query->failing.own_ms == 0)
		query->failing = *now;
	if (query->told || now->own_ms - query->failing.own_ms < h->config->unreachable_after)
		return 0;
	return tell(h, query, false, now);
}

static int note_success(struct heartbeat *h, struct query *query, const struct moment *now)
{
	int rc = query->told ? tell(h, query, true, now) : 0;

	if (rc || query->failing.own_ms == 0)
		return rc;
	/* Who writes heartbeats could not reach the database either. */
	if (!query->rule)
		h->table->blind_ms = now->own_ms + h->config->settle;
	query->failing.own_ms = 0;
	return 0;
}

bool table_recall(struct heartbeat *h, const char *name, const struct moment *since)
{
	for (size_t i = 0; h->table && i < h->table->n; i++) {
		struct query *query = &h->table->query[i];

		if (strcmp(name, query->read.option) != 0)
			continue;
		query->failing = *since;
		query->told = true;
		return true;
	}
	return false;
}

void table_load(struct heartbeat *h)
{
	if (h->table)
		h->table->clock = h->kept.outer;
}

bool table_is_blind(const struct heartbeat *h, const struct moment *now)
{
	const struct table *t = h->table;

	if (!t || !t->sql)
		return false;
	return !t->query[0].done || t->query[0].failing.own_ms > 0 || now->own_ms < t->blind_ms;
}

/* --- one reading after the other --- */

/* Every row of a rule whose key is no column would be one and the same alert. */
static int check_keys(struct table *t, const struct query *query, const PGresult *rows)
{
	const struct tocsin_strings *keys = query->rule ? &query->rule->config->keys : NULL;

	for (size_t i = 0; keys && i < keys->n; i++)
		if (!table_has_column(rows, keys->item[i]))
			return database_error(&t->db, -EINVAL,
					      "option 'keys' of rule '%.200s': the query has no "
					      "column %.100s; name ones that it has",
					      query->read.option, keys->item[i]);
	return 0;
}

static int take(struct heartbeat *h, struct query *query, PGresult *rows, bool more,
		const struct moment *now)
{
	int rc = query->rule ? table_take_wrong(h, query->rule, rows, more, now)
			     : table_take_beats(h, rows, now);

	PQclear(rows);
	conclude(h->table, query, rc ? "the store takes nothing now; try again" : NULL);
	if (!rc)
		query->done = true;
	return rc ? rc : note_success(h, query, now);
}

static int go_on(struct heartbeat *h, const struct moment *now)
{
	struct table *t = h->table;
	struct query *query = t->under_way;
	PGresult *rows = NULL;
	bool more = false;
	int rc = database_take(&t->db, &rows, &more);

	if (rc == -EINPROGRESS)
		return 0;
	t->under_way = NULL;
	t->error = rc;
	query->at_ms = now->own_ms + query->every_ms;
	if (rc == -ENOTCONN)
		database_close(&t->db);
	if (!rc)
		t->error = rc = check_keys(t, query, rows);
	if (!rc)
		return take(h, query, rows, more, now);
	PQclear(rows);
	return note_failure(h, query, now);
}

static int begin(struct heartbeat *h, struct query *query, const struct moment *now)
{
	struct table *t = h->table;

	if (!query->rule) {
		t->begun++;
		t->asked = false;
	}
	t->error = database_keep(&t->db);
	if (!t->error)
		t->error = database_start(&t->db, &query->read);
	if (t->error) {
		/* The connection has a pace of its own for coming back. */
		query->at_ms = now->own_ms + (query->every_ms < 1000 ? query->every_ms : 1000);
		return note_failure(h, query, now);
	}
	t->under_way = query;
	t->sent_ms = now->own_ms;
	return 0;
}

int table_step(struct heartbeat *h, const struct moment *now)
{
	struct table *t = h->table;
	struct query *first = NULL;

	if (t->under_way)
		return go_on(h, now);
	if (t->asked)
		return begin(h, &t->query[0], now);
	for (size_t i = 0; i < t->n; i++)
		if (t->query[i].at_ms <= now->own_ms &&
		    (!first || t->query[i].at_ms < first->at_ms))
			first = &t->query[i];
	return first ? begin(h, first, now) : 0;
}

int table_fd(const struct heartbeat *h)
{
	return h->table->under_way ? PQsocket(h->table->db.connection) : -1;
}

int64_t table_next_ms(const struct heartbeat *h)
{
	const struct table *t = h->table;
	int64_t next = BEAT_NEVER;

	if (t->under_way)
		return heartbeat_now(h).own_ms + database_left_ms(&t->db) + 1;
	if (t->asked)
		return 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->query[i].at_ms < next)
			next = t->query[i].at_ms;
	return next;
}

bool table_done(const struct heartbeat *h, int *result)
{
	const struct table *t = h->table;
	bool done = true;

	*result = t->error;
	for (size_t i = 0; i < t->n; i++)
		done = done && t->query[i].done;
	return done || t->error;
}

unsigned table_ask(struct heartbeat *h)
{
	struct table *t = h->table;

	/* The one under way may have begun before what somebody wants to see. */
	t->asked = true;
	return (t->begun + 1) % NUMBERS;
}

bool table_answers(const struct heartbeat *h, unsigned number, const char **why)
{
	const struct table *t = h->table;

	*why = t->beats_why;
	/* Nobody waits so long that the numbers come round. */
	return (t->ended % NUMBERS + NUMBERS - number) % NUMBERS < NUMBERS / 2;
}

/* Brings the reading that is under way to its end, waiting. */
static int finish(struct heartbeat *h, const struct moment *now)
{
	struct table *t = h->table;
	int rc = 0;

	while (!rc && t->under_way) {
		struct pollfd fd = {.fd = table_fd(h), .events = POLLIN};

		poll(&fd, 1, (int)database_left_ms(&t->db));
		rc = go_on(h, now);
	}
	return rc;
}

int table_read(struct heartbeat *h, const struct moment *now, const char **why)
{
	struct table *t = h->table;
	PGresult *rows = NULL;
	bool more;
	int rc = finish(h, now);

	*why = t->db.why;
	if (!rc)
		rc = database_keep(&t->db);
	if (!rc)
		rc = database_read(&t->db, &t->query[0].read, &rows, &more);
	if (rc)
		return rc;
	t->sent_ms = now->own_ms;
	rc = table_take_beats(h, rows, now);
	PQclear(rows);
	t->query[0].done |= rc == 0;
	return rc;
}
