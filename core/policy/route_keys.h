/* SPDX-License-Identifier: Apache-2.0 */
/* policy/route_keys: the keys of one route, as route_config.c walks through the tree. */
#ifndef POLICY_ROUTE_KEYS_H
#define POLICY_ROUTE_KEYS_H

#include "policy/route_config.h"

#define ROUTE_MOST 4096     /* routes of a configuration */
#define ROUTE_CHANNELS 256  /* channels of a route */
#define ROUTE_MATCHERS 256  /* matchers of a route */

/* What the option table fills; `match`, `routes` and `templates` are read by hand. */
struct route_keys {
	const char *name;
	struct tocsin_strings severity;
	struct tocsin_strings channels;
	bool proceed;
	struct tocsin_strings match;
	struct tocsin_strings routes;
	const struct tocsin_template *templates;
};

/* The names given so far. */
struct used_name {
	const char *name;
	struct place place;
};

/* One call of route_config_read. */
struct route_reading {
	const struct route_config *config;
	struct used_name *used;
	size_t n_used;
	int result;
};

/* Where to add a problem; from then on the result is a failure. */
struct problems *route_problems(struct route_reading *reading);
/* Zeroed memory from the arena, or NULL with a problem added. */
void *route_alloc(struct route_reading *reading, size_t n, size_t size);

/* given: somebody wrote the name (else it was made from the place). */
void route_check_name(struct route_reading *reading, const char *name, bool given,
		      const struct place *place);
void route_check_channels(struct route_reading *reading, const char *what, const struct node *node,
			  const struct tocsin_strings *channels);
/* Moves what options_fill found into the route, reads `match`. what: "route 'sites'". */
void route_apply_keys(struct route_reading *reading, const char *what, const struct node *node,
		      const struct route_keys *keys, struct route *route);

#endif
