/* SPDX-License-Identifier: Apache-2.0 */
/* serve/api_json: what the API reads and writes as JSON. Pure. */
#ifndef SERVE_API_JSON_H
#define SERVE_API_JSON_H

#include <stddef.h>

#include <jansson.h>

#include <tocsin/store.h>

#include "base/error.h"

#define API_DEPTH 32

/* Reads a document from a client: duplicate keys, nesting deeper than API_DEPTH and anything that is
 * neither an object nor an array are refused. 0 and a new reference; -EINVAL with the sentence; or
 * -ENOMEM. */
int api_json_read(const char *text, size_t length, json_t **root, struct error *err);

/* All that follow: NULL when memory is short. */

/* A string from text that may hold bytes that are no UTF-8. NULL gives null. */
json_t *api_json_text(const char *text);
/* RFC 3339; null for 0 and TOCSIN_PARKED. */
json_t *api_json_time(int64_t wall_ms);

/* Rows as the API shows them. The alert's JSON is kept as text under "body" until
 * api_json_delivery_done or api_json_alert_done, so that the store's thread need not parse it. */
json_t *api_json_delivery(const struct tocsin_stored_delivery *delivery);
json_t *api_json_alert(const struct tocsin_stored_alert *alert);
json_t *api_json_attempt(const struct tocsin_attempt *attempt);

/* Replaces "body" by what the alert says of itself: severity and subject, and, when whole is set,
 * the alert as "alert". -ENOMEM or 0. */
int api_json_delivery_done(json_t *delivery, bool whole);
/* Returns the alert's own JSON with number, mark, received_at and deliveries added; a new reference. */
json_t *api_json_alert_done(json_t *row);

#endif
