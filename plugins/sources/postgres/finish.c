/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a row ended is written where the token still stands, many rows in one
 * statement. A row that has another token by now belongs to somebody else: its
 * end is refused, counted, and said in the log.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

enum { KEYS, TOKENS, HOW, ERRORS, STARTED, ENDED, OUTPUTS, WORKER, PARAMETERS };
#define DIGITS 24

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

static int ask(struct postgres *p, const struct ending *ending, size_t n, PGresult **result)
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
	rc = whole ? database_query(&p->db, "queue", p->queue.finish, PARAMETERS, value, result)
		   : database_error(&p->db, -ENOMEM, "out of memory");
	for (int i = 0; i < WORKER; i++)
		free(array[i]);
	return rc;
}

static void count(struct postgres *p, const struct ending *ending, size_t n, int64_t failed)
{
	int64_t done = 0, tried = 0;

	for (size_t i = 0; i < n; i++) {
		done += strcmp(ending[i].how, FINISH_DONE) == 0;
		tried += strcmp(ending[i].how, FINISH_FAILED) == 0;
	}
	p->host->count(p->self, "completed", done);
	p->host->count(p->self, "attempts_failed", tried);
	p->host->count(p->self, "failed", failed);
	p->host->count(p->self, "handed_back", (int64_t)n - done - tried);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Says which were refused; the others are in the answer. */
static int report_refused(struct postgres *p, const struct ending *ending, size_t n,
			  const PGresult *result)
{
	size_t n_ours = (size_t)PQntuples(result);
	const char **ours = calloc(n_ours + 1, sizeof(*ours));

	for (size_t i = 0; ours && i < n_ours; i++)
		ours[i] = PQgetvalue(result, (int)i, 0);
	if (ours)
		qsort(ours, n_ours, sizeof(*ours), by_text);
	for (size_t i = 0; ours && i < n; i++) {
		char *mark = sql_format("%s %s", ending[i].key, ending[i].token);

		if (mark && !bsearch(&mark, ours, n_ours, sizeof(*ours), by_text)) {
			p->host->count(p->self, "refused", 1);
			p->host->log(p->self, TOCSIN_LOG_WARNING,
				     "row %s of %s: its end (%s) was refused: the row is not ours "
				     "any more",
				     ending[i].key, p->config->table, ending[i].how);
		}
		free(mark);
	}
	free(ours);
	return 0;
}

static void forget(struct postgres *p, const struct ending *ending, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *mark = sql_format("%s %s", ending[i].key, ending[i].token);

		if (mark)
			held_remove(&p->queue.held, mark);
		free(mark);
	}
	p->queue.freed = true;
}

static int finish_batch(struct postgres *p, const struct ending *ending, size_t n)
{
	PGresult *result = NULL;
	int64_t failed = 0;
	int rc = ask(p, ending, n, &result);

	if (rc)
		return rc;
	for (int i = 0; i < PQntuples(result); i++)
		failed += *PQgetvalue(result, i, 1) == 't';
	if ((size_t)PQntuples(result) != n)
		report_refused(p, ending, n, result);
	count(p, ending, n, failed);
	forget(p, ending, n);
	PQclear(result);
	return 0;
}

/* One row that the table refuses must not keep the others from being written. */
static int finish_apart(struct postgres *p, const struct ending *ending, size_t n)
{
	int rc = finish_batch(p, ending, n), left, right;

	if (rc == -EDOM && n == 1)
		forget(p, ending, n); /* its lease runs out: nothing is renewed for ever */
	if (rc != -EDOM || n == 1)
		return rc;
	left = finish_apart(p, ending, n / 2);
	right = finish_apart(p, ending + n / 2, n - n / 2);
	return left ? left : right;
}

int finish_rows(struct postgres *p, const struct ending *ending, size_t n)
{
	return n > 0 ? finish_apart(p, ending, n) : 0;
}
