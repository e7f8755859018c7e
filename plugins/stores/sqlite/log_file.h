/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log as a file that takes a commit in one piece. SQLite writes it in two pieces a
 * page, which is twenty to fifty calls for a commit and more work for the kernel than the bytes are;
 * here they are gathered, and written before anybody syncs or reads what they belong to.
 *
 * What SQLite is told stays true: a write that it made is in the file when a sync returns, or that
 * sync fails with the error of the write. Until then a crash may lose it, as it may lose any write.
 */
#ifndef SQLITE_LOG_FILE_H
#define SQLITE_LOG_FILE_H

#include <sqlite3.h>

/* A file system of one connection: SQLite's own, but for the log. */
struct log_vfs {
	sqlite3_vfs it;       /* first: SQLite hands out pointers to it */
	sqlite3_vfs *own;     /* SQLite's; NULL: not registered */
	char name[32];
};

/* Makes it known to SQLite as vfs->name; a result of SQLite. It stays where it is until log_vfs_done. */
int log_vfs_register(struct log_vfs *vfs);
/* After the connection was closed. Nothing, when it is not registered. */
void log_vfs_done(struct log_vfs *vfs);

#endif
