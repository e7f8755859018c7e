/* SPDX-License-Identifier: Apache-2.0 */
#include "config/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "config/options_value.h"

/* One map on its way into structs. */
struct filling {
	const struct options_context *context;
	const struct node *map; /* NULL: empty */
	const struct place *place;
	const char *what; /* "channel 'mail'", NULL */
	const struct options_table *tables;
	size_t n;
	const char *const *skip;
};

struct tocsin_option options_at(const struct tocsin_option *table, size_t option_size, size_t index)
{
	struct tocsin_option option = {0};
	size_t known = option_size < sizeof(option) ? option_size : sizeof(option);

	memcpy(&option, (const char *)table + index * option_size, known);
	return option;
}

static void *field_of(void *into, const struct tocsin_option *option)
{
	return (char *)into + option->offset;
}

static void apply_presets(const struct options_context *context, const struct options_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		struct tocsin_option option = options_at(table->option, table->option_size, i);
		void *field = field_of(table->into, &option);

		if (option.type == TOCSIN_SECTION)
			apply_presets(context, &(struct options_table){
						       .option = option.options,
						       .n = option.option_count,
						       .option_size = table->option_size,
						       .into = field,
					       });
		else if (option.type != TOCSIN_SECTIONS)
			option_preset(context, &option, field);
	}
}

static bool is_skipped(const char *const *skip, const char *key)
{
	for (; skip != NULL && *skip != NULL; skip++) {
		if (strcmp(*skip, key) == 0)
			return true;
	}
	return false;
}

static bool find(const struct filling *filling, const char *key, const struct options_table **table,
		 struct tocsin_option *option)
{
	for (size_t t = 0; t < filling->n; t++) {
		*table = &filling->tables[t];
		for (size_t i = 0; i < (*table)->n; i++) {
			*option = options_at((*table)->option, (*table)->option_size, i);
			if (strcmp(option->name, key) == 0)
				return true;
		}
	}
	return false;
}

/* A key of skip may be one of a plugin's table, too. */
static void add_key(const char **keys, size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(keys[i], name) == 0)
			return;
	keys[(*n)++] = name;
}

/* Every key that may stand in the map, those of skip as well, each once; for the caller to free(). */
static const char **known_keys(const struct filling *filling, size_t *n)
{
	const char **keys;
	size_t most = 0;

	for (size_t t = 0; t < filling->n; t++)
		most += filling->tables[t].n;
	for (size_t i = 0; filling->skip != NULL && filling->skip[i] != NULL; i++)
		most++;
	*n = 0;
	keys = calloc(most + 1, sizeof(*keys));
	if (keys == NULL)
		return NULL;
	for (size_t i = 0; filling->skip != NULL && filling->skip[i] != NULL; i++)
		add_key(keys, n, filling->skip[i]);
	for (size_t t = 0; t < filling->n; t++) {
		const struct options_table *table = &filling->tables[t];

		for (size_t i = 0; i < table->n; i++)
			add_key(keys, n, options_at(table->option, table->option_size, i).name);
	}
	return keys;
}

static void add_problem(const struct filling *filling, const struct place *place,
			struct buffer *sentence)
{
	problems_add(filling->context->problems, place, "%s%s%s",
		     filling->what == NULL ? "" : filling->what, filling->what == NULL ? "" : ": ",
		     sentence->failed ? "memory is short" : buffer_text(sentence));
	buffer_done(sentence);
}

static void refuse_unknown(const struct filling *filling, const struct node *key)
{
	struct buffer sentence = {0};
	size_t n;
	const char **keys = known_keys(filling, &n);
	const char *closest = keys == NULL ? NULL : text_closest(key->text, keys, n);

	buffer_printf(&sentence, "unknown key '%.*s'",
		      (int)text_prefix(key->text, strlen(key->text), 60), key->text);
	if (closest != NULL) {
		buffer_printf(&sentence, "; did you mean '%s'?", closest);
	} else if (keys != NULL && n > 0) {
		buffer_puts(&sentence, "; the known keys are ");
		for (size_t i = 0; i < n; i++)
			buffer_printf(&sentence, "%s%s", i == 0 ? "" : ", ", keys[i]);
	} else {
		buffer_puts(&sentence, "; there are no keys here, take it out");
	}
	free(keys);
	add_problem(filling, &key->place, &sentence);
}

static void fill_map(const struct filling *filling);

/* As options_fill does, one floor deeper: "channel 'mail': retry". */
static void fill_section(const struct filling *filling, const struct options_table *table,
			 const struct tocsin_option *option, const struct node *node)
{
	struct buffer what = {0};
	struct options_table nested = {
		.option = option->options,
		.n = option->option_count,
		.option_size = table->option_size,
		.into = field_of(table->into, option),
	};
	struct filling section = {
		.context = filling->context,
		.map = node,
		.place = &node->place,
		.tables = &nested,
		.n = 1,
	};

	if (filling->what != NULL)
		buffer_printf(&what, "%s: ", filling->what);
	buffer_puts(&what, option->name);
	section.what = buffer_text(&what);
	fill_map(&section);
	buffer_done(&what);
}

/* "channel 'tickets': item 2 of replies" */
static void fill_item(const struct filling *filling, const struct options_table *table,
		      const struct tocsin_option *option, const struct node *list, size_t index,
		      void *into)
{
	struct buffer what = {0};
	struct options_table nested = {
		.option = option->options,
		.n = option->option_count,
		.option_size = table->option_size,
		.into = into,
	};
	struct filling section = {
		.context = filling->context,
		.map = list->item[index],
		.place = &list->item[index]->place,
		.tables = &nested,
		.n = 1,
	};

	if (filling->what != NULL)
		buffer_printf(&what, "%s: ", filling->what);
	buffer_printf(&what, "item %zu of %s", index + 1, option->name);
	section.what = buffer_text(&what);
	apply_presets(filling->context, &nested);
	fill_map(&section);
	buffer_done(&what);
}

static void fill_sections(const struct filling *filling, const struct options_table *table,
			  const struct tocsin_option *option, const struct node *list)
{
	struct tocsin_sections *sections = field_of(table->into, option);
	struct buffer sentence = {0};
	char *items;

	if (list->kind != NODE_LIST) {
		buffer_printf(&sentence, "'%s' must be ", option->name);
		option_form(&sentence, option);
		add_problem(filling, &list->place, &sentence);
		return;
	}
	items = arena_alloc(filling->context->arena, list->n * option->item_size);
	if (items == NULL) {
		buffer_printf(&sentence, "'%s' cannot be read: memory is short", option->name);
		add_problem(filling, &list->place, &sentence);
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		fill_item(filling, table, option, list, i, items + i * option->item_size);
	*sections = (struct tocsin_sections){.item = items, .n = list->n};
}

static void fill_key(const struct filling *filling, const struct node *key,
		     const struct node *value)
{
	const struct options_table *table;
	struct tocsin_option option;

	/* A key that is null was refused when the file was read. */
	if (key->kind != NODE_SCALAR || is_skipped(filling->skip, key->text))
		return;
	if (!find(filling, key->text, &table, &option))
		refuse_unknown(filling, key);
	else if (option.type == TOCSIN_SECTION)
		fill_section(filling, table, &option, value);
	else if (option.type == TOCSIN_SECTIONS)
		fill_sections(filling, table, &option, value);
	else
		option_read(filling->context, filling->what, &option, value,
			    field_of(table->into, &option));
}

static void refuse_missing(const struct filling *filling, const struct tocsin_option *option)
{
	struct buffer sentence = {0};

	buffer_printf(&sentence, "the required key '%s' is missing; add '%s: ", option->name,
		      option->name);
	if (option->example != NULL)
		buffer_printf(&sentence, "%s'", option->example);
	else {
		buffer_puts(&sentence, "...' with ");
		option_form(&sentence, option);
	}
	add_problem(filling, filling->place, &sentence);
}

static void check_required(const struct filling *filling)
{
	for (size_t t = 0; t < filling->n; t++) {
		const struct options_table *table = &filling->tables[t];

		for (size_t i = 0; i < table->n; i++) {
			struct tocsin_option option =
				options_at(table->option, table->option_size, i);

			if (option.required && node_get(filling->map, option.name) == NULL)
				refuse_missing(filling, &option);
		}
	}
}

static void fill_map(const struct filling *filling)
{
	const struct node *map = filling->map;
	struct buffer sentence = {0};

	if (map != NULL && map->kind != NODE_MAP && map->kind != NODE_NULL) {
		buffer_printf(&sentence, "this must be a section of 'key: value' lines, not %s",
			      map->kind == NODE_LIST ? "a list" : "a single text");
		add_problem(filling, &map->place, &sentence);
		return;
	}
	for (size_t i = 0; map != NULL && i < map->n; i++)
		fill_key(filling, map->key[i], map->item[i]);
	check_required(filling);
}

int options_fill(const struct options_context *context, const struct node *map,
		 const struct place *place, const char *what, const struct options_table *tables,
		 size_t n_tables, const char *const *skip)
{
	size_t before = context->problems->added;
	struct filling filling = {
		.context = context,
		.map = map,
		.place = place != NULL || map == NULL ? place : &map->place,
		.what = what,
		.tables = tables,
		.n = n_tables,
		.skip = skip,
	};

	for (size_t t = 0; t < n_tables; t++)
		apply_presets(context, &tables[t]);
	fill_map(&filling);
	return context->problems->added == before ? 0 : -EINVAL;
}
