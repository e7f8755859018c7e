# SPDX-License-Identifier: Apache-2.0
"""The control of every loss story: a daemon that acknowledges before it commits.

A preloaded library answers COMMIT with success and really commits only now and
then. Nothing in the daemon changes, and nothing is lost while it runs; after a
SIGKILL what was not committed is gone. A story that cannot see that loss
proves nothing when it sees none.
"""

import os

from .compiler import compile_library

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

struct sqlite3;
struct sqlite3_stmt;
enum { OK = 0, DONE = 101, EVERY = 50 };

extern const char *sqlite3_sql(struct sqlite3_stmt *);
static int working, open_transaction, commits;

int sqlite3_step(struct sqlite3_stmt *statement)
{
	static int (*real)(struct sqlite3_stmt *);
	const char *sql = sqlite3_sql(statement);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_step");
	/* The tables are made as they should be; it is alerts that are forgotten. */
	if (sql && strncmp(sql, "INSERT INTO alert", 17) == 0)
		working = 1;
	if (sql && strncmp(sql, "BEGIN", 5) == 0 && open_transaction)
		return DONE;
	if (sql && strncmp(sql, "COMMIT", 6) == 0) {
		open_transaction = working && ++commits % EVERY != 0;
		if (open_transaction)
			return DONE;
	}
	return real(statement);
}

/* Would fail inside the transaction that is still open. */
int sqlite3_wal_checkpoint_v2(struct sqlite3 *db, const char *name, int mode, int *log, int *done)
{
	static int (*real)(struct sqlite3 *, const char *, int, int *, int *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_wal_checkpoint_v2");
	if (!open_transaction)
		return real(db, name, mode, log, done);
	if (log)
		*log = 0;
	if (done)
		*done = 0;
	return OK;
}
"""


def make_forgetful(tocsin):
    """From now on every start of this daemon acknowledges before it commits."""
    source = tocsin.directory / "forgetful.c"
    library = tocsin.directory / "forgetful.so"
    source.write_text(SOURCE)
    # Linked to SQLite, so that it is in the global scope before the plugin brings it.
    compile_library(library, source, "-Wl,--no-as-needed", "-l:libsqlite3.so.0", "-ldl")
    tocsin.environment = {**tocsin.environment, "LD_PRELOAD": str(library),
                          "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")
                          + ":verify_asan_link_order=0"}
    return tocsin
