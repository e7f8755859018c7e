/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/document: a delivery as one JSON object for programs, under the names by which templates
 * know it:
 *
 *	id key status severity title message heading emoji color labels annotations details
 *	starts_at ends_at starts_at_ms ends_at_ms time link runbook_url dashboard_url generator_url
 *	metric_value source fingerprint recipients channel route recipient attempt alerts
 *
 * Times are RFC 3339 in UTC. What an alert does not have is null. `alerts` lists the alerts that a
 * digest folds into one, else it holds this one; an element has no key, channel, route, recipient,
 * attempt and alerts of its own.
 */
#ifndef COMMON_DOCUMENT_H
#define COMMON_DOCUMENT_H

#include <tocsin/plugin.h>

#include "draft.h"

/* One line. title and message take the place of the alert's own words; NULL: these stay. */
void document_put(struct draft *draft, const struct tocsin_delivery *delivery, const char *title,
		  const char *message);

#endif
