/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of the queue. Our own names in them begin with tocsin_, so that no
 * column of the table can be meant by accident.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "postgres.h"

#define AHEAD 8 /* rows looked at for each that may be taken, where users have limits */

static char *done(FILE *out, char **text)
{
	bool failed = ferror(out) != 0;

	if (fclose(out) != 0 || failed) {
		free(*text);
		return NULL;
	}
	return *text;
}

/* What runs now, of each user or of all. */
static void write_live(FILE *out, const struct queue_names *q, bool users)
{
	fprintf(out,
		"tocsin_live AS MATERIALIZED (SELECT %s AS tocsin_user, count(*) AS tocsin_n FROM %s"
		" WHERE %s = %s AND %s > now() GROUP BY 1), ",
		users ? q->per_key : "NULL", q->table, q->status, q->processing, q->lease_until);
}

/* How many more may run at all: a number, never negative. */
static void write_room(FILE *out, const struct queue_config *config)
{
	if (config->max_running > 0)
		fprintf(out,
			"least($1::bigint, greatest(0, %" PRId64
			" - (SELECT coalesce(sum(tocsin_n), 0) FROM tocsin_live)))::bigint",
			config->max_running);
	else
		fprintf(out, "$1::bigint");
}

/* Rows of users who have room, the oldest first; then no more of each than fit. They are locked before
 * they are counted: one that somebody else has locked must not stand for those behind it. */
static void write_by_user(FILE *out, const struct queue_names *q, const struct queue_config *config)
{
	fprintf(out,
		"tocsin_due AS MATERIALIZED (SELECT %s AS tocsin_key, %s AS tocsin_at,"
		" %s AS tocsin_user FROM %s WHERE (%s\n) AND NOT EXISTS (SELECT FROM tocsin_live"
		" WHERE tocsin_user = %s.%s AND tocsin_n >= %" PRId64 ") ORDER BY %s, %s"
		" LIMIT %d * ",
		q->key, q->scheduled_at, q->per_key, q->table, q->due, q->table, q->per_key,
		config->max_per_key, q->scheduled_at, q->key, AHEAD);
	write_room(out, config);
	fprintf(out,
		" FOR NO KEY UPDATE SKIP LOCKED), tocsin_mine AS MATERIALIZED (SELECT tocsin_key"
		" FROM (SELECT tocsin_key, tocsin_at, d.tocsin_user, coalesce(tocsin_n, 0) +"
		" row_number() OVER (PARTITION BY d.tocsin_user ORDER BY tocsin_at, tocsin_key) AS"
		" tocsin_place FROM tocsin_due d LEFT JOIN tocsin_live l ON l.tocsin_user ="
		" d.tocsin_user) AS t WHERE tocsin_user IS NULL OR tocsin_place <= %" PRId64
		" ORDER BY tocsin_at, tocsin_key LIMIT ",
		config->max_per_key);
	write_room(out, config);
	fprintf(out, "), ");
}

static void write_oldest(FILE *out, const struct queue_names *q, const struct queue_config *config)
{
	fprintf(out,
		"tocsin_mine AS MATERIALIZED (SELECT %s AS tocsin_key FROM %s WHERE (%s\n)"
		" ORDER BY %s, %s LIMIT ",
		q->key, q->table, q->due, q->scheduled_at, q->key);
	write_room(out, config);
	fprintf(out, " FOR UPDATE SKIP LOCKED), ");
}

/* An array of keys instead of a join: no estimate of their number can lead to reading the table. */
static void write_take(FILE *out, const struct queue_names *q)
{
	fprintf(out,
		"tocsin_taken AS (UPDATE %s SET %s = %s, %s = gen_random_uuid()::%s,"
		" %s = now() + $2::bigint * interval '1 ms', %s = coalesce(%s, 0) + 1",
		q->table, q->status, q->processing, q->token, q->token_type, q->lease_until,
		q->attempts, q->attempts);
	if (q->owner)
		fprintf(out, ", %s = $3::text", q->owner);
	if (q->started_at)
		fprintf(out, ", %s = now()", q->started_at);
	fprintf(out,
		" WHERE %s = ANY(ARRAY(SELECT tocsin_key FROM tocsin_mine)) RETURNING %s, %s::text,"
		" %s::text, %s AS tocsin_too_long, %s AS tocsin_at, %s AS tocsin_key)"
		" SELECT *, $3::text FROM tocsin_taken ORDER BY tocsin_too_long IS NOT NULL,"
		" tocsin_at, tocsin_key",
		q->key, q->columns, q->token, q->attempts, q->too_long, q->scheduled_at, q->key);
}

char *queue_sql_claim(const struct queue_names *q, const struct queue_config *config)
{
	bool users = q->per_key && config->max_per_key > 0;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "WITH ");
	if (users || config->max_running > 0)
		write_live(out, q, users);
	if (users)
		write_by_user(out, q, config);
	else
		write_oldest(out, q, config);
	write_take(out, q);
	return done(out, &text);
}

/* A row that somebody has locked is passed over: waiting for him would cost all the others. */
char *queue_sql_renew(const struct queue_names *q)
{
	char *ours = sql_format("%s = ANY($1::%s[]) AND %s = ANY($2::%s[]) AND %s = %s", q->key,
				q->key_type, q->token, q->token_type, q->status, q->processing);
	char *text = !ours ? NULL
			   : sql_format("WITH tocsin_free AS MATERIALIZED (SELECT %s AS tocsin_key"
					" FROM %s WHERE %s FOR NO KEY UPDATE SKIP LOCKED),"
					" tocsin_renewed AS (UPDATE %s SET %s = now() + $3::bigint"
					" * interval '1 ms' WHERE %s = ANY(ARRAY(SELECT tocsin_key"
					" FROM tocsin_free)) AND %s RETURNING %s AS tocsin_key)"
					" SELECT %s::text || ' ' || %s::text, %s IN (SELECT"
					" tocsin_key FROM tocsin_renewed) FROM %s WHERE %s",
					q->key, q->table, ours, q->table, q->lease_until, q->key,
					ours, q->key, q->key, q->token, q->key, q->table, ours);

	free(ours);
	return text;
}

/* True of a row that may not be tried again. */
static char *used_up(const struct queue_names *q, const struct queue_config *config)
{
	if (q->max_attempts)
		return sql_format("%s >= coalesce(%s, %" PRId64 ")", q->attempts, q->max_attempts,
				  config->retry.attempts);
	return sql_format("%s >= %" PRId64, q->attempts, config->retry.attempts);
}

static void write_log(FILE *out, const struct queue_names *q, const char *select)
{
	if (q->log)
		fprintf(out,
			", tocsin_logged AS (INSERT INTO %s (job_id, attempt, worker, started_at,"
			" ended_at, status, error, output) %s)",
			q->log, select);
}

char *queue_sql_recover(const struct queue_names *q, const struct queue_config *config)
{
	char *text = NULL, *over = used_up(q, config);
	const char *owner = q->owner ? q->owner : "NULL";
	const char *started = q->started_at ? q->started_at : "NULL";
	size_t size;
	FILE *out = over ? open_memstream(&text, &size) : NULL;

	if (!out) {
		free(over);
		return NULL;
	}
	fprintf(out,
		"WITH tocsin_over AS MATERIALIZED (SELECT %s AS tocsin_key, %s::text AS tocsin_owner,"
		" %s::timestamptz AS tocsin_started FROM %s WHERE %s = %s AND %s < now() ORDER BY %s"
		" LIMIT 1000 FOR UPDATE SKIP LOCKED), tocsin_back AS (UPDATE %s SET %s ="
		" CASE WHEN %s THEN %s ELSE %s END, %s = NULL, %s = NULL",
		q->key, owner, started, q->table, q->status, q->processing, q->lease_until, q->key,
		q->table, q->status, over, q->failed, q->pending, q->token, q->lease_until);
	if (q->last_error)
		fprintf(out,
			", %s = 'its worker ' || coalesce(tocsin_owner, '') || ' gave no sign of"
			" life until the lease was over'",
			q->last_error);
	if (q->completed_at)
		fprintf(out, ", %s = CASE WHEN %s THEN now() END", q->completed_at, over);
	fprintf(out,
		" FROM tocsin_over WHERE %s = tocsin_key RETURNING tocsin_key, tocsin_owner,"
		" tocsin_started, %s AS tocsin_attempt, %s = %s AS tocsin_failed)",
		q->key, q->attempts, q->status, q->failed);
	write_log(out, q,
		  "SELECT tocsin_key, tocsin_attempt, tocsin_owner, tocsin_started, now(),"
		  " 'lost', 'no sign of life until the lease was over', NULL"
		  " FROM tocsin_back");
	fprintf(out,
		" SELECT count(*) FILTER (WHERE NOT tocsin_failed), count(*) FILTER (WHERE"
		" tocsin_failed), min(tocsin_key::text), (SELECT count(*) FROM %s WHERE %s = %s AND"
		" %s IS NULL), $1::text FROM tocsin_back",
		q->table, q->status, q->processing, q->lease_until);
	free(over);
	return done(out, &text);
}

static void write_times(FILE *out, const struct queue_names *q, const char *over)
{
	if (q->started_at)
		fprintf(out, ", %s = coalesce(to_timestamp(tocsin_started / 1000.0), %s)",
			q->started_at, q->started_at);
	if (q->completed_at)
		fprintf(out,
			", %s = CASE WHEN tocsin_how IN ('done', 'never') OR tocsin_how = 'failed' AND %s"
			" THEN coalesce(to_timestamp(tocsin_ended / 1000.0), now()) END",
			q->completed_at, over);
	if (q->duration_ms)
		fprintf(out, ", %s = tocsin_ended - tocsin_started", q->duration_ms);
	if (q->last_error)
		fprintf(out, ", %s = CASE WHEN tocsin_how = 'back' THEN %s ELSE tocsin_error END",
			q->last_error, q->last_error);
	if (q->output)
		fprintf(out, ", %s = tocsin_output", q->output);
	if (q->owner)
		fprintf(out, ", %s = CASE WHEN tocsin_how NOT IN ('back', 'later') THEN %s END",
			q->owner, q->owner);
}

/* The pause doubles with each attempt and is spread over 80 to 120 %. */
static void write_schedule(FILE *out, const struct queue_names *q,
			   const struct queue_config *config, const char *over)
{
	fprintf(out,
		", %s = CASE WHEN tocsin_how = 'failed' AND NOT (%s) OR tocsin_how = 'later' THEN now()"
		" + least(%" PRId64 ", %" PRId64 " * power(2, least(greatest(%s, 1), 40) - 1))"
		" * (0.8 + 0.4 * random()) * interval '1 ms' ELSE %s END",
		q->scheduled_at, over, config->retry.max, config->retry.first, q->attempts,
		q->scheduled_at);
}

/*
 * An end leaves the token in its row and takes the lease away, so that it is known again when it is told
 * twice. What somebody took away has another token, or the lease still stands. The table is looked at a
 * second time only when something is missing.
 */
static void write_answer(FILE *out, const struct queue_names *q)
{
	fprintf(out,
		" SELECT tocsin_key::text || ' ' || tocsin_token::text, tocsin_failed, 'ended',"
		" $8::text FROM tocsin_ended UNION ALL SELECT e.tocsin_key::text || ' ' ||"
		" e.tocsin_token::text, false, CASE WHEN %s = %s THEN 'locked' ELSE 'again' END,"
		" NULL FROM tocsin_end e JOIN %s ON %s = e.tocsin_key AND %s = e.tocsin_token"
		" WHERE (SELECT count(*) FROM tocsin_ended) < (SELECT count(*) FROM tocsin_end)"
		" AND (%s = %s OR %s IS NULL) AND e.tocsin_key NOT IN (SELECT tocsin_key FROM"
		" tocsin_ended)",
		q->status, q->processing, q->table, q->key, q->token, q->status, q->processing,
		q->lease_until);
}

char *queue_sql_finish(const struct queue_names *q, const struct queue_config *config)
{
	char *text = NULL, *over = used_up(q, config);
	size_t size;
	FILE *out = over ? open_memstream(&text, &size) : NULL;

	if (!out) {
		free(over);
		return NULL;
	}
	/* A row that somebody has locked is passed over, and told so: the others need not wait for him. */
	fprintf(out,
		"WITH tocsin_free AS MATERIALIZED (SELECT %s AS tocsin_key FROM %s WHERE %s ="
		" ANY($1::%s[]) AND %s = ANY($2::%s[]) AND %s = %s FOR NO KEY UPDATE SKIP LOCKED), ",
		q->key, q->table, q->key, q->key_type, q->token, q->token_type, q->status,
		q->processing);
	fprintf(out,
		"tocsin_end AS (SELECT tocsin_key, tocsin_token, tocsin_how,"
		" NULLIF(tocsin_error, '') AS tocsin_error, NULLIF(tocsin_started, 0) AS"
		" tocsin_started, NULLIF(tocsin_ended, 0) AS tocsin_ended, NULLIF(tocsin_output, '')"
		" AS tocsin_output FROM unnest($1::%s[], $2::%s[], $3::text[], $4::text[],"
		" $5::bigint[], $6::bigint[], $7::text[]) AS e(tocsin_key, tocsin_token, tocsin_how,"
		" tocsin_error, tocsin_started, tocsin_ended, tocsin_output)),"
		" tocsin_ended AS (UPDATE %s SET %s = CASE WHEN tocsin_how = 'done' THEN %s"
		" WHEN tocsin_how = 'never' OR tocsin_how = 'failed' AND %s THEN %s ELSE %s END,"
		" %s = NULL,"
		" %s = %s - (tocsin_how IN ('back', 'later'))::int",
		q->key_type, q->token_type, q->table, q->status, q->completed, over, q->failed,
		q->pending, q->lease_until, q->attempts, q->attempts);
	write_schedule(out, q, config, over);
	write_times(out, q, over);
	fprintf(out,
		" FROM tocsin_end WHERE %s = tocsin_key AND %s = tocsin_token AND %s = %s AND"
		" %s = ANY(ARRAY(SELECT tocsin_free.tocsin_key FROM tocsin_free)) RETURNING"
		" tocsin_key, tocsin_token, tocsin_how, tocsin_error, tocsin_started, tocsin_ended,"
		" tocsin_output, %s AS tocsin_attempt, %s = %s AS tocsin_failed)",
		q->key, q->token, q->status, q->processing, q->key, q->attempts, q->status,
		q->failed);
	write_log(out, q,
		  "SELECT tocsin_key, tocsin_attempt, $8::text,"
		  " to_timestamp(tocsin_started / 1000.0),"
		  " coalesce(to_timestamp(tocsin_ended / 1000.0), now()),"
		  " CASE tocsin_how WHEN 'done' THEN 'completed' ELSE 'failed' END,"
		  " tocsin_error, tocsin_output FROM tocsin_ended"
		  " WHERE tocsin_how NOT IN ('back', 'later')");
	write_answer(out, q);
	free(over);
	return done(out, &text);
}

char *queue_sql_finish_bare(const struct queue_names *q, const struct queue_config *config)
{
	struct queue_names bare = *q;

	bare.output = bare.last_error = bare.duration_ms = bare.owner = bare.log = NULL;
	return queue_sql_finish(&bare, config);
}
