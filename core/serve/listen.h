/* SPDX-License-Identifier: Apache-2.0 */
/* serve/listen: the unix socket that the server listens on. */
#ifndef SERVE_LISTEN_H
#define SERVE_LISTEN_H

#include "base/error.h"

/*
 * Binds and listens with exactly these permissions. A file left by a daemon
 * that is gone is replaced; one that somebody answers on is -EADDRINUSE, and
 * anything that is no socket is left alone. 0 and *fd, or a negative errno with
 * the sentence.
 */
int listen_unix(const char *path, unsigned int mode, int *fd, struct error *err);

#endif
