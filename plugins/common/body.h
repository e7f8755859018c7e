/* SPDX-License-Identifier: Apache-2.0 */
/* common/body: JSON as the body of a request, whole or not at all. */
#ifndef COMMON_BODY_H
#define COMMON_BODY_H

#include <jansson.h>

#include "draft.h"

/* The JSON in one line, for the caller to free(); NULL when memory is short. json_dumps would leave out
 * what it has no memory for, and say nothing. */
static inline char *body_of(const json_t *json)
{
	struct draft draft;

	if (!json || !draft_begin(&draft))
		return NULL;
	draft.failed |= json_dumpf(json, draft.out, JSON_COMPACT) != 0;
	return draft_end(&draft, NULL);
}

#endif
