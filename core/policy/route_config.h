/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/route_config: the sections `routes` and `default` of the configuration
 * as a tree of routes, or every mistake in them with its place.
 */
#ifndef POLICY_ROUTE_CONFIG_H
#define POLICY_ROUTE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "alert/severity.h"
#include "config/options.h"
#include "policy/route.h"

#define ROUTE_DEPTH 16  /* routes below each other */
#define ROUTE_NAME 128  /* bytes of a name */

struct route_config {
	const struct options_context *options; /* arena and problems */
	const struct severity_aliases *aliases;
	const char *const *channel;  /* names that a route may use */
	size_t n_channels;
	const struct place *place;   /* stands for the configuration when a section is missing */
	bool complete;               /* all files could be read: what is missing is a mistake */
	/* Keeps the value of a route's `templates`: a number for route->templates, 0 after a mistake
	 * that it added to the problems. what: "route 'sites'". May be NULL: the key is passed over. */
	size_t (*templates)(void *data, const char *what, const struct node *node);
	void *data;
};

/*
 * list: the values of each `routes` section, joined in this order. fallback: the
 * value of `default`, or NULL. The tree lies in the arena, its matchers do not:
 * route_done(routes->root) frees them, also after a mistake (root may be NULL
 * when memory is short). 0 or -EINVAL with problems added.
 */
int route_config_read(const struct route_config *config, const struct node *const *list,
		      size_t n_lists, const struct node *fallback, struct routes *routes);

/* The keys of a route and of the default route, for documentation. */
#define ROUTE_OPTIONS 7
#define ROUTE_DEFAULT_OPTIONS 1
extern const struct tocsin_option route_options[ROUTE_OPTIONS];
extern const struct tocsin_option route_default_options[ROUTE_DEFAULT_OPTIONS];

#endif
