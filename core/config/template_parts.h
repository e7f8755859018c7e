/* SPDX-License-Identifier: Apache-2.0 */
/* config/template_parts: what template.c and template_node.c share. */
#ifndef CONFIG_TEMPLATE_PARTS_H
#define CONFIG_TEMPLATE_PARTS_H

#include "config/jq.h"
#include "config/template.h"

/* One call of template_read. */
struct template_reading {
	const struct options_context *context;
	const char *what; /* "channel 'mail': 'title'" */
	const char *file; /* in the arena */
	size_t n;         /* expressions so far */
	bool secret;
	bool failed;
};

/* A text and how it is written where it stands. */
struct template_source {
	const char *text;
	struct place place;
	enum { TEMPLATE_PLAIN, TEMPLATE_QUOTED, TEMPLATE_BLOCK } form;
};

void template_refuse(struct template_reading *reading, const struct place *place,
		     const char *sentence);
/* Zeroed memory from the arena, or NULL with a problem added. */
void *template_alloc(struct template_reading *reading, size_t n, size_t size);

/* False: the problem is added. */
bool template_read_text(struct template_reading *reading, const struct template_source *source,
			struct template_text *text);

/* template_node.c: the value of a TEMPLATE and of a STRUCTURE. */
bool template_read_scalar(struct template_reading *reading, const struct tocsin_option *option,
			  const struct node *node, struct template_text *text);
bool template_read_node(struct template_reading *reading, const struct node *node,
			struct template_node *out);

#endif
