/* SPDX-License-Identifier: Apache-2.0 */
/* serve/router: which endpoint a method and a path mean. Pure. */
#ifndef SERVE_ROUTER_H
#define SERVE_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

struct call;

struct endpoint {
	const char *method;
	const char *path;                  /* a segment `*` matches anything but nothing */
	void (*begin)(struct call *call);  /* the request is complete: answer it, or suspend it */
	void (*finish)(struct call *call); /* it was resumed without an error: answer it */
	bool unstored;                     /* finish can do without the store: call->result may be
					      -ENOSPC in it */
};

#define ROUTER_SEGMENT 256
struct router_match {
	const struct endpoint *endpoint; /* NULL: none */
	char segment[ROUTER_SEGMENT];    /* what stood in the place of `*` */
	char allow[64];                  /* methods that the path has; "" when it is unknown */
};

/* HEAD is served by the endpoint for GET. */
void router_find(const struct endpoint *table, size_t n, const char *method, const char *path,
		 struct router_match *match);

#endif
