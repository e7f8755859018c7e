/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file can be anything; reading it ends, and either a tree or reasons come out. */
#include "fuzz.h"

#include <string.h>

#include "config/yaml.h"

/* What the rest of the program relies on. */
static void check_tree(const struct node *node, int depth)
{
	assert(depth <= YAML_DEPTH + 1);
	assert(node->place.line > 0 && node->place.column > 0);
	assert((node->kind == NODE_MAP) == (node->key != NULL && node->n > 0) || node->n == 0);
	if (node->kind == NODE_SCALAR)
		assert(fuzz_is_utf8(node->text, strlen(node->text)));
	for (size_t i = 0; i < node->n; i++) {
		check_tree(node->item[i], depth + 1);
		if (node->kind != NODE_MAP)
			continue;
		/* No key twice. */
		assert(node->key[i]->kind != NODE_MAP && node->key[i]->kind != NODE_LIST);
		if (node->key[i]->kind == NODE_SCALAR && node->n < 200)
			assert(node_get(node, node->key[i]->text) == node->item[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems problems = {0};
	struct node *root = NULL;
	int result = yaml_read("fuzz.yaml", (const char *)data, size, &problems, &root);

	assert((result == 0) == (problems.n == 0));
	assert(result < 0 || root);
	if (result == 0)
		check_tree(root, 1);
	for (size_t i = 0; i < problems.n; i++)
		assert(fuzz_is_clean(problems.text[i], strlen(problems.text[i]), ""));
	node_free(root);
	problems_done(&problems);
	return 0;
}
