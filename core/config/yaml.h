/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config/yaml: a YAML file as a tree of nodes that remember where they stand.
 *
 * Built from libyaml's events. Aliases, anchors, tags, duplicate keys, more
 * than one document, nesting deeper than YAML_DEPTH and files over YAML_SIZE
 * are refused with their place.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "config/problems.h"

#define YAML_DEPTH 32
#define YAML_SIZE (1024 * 1024)

enum node_kind { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	struct place place; /* of the value */
	char *text;         /* scalar; "" for null; UTF-8 without NUL characters */
	bool quoted;        /* a quoted scalar is text, whatever it looks like */
	bool block;         /* a scalar written behind | or > on lines of its own; quoted, too */
	struct node **item; /* list: items; map: values */
	struct node **key;  /* map: keys, scalars, as many as items; NULL for a list */
	size_t n;
};

/* Reads a file. 0 and *root (NODE_NULL for an empty file), or a negative errno with every reason
 * added to problems; *root is then NULL, or the tree as far as it makes sense (what was refused is
 * NODE_NULL), so that other mistakes can be found in the same run. */
int yaml_read_file(const char *path, struct problems *problems, struct node **root);
/* As yaml_read_file, from memory; name stands for the file in places and is copied. */
int yaml_read(const char *name, const char *text, size_t length, struct problems *problems,
	      struct node **root);
void node_free(struct node *node);

/* The value of a key in a map, or NULL. */
const struct node *node_get(const struct node *map, const char *key);

#endif
