/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/decide: which deliveries an alert gives rise to, by routes, channels
 * and recipients. Pure.
 */
#ifndef ENGINE_DECIDE_H
#define ENGINE_DECIDE_H

#include <tocsin/store.h>

#include "config/options.h"
#include "engine/settings.h"

/* One delivery to be; strings live in the arena. */
struct decision {
	const char *channel, *recipient, *route;
	enum tocsin_state state;    /* PENDING, or settled at once with the reason */
	const char *reason;
};

struct decisions {
	struct decision *item;
	size_t n, capacity;
};

/*
 * Decides. channel: only there, past the routes (NULL: by the routes). Each channel and recipient
 * occurs once, whichever routes name it. There is always at least one decision, so that nothing
 * vanishes. 0 or -ENOMEM.
 */
int decide(const struct settings *settings, const struct tocsin_alert *alert, const char *channel,
	   struct arena *arena, struct decisions *decisions);
/*
 * Decides on an alert about that channel, which is not to hear of it: by the routes, or else by the
 * default route. No decision when nobody would get it now. 0 or -ENOMEM.
 */
int decide_about(const struct settings *settings, const struct tocsin_alert *alert,
		 const char *channel, struct arena *arena, struct decisions *decisions);
/*
 * Which deliveries to the channel take the place of one for that recipient ("" for none): to its own
 * `to`, or else to the recipient, or else to those that the alert names. None when there is no such
 * channel any more. 0 or -ENOMEM.
 */
int decide_fallback(const struct settings *settings, const struct tocsin_alert *alert,
		    const char *channel, const char *recipient, const char *route,
		    struct arena *arena, struct decisions *decisions);

#endif
