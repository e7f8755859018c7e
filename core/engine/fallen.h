/* SPDX-License-Identifier: Apache-2.0 */
/* engine/fallen: who gets what a channel could not deliver. On the store's thread. */
#ifndef ENGINE_FALLEN_H
#define ENGINE_FALLEN_H

#include "config/options.h"
#include "engine/internal.h"

/* As dispatch_hooks.fallback. */
int fallen_instead(void *data, const char *channel, const struct delivery *delivery,
		   struct instead **instead);
/* Adds to the deliveries of an alert those that may stand in for them; the new list is in the arena. 0
 * or -ENOMEM. */
int fallen_add_all(struct engine *engine, const struct tocsin_alert *alert, struct arena *arena,
		   const struct tocsin_new_delivery **delivery, size_t *n);

#endif
