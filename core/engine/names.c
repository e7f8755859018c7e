/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define NAMES_COMPARED 2000 /* when it is asked what was meant */

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

/* Of very many those that stand where it would: who asks holds a lock that others wait for. */
const char *names_closest(const struct names *names, const char *name)
{
	size_t low = 0, high = names->n;

	if (names->n <= NAMES_COMPARED)
		return text_closest(name, names->sorted, names->n);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(names->sorted[middle], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	low = low > NAMES_COMPARED / 2 ? low - NAMES_COMPARED / 2 : 0;
	if (low > names->n - NAMES_COMPARED)
		low = names->n - NAMES_COMPARED;
	return text_closest(name, names->sorted + low, NAMES_COMPARED);
}
