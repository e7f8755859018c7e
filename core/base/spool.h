/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/spool: words to the daemon that it could not be told, kept as files until it can.
 *
 * One file a word, {"path": of the API, "body": what is posted there}. Its name begins with the time
 * in nanoseconds, 19 digits, so that the order of names is the order in which they were said. What
 * begins with a dot is not finished. The directory belongs to the daemon, which makes it.
 */
#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include "base/error.h"

/* Keeps a word: it is on disk, and the daemon may read it, when this returns 0. body is JSON. Else a
 * negative errno with the sentence, and nothing is left behind. */
int spool_write(const char *directory, const char *path, const char *body, struct error *err);

#endif
