/* SPDX-License-Identifier: Apache-2.0 */
/* engine/gather: one question to several sources, and their answers put together. Any thread. */
#ifndef ENGINE_GATHER_H
#define ENGINE_GATHER_H

#include "engine/words.h"

struct gathering;

/* items: the name of the list in the answers. done is called once, after gathering_ready or
 * gathering_refuse, on the thread of the last one that answered. NULL when memory is short. */
struct gathering *gathering_new(const char *items, word_done_fn *done, void *data);
/* One more that is asked: a word for it, which the gathering hears the answer to. NULL when memory is
 * short; the whole answer is then for want of it. */
struct word *gathering_word(struct gathering *gathering, const char *source, const char *verb,
			    const char *body);
/* All are asked. */
void gathering_ready(struct gathering *gathering);
/* Nobody was asked, for this reason; taken over. */
void gathering_refuse(struct gathering *gathering, int status, char *sentence);

#endif
