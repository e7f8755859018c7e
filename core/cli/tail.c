/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tail.h"

#include <string.h>

#include "base/text.h"

void tail_init(struct tail *tail)
{
	pthread_mutex_init(&tail->lock, NULL);
	tail->seen = 0;
}

void tail_done(struct tail *tail)
{
	pthread_mutex_destroy(&tail->lock);
}

void tail_add(struct tail *tail, const char *data, size_t length)
{
	size_t at, first;

	pthread_mutex_lock(&tail->lock);
	if (length > TAIL_MOST) {
		tail->seen += length - TAIL_MOST;
		data += length - TAIL_MOST;
		length = TAIL_MOST;
	}
	at = (size_t)(tail->seen % TAIL_MOST);
	first = length < TAIL_MOST - at ? length : TAIL_MOST - at;
	memcpy(tail->ring + at, data, first);
	memcpy(tail->ring, data + first, length - first);
	tail->seen += length;
	pthread_mutex_unlock(&tail->lock);
}

void tail_text(struct tail *tail, struct buffer *text)
{
	char line[TAIL_MOST];
	size_t at, length;
	const char *from = line;

	pthread_mutex_lock(&tail->lock);
	at = (size_t)(tail->seen % TAIL_MOST);
	if (tail->seen <= TAIL_MOST) {
		length = (size_t)tail->seen;
		memcpy(line, tail->ring, length);
	} else {
		const char *end;

		length = TAIL_MOST;
		memcpy(line, tail->ring + at, TAIL_MOST - at);
		memcpy(line + TAIL_MOST - at, tail->ring, at);
		/* Half a line is worse than none, unless there is no other. */
		end = memchr(line, '\n', length - 1);
		if (end) {
			from = end + 1;
			length -= (size_t)(from - line);
		}
	}
	pthread_mutex_unlock(&tail->lock);
	text_add_valid(text, from, length);
}
