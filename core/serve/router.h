/* SPDX-License-Identifier: Apache-2.0 */
/* serve/router: which endpoint a method and a path mean. Pure. */
#ifndef SERVE_ROUTER_H
#define SERVE_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include <tocsin/plugin.h>

struct call;

struct endpoint {
	const char *method;
	const char *path;                  /* a segment `*` matches anything but nothing */
	void (*begin)(struct call *call);  /* the request is complete: answer it, or suspend it */
	void (*finish)(struct call *call); /* it was resumed without an error: answer it */
	bool unstored;                     /* finish can do without the store: call->result may be
					      -ENOSPC in it */
	enum tocsin_items items;           /* what it speaks of, if it is for sources; or 0 */
};

#define ROUTER_SEGMENT 640 /* a name of 200 bytes, each of them as %XX */
#define ROUTER_SEGMENTS 2
struct router_match {
	const struct endpoint *endpoint; /* NULL: none */
	char segment[ROUTER_SEGMENTS][ROUTER_SEGMENT]; /* what stood in the place of each `*`,
							  unescaped */
	char allow[64];                  /* methods that the path has; "" when it is unknown */
};

/* HEAD is served by the endpoint for GET. */
void router_find(const struct endpoint *table, size_t n, const char *method, const char *path,
		 struct router_match *match);

/* Replaces each %XX by its byte, but for %00. keep: neither for the slash nor for the percent sign, which
 * are left for when the segments are known. Returns the new length. */
size_t router_unescape(char *text, bool keep);

#endif
