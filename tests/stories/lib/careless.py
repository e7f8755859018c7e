# SPDX-License-Identifier: Apache-2.0
"""The control of the power cuts: a daemon whose store commits without waiting for the disk.

A preloaded library turns SQLite's synchronous=FULL into NORMAL, with which a commit survives the
death of the process but not a power cut. Nothing else changes.
"""

from .compiler import compile_library

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct sqlite3;
typedef int callback(void *, int, char **, char **);

int sqlite3_exec(struct sqlite3 *db, const char *sql, callback *each, void *data, char **message)
{
	static int (*real)(struct sqlite3 *, const char *, callback *, void *, char **);
	int result;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_exec");
	result = real(db, sql, each, data, message);
	if (result == 0 && sql && strcasestr(sql, "PRAGMA synchronous")) {
		result = real(db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
		fprintf(stderr, "careless: synchronous is NORMAL, %d\n", result);
	}
	return result;
}
"""

# What the library says once it has done its work.
MARK = "careless: synchronous is NORMAL, 0"


def careless_library(directory):
    """Builds the library; its bytes."""
    source, library = directory / "careless.c", directory / "careless.so"
    source.write_text(SOURCE)
    # Linked to SQLite, so that it is in the global scope before the plugin brings it.
    compile_library(library, source, "-Wl,--no-as-needed", "-l:libsqlite3.so.0", "-ldl")
    return library.read_bytes()
