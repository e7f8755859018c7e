/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config/options: a map of YAML against a table of options, giving a filled
 * struct, or every mistake with its place and a suggestion.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <tocsin/option.h>

#include "config/problems.h"
#include "config/yaml.h"

/* Owns every string, list and map that filled structs point to. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *arena);
/* Zeroed; NULL when memory is short. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
/* Frees thing with the arena. 0, or -ENOMEM: it is still the caller's. */
typedef void arena_free_fn(void *thing);
int arena_own(struct arena *arena, const void *thing, arena_free_fn *free);

/* Hears of each secret value found, so that it can be masked. */
typedef void options_secret_fn(const char *secret, void *data);

struct options_table {
	const struct tocsin_option *option;
	size_t n;
	size_t option_size; /* sizeof(struct tocsin_option) of whoever made the table */
	void *into;         /* the struct to fill, zeroed; its presets are applied first */
};

/* What ${option:NAME} stands for: an option of a service (config/service). */
enum options_reference { OPTIONS_UNKNOWN, OPTIONS_KNOWN, OPTIONS_SECRET };
typedef enum options_reference options_reference_fn(const char *name, void *data,
						    const char **text);

struct options_context {
	struct arena *arena;
	struct problems *problems;
	options_secret_fn *secret; /* may be NULL */
	void *secret_data;
	options_reference_fn *option; /* may be NULL: then there is no such reference */
	void *option_data;
};

/*
 * Fills the structs of all tables from one map: each key must be in exactly one
 * table. what names the thing in messages ("channel 'mail'"; may be NULL). skip
 * lists keys that somebody else reads (NULL-terminated, may be NULL). place
 * stands for the map when required keys are missing. A NULL map is an empty one.
 * Every value may hold ${...}, see options_expand; a value made so is never
 * shown in a message. 0, or -EINVAL with problems added. A preset that does not
 * parse is a problem, too, if only its author can mend it.
 */
int options_fill(const struct options_context *context, const struct node *map,
		 const struct place *place, const char *what, const struct options_table *tables,
		 size_t n_tables, const char *const *skip);

/* The option of a table by index. Entries of another size than ours (an older or newer plugin's)
 * are read as far as both know the fields; what they lack is zero. */
struct tocsin_option options_at(const struct tocsin_option *table, size_t option_size,
				size_t index);
/* "duration", "secret", "list of texts": how the type is called in documentation. */
const char *options_type_name(enum tocsin_option_type type);

/*
 * Replaces ${env:NAME}, ${file:PATH} and ${cred:NAME} (a file in
 * $CREDENTIALS_DIRECTORY) in text; $${ stands for ${ itself, any other dollar
 * sign for itself. A file that others than its owner may read or write is
 * refused, unless it is a systemd credential. Trailing newlines of a file are
 * dropped. With context->option there is also ${option:NAME}. *found says whether
 * there was any that may be secret; context->secret hears of each
 * value put in. 0 and *value from the arena, -EINVAL with the sentence in why,
 * or -ENOMEM (with a sentence as well). No sentence quotes text.
 */
int options_expand(const struct options_context *context, const char *text, char **value,
		   bool *found, char *why, size_t why_size);

#endif
