/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file can be anything; reading it ends, and either a tree or a reason comes out. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "config/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems problems = {0};
	struct node *root = NULL;
	int result = yaml_read("fuzz.yaml", (const char *)data, size, &problems, &root);

	assert((result == 0) == (problems.n == 0));
	assert(result < 0 || root);
	node_free(root);
	problems_done(&problems);
	return 0;
}
