/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/deaths: a delivery that was given up is an alert of its own (source
 * "tocsin"), which goes by the routes to any channel but the one that gave up, at
 * most one for each channel in a time. Of an alert of that source nothing is told,
 * so that none begets another. All calls but the last two on the store's thread.
 */
#ifndef ENGINE_DEATHS_H
#define ENGINE_DEATHS_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

#define DEATHS_SOURCE "tocsin"

struct engine;

struct deaths {
	struct store_request request; /* asks for a look at the list */
	bool asked;                   /* it is in the store's queue */
	bool news;                    /* something was noted since it looked */
	struct death *first;
};

/* Is that one of these alerts? Any thread. */
bool deaths_is_own(const char *source);
/* Inside a transaction: deaths will be noted when it is committed. A run that is once waits for that. */
void deaths_expect(struct engine *engine);
/* A delivery (0: one whose number is not known yet) died, for that reason; those of the same moment become one alert. */
void deaths_note(struct engine *engine, const char *channel, const char *source, int64_t delivery,
		 const char *why);
/* Tells what is due to be told. */
void deaths_look(struct engine *engine);
void deaths_init(struct engine *engine);
void deaths_done(struct engine *engine);

#endif
