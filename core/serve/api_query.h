/* SPDX-License-Identifier: Apache-2.0 */
/* serve/api_query: the parameters of a list request as a query of the store. Pure. */
#ifndef SERVE_API_QUERY_H
#define SERVE_API_QUERY_H

#include <tocsin/store.h>

#include "base/error.h"

#define API_LIMIT 100 /* entries in an answer when the request does not say */
#define API_LIMIT_MOST 1000

enum api_list { API_DELIVERIES, API_ALERTS };

/* Takes one parameter over; strings are borrowed. value may be NULL (a name without '='). 0, or
 * -EINVAL with the sentence for the client. */
int api_query_add(struct tocsin_query *query, enum api_list list, const char *name,
		  const char *value, struct error *err);

/* "pending,dead" as bits 1 << state. 0 or -EINVAL with the sentence. */
int api_parse_states(const char *text, unsigned int *states, struct error *err);
/* A positive number and nothing else. 0 or -EINVAL. */
int api_parse_number(const char *text, int64_t *number);
/* "pending", "claimed", "delivered", "dead", "suppressed" */
const char *api_state_name(enum tocsin_state state);

#endif
