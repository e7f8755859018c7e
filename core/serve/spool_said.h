/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve/spool_said: what was said of entries of the spool that stay where they are. They are tried
 * again and again; people need to hear of each once, and again when it is something else. Pure.
 */
#ifndef SERVE_SPOOL_SAID_H
#define SERVE_SPOOL_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_SAID 256 /* more troubles at once are not told of */

struct spool_said {
	uint64_t before[SPOOL_SAID], now[SPOOL_SAID];
	size_t n_before, n_now;
};

/* Is this to be said? Not when it was in this round or in the one before. */
bool spool_said_news(struct spool_said *said, const char *name, const char *trouble);
/* The next round begins: what is no trouble any more is forgotten. */
void spool_said_next(struct spool_said *said);

#endif
