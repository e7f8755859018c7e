/* SPDX-License-Identifier: Apache-2.0 */
/* cli/services: services as 'tocsin plugins' shows them. */
#ifndef CLI_SERVICES_H
#define CLI_SERVICES_H

#include <jansson.h>

#include "cli/cli.h"
#include "config/service.h"

json_t *service_json(const struct service *service);
/* All of it, as --json, --schema, --markdown or for people. Returns the exit status. */
int service_print(struct cli *cli, const struct service *service);

#endif
