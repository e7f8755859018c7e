/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/words: words from outside on their way to one source, and their answers on the way back.
 *
 * Any thread puts words in; the source's thread takes them, oldest first, lets the plugin speak to
 * them, and gives them back. Each is answered exactly once: with what the plugin said, or before that
 * by words_answer, when nobody wants to wait any longer. The plugin then still has it in hand, and
 * what it says is not heard. One that the plugin puts off (TOCSIN_CALL_LATER) is given to it again.
 */
#ifndef ENGINE_WORDS_H
#define ENGINE_WORDS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

#define WORDS_MOST 1024 /* that wait for one source; one more is refused */
#define WORDS_TAKEN 256 /* given to a plugin at once */

/* status as in HTTP. answer: JSON when it is below 400, else a sentence; taken over, and never NULL
 * but for want of memory (503). */
typedef void word_done_fn(int status, char *answer, void *data);

struct word {
	struct tocsin_call call;    /* its strings are in the same piece of memory */
	int64_t asked_ms;           /* boot time */
	word_done_fn *done;         /* NULL: it is answered */
	void *data;
	struct word *next;
};

/* item and body may be NULL: all of them, nothing said. NULL when memory is short. */
struct word *word_new(const char *item, const char *verb, const char *body, word_done_fn *done,
		      void *data);
/* Answers it unless it is answered, and frees it. answer is taken over. */
void word_end(struct word *word, int status, char *answer);

struct word_list {
	struct word *first, **last;
	size_t n;
};

struct words {
	pthread_mutex_t lock;       /* guards what follows */
	struct word_list waiting;
	struct word_list put_off;
	struct word *taken[WORDS_TAKEN]; /* in the plugin's hands */
	size_t n_taken;
	const char *closed;     /* why none is taken in any more; NULL: it is open */
};

void words_init(struct words *words);
/* Nothing may be taken. */
void words_done(struct words *words);
/* Takes the word over when it returns 0; -EAGAIN: too many wait; -ESHUTDOWN: it is closed. */
int words_add(struct words *words, struct word *word);
bool words_wait(struct words *words);
/* Does the plugin put it off? */
bool words_is_later(const struct tocsin_call *call);
/* The source's thread: the oldest ones as a list for the plugin, valid until words_give_back. again: and
 * behind them those that it put off. */
size_t words_take(struct words *words, bool again, struct tocsin_call *call[WORDS_TAKEN]);
/* The plugin has spoken: answers and frees what was taken, but for what it puts off. */
void words_give_back(struct words *words);
/* Any thread: answers 503 with the sentence to all that were asked at or before that time (boot
 * time). */
void words_answer(struct words *words, int64_t asked_ms, const char *sentence);
/* As words_answer for those that wait; from now on none is taken in. The sentence is borrowed. */
void words_close(struct words *words, const char *sentence);

#endif
