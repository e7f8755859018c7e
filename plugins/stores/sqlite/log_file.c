/* SPDX-License-Identifier: Apache-2.0 */
#include "log_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATHERED 131071 /* bytes: SQLite's own file takes no more at once */
#define PIECE 65536 /* the largest page there is; what is larger is not SQLite's, and is not kept */

struct log_file {
	sqlite3_file it;    /* first: SQLite hands out pointers to it */
	sqlite3_int64 from; /* where in the file the gathered bytes belong */
	int n;              /* so many are gathered */
	int error;          /* of the write that lost what belongs there, or SQLITE_OK */
	char *gathered;
	/* and behind it SQLite's own file */
};

static sqlite3_file *own_of(sqlite3_file *file)
{
	return (sqlite3_file *)((struct log_file *)file + 1);
}

/* Writes what is gathered. What cannot be written is lost: no sync says otherwise until something
 * else is written in its place, as SQLite does with the next transaction. */
static int flush(sqlite3_file *file)
{
	struct log_file *log = (struct log_file *)file;
	sqlite3_file *own = own_of(file);
	int n = log->n;

	if (n == 0)
		return SQLITE_OK;
	log->n = 0;
	log->error = own->pMethods->xWrite(own, log->gathered, n, log->from);
	return log->error;
}

static int write_log(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	struct log_file *log = (struct log_file *)file;
	sqlite3_file *own = own_of(file);
	int result;

	if (log->error != SQLITE_OK && at > log->from)
		return log->error;
	log->error = SQLITE_OK;
	if (at != log->from + log->n || n > GATHERED - log->n || n > PIECE) {
		result = flush(file);
		if (result != SQLITE_OK)
			return result;
		log->from = at;
	}
	if (n > PIECE)
		return own->pMethods->xWrite(own, bytes, n, at);
	memcpy(log->gathered + log->n, bytes, (size_t)n);
	log->n += n;
	return SQLITE_OK;
}

static int sync_log(sqlite3_file *file, int flags)
{
	const struct log_file *log = (struct log_file *)file;
	sqlite3_file *own = own_of(file);
	int result = log->error == SQLITE_OK ? flush(file) : log->error;

	return result == SQLITE_OK ? own->pMethods->xSync(own, flags) : result;
}

static int read_log(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
	sqlite3_file *own = own_of(file);
	int result = flush(file);

	return result == SQLITE_OK ? own->pMethods->xRead(own, bytes, n, at) : result;
}

static int truncate_log(sqlite3_file *file, sqlite3_int64 size)
{
	sqlite3_file *own = own_of(file);
	int result = flush(file);

	return result == SQLITE_OK ? own->pMethods->xTruncate(own, size) : result;
}

static int size_of_log(sqlite3_file *file, sqlite3_int64 *size)
{
	sqlite3_file *own = own_of(file);
	int result = flush(file);

	return result == SQLITE_OK ? own->pMethods->xFileSize(own, size) : result;
}

static int close_log(sqlite3_file *file)
{
	struct log_file *log = (struct log_file *)file;
	sqlite3_file *own = own_of(file);
	int flushed = flush(file), result = own->pMethods->xClose(own);

	free(log->gathered);
	return flushed == SQLITE_OK ? result : flushed;
}

static int lock_log(sqlite3_file *file, int lock)
{
	return own_of(file)->pMethods->xLock(own_of(file), lock);
}

static int unlock_log(sqlite3_file *file, int lock)
{
	return own_of(file)->pMethods->xUnlock(own_of(file), lock);
}

static int check_lock(sqlite3_file *file, int *locked)
{
	return own_of(file)->pMethods->xCheckReservedLock(own_of(file), locked);
}

static int control_log(sqlite3_file *file, int what, void *argument)
{
	return own_of(file)->pMethods->xFileControl(own_of(file), what, argument);
}

static int sector_of_log(sqlite3_file *file)
{
	return own_of(file)->pMethods->xSectorSize(own_of(file));
}

static int device_of_log(sqlite3_file *file)
{
	return own_of(file)->pMethods->xDeviceCharacteristics(own_of(file));
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = close_log,
	.xRead = read_log,
	.xWrite = write_log,
	.xTruncate = truncate_log,
	.xSync = sync_log,
	.xFileSize = size_of_log,
	.xLock = lock_log,
	.xUnlock = unlock_log,
	.xCheckReservedLock = check_lock,
	.xFileControl = control_log,
	.xSectorSize = sector_of_log,
	.xDeviceCharacteristics = device_of_log,
};

static int open_log(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		    int *flags_then)
{
	struct log_file *log = (struct log_file *)file;
	sqlite3_file *own = own_of(file);
	int result;

	*log = (struct log_file){.gathered = malloc(GATHERED)};
	if (!log->gathered)
		return SQLITE_NOMEM;
	own->pMethods = NULL;
	result = vfs->xOpen(vfs, name, own, flags, flags_then);
	if (result == SQLITE_OK) {
		log->it.pMethods = &methods;
		return SQLITE_OK;
	}
	if (own->pMethods)
		(void)own->pMethods->xClose(own);
	free(log->gathered);
	return result;
}

static int open_any(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		    int *flags_then)
{
	sqlite3_vfs *own = ((struct log_vfs *)vfs)->own;

	if (flags & SQLITE_OPEN_WAL)
		return open_log(own, name, file, flags, flags_then);
	return own->xOpen(own, name, file, flags, flags_then);
}

int log_vfs_register(struct log_vfs *vfs)
{
	sqlite3_vfs *own = sqlite3_vfs_find(NULL);
	int result;

	if (!own)
		return SQLITE_ERROR;
	/* All but the opening of files is SQLite's own, which knows them by what it has in pAppData. */
	vfs->it = *own;
	vfs->it.pNext = NULL;
	vfs->it.zName = vfs->name;
	vfs->it.szOsFile += (int)sizeof(struct log_file);
	vfs->it.xOpen = open_any;
	(void)snprintf(vfs->name, sizeof(vfs->name), "tocsin-%p", (void *)vfs);
	result = sqlite3_vfs_register(&vfs->it, 0);
	vfs->own = result == SQLITE_OK ? own : NULL;
	return result;
}

void log_vfs_done(struct log_vfs *vfs)
{
	if (vfs->own)
		(void)sqlite3_vfs_unregister(&vfs->it);
	vfs->own = NULL;
}
