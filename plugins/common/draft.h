/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/draft: a text that is written with stdio and is whole or not at all. A stream of
 * open_memstream drops what memory does not hold and says nothing, so that half a message would
 * count as delivered.
 */
#ifndef COMMON_DRAFT_H
#define COMMON_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Stays where it is between begin and end. */
struct draft {
	FILE *out;              /* write here */
	char *text;
	size_t length, room;
	bool failed;            /* a writer may set it too: then there will be no text */
};

/* False when memory is short; then there is nothing to end. */
bool draft_begin(struct draft *draft);
/* The text, for the caller to free(), and its length unless length is NULL; NULL when memory was
 * short at any time. */
char *draft_end(struct draft *draft, size_t *length);

#endif
