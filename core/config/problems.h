/* SPDX-License-Identifier: Apache-2.0 */
/* config/problems: every mistake found in one run, each with its place. */
#ifndef CONFIG_PROBLEMS_H
#define CONFIG_PROBLEMS_H

#include <stddef.h>

/* Where something stands; line and column count from 1, 0 means the whole file. */
struct place {
	const char *file; /* lives as long as the tree or configuration it belongs to */
	int line, column;
};

struct problems {
	char **text; /* "file:line:column: what is wrong; what to write instead" */
	size_t n;
	size_t added; /* more than n when memory was short: tells whether there was a new one */
};

/* Adds one problem (the place is written into the text, control characters are escaped). Never
 * fails: when memory is short, "memory is short" takes the place of the text. place may be NULL. */
void problems_add(struct problems *problems, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Sorts by file, line and column as written, so that a person can walk through them; what was added
 * twice is told once. */
void problems_sort(struct problems *problems);
void problems_done(struct problems *problems);

#endif
