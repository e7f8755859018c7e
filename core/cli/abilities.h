/* SPDX-License-Identifier: Apache-2.0 */
/* cli/abilities: what channel plugins and services can do, in one form. */
#ifndef CLI_ABILITIES_H
#define CLI_ABILITIES_H

#include <jansson.h>

#include "config/service.h"
#include "plugin/loader.h"

/* Borrowed from the plugin or service, or of the list. */
struct abilities {
	const char *name;
	const char *kind;       /* "channel", "service" */
	unsigned int supports;  /* bits of enum tocsin_supports */
	bool recipients;
	const char *rate;       /* NULL: as fast as it goes */
	const char *limits;     /* what the receiver takes, in words; "": any length */
};

struct abilities_list {
	struct arena *arena;    /* owns the items */
	struct abilities *item;
	size_t n;
};

/* Channels first, then services, each by name. 0 or -ENOMEM; abilities_done in any case. */
int abilities_collect(struct abilities_list *list, const struct loader *loader,
		      const struct services *services);
void abilities_done(struct abilities_list *list);

/* A new reference, NULL when memory is short. */
json_t *abilities_json(const struct abilities *able);

/* The bits of enum tocsin_supports that a service says it has. */
unsigned int abilities_of_service(const struct service *service);

#endif
