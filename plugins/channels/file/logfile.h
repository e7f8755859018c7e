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

#include "rotate.h"

struct logfile_settings {
	mode_t mode; /* of a file that is created here */
	bool sync;   /* logfile_append returns when the data is on disk */
	struct rotation rotation;
};

struct logfile {
	const char *path; /* absolute; borrowed */
	struct logfile_settings settings;
	int directory;    /* -1: not open */
	int fd;           /* -1: not open */
	char why[256];    /* the sentence about the last failure */
	char warning[256]; /* why it could not begin anew, for the caller to log and clear */
	int64_t rotate_at_ms; /* not before, because it failed */
};

void logfile_init(struct logfile *logfile, const char *path,
		  const struct logfile_settings *settings);
void logfile_done(struct logfile *logfile);

/* A directory by its absolute path, none of whose parts is a symbolic link, for reading. The
 * descriptor, or a negative errno. */
int logfile_open_directory(const char *path);

/* Opens the file, or opens it again after it was rotated. 0 or negative errno and why; the
 * file opened before is then still in use. */
int logfile_open(struct logfile *logfile);

/* Appends all of the text, or nothing: what was written of it is cut off again. The file begins
 * anew before that when it is due. 0 or negative errno and why. */
int logfile_append(struct logfile *logfile, const char *text, size_t length);

#endif
