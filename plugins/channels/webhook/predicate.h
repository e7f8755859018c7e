/* SPDX-License-Identifier: Apache-2.0 */
/* webhook/predicate: conditions on an answer. Pure. */
#ifndef WEBHOOK_PREDICATE_H
#define WEBHOOK_PREDICATE_H

#include "webhook.h"

/* An answer whose body is parsed when somebody first asks for it. */
struct answer {
	const struct tocsin_reply *reply;
	json_t *json;
	bool parsed;
	bool memory_is_short;
};

void answer_done(struct answer *answer);
/* The body as JSON, borrowed; NULL: it is none. */
json_t *answer_json(struct answer *answer);

/* "202", "2xx" or "200-299" */
bool webhook_status_is_valid(const char *text);
/* True if the list is empty or holds the status. */
bool webhook_status_fits(const struct tocsin_strings *list, int status);
/* True if what the predicate says of the body holds; the status is not looked at. */
bool webhook_body_fits(const struct webhook_predicate *when, struct answer *answer);

#endif
