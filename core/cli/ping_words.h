/* SPDX-License-Identifier: Apache-2.0 */
/* cli/ping_words: what is said by a ping: POST /api/v1/heartbeats/NAME/ping. Pure. */
#ifndef CLI_PING_WORDS_H
#define CLI_PING_WORDS_H

#include <stdint.h>

#include <jansson.h>

#include "base/error.h"

#define PING_BODY_MOST 10000 /* bytes; of longer texts the end is said */

struct ping_words {
	const char *kind;       /* "start", "fail", "log", "success", an exit status; NULL: success */
	const char *rid;        /* NULL: none */
	const char *body;       /* NULL: none */
	size_t length;          /* of body */
	int64_t at_ms;          /* wall time */
};

/* NULL with the sentence. */
json_t *ping_words(const struct ping_words *ping, struct error *err);

#endif
