/* SPDX-License-Identifier: Apache-2.0 */
/* The statements, and what the rows become. */
#include "feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/draft.h"

const char *const feed_columns[FEED_COLUMNS] = {
	[FEED_ID] = "id",
	[FEED_JOB] = "job_name",
	[FEED_STARTED] = "started_at",
	[FEED_COMPLETED] = "completed_at",
	[FEED_DURATION] = "duration_ms",
	[FEED_STATUS] = "status",
	[FEED_RESULTS] = "results",
	[FEED_ERROR] = "error_message",
};

const char *feed_column(const struct table_config *config, enum feed_column column)
{
	for (size_t i = 0; i < config->columns.n; i++)
		if (strcmp(config->columns.pair[i].name, feed_columns[column]) == 0)
			return config->columns.pair[i].value;
	return feed_columns[column];
}

/* --- statements --- */

/* On lines of its own: a query may end with a comment. */
static void put_query(FILE *out, const char *query)
{
	size_t length = strlen(query);

	while (length > 0 && strchr("; \t\r\n", query[length - 1]))
		length--;
	fprintf(out, "(%.*s\n) AS runs", (int)length, query);
}

void feed_put_from(FILE *out, const struct table_config *config)
{
	const char *dot = config->table ? strchr(config->table, '.') : NULL;
	char schema[128];

	if (config->query) {
		put_query(out, config->query);
		return;
	}
	if (dot) {
		snprintf(schema, sizeof(schema), "%.*s", (int)(dot - config->table), config->table);
		database_put_name(out, schema);
		fputc('.', out);
	}
	database_put_name(out, dot ? dot + 1 : config->table);
	fputs(" AS runs", out);
}

static void put_column(FILE *out, const struct table_config *config, enum feed_column column)
{
	database_put_column(out, "runs", feed_column(config, column));
}

static void put_selected(FILE *out, const struct table_config *config, enum feed_column column)
{
	if (column == FEED_STARTED || column == FEED_COMPLETED) {
		database_put_time(out, "runs", feed_column(config, column));
		return;
	}
	put_column(out, config, column);
	fputs("::text", out);
}

char *feed_sql(const struct table_config *config, const bool has[FEED_COLUMNS], bool followed)
{
	struct draft draft;
	FILE *out;

	if (!draft_begin(&draft))
		return NULL;
	out = draft.out;
	fputs("SELECT ", out);
	for (int i = 0; i < FEED_COLUMNS; i++) {
		if (has[i])
			put_selected(out, config, (enum feed_column)i);
		else
			fputs("NULL", out);
		fputs(", ", out);
	}
	put_column(out, config, FEED_STARTED);
	fputs("::text FROM ", out);
	feed_put_from(out, config);
	fputs(" WHERE ", out);
	put_column(out, config, followed ? FEED_ID : FEED_STARTED);
	if (followed) {
		fputs(" = ANY($1)", out);
	} else {
		/* $2: a time as the column itself has it */
		fputs(" >= $1::timestamptz AND (", out);
		put_column(out, config, FEED_STARTED);
		fputs(", ", out);
		put_column(out, config, FEED_ID);
		fputs("::text) > ($2, $3) ORDER BY ", out);
		put_column(out, config, FEED_STARTED);
		fputs(", ", out);
		put_column(out, config, FEED_ID);
		fprintf(out, "::text LIMIT %lld", (long long)config->batch);
	}
	return draft_end(&draft, NULL);
}

static void put_element(FILE *out, const char *id, bool more)
{
	fputs(more ? ",\"" : "\"", out);
	for (; *id; id++)
		fprintf(out, *id == '"' || *id == '\\' ? "\\%c" : "%c", *id);
	fputc('"', out);
}

char *feed_followed(const struct cron *cron, size_t *n)
{
	struct draft draft;

	*n = 0;
	if (!draft_begin(&draft))
		return NULL;
	fputc('{', draft.out);
	for (size_t i = 0; i < cron->n_jobs; i++)
		for (size_t k = 0; k < cron->job[i]->n_running; k++)
			if (cron->job[i]->running[k]->cause == CAUSE_TABLE)
				put_element(draft.out, cron->job[i]->running[k]->id, (*n)++ > 0);
	fputc('}', draft.out);
	return draft_end(&draft, NULL);
}

/* --- rows --- */

static const char *value_of(const PGresult *rows, int row, enum feed_column column)
{
	return PQgetisnull(rows, row, (int)column) ? NULL : PQgetvalue(rows, row, (int)column);
}

static int64_t number_of(const PGresult *rows, int row, enum feed_column column, int64_t absent)
{
	const char *text = value_of(rows, row, column);

	return text ? strtoll(text, NULL, 10) : absent;
}

/* A time that never comes is none. */
static int64_t time_of(const PGresult *rows, int row, enum feed_column column, int64_t absent)
{
	int64_t ms;

	return database_time(rows, row, (int)column, &ms) == DATABASE_TIME ? ms : absent;
}

/* A word that nobody knows is judged by whether the run has an end. */
static enum run_status status_of(const PGresult *rows, int row)
{
	const char *word = value_of(rows, row, FEED_STATUS);
	enum run_status status;

	if (word && run_status_read(word, &status))
		return status;
	if (time_of(rows, row, FEED_COMPLETED, 0) == 0)
		return RUN_RUNNING;
	return value_of(rows, row, FEED_ERROR) ? RUN_FAILED : RUN_COMPLETED;
}

/* False when memory is short. */
static bool fill(struct run *run, const PGresult *rows, int row)
{
	const char *results = value_of(rows, row, FEED_RESULTS);
	const char *error = value_of(rows, row, FEED_ERROR);
	json_t *object = results ? json_loads(results, 0, NULL) : NULL;
	bool good = !error || run_text(&run->error, error);

	if (json_is_object(object))
		(void)results_read(&run->results, object,
				   run->status == RUN_FAILED ? &run->error : NULL);
	run->duration_ms = number_of(rows, row, FEED_DURATION, -1);
	json_decref(object);
	return good;
}

static int take_end(struct cron *cron, struct job *job, struct run *run, bool whole,
		    const PGresult *rows, int row, int64_t now_ms)
{
	enum run_status status = status_of(rows, row);

	run->status = status;
	if (!fill(run, rows, row)) {
		if (whole) {
			run_done(run);
			free(run);
		}
		return -ENOMEM;
	}
	run_end(run, status,
		time_of(rows, row, FEED_COMPLETED,
			run->started_ms + (run->duration_ms > 0 ? run->duration_ms : 0)));
	return whole ? book_whole(cron, job, run, now_ms) : book_end(cron, job, run, now_ms);
}

static int take_new(struct cron *cron, struct job *job, const PGresult *rows, int row,
		    int64_t first_ms, int64_t now_ms)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return -ENOMEM;
	run_init(run, value_of(rows, row, FEED_ID), CAUSE_TABLE,
		 time_of(rows, row, FEED_STARTED, 0));
	if (status_of(rows, row) == RUN_RUNNING)
		return book_begin(cron, job, run, now_ms);
	run->quiet = time_of(rows, row, FEED_COMPLETED, run->started_ms) < first_ms;
	return take_end(cron, job, run, true, rows, row, now_ms);
}

static void report_long(struct cron *cron, const char *id, const char *name)
{
	if (cron->long_id)
		return;
	cron->long_id = true;
	cron->host->log(
		cron->self, TOCSIN_LOG_WARNING,
		"table: the run %.32s... of '%.100s', and others like it, are left out: an id "
		"has at most %d bytes",
		id, name, CRON_ID);
}

static int take_row(struct cron *cron, const PGresult *rows, int row, int64_t first_ms,
		    int64_t now_ms)
{
	const char *id = value_of(rows, row, FEED_ID), *name = value_of(rows, row, FEED_JOB);
	int64_t started = time_of(rows, row, FEED_STARTED, 0);
	enum run_status now = status_of(rows, row);
	struct run *running;
	struct entry *entry;
	struct job *job;
	const char *why;
	int status = 0;

	if (!id || !name || !*id || started <= 0)
		return 0;
	if (strlen(id) > CRON_ID) {
		report_long(cron, id, name);
		return 0;
	}
	job = job_take(cron, name, &status, &why);
	if (!job)
		return status == 503 ? -ENOMEM : 0;
	entry = job_entry(job, id);
	/* the program itself wrote it, by its TOCSIN_RUN: how it ends is seen */
	if (entry && entry->own)
		return 0;
	/* one under way is the same, its start is told anew; else the id was given again */
	running = job_running(job, id);
	if (running && running->started_ms != started &&
	    book_began(cron, job, running, started, now_ms) != 0)
		return -ENOMEM;
	entry = job_entry_at(job, id, started);
	if (entry && entry->status == RUN_RUNNING && now != RUN_RUNNING)
		return take_end(cron, job, job_running(job, id), false, rows, row, now_ms);
	if (entry && entry->status == RUN_LOST && (now == RUN_COMPLETED || now == RUN_FAILED)) {
		book_found(job, entry);
		entry = NULL;
	}
	/* what is as old as something that was forgotten may have been taken before */
	if (entry || started <= job->forgotten_ms)
		return 0;
	return take_new(cron, job, rows, row, first_ms, now_ms);
}

int feed_take(struct cron *cron, const PGresult *rows, int64_t first_ms, int64_t now_ms,
	      int64_t *seen_ms)
{
	int rc = 0;

	for (int row = 0; rc == 0 && row < PQntuples(rows); row++) {
		int64_t started = time_of(rows, row, FEED_STARTED, 0);

		rc = take_row(cron, rows, row, first_ms, now_ms);
		if (started > *seen_ms && started <= now_ms)
			*seen_ms = started;
	}
	return rc;
}
