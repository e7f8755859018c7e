/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk for SQLite that fails: it stands before the real file system and fails the k-th write
 * or sync, or every one from then on.
 */
#ifndef FAULTY_DISK_H
#define FAULTY_DISK_H

#include <stdbool.h>

#include <sqlite3.h>

enum fault { FAULT_NONE, FAULT_WRITE, FAULT_FULL, FAULT_SYNC };

/* The one disk of the program. */
extern struct faulty_disk {
	enum fault fault;
	long after;                  /* this many good calls first */
	bool for_ever;
	bool hit;                    /* it has failed */
	long written;                /* calls that changed a file */
	sqlite3_vfs vfs, *real;
} disk;

/* Every file that SQLite opens from now on is on it. */
void mount_disk(void);
void break_disk(enum fault fault, long after, bool for_ever);

#endif
