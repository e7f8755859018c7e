/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of the bench share: the clock, and notes of when each alert
 * was seen.
 *
 * Every alert of the bench carries "bench-" and nine digits in its texts, which
 * no channel and no other program changes on the way. That number is the place
 * of the alert in the notes: a file that the runner reads while it grows.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN "bench-%09zu"
#define TOKEN_LENGTH 15

struct notes {
	int64_t messages; /* seen, repeats included */
	int64_t distinct; /* of the numbers */
	int64_t bytes;    /* of the bodies */
	int64_t first_ns; /* CLOCK_MONOTONIC */
	int64_t last_ns;
	int64_t most;    /* how many numbers have a place */
	int64_t unused[2];
	int64_t at_ns[]; /* 0: not seen yet */
};

int64_t now_ns(void);
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A whole number, or the end of the program. */
size_t number_of(const char *text, const char *what);
/* path NULL: notes that nobody else sees. */
struct notes *notes_map(const char *path, size_t most);
/* Notes every token in the text: seen now. */
void notes_take(struct notes *notes, const char *text, size_t length);
void notes_number(struct notes *notes, size_t number, int64_t when_ns);

#endif
