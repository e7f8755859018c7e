/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/alertmanager: the body when the configuration has none, as Alertmanager 0.20 and later
 * send it to webhooks ("version": "4").
 */
#ifndef WEBHOOK_ALERTMANAGER_H
#define WEBHOOK_ALERTMANAGER_H

#include <tocsin/plugin.h>

#include "writer.h"

/* title and message take the place of the annotations summary and description; NULL: as they are. */
void webhook_alertmanager(struct writer *out, const struct tocsin_delivery *delivery,
			  const char *title, const char *message);

#endif
