/* SPDX-License-Identifier: Apache-2.0 */
#include "faulty_disk.h"

#include <errno.h>
#include <stdlib.h>

struct faulty_disk disk;

static bool fails(enum fault fault)
{
	if (disk.fault != fault || disk.after-- > 0)
		return false;
	disk.hit = true;
	if (!disk.for_ever)
		disk.fault = FAULT_NONE;
	return true;
}

void break_disk(enum fault fault, long after, bool for_ever)
{
	disk.fault = fault;
	disk.after = after;
	disk.for_ever = for_ever;
	disk.hit = false;
}

/* The file of the real file system stands behind it. */
struct faulty_file {
	sqlite3_file base;
	int kind; /* SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_WAL, or another */
};

static sqlite3_file *inner(sqlite3_file *file)
{
	return (sqlite3_file *)((struct faulty_file *)file + 1);
}

static int file_close(sqlite3_file *file)
{
	return inner(file)->pMethods->xClose(inner(file));
}

static int file_read(sqlite3_file *file, void *data, int n, sqlite3_int64 at)
{
	return inner(file)->pMethods->xRead(inner(file), data, n, at);
}

static void watch_order(int kind, sqlite3_int64 at)
{
	if (kind == SQLITE_OPEN_MAIN_DB) {
		disk.overtaken += disk.log_unsynced;
		disk.file_unsynced = true;
	} else if (kind == SQLITE_OPEN_WAL) {
		disk.log_begun += at == 0;
		disk.overtaken += at == 0 && disk.file_unsynced;
		disk.log_unsynced = true;
	}
}

static int file_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
	disk.written++;
	watch_order(((struct faulty_file *)file)->kind, at);
	if (fails(FAULT_WRITE)) {
		disk.error = EIO;
		return SQLITE_IOERR_WRITE;
	}
	if (fails(FAULT_QUOTA)) {
		disk.error = EDQUOT;
		return SQLITE_IOERR_WRITE;
	}
	if (fails(FAULT_FULL))
		return SQLITE_FULL;
	return inner(file)->pMethods->xWrite(inner(file), data, n, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return inner(file)->pMethods->xTruncate(inner(file), size);
}

/* Nothing here survives a power cut, so the sweeps need not wait for the real disk. */
static int file_sync(sqlite3_file *file, int flags)
{
	int kind = ((struct faulty_file *)file)->kind;

	(void)flags;
	if (fails(FAULT_SYNC))
		return SQLITE_IOERR_FSYNC;
	if (kind == SQLITE_OPEN_MAIN_DB)
		disk.file_unsynced = false;
	else if (kind == SQLITE_OPEN_WAL)
		disk.log_unsynced = false;
	return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return inner(file)->pMethods->xFileSize(inner(file), size);
}

static int file_lock(sqlite3_file *file, int lock)
{
	return inner(file)->pMethods->xLock(inner(file), lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
	return inner(file)->pMethods->xUnlock(inner(file), lock);
}

static int file_reserved(sqlite3_file *file, int *result)
{
	return inner(file)->pMethods->xCheckReservedLock(inner(file), result);
}

static int file_control(sqlite3_file *file, int op, void *data)
{
	if (op == SQLITE_FCNTL_LAST_ERRNO) {
		*(int *)data = disk.error;
		return SQLITE_OK;
	}
	return inner(file)->pMethods->xFileControl(inner(file), op, data);
}

static int file_sector(sqlite3_file *file)
{
	return inner(file)->pMethods->xSectorSize(inner(file));
}

static int file_characteristics(sqlite3_file *file)
{
	return inner(file)->pMethods->xDeviceCharacteristics(inner(file));
}

/* Version 1: no shared memory, which the store must do without. */
static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_characteristics,
};

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	int result = disk.real->xOpen(disk.real, name, inner(file), flags, out);

	(void)vfs;
	((struct faulty_file *)file)->kind = flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL);
	file->pMethods = inner(file)->pMethods ? &methods : NULL;
	return result;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	if (fails(FAULT_DELETE))
		return SQLITE_IOERR_DELETE;
	return disk.real->xDelete(disk.real, name, sync);
}

void mount_disk(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "faults";
	disk.vfs.szOsFile = (int)sizeof(struct faulty_file) + disk.real->szOsFile;
	disk.vfs.xOpen = disk_open;
	disk.vfs.xDelete = disk_delete;
	disk.vfs.pNext = NULL;
	if (sqlite3_vfs_register(&disk.vfs, 1) != SQLITE_OK)
		abort();
}
