/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/orphans: deliveries that wait for a channel that is no longer
 * configured, or disabled. They stay pending (the channel may come back), so
 * people must see them. Main thread, but for orphans_status.
 */
#ifndef ENGINE_ORPHANS_H
#define ENGINE_ORPHANS_H

#include <jansson.h>

struct engine;

/* Looks for them, and warns about each channel when it is new. At start, after a reload, and with the
 * upkeep. */
void orphans_look(struct engine *engine);
/* Adds {"name","type":"","state":"not configured","queued":N} for each to the array. Any thread.
 * 0 or -ENOMEM. */
int orphans_status(struct engine *engine, json_t *channels);

#endif
