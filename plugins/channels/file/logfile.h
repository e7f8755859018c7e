/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that a channel appends to, reached safely: the directory is opened once and
 * the file inside it is never a symbolic link, a device, a pipe, a hard link of another
 * file or somebody else's. A record is in the file whole or not at all.
 */
#ifndef FILE_LOGFILE_H
#define FILE_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct logfile {
	const char *path; /* absolute; borrowed */
	mode_t mode;      /* of a file that is created here */
	bool sync;        /* logfile_append returns when the data is on disk */
	int directory;    /* -1: not open */
	int fd;           /* -1: not open */
	char why[256];    /* the sentence about the last failure */
};

void logfile_init(struct logfile *logfile, const char *path, mode_t mode, bool sync);
void logfile_done(struct logfile *logfile);

/* Opens the file, or opens it again after it was rotated. 0 or negative errno and why; the
 * file opened before is then still in use. */
int logfile_open(struct logfile *logfile);

/* Appends all of the text, or nothing: what was written of it is cut off again. 0 or
 * negative errno and why. */
int logfile_append(struct logfile *logfile, const char *text, size_t length);

#endif
