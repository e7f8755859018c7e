/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "config/yaml.h"

void node_free(struct node *node)
{
	if (node == NULL)
		return;
	for (size_t i = 0; i < node->n; i++) {
		node_free(node->item[i]);
		if (node->key != NULL)
			node_free(node->key[i]);
	}
	free(node->item);
	free(node->key);
	/* It may be a secret. */
	if (node->text != NULL)
		explicit_bzero(node->text, strlen(node->text));
	free(node->text);
	free(node);
}

const struct node *node_get(const struct node *map, const char *key)
{
	if (map == NULL || map->kind != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++) {
		if (strcmp(map->key[i]->text, key) == 0)
			return map->item[i];
	}
	return NULL;
}
