/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve/spool_list: the names of the files in the spool, by their order. There may be any number of
 * them: as many as one list holds, the first ones, in memory that is bounded.
 */
#ifndef SERVE_SPOOL_LIST_H
#define SERVE_SPOOL_LIST_H

#include <stddef.h>

#define SPOOL_REFUSED "refused" /* the directory in it that is not listed */
#define SPOOL_LIST 4096         /* names, at most */

struct spool_list {
	size_t n;
	char *name[2 * SPOOL_LIST]; /* the second half is for finding the first ones */
};

/* Without those that begin with a dot. NULL: not now. */
struct spool_list *spool_list(int directory);
void spool_list_free(struct spool_list *list);

#endif
