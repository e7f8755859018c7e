/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/rows: deliveries that belong to rows of other people's tables go out only
 * while their source holds what protects these rows. The store remembers the names
 * of such sources (those that say `rereads`), so that this holds of those that were
 * disabled or removed, too:
 *
 *	enabled		parked until the source emits the row again
 *	disabled	parked until it is enabled or removed
 *	removed		dropped; a row that is still pending is a new alert for whoever
 *			reads it next
 */
#ifndef ENGINE_ROWS_H
#define ENGINE_ROWS_H

#include "engine/source.h"

/* On the source's thread, before its run: its name is remembered. */
void rows_own(struct source *source);
/* On the source's thread, while it still holds them: its deliveries that have not begun do not begin
 * any more. Waits a while for those that have, and tells it how they ended. */
void rows_leave(struct source *source);
/* On the store's thread at the start: the same for all that an earlier process left. */
int rows_recover(struct engine *engine, const struct transaction *t);

#endif
