/* SPDX-License-Identifier: Apache-2.0 */
/* Lets a source hear the words from outside, and keeps the names of what they may be about. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/text.h"
#include "engine/source.h"

int source_announce(struct source *source, const char *const item[], size_t n)
{
	struct names *fresh = names_new(item, n), *old;

	if (!fresh)
		return -ENOMEM;
	pthread_mutex_lock(&source->lock);
	old = source->items;
	source->items = fresh;
	pthread_mutex_unlock(&source->lock);
	names_free(old);
	return 0;
}

/* "there is no heartbeat 'bakcup'; did you mean 'backup'?" Only this thread changes the names. */
static void suggest(const struct source *source, struct tocsin_call *call)
{
	const char *closest;
	struct buffer better = {0};
	char *text;

	if (!call->item || !source->items || strstr(call->answer, "did you mean"))
		return;
	closest = names_closest(source->items, call->item);
	if (!closest || strcmp(closest, call->item) == 0)
		return;
	buffer_printf(&better, "%s; did you mean '%s'?", call->answer, closest);
	text = buffer_take(&better);
	if (!text)
		return; /* it is an answer all the same */
	free(call->answer);
	call->answer = text;
}

static void judge(const struct source *source, struct tocsin_call *call)
{
	if (words_is_later(call))
		return;
	if (call->status < 200 || call->status > 599) {
		free(call->answer);
		call->status = 500;
		call->answer = strdup("the source gave no answer");
	}
	if (call->status == 404 && call->answer)
		suggest(source, call);
}

/* What it put off before is the same as then, unless it is answered. */
static bool is_news(const struct tocsin_call *call, bool was_put_off)
{
	return !was_put_off || !words_is_later(call);
}

bool source_hear(struct source *source, bool again)
{
	struct tocsin_call *call[WORDS_TAKEN];
	bool put_off[WORDS_TAKEN], news = false;
	size_t n = words_take(&source->words, again, call);

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		put_off[i] = words_is_later(call[i]);
	FAULT_POINT("source.hear.before");
	source->settings->plugin->source.call(source->state, call, n);
	FAULT_POINT("source.hear.answered");
	for (size_t i = 0; i < n; i++) {
		judge(source, call[i]);
		news |= is_news(call[i], put_off[i]);
	}
	words_give_back(&source->words);
	FAULT_POINT("source.hear.after");
	return news || words_wait(&source->words);
}
