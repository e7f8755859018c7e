/* SPDX-License-Identifier: Apache-2.0 */
/* cli/routes: what `routes show` and `routes test` have in common. */
#ifndef CLI_ROUTES_H
#define CLI_ROUTES_H

#include "cli/cli.h"
#include "policy/route.h"

/* A cell with the name of a route, indented by its depth. */
void routes_add_name(struct table *table, int depth, const char *name);
/* A cell with the channels of a route. */
void routes_add_channels(struct table *table, const struct tocsin_strings *channels);
json_t *routes_strings(const struct tocsin_strings *strings);

#endif
