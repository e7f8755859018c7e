/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve/spool_file: one file of the spool, which anybody may have put there: a word for a source as
 * {"path": "/api/v1/jobs/NAME/report", "body": {...}}.
 */
#ifndef SERVE_SPOOL_FILE_H
#define SERVE_SPOOL_FILE_H

#include <tocsin/plugin.h>

#include "base/error.h"

#define SPOOL_FILE (64 * 1024) /* bytes, at most */

struct spool_file {
	enum tocsin_items kind;
	char *item, *verb, *body;
	char *source; /* NULL: whichever has the item */
};

/* Only regular files are read, and only what pings and reports. 0; -EINVAL with the sentence: it is none
 * that can be handed in, ever; -ENOENT: it is gone; another negative errno: not now. */
int spool_file_read(int directory, const char *name, struct spool_file *file, struct error *err);
/* The same of what is in it. */
int spool_file_parse(const char *text, size_t length, struct spool_file *file, struct error *err);
void spool_file_done(struct spool_file *file);

#endif
