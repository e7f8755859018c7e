/* SPDX-License-Identifier: Apache-2.0 */
/* config/service_parts: what the service*.c files share about ${option:NAME}. */
#ifndef CONFIG_SERVICE_PARTS_H
#define CONFIG_SERVICE_PARTS_H

#include "config/service.h"

#define SERVICE_NAME 80 /* bytes of the name of an option; longer ones are cut, and unknown */

/* The option to be filled, or NULL. */
const struct tocsin_option *service_option(const struct service *service, const char *name);
/* Copies the name of the next ${option:NAME} and returns what stands behind it; NULL: there is none
 * any more. */
const char *service_next_option(const char *text, char name[SERVICE_NAME]);
/* True if the text is ${option:NAME} and nothing else. */
bool service_is_reference(const struct node *node, const char *name);

#endif
