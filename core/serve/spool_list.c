/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/spool_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Puts them in order and keeps the first ones. */
static void keep_first(struct spool_list *list)
{
	if (list->n > 0)
		qsort(list->name, list->n, sizeof(list->name[0]), by_name);
	for (; list->n > SPOOL_LIST; list->n--) {
		free(list->name[list->n - 1]);
		list->name[list->n - 1] = NULL;
	}
}

static bool add(struct spool_list *list, const char *name)
{
	char *copy;

	if (name[0] == '.' || strcmp(name, SPOOL_REFUSED) == 0)
		return true;
	if (list->n == 2 * SPOOL_LIST)
		keep_first(list);
	copy = strdup(name);
	if (copy)
		list->name[list->n++] = copy;
	return copy != NULL;
}

/* False: it could not be read to its end. */
static bool read_names(DIR *directory, struct spool_list *list)
{
	const struct dirent *entry;

	for (;;) {
		errno = 0;
		entry = readdir(directory);
		if (!entry)
			return errno == 0;
		if (!add(list, entry->d_name))
			return false;
	}
}

struct spool_list *spool_list(int directory)
{
	struct spool_list *list = calloc(1, sizeof(*list));
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *opened = fd >= 0 ? fdopendir(fd) : NULL;
	bool whole = list && opened && read_names(opened, list);

	if (opened)
		closedir(opened);
	else if (fd >= 0)
		close(fd);
	if (!whole) {
		spool_list_free(list);
		return NULL;
	}
	keep_first(list);
	return list;
}

void spool_list_free(struct spool_list *list)
{
	while (list && list->n > 0)
		free(list->name[--list->n]);
	free(list);
}
