/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

static int by_mark(const void *a, const void *b)
{
	const struct held *one = a, *other = b;

	return strcmp(one->mark, other->mark);
}

int held_add(struct held_set *set, const char *key, const char *token)
{
	size_t key_size = strlen(key) + 1, token_size = strlen(token) + 1;
	struct held *held = malloc(sizeof(*held) + 2 * (key_size + token_size));
	struct held *const *found;
	char *text;

	if (!held)
		return -ENOMEM;
	text = (char *)(held + 1);
	memcpy(text, key, key_size - 1);
	text[key_size - 1] = ' ';
	memcpy(text + key_size, token, token_size);
	*held = (struct held){.mark = text, .token = text + key_size};
	text += key_size + token_size;
	held->key = memcpy(text, key, key_size);
	found = tsearch(held, &set->root, by_mark);
	if (!found || *found != held) {
		free(held);
		return found ? 0 : -ENOMEM;
	}
	set->n++;
	return 0;
}

struct held *held_find(const struct held_set *set, const char *mark)
{
	const struct held wanted = {.mark = mark};
	struct held *const *found = tfind(&wanted, &set->root, by_mark);

	return found ? *found : NULL;
}

void held_remove(struct held_set *set, const char *mark)
{
	struct held *held = held_find(set, mark);

	if (!held)
		return;
	tdelete(held, &set->root, by_mark);
	free(held);
	set->n--;
}

void held_clear(struct held_set *set)
{
	tdestroy(set->root, free);
	*set = (struct held_set){0};
}

struct listing {
	struct held **list;
	size_t n;
};

static void visit(const void *node, VISIT when, void *data)
{
	struct listing *listing = data;

	if (when == postorder || when == leaf)
		listing->list[listing->n++] = *(struct held *const *)node;
}

struct held **held_list(const struct held_set *set)
{
	struct listing listing = {.list = calloc(set->n + 1, sizeof(struct held *))};

	if (listing.list)
		twalk_r(set->root, visit, &listing);
	return listing.list;
}
