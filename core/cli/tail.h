/* SPDX-License-Identifier: Apache-2.0 */
/* cli/tail: the last bytes of what passes by. Any thread. */
#ifndef CLI_TAIL_H
#define CLI_TAIL_H

#include <pthread.h>
#include <stdint.h>

#include "base/buffer.h"

#define TAIL_MOST 4096

struct tail {
	pthread_mutex_t lock;
	uint64_t seen; /* bytes so far; the newest TAIL_MOST of them are in ring */
	char ring[TAIL_MOST];
};

void tail_init(struct tail *tail);
void tail_done(struct tail *tail);
void tail_add(struct tail *tail, const char *data, size_t length);
/* Appends them as UTF-8 without NUL; when earlier ones are gone, from the beginning of a line. */
void tail_text(struct tail *tail, struct buffer *text);

#endif
