/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/words.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LATER 503

static char *append(char **end, const char *text)
{
	size_t length = strlen(text) + 1;
	char *copy = memcpy(*end, text, length);

	*end += length;
	return copy;
}

struct word *word_new(const char *item, const char *verb, const char *body, word_done_fn *done,
		      void *data)
{
	const char *said = body ? body : "{}";
	size_t bytes = strlen(verb) + 1 + strlen(said) + 1 + (item ? strlen(item) + 1 : 0);
	struct word *word = malloc(sizeof(*word) + bytes);
	char *end;

	if (!word)
		return NULL;
	end = (char *)(word + 1);
	*word = (struct word){.call = {.size = sizeof(word->call)},
			      .asked_ms = clock_boot_ms(),
			      .done = done,
			      .data = data};
	word->call.verb = append(&end, verb);
	word->call.body = append(&end, said);
	word->call.item = item ? append(&end, item) : NULL;
	return word;
}

void word_end(struct word *word, int status, char *answer)
{
	if (word->done)
		word->done(answer ? status : LATER, answer, word->data);
	else
		free(answer);
	free(word);
}

static void list_init(struct word_list *list)
{
	*list = (struct word_list){.last = &list->first};
}

static void list_push(struct word_list *list, struct word *word)
{
	word->next = NULL;
	*list->last = word;
	list->last = &word->next;
	list->n++;
}

static struct word *list_pop(struct word_list *list)
{
	struct word *word = list->first;

	if (!word)
		return NULL;
	list->first = word->next;
	if (!list->first)
		list->last = &list->first;
	list->n--;
	return word;
}

void words_init(struct words *words)
{
	memset(words, 0, sizeof(*words));
	pthread_mutex_init(&words->lock, NULL);
	list_init(&words->waiting);
	list_init(&words->put_off);
}

void words_done(struct words *words)
{
	assert(words->n_taken == 0);
	words_close(words, "the source is gone");
	pthread_mutex_destroy(&words->lock);
}

int words_add(struct words *words, struct word *word)
{
	int result = 0;

	pthread_mutex_lock(&words->lock);
	if (words->closed)
		result = -ESHUTDOWN;
	else if (words->waiting.n + words->put_off.n >= WORDS_MOST)
		result = -EAGAIN;
	else
		list_push(&words->waiting, word);
	pthread_mutex_unlock(&words->lock);
	return result;
}

bool words_wait(struct words *words)
{
	bool any;

	pthread_mutex_lock(&words->lock);
	any = words->waiting.n > 0;
	pthread_mutex_unlock(&words->lock);
	return any;
}

bool words_is_later(const struct tocsin_call *call)
{
	return call->status >= TOCSIN_CALL_LATER && call->status <= TOCSIN_CALL_LATEST &&
	       !call->answer;
}

static void take_from(struct words *words, struct word_list *list)
{
	while (words->n_taken < WORDS_TAKEN && list->n > 0)
		words->taken[words->n_taken++] = list_pop(list);
}

size_t words_take(struct words *words, bool again, struct tocsin_call *call[WORDS_TAKEN])
{
	size_t n;

	pthread_mutex_lock(&words->lock);
	assert(words->n_taken == 0);
	take_from(words, &words->waiting);
	if (again)
		take_from(words, &words->put_off);
	n = words->n_taken;
	for (size_t i = 0; i < n; i++)
		call[i] = &words->taken[i]->call;
	pthread_mutex_unlock(&words->lock);
	return n;
}

void words_give_back(struct words *words)
{
	struct word *word[WORDS_TAKEN];
	size_t n = 0;

	pthread_mutex_lock(&words->lock);
	for (size_t i = 0; i < words->n_taken; i++) {
		struct word *taken = words->taken[i];
		bool later = words_is_later(&taken->call);

		/* one that is answered by now, or whose source closes, has waited long enough */
		if (later && taken->done && !words->closed) {
			list_push(&words->put_off, taken);
			continue;
		}
		if (later && words->closed) {
			taken->call.status = LATER;
			taken->call.answer = strdup(words->closed);
		}
		word[n++] = taken;
	}
	words->n_taken = 0;
	pthread_mutex_unlock(&words->lock);
	/* without the lock: done may be slow; nobody else knows these any more */
	for (size_t i = 0; i < n; i++)
		word_end(word[i], word[i]->call.status, word[i]->call.answer);
}

/* What is owed to somebody who does not want to wait any longer. */
struct owed {
	word_done_fn *done;
	void *data;
};

static size_t take_owed(struct words *words, int64_t asked_ms, struct owed owed[WORDS_TAKEN])
{
	size_t n = 0;

	for (size_t i = 0; i < words->n_taken; i++) {
		struct word *word = words->taken[i];

		if (!word->done || word->asked_ms > asked_ms)
			continue;
		owed[n++] = (struct owed){word->done, word->data};
		word->done = NULL;
	}
	return n;
}

/* Those that were asked at or before that time. */
static void take_late(struct word_list *list, int64_t asked_ms, struct word_list *late)
{
	size_t n = list->n;
	struct word *word;

	while (n-- > 0 && (word = list_pop(list)))
		list_push(word->asked_ms <= asked_ms ? late : list, word);
}

static void end_all(struct word_list *list, const char *sentence)
{
	struct word *word;

	while ((word = list_pop(list)))
		word_end(word, LATER, strdup(sentence));
}

void words_answer(struct words *words, int64_t asked_ms, const char *sentence)
{
	struct owed owed[WORDS_TAKEN];
	struct word_list late;
	size_t n;

	list_init(&late);
	pthread_mutex_lock(&words->lock);
	take_late(&words->put_off, asked_ms, &late);
	take_late(&words->waiting, asked_ms, &late);
	n = take_owed(words, asked_ms, owed);
	pthread_mutex_unlock(&words->lock);
	for (size_t i = 0; i < n; i++)
		owed[i].done(LATER, strdup(sentence), owed[i].data);
	end_all(&late, sentence);
}

void words_close(struct words *words, const char *sentence)
{
	struct word_list left;

	list_init(&left);
	pthread_mutex_lock(&words->lock);
	words->closed = sentence;
	take_late(&words->put_off, INT64_MAX, &left);
	take_late(&words->waiting, INT64_MAX, &left);
	pthread_mutex_unlock(&words->lock);
	end_all(&left, sentence);
}
