/* SPDX-License-Identifier: Apache-2.0 */
/* A channel of a service becomes one of its plugin. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config/service.h"
#include "config/service_parts.h"

#define REFERENCE "${option:"

const struct tocsin_option *service_option(const struct service *service, const char *name)
{
	for (size_t i = 0; i < service->n_options; i++)
		if (strcmp(service->field[i].name, name) == 0)
			return &service->field[i];
	return NULL;
}

const char *service_next_option(const char *text, char name[SERVICE_NAME])
{
	const char *begin = strstr(text, REFERENCE), *end;

	/* $${ is not a reference */
	while (begin && begin > text && begin[-1] == '$')
		begin = strstr(begin + 1, REFERENCE);
	if (!begin)
		return NULL;
	begin += strlen(REFERENCE);
	end = begin + strcspn(begin, "}");
	snprintf(name, SERVICE_NAME, "%.*s", (int)(end - begin), begin);
	return end;
}

bool service_is_reference(const struct node *node, const char *name)
{
	char whole[SERVICE_NAME + sizeof(REFERENCE) + 1];

	snprintf(whole, sizeof(whole), REFERENCE "%s}", name);
	return node->kind == NODE_SCALAR && strcmp(node->text, whole) == 0;
}

static const void *field_of(const struct service_use *use, const struct tocsin_option *option)
{
	return (const char *)use->values + option->offset;
}

static const char *text_of(const struct service_use *use, const struct tocsin_option *option)
{
	return *(const char *const *)field_of(use, option);
}

/* Given by the user, or by the definition. */
static bool is_set(const struct service_use *use, const struct tocsin_option *option)
{
	return option->preset || node_get(use->node, option->name);
}

/* --- the tree for the plugin --- */

struct making {
	const struct options_context *context;
	const struct service_use *use;
	bool failed;
};

static void *make(struct making *making, size_t size)
{
	void *memory = arena_alloc(making->context->arena, size);

	if (!memory && !making->failed) {
		making->failed = true;
		problems_add(making->context->problems, NULL, "memory is short");
	}
	return memory;
}

/* A scalar where the reference stood. */
static struct node *make_scalar(struct making *making, const struct node *origin, const char *text,
				bool quoted)
{
	struct node *node = make(making, sizeof(*node));

	if (!node)
		return NULL;
	*node = (struct node){.kind = NODE_SCALAR, .place = origin->place, .quoted = quoted};
	node->text = make(making, strlen(text) + 1);
	if (node->text)
		memcpy(node->text, text, strlen(text) + 1);
	return node->text ? node : NULL;
}

/* A list or map of the definition's own. */
static struct node *make_collection(struct making *making, const struct node *origin,
				    const struct tocsin_option *option)
{
	const struct tocsin_strings *strings = field_of(making->use, option);
	const struct tocsin_map *map = field_of(making->use, option);
	bool is_map = option->type == TOCSIN_MAP;
	size_t n = is_map ? map->n : strings->n;
	struct node *node = make(making, sizeof(*node));
	struct node **item = make(making, n * sizeof(*item));
	struct node **key = make(making, n * sizeof(*key));

	if (!node || !item || !key)
		return NULL;
	*node = (struct node){.kind = is_map ? NODE_MAP : NODE_LIST, .place = origin->place};
	node->item = item;
	node->key = is_map ? key : NULL;
	for (; !making->failed && node->n < n; node->n++) {
		item[node->n] = make_scalar(
			making, origin, is_map ? map->pair[node->n].value : strings->item[node->n],
			true);
		if (is_map)
			key[node->n] = make_scalar(making, origin, map->pair[node->n].name, true);
	}
	return making->failed ? NULL : node;
}

/* The value of an option as YAML. Texts stay references, which are replaced when they are read:
 * nothing in a value is taken for a template or a reference that way. */
static struct node *make_value(struct making *making, const struct node *origin,
			       const struct tocsin_option *option)
{
	const struct service_use *use = making->use;
	const struct node *given = node_get(use->node, option->name);
	const enum tocsin_option_type meant =
		use->service->option[option - use->service->field].type;
	const void *field = field_of(use, option);
	char number[32];

	switch (meant) {
	case TOCSIN_BOOL:
		return make_scalar(making, origin, *(const bool *)field ? "true" : "false", false);
	case TOCSIN_INT:
		snprintf(number, sizeof(number), "%" PRId64, *(const int64_t *)field);
		return make_scalar(making, origin, number, false);
	case TOCSIN_CHOICE:
		return make_scalar(making, origin, option->choices[*(const int64_t *)field], true);
	case TOCSIN_DURATION:
		snprintf(number, sizeof(number), "%" PRId64 "ms", *(const int64_t *)field);
		return make_scalar(making, origin, number, true);
	case TOCSIN_TEMPLATE:
		return given ? (struct node *)given
			     : make_scalar(making, origin, option->preset, true);
	case TOCSIN_STRINGS:
	case TOCSIN_MAP:
		return given ? (struct node *)given : make_collection(making, origin, option);
	default:
		return make_scalar(making, origin, origin->text, true);
	}
}

static struct node *copy(struct making *making, const struct node *node);

/* The option that stands there alone, or NULL. */
static const struct tocsin_option *whole_option(const struct making *making,
						const struct node *node)
{
	char name[SERVICE_NAME];

	if (node->kind != NODE_SCALAR || !service_next_option(node->text, name) ||
	    !service_is_reference(node, name))
		return NULL;
	return service_option(making->use->service, name);
}

/* NULL: it vanishes, for its option is not set. */
static struct node *copy_item(struct making *making, const struct node *node)
{
	const struct tocsin_option *option = whole_option(making, node);

	if (!option)
		return copy(making, node);
	return is_set(making->use, option) ? make_value(making, node, option) : NULL;
}

static struct node *copy(struct making *making, const struct node *node)
{
	struct node *made = make(making, sizeof(*made));

	if (!made)
		return NULL;
	*made = *node;
	made->n = 0;
	made->item = made->key = NULL;
	if (node->n == 0)
		return made;
	made->item = make(making, node->n * sizeof(struct node *));
	made->key = node->key ? make(making, node->n * sizeof(struct node *)) : NULL;
	for (size_t i = 0; !making->failed && i < node->n; i++) {
		struct node *item = copy_item(making, node->item[i]);

		if (!item)
			continue;
		made->item[made->n] = item;
		if (made->key)
			made->key[made->n] = node->key[i];
		made->n++;
	}
	return made;
}

/* Room for all entries of both maps. */
static struct node *make_map(struct making *making, const struct node *one,
			     const struct node *other)
{
	struct node *map = make(making, sizeof(*map));
	size_t n = one->n + other->n;

	if (!map)
		return NULL;
	*map = (struct node){.kind = NODE_MAP, .place = other->place};
	map->item = make(making, (n + 1) * sizeof(struct node *));
	map->key = make(making, (n + 1) * sizeof(struct node *));
	return making->failed ? NULL : map;
}

static void add(struct node *map, struct node *key, struct node *item)
{
	map->key[map->n] = key;
	map->item[map->n++] = item;
}

static bool is_section(const struct service_use *use, const char *name)
{
	for (size_t t = 0; t < use->n_tables; t++) {
		const struct options_table *table = &use->tables[t];

		for (size_t i = 0; i < table->n; i++) {
			struct tocsin_option option =
				options_at(table->option, table->option_size, i);

			if (strcmp(option.name, name) == 0)
				return option.type == TOCSIN_SECTION;
		}
	}
	return false;
}

/* Both maps; what stands in both is the user's. */
static struct node *join(struct making *making, const struct node *service, const struct node *user)
{
	struct node *map = make_map(making, service, user);

	for (size_t i = 0; map && i < service->n; i++)
		if (!node_get(user, service->key[i]->text))
			add(map, service->key[i], service->item[i]);
	for (size_t i = 0; map && i < user->n; i++)
		add(map, user->key[i], user->item[i]);
	return map;
}

/* The service's key, unless the user has one of that name; sections of both are joined. */
static struct node *choose(struct making *making, const struct node *key, struct node *service,
			   struct node *user)
{
	if (!user || service_option(making->use->service, key->text))
		return service;
	if (is_section(making->use, key->text) && service->kind == NODE_MAP &&
	    user->kind == NODE_MAP)
		return join(making, service, user);
	return user;
}

static const struct node *make_channel(struct making *making)
{
	const struct service_use *use = making->use;
	const struct node *service = copy(making, use->service->channel);
	struct node *map = service ? make_map(making, service, use->node) : NULL;

	for (size_t i = 0; map && service->key && i < service->n; i++) {
		struct node *item =
			choose(making, service->key[i], service->item[i],
			       (struct node *)node_get(use->node, service->key[i]->text));

		if (item)
			add(map, service->key[i], item);
	}
	for (size_t i = 0; map && i < use->node->n; i++) {
		const char *name = use->node->key[i]->text;

		if (!service_option(use->service, name) && !node_get(service, name))
			add(map, use->node->key[i], use->node->item[i]);
	}
	return making->failed ? NULL : map;
}

/* --- what templates see --- */

/* These give NULL when memory is short, never a part of the value. */
static json_t *strings_json(const struct tocsin_strings *strings)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < strings->n; i++) {
		if (json_array_append_new(array, json_string(strings->item[i])) < 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *map_json(const struct tocsin_map *map)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < map->n; i++) {
		if (json_object_set_new(object, map->pair[i].name,
					json_string(map->pair[i].value)) < 0) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

static json_t *value_json(const struct service_use *use, const struct tocsin_option *option)
{
	const void *field = field_of(use, option);

	if (!is_set(use, option))
		return json_null();
	switch (option->type) {
	case TOCSIN_BOOL:
		return json_boolean(*(const bool *)field);
	case TOCSIN_INT:
	case TOCSIN_DURATION:
		return json_integer(*(const int64_t *)field);
	case TOCSIN_CHOICE:
		return json_string(option->choices[*(const int64_t *)field]);
	case TOCSIN_STRINGS:
		return strings_json(field);
	case TOCSIN_MAP:
		return map_json(field);
	default:
		return json_string(text_of(use, option) ? text_of(use, option) : "");
	}
}

/* Secrets have no business in a template. */
static json_t *make_options(struct making *making)
{
	const struct service *service = making->use->service;
	json_t *object = json_object();
	bool whole = object != NULL;

	for (size_t i = 0; i < service->n_options; i++) {
		enum tocsin_option_type type = service->option[i].type;

		if (type != TOCSIN_SECRET && type != TOCSIN_SECRET_URL && type != TOCSIN_TEMPLATE)
			whole &= json_object_set_new(object, service->option[i].name,
						     value_json(making->use, &service->field[i])) ==
				 0;
	}
	if (whole)
		return object;
	problems_add(making->context->problems, NULL, "memory is short");
	json_decref(object);
	return NULL;
}

/* --- */

enum options_reference service_value(const char *name, void *data, const char **text)
{
	const struct service_use *use = data;
	const struct tocsin_option *option = service_option(use->service, name);

	if (!option)
		return OPTIONS_UNKNOWN;
	switch (option->type) {
	case TOCSIN_STRING:
	case TOCSIN_URL:
	case TOCSIN_SECRET:
	case TOCSIN_SECRET_URL:
		*text = text_of(use, option) ? text_of(use, option) : "";
		break;
	case TOCSIN_CHOICE:
		*text = option->choices[*(const int64_t *)field_of(use, option)];
		break;
	case TOCSIN_BOOL:
		*text = *(const bool *)field_of(use, option) ? "true" : "false";
		break;
	default:
		/* numbers: made ready by service_use */
		*text = use->number[option - use->service->field];
		break;
	}
	return option->type == TOCSIN_SECRET || option->type == TOCSIN_SECRET_URL ? OPTIONS_SECRET
										  : OPTIONS_KNOWN;
}

/* The names of the keys that others read, ended by NULL; from the arena. */
static const char *const *other_keys(struct making *making)
{
	const struct service_use *use = making->use;
	const char **keys;
	size_t n = 0;

	for (size_t t = 0; t < use->n_tables; t++)
		n += use->tables[t].n;
	keys = make(making, (n + 1) * sizeof(*keys));
	n = 0;
	for (size_t t = 0; keys && t < use->n_tables; t++) {
		const struct options_table *table = &use->tables[t];

		for (size_t i = 0; i < table->n; i++) {
			const char *name = options_at(table->option, table->option_size, i).name;

			if (!service_option(use->service, name))
				keys[n++] = name;
		}
	}
	return keys;
}

static bool make_numbers(struct making *making, struct service_use *use)
{
	const struct service *service = use->service;
	char(*number)[32] = make(making, service->n_options * sizeof(*number));

	for (size_t i = 0; number && i < service->n_options; i++)
		if (service->field[i].type == TOCSIN_INT ||
		    service->field[i].type == TOCSIN_DURATION)
			snprintf(number[i], sizeof(number[i]), "%" PRId64 "%s",
				 *(const int64_t *)field_of(use, &service->field[i]),
				 service->field[i].type == TOCSIN_INT ? "" : "ms");
	use->number = (const char(*)[32])number;
	return number != NULL;
}

int service_use(const struct options_context *context, struct service_use *use)
{
	struct making making = {.context = context, .use = use};
	const struct service *service = use->service;
	struct options_table table = {service->field, service->n_options,
				      sizeof(struct tocsin_option), NULL};
	const char *const *others = other_keys(&making);

	use->values = make(&making, service->size);
	if (!others || !use->values)
		return -EINVAL;
	table.into = use->values;
	if (options_fill(context, use->node, use->place, use->what, &table, 1, others) < 0 ||
	    !make_numbers(&making, use))
		return -EINVAL;
	use->channel = make_channel(&making);
	if (use->channel)
		use->options = make_options(&making);
	return use->options ? 0 : -EINVAL;
}
