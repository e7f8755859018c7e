/* SPDX-License-Identifier: Apache-2.0 */
/* config/directory: the YAML files of conf.d, in the order that counts. */
#ifndef CONFIG_DIRECTORY_H
#define CONFIG_DIRECTORY_H

#include "config/yaml.h"

struct documents {
	struct node **root; /* of each file: NODE_MAP, or NODE_NULL when empty */
	char **path;        /* directory/name */
	size_t n;
};

/*
 * Reads every *.yaml and *.yml of the directory in byte order of name; names
 * that begin with a dot are passed over. 0, or a negative errno with every
 * reason in problems; documents then holds what could be read, so that one run
 * finds the mistakes of all files.
 */
int documents_read(const char *directory, struct problems *problems, struct documents *documents);
void documents_done(struct documents *documents);

#endif
