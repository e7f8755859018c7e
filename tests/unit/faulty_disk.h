/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk for SQLite that fails: it stands before the real file system and fails the k-th write,
 * sync or removal, or every one from then on. It also sees what a power cut could not be survived with.
 */
#ifndef FAULTY_DISK_H
#define FAULTY_DISK_H

#include <stdbool.h>

#include <sqlite3.h>

enum fault { FAULT_NONE, FAULT_WRITE, FAULT_FULL, FAULT_QUOTA, FAULT_SYNC, FAULT_DELETE };

/* The one disk of the program. */
extern struct faulty_disk {
	enum fault fault;
	long after;                  /* this many good calls first */
	bool for_ever;
	bool hit;                    /* it has failed */
	int error;                   /* the errno of the last write that did */
	long written;                /* calls that changed a file */
	bool log_unsynced, file_unsynced;
	long log_begun;              /* how often the log was written from its start */
	long overtaken;              /* file written before the log was synced, or log begun anew before
	                              * the file was */
	sqlite3_vfs vfs, *real;
} disk;

/* Every file that SQLite opens from now on is on it. */
void mount_disk(void);
void break_disk(enum fault fault, long after, bool for_ever);

#endif
