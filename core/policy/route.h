/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/route: which channels an alert goes to. Pure: no I/O, no clock.
 *
 * The tree is walked depth first. A node matches when the severity is in its
 * set and all its matchers match. The first matching child wins unless it says
 * continue; a node none of whose children match is itself the match. An alert
 * that matches no node goes to the default route, so nothing vanishes.
 *
 * Options inherited from parent to child unless the child sets them: channels.
 */
#ifndef POLICY_ROUTE_H
#define POLICY_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include <tocsin/alert.h>

#include "alert/matcher.h"
#include "base/buffer.h"

struct route {
	const char *name;            /* as configured, or made from its place: "routes[2]" */
	unsigned int severities;     /* SEVERITY_ANY when not given */
	const char *severity_text;   /* as written, or NULL */
	struct matcher **matcher;
	size_t n_matchers;
	bool proceed;                /* `continue: true` */
	struct tocsin_strings channels; /* own or inherited; may be empty: then matching alerts are
					    recorded as suppressed by this route */
	size_t templates;            /* own or inherited; what route_config's templates gave, or 0 */
	struct route **child;
	size_t n_children;
};

/* The tree: children of the root are the configured routes, the root itself is the default. */
struct routes {
	struct route *root;          /* matches everything; its channels are the default route's */
};

/* Calls fn for each route that takes the alert, in order. Returns how many (at least 1). */
typedef void route_fn(const struct route *route, void *data);
size_t routes_match(const struct routes *routes, const struct tocsin_alert *alert, route_fn *fn,
		    void *data);

/* For each route of the levels that were visited, why it matched or did not. Called in the order of
 * the walk; depth 0 is a configured top-level route. Siblings that were not tried because an earlier
 * one took the alert are reported, too. The default route comes last, at depth 0. reason is half a
 * sentence ("severity info is not in warning+"), safe for a terminal, valid during the call. */
typedef void route_explain_fn(const struct route *route, int depth, bool matched, bool selected,
			      const char *reason, void *data);
size_t routes_explain(const struct routes *routes, const struct tocsin_alert *alert,
		      route_explain_fn *fn, void *data);

/* The route of that name at or below this one, or NULL. */
const struct route *routes_find(const struct route *route, const char *name);

/* Frees the matchers of the route and of those below it; all else is its maker's. */
void route_done(struct route *route);

#endif
