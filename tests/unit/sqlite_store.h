/* SPDX-License-Identifier: Apache-2.0 */
/* A SQLite store on a temporary file, under a host that keeps what is logged. */
#ifndef SQLITE_STORE_H
#define SQLITE_STORE_H

#include "store_contract.h"

struct sqlite_store {
	struct store_subject subject;
	char directory[64];
	char path[96];
	char log[8192];  /* every line of warning and error since the last sqlite_quiet */
	char info[8192]; /* the others */
};

void sqlite_store_init(struct sqlite_store *store);
/* Removes the directory. */
void sqlite_store_done(struct sqlite_store *store);
void sqlite_quiet(struct sqlite_store *store);
/* PATH with a suffix; valid until the next call. */
const char *sqlite_beside(const struct sqlite_store *store, const char *suffix);
/* Runs it on the file of a store that is closed. */
void sqlite_run_sql(const struct sqlite_store *store, const char *sql);
/* Begins, accepts one alert with that mark, commits: the first error, or 0. Rolls back. */
int sqlite_accept_one(const struct tocsin_store_ops *ops, void *state, int64_t mark);
/* Whether that mark was accepted. */
bool sqlite_has_mark(const struct tocsin_store_ops *ops, void *state, int64_t mark);
/* All alerts up to this mark are there, and the counts add up. */
void sqlite_nothing_is_lost(const struct tocsin_store_ops *ops, void *state, int64_t last);

#endif
