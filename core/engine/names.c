/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct names {
	size_t n;
	const char *sorted[];
	/* behind them their texts */
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(struct names *names)
{
	size_t n = names->n, kept = 0;

	if (n > 0)
		qsort(names->sorted, n, sizeof(names->sorted[0]), compare);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || strcmp(names->sorted[i], names->sorted[kept - 1]) != 0)
			names->sorted[kept++] = names->sorted[i];
	names->n = kept;
}

struct names *names_new(const char *const name[], size_t n)
{
	size_t bytes = 0;
	struct names *names;
	char *text;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(name[i]) + 1;
	names = malloc(sizeof(*names) + n * sizeof(names->sorted[0]) + bytes);
	if (!names)
		return NULL;
	text = (char *)&names->sorted[n];
	names->n = n;
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(name[i]) + 1;

		memcpy(text, name[i], length);
		names->sorted[i] = text;
		text += length;
	}
	sort(names);
	return names;
}

void names_free(struct names *names)
{
	free(names);
}

size_t names_count(const struct names *names)
{
	return names->n;
}

bool names_has(const struct names *names, const char *name)
{
	return bsearch(&name, names->sorted, names->n, sizeof(names->sorted[0]), compare) != NULL;
}

const char *names_closest(const struct names *names, const char *name)
{
	return text_closest(name, names->sorted, names->n);
}
