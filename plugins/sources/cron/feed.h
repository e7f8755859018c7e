/* SPDX-License-Identifier: Apache-2.0 */
/* How the table of runs is read; feed.c says when, feed_rows.c what becomes of the rows. */
#ifndef CRON_FEED_H
#define CRON_FEED_H

#include <stdio.h>

#include "cron.h"

#include "../../common/database.h"

/* The columns of every page. */
enum feed_column {
	FEED_ID, FEED_JOB, FEED_STARTED, FEED_COMPLETED, FEED_DURATION, FEED_STATUS, FEED_RESULTS,
	FEED_ERROR, FEED_COLUMNS,
	FEED_POSITION = FEED_COLUMNS /* started_at as the server writes it */
};
extern const char *const feed_columns[FEED_COLUMNS];

/* The statement that reads a page, or (followed) the runs of a list of ids; for the caller to
 * free(). has: which columns there are. NULL: no memory. */
char *feed_sql(const struct table_config *config, const bool has[FEED_COLUMNS], bool followed);
/* "schema"."table" AS runs, or the query. */
void feed_put_from(FILE *out, const struct table_config *config);
/* The name of a column in the table; "" when it has none. */
const char *feed_column(const struct table_config *config, enum feed_column column);

/* What the runs of a page change. seen_ms: the newest start, so far and then. 0 or -ENOMEM. */
int feed_take(struct cron *cron, const PGresult *rows, int64_t first_ms, int64_t now_ms,
	      int64_t *seen_ms);
/* The runs of the table that have not ended, as an array of SQL; NULL when there are none (n 0) or
 * memory is short. */
char *feed_followed(const struct cron *cron, size_t *n);

#endif
