/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a row ended is written where the token still stands, many rows in one
 * statement. A row that has another token by now belongs to somebody else: its
 * end is refused, counted, and said in the log. One that somebody has locked is
 * told again later, and an end that is told twice changes nothing.
 *
 * A table may refuse what is said of an end: a text that is too long for its
 * column, or that its encoding has not. That the row ended counts more: it is
 * written without, for else the job would run again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

enum { KEYS, TOKENS, HOW, ERRORS, STARTED, ENDED, OUTPUTS, WORKER, PARAMETERS };
#define DIGITS 24
#define BARE_AGAIN_MS 60000 /* between two times that the log says what was left out */

struct answer {
	const char *mark, *how;
	bool failed; /* for good */
};

static const char *text_of(const struct ending *ending, int parameter, char digits[DIGITS])
{
	switch (parameter) {
	case KEYS:
		return ending->key;
	case TOKENS:
		return ending->token;
	case HOW:
		return ending->how;
	case ERRORS:
		return ending->error;
	case OUTPUTS:
		return ending->output;
	}
	snprintf(digits, DIGITS, "%" PRId64,
		 parameter == STARTED ? ending->started_ms : ending->ended_ms);
	return digits;
}

static char *array_of(const struct ending *ending, size_t n, int parameter)
{
	const char **text = calloc(n + 1, sizeof(*text));
	char(*digits)[DIGITS] = calloc(n + 1, sizeof(*digits)), *array = NULL;

	for (size_t i = 0; text && digits && i < n; i++)
		text[i] = text_of(&ending[i], parameter, digits[i]);
	if (text && digits)
		array = sql_array(text, n);
	free(digits);
	free(text);
	return array;
}

static int ask(struct postgres *p, const char *sql, const struct ending *ending, size_t n,
	       PGresult **result)
{
	char *array[WORKER] = {0};
	const char *value[PARAMETERS];
	bool whole = true;
	int rc;

	for (int i = 0; i < WORKER; i++) {
		value[i] = array[i] = array_of(ending, n, i);
		whole &= array[i] != NULL;
	}
	value[WORKER] = p->queue.worker;
	rc = whole ? database_query(&p->db, "queue", sql, PARAMETERS, value, result)
		   : database_error(&p->db, -ENOMEM, "out of memory");
	for (int i = 0; i < WORKER; i++)
		free(array[i]);
	return rc;
}

static int by_mark(const void *a, const void *b)
{
	return strcmp(((const struct answer *)a)->mark, ((const struct answer *)b)->mark);
}

/* The answers by mark, for free(). NULL: no memory. */
static struct answer *answers_of(const PGresult *result)
{
	size_t n = (size_t)PQntuples(result);
	struct answer *answer = calloc(n + 1, sizeof(*answer));

	for (size_t i = 0; answer && i < n; i++)
		answer[i] = (struct answer){PQgetvalue(result, (int)i, 0),
					    PQgetvalue(result, (int)i, 2),
					    *PQgetvalue(result, (int)i, 1) == 't'};
	if (answer)
		qsort(answer, n, sizeof(*answer), by_mark);
	return answer;
}

static void refuse(struct postgres *p, const struct ending *ending)
{
	p->host->count(p->self, "refused", 1);
	p->host->log(p->self, TOCSIN_LOG_WARNING,
		     "row %s of %s: its end (%s) was refused: the row is not ours any more",
		     ending->key, p->config->table, ending->how);
}

/* What became of each; all but the locked ones are no longer ours. An end that is told again was counted
 * when it was written. */
static void note_answers(struct postgres *p, struct ending *ending, size_t n,
			 const struct answer *answer, size_t n_answers)
{
	int64_t done = 0, tried = 0, failed = 0, back = 0;

	for (size_t i = 0; i < n; i++) {
		const struct answer wanted = {.mark = ending[i].mark};
		const struct answer *found =
			bsearch(&wanted, answer, n_answers, sizeof(*answer), by_mark);

		ending[i].locked = found && strcmp(found->how, "locked") == 0;
		if (ending[i].locked)
			continue;
		ending[i].last = found && found->failed;
		failed += ending[i].last;
		if (!found)
			refuse(p, &ending[i]);
		else if (strcmp(found->how, "again") == 0)
			;
		else if (strcmp(ending[i].how, FINISH_DONE) == 0)
			done++;
		else if (strcmp(ending[i].how, FINISH_FAILED) == 0 ||
			 strcmp(ending[i].how, FINISH_NEVER) == 0)
			tried++;
		else
			back++;
		held_remove(&p->queue.held, ending[i].mark);
		p->queue.freed = true;
	}
	p->host->count(p->self, "completed", done);
	p->host->count(p->self, "failed", failed);
	p->host->count(p->self, "attempts_failed", tried);
	p->host->count(p->self, "handed_back", back);
}

static int finish_batch(struct postgres *p, const char *sql, struct ending *ending, size_t n)
{
	PGresult *result = NULL;
	struct answer *answer;
	int rc = ask(p, sql, ending, n, &result);

	if (rc)
		return rc;
	answer = answers_of(result);
	if (answer)
		note_answers(p, ending, n, answer, (size_t)PQntuples(result));
	else
		rc = database_error(&p->db, -ENOMEM, "out of memory");
	free(answer);
	PQclear(result);
	return rc;
}

static void report_bare(struct postgres *p, const struct ending *ending, const char *why)
{
	int64_t now = queue_now_ms();

	p->host->count(p->self, "bare_ends", 1);
	if (p->queue.bare_ms > 0 && now - p->queue.bare_ms < BARE_AGAIN_MS)
		return;
	p->queue.bare_ms = now;
	p->host->log(p->self, TOCSIN_LOG_WARNING,
		     "row %s of %s: its end (%s) is written without output and error, because the "
		     "table refuses them: %s",
		     ending->key, p->config->table, ending->how, why);
}

/* One row that is refused for its data: without texts, and then nothing but that it ended. */
static int finish_bare(struct postgres *p, struct ending *ending)
{
	char why[sizeof(p->db.why)];
	int rc;

	memcpy(why, p->db.why, sizeof(why));
	ending->error = ending->output = "";
	rc = finish_batch(p, p->queue.finish, ending, 1);
	if (rc == -EDOM)
		rc = finish_batch(p, p->queue.finish_bare, ending, 1);
	if (rc == -EDOM)
		/* Its lease runs out: nothing is renewed for ever. */
		held_remove(&p->queue.held, ending->mark);
	else if (!rc && !ending->locked)
		report_bare(p, ending, why);
	return rc;
}

/* One row that the table refuses must not keep the others from being written. */
static int finish_apart(struct postgres *p, struct ending *ending, size_t n)
{
	int rc = finish_batch(p, p->queue.finish, ending, n), left, right;

	if (rc != -EDOM)
		return rc;
	if (n == 1)
		return finish_bare(p, ending);
	left = finish_apart(p, ending, n / 2);
	right = finish_apart(p, ending + n / 2, n - n / 2);
	return left ? left : right;
}

int finish_rows(struct postgres *p, struct ending *ending, size_t n)
{
	return n > 0 ? finish_apart(p, ending, n) : 0;
}
