/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a source, as names and JSON texts:
 *
 *	clock              when the source was last there
 *	beat/NAME          the state of one heartbeat
 *	ping/NAME/NUMBER   its latest pings
 *	rule/NAME/KEY      a row that a rule found wrong
 *	failing/NAME       since when a query cannot be read, and that is told
 *
 * NAME is percent-encoded. Pure functions; texts are for the caller to free(), NULL: no memory.
 */
#ifndef HEARTBEAT_SAVED_H
#define HEARTBEAT_SAVED_H

#include <jansson.h>

#include "steady.h"

/* prefix "beat/", "rule/NAME/": prefix + the name, encoded. */
char *saved_name(const char *prefix, const char *name);
/* The name in it behind the prefix, decoded. */
char *saved_named(const char *key, const char *prefix);
char *saved_ping_name(const char *name, int64_t number);

/* made: nobody configured it, it came with a ping or a row. labels: with which its alert fires, borrowed;
 * NULL: none does, or it has none of its own. */
char *saved_beat(const struct beat_state *state, bool made, json_t *labels);
/* False when it cannot be read. *labels: for json_decref(), or NULL. */
bool saved_read_beat(const char *text, struct beat_state *state, bool *made, json_t **labels);

char *saved_clock(const struct steady_kept *kept);
bool saved_read_clock(const char *text, struct steady_kept *kept);

#endif
