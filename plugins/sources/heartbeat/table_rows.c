/* SPDX-License-Identifier: Apache-2.0 */
/* The statement that reads heartbeats, and what its rows say. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "table.h"

#define SLOW_MS 1000 /* a reading that took longer says little about the clock */

enum { COLUMN_NAME, COLUMN_STATUS, COLUMN_TIME, COLUMN_START, COLUMN_CLOCK };

/* --- making the statement --- */

static void put_column(FILE *out, const char *column)
{
	database_put_column(out, "q", column);
}

static void put_time(FILE *out, const char *column)
{
	fputs(", ", out);
	if (column)
		database_put_time(out, "q", column);
	else
		fputs("NULL", out);
}

/* The query as a table, its columns by their meaning. */
char *table_statement(const struct config *config)
{
	size_t length = strlen(config->query);
	struct draft draft;

	while (length > 0 && strchr("; \t\n", config->query[length - 1]))
		length--;
	if (!draft_begin(&draft))
		return NULL;
	fputs("SELECT (", draft.out);
	put_column(draft.out, config->name_column);
	fputs(")::text, ", draft.out);
	if (config->status_column) {
		put_column(draft.out, config->status_column);
		fputs("::text", draft.out);
	} else {
		fputs("NULL", draft.out);
	}
	put_time(draft.out, config->time_column);
	put_time(draft.out, config->start_column);
	fputs(", floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM (", draft.out);
	fwrite(config->query, 1, length, draft.out);
	/* On a line of its own: a query may end with a comment. */
	fputs("\n) q", draft.out);
	return draft_end(&draft, NULL);
}

/* --- what a reading says --- */

static int64_t time_of(const PGresult *rows, int row, int column)
{
	int64_t ms;

	(void)database_time(rows, row, column, &ms);
	return ms;
}

static bool is_healthy(const struct config *config, const char *status)
{
	for (size_t i = 0; i < config->healthy_status.n; i++)
		if (status && strcasecmp(config->healthy_status.item[i], status) == 0)
			return true;
	return config->healthy_status.n == 0;
}

static void take_beat(struct heartbeat *h, struct beat *beat, const struct sighting *sighting,
		      const struct reading *reading, const struct moment *now)
{
	struct beat_state before = beat->state;
	unsigned news = beat_sighting(&beat->state, &beat->expect, h->host, sighting,
				      &h->table->clock, reading, now);

	/* Rows change all the time, and say themselves when: only what they do not say is saved. */
	if (news)
		commit_change(h, beat, &before, news, NULL, now);
	else
		beats_replan(h, beat);
	beat->round = h->table->round;
	beat->missing = false;
}

static void take_row(struct heartbeat *h, const PGresult *rows, int row,
		     const struct reading *reading, const struct moment *now)
{
	const char *name = PQgetvalue(rows, row, COLUMN_NAME);
	bool null = PQgetisnull(rows, row, COLUMN_STATUS);
	const char *status = null ? NULL : PQgetvalue(rows, row, COLUMN_STATUS);
	struct sighting sighting = {
		.start_ms = time_of(rows, row, COLUMN_START),
		.text = status,
		.unwell = !is_healthy(h->config, status),
	};
	enum database_time time = database_time(rows, row, COLUMN_TIME, &sighting.value_ms);
	struct beat *beat = beats_find(h, name);

	if (PQgetisnull(rows, row, COLUMN_NAME) || !*name)
		return;
	if (!beat) {
		if (h->config->rows == ROWS_LISTED)
			return;
		beat = beats_add(h, name, NULL);
		if (!beat) {
			h->commit.failed = true;
			return;
		}
		beat->feed = FEED_QUERY;
	}
	sighting.there = time == DATABASE_TIME;
	if (!sighting.there)
		sighting.text = time == DATABASE_INFINITE ? "the time in its row is infinite"
							  : "its row has no time";
	if (beat->feed == FEED_QUERY)
		take_beat(h, beat, &sighting, reading, now);
}

/* Rows are deleted and written anew by some: what fires is not over for one reading without its row. */
static bool may_come_back(struct beat *beat)
{
	bool first = !beat->missing;

	beat->missing = true;
	return first && (beat->state.status == BEAT_DOWN || beat->state.restless);
}

/* Those that had no row: one that is listed is missing, another one is forgotten with its row. */
static void take_absent(struct heartbeat *h, const struct reading *reading,
			const struct moment *now)
{
	const struct sighting none = {.text = "there is no row for it"};

	for (size_t i = h->n; i-- > 0;) {
		struct beat *beat = h->beat[i];
		struct beat_state before = beat->state;
		unsigned news = before.status == BEAT_DOWN ? NEWS_UP : 0;

		if (beat->feed != FEED_QUERY || beat->round == h->table->round)
			continue;
		if (beat->config) {
			take_beat(h, beat, &none, reading, now);
		} else if (!may_come_back(beat)) {
			beat->gone = true;
			news |= before.restless ? NEWS_CALM : 0;
			commit_change(h, beat, &before, news, NULL, now);
		}
	}
}

int table_take_beats(struct heartbeat *h, const PGresult *rows, const struct moment *now)
{
	struct table *t = h->table;
	int n = PQntuples(rows);
	struct reading reading = {n > 0 ? time_of(rows, 0, COLUMN_CLOCK) : 0, now->own_ms};

	if (now->own_ms - t->sent_ms > SLOW_MS)
		t->clock.outer_ms = 0;
	t->round++;
	for (int row = 0; row < n; row++)
		take_row(h, rows, row, &reading, now);
	take_absent(h, &reading, now);
	if (n > 0)
		t->clock = reading;
	return commit_all(h);
}

bool table_has_column(const PGresult *rows, const char *name)
{
	for (int i = 0; i < PQnfields(rows); i++)
		if (strcmp(PQfname(rows, i), name) == 0)
			return true;
	return false;
}

int table_take_wrong(struct heartbeat *h, struct rule *rule, const PGresult *rows, bool more,
		     const struct moment *now)
{
	int columns = PQnfields(rows);
	const char **name = calloc(2 * (size_t)columns + 1, sizeof(*name));
	struct row row = {(size_t)columns, name, name + columns};

	if (!name)
		return -EAGAIN;
	if (more)
		h->host->log(h->self, TOCSIN_LOG_WARNING,
			     "rule '%s' finds more than %d rows; the rest is not looked at, and "
			     "none of it is resolved",
			     rule->config->name, MOST_WRONG);
	for (int i = 0; i < columns; i++)
		name[i] = PQfname(rows, i);
	rule_begin(rule);
	for (int i = 0; i < PQntuples(rows); i++) {
		for (int k = 0; k < columns; k++)
			name[columns + k] = PQgetisnull(rows, i, k) ? NULL : PQgetvalue(rows, i, k);
		rule_row(h, rule, &row, now);
	}
	free(name);
	return rule_end(h, rule, !more, now);
}
