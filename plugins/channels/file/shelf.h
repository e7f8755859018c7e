/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory with one log for each value of a label. Values come from alerts and are hostile, so
 * the names of the files are made here, few are open at a time, and there are never too many.
 */
#ifndef FILE_SHELF_H
#define FILE_SHELF_H

#include "logfile.h"

#define SHELF_NAME 96
#define SHELF_OPEN 32 /* logs open at once */

struct shelf_log {
	char name[SHELF_NAME]; /* without ".log"; "" : not in use */
	char *path;
	struct logfile file;
	uint64_t used; /* the larger, the later */
};

struct shelf {
	const char *path;              /* of the directory; borrowed */
	struct logfile_settings settings;
	int64_t most, n;               /* files that there may be, and are */
	uint64_t uses;
	struct shelf_log log[SHELF_OPEN];
	char why[256];                 /* about the last failure */
};

void shelf_init(struct shelf *shelf, const char *path, const struct logfile_settings *settings,
		int64_t most);
void shelf_done(struct shelf *shelf);
/* Looks into the directory, which must be there. Closes all logs. 0 or negative errno and why. */
int shelf_open(struct shelf *shelf);

/*
 * The name for a value: letters, digits, '.', '_' and '-' as they are. A value that has others, that
 * is long, or that begins with '.', '-' or '_', gets "-" and 16 hex digits of its hash at the end,
 * and so does one that looks as if it had them: different values have different names. "_" is for
 * alerts without the label.
 */
void shelf_name(const char *value, char name[SHELF_NAME]);
/* The log for a name, until the next call; "_other" when there are too many files already. NULL: not
 * now, and why. */
struct logfile *shelf_find(struct shelf *shelf, const char *name);

#endif
