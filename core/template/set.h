/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template/set: all templates of one channel (with what one route puts in their
 * place) as one jq program, so that a delivery costs one run. Immutable.
 */
#ifndef TEMPLATE_SET_H
#define TEMPLATE_SET_H

#include <jansson.h>

#include "config/template.h"
#include "template/plain.h"

/* A template that a plugin asks for, and what is said in its place. */
struct template_entry {
	const struct tocsin_template *option;
	const struct tocsin_template *source;
	size_t first;                   /* of the values of the source's expressions */
};

struct template_set {
	struct template_entry *entry;
	size_t n;
	const char *program;            /* NULL: nothing needs evaluation */
	const struct template_expression **value; /* whose value it is */
	size_t n_values;
	const struct plain *plain;      /* of each value; NULL: the program is needed for one */
	uint64_t members;               /* of the document, that the program reads */
	const char *options;            /* .options as a value of template/wire; NULL: none */
	size_t options_length;
};

/* The templates of a channel, and of those routes that want other words. */
struct template_sets {
	const struct template_set *own;
	struct template_of_route {
		const char *route;
		const struct template_set *set;
	} *route;
	size_t n_routes;
};

/*
 * Makes the set of these entries (option and source are set). options: for .options, borrowed, may be
 * NULL. `title` and `message` of the entries take the place of .title and .message in all others.
 * NULL when memory is short. It lies in the arena.
 */
struct template_set *template_set_make(struct arena *arena, const struct template_entry *entries,
				       size_t n, const json_t *options);
/* What to ask for to have an expression judged alone; for the caller to free(), or NULL. */
char *template_set_single(const struct template_expression *expression);

/* The entry of an option, or NULL. */
const struct template_entry *template_set_find(const struct template_set *set,
					       const struct tocsin_template *option);
/* The set for deliveries of that route. */
const struct template_set *template_sets_of(const struct template_sets *sets, const char *route);

#endif
