/* SPDX-License-Identifier: Apache-2.0 */
/* The definition of a service: checked whole before anybody uses it. */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/options_value.h"
#include "config/service.h"
#include "config/service_parts.h"

#define FIELD 16 /* bytes: the largest field of an option, and aligned for all */

/* In the order of types below. */
static const char *const type_names[] = {"string",     "template", "secret", "url",
					 "secret_url", "int",      "bool",   "duration",
					 "choice",     "strings",  "map",    NULL};
static const enum tocsin_option_type types[] = {
	TOCSIN_STRING,     TOCSIN_TEMPLATE, TOCSIN_SECRET, TOCSIN_URL,
	TOCSIN_SECRET_URL, TOCSIN_INT,      TOCSIN_BOOL,   TOCSIN_DURATION,
	TOCSIN_CHOICE,     TOCSIN_STRINGS,  TOCSIN_MAP,
};

/* The keys of one option. */
struct keys {
	int64_t type;
	const char *min, *max;
	bool required;
	struct tocsin_strings choices;
};

static const struct tocsin_option keys_options[] = {
	TOCSIN_OPTION(STRINGS, struct keys, choices, .help = ""),
	TOCSIN_OPTION(STRING, struct keys, max, .help = ""),
	TOCSIN_OPTION(STRING, struct keys, min, .help = ""),
	TOCSIN_OPTION(BOOL, struct keys, required, .help = ""),
	TOCSIN_OPTION(CHOICE, struct keys, type, .choices = type_names, .required = true,
		      .help = ""),
};

static const struct tocsin_option supports_options[] = {
	TOCSIN_OPTION(BOOL, struct service_supports, idempotency, .help = ""),
	TOCSIN_OPTION(BOOL, struct service_supports, links, .help = ""),
	TOCSIN_OPTION(BOOL, struct service_supports, rich_text, .help = ""),
	TOCSIN_OPTION(BOOL, struct service_supports, threads, .help = ""),
	TOCSIN_OPTION(BOOL, struct service_supports, update, .help = ""),
};

static const struct tocsin_option service_options[] = {
	TOCSIN_OPTION(URL, struct service, documentation, .help = ""),
	TOCSIN_OPTION(STRING, struct service, plugin, .required = true, .example = "webhook",
		      .help = ""),
	TOCSIN_OPTION(BOOL, struct service, recipients, .help = ""),
	TOCSIN_OPTION(STRING, struct service, summary, .required = true,
		      .example = "posts alerts to example.com", .help = ""),
	TOCSIN_OPTION_SECTION(struct service, supports, supports_options, .help = ""),
};
#define N(table) (sizeof(table) / sizeof((table)[0]))

/* A definition on its way. */
struct reading {
	const struct options_context *context;
	const char *what; /* "service 'telegram'" */
	struct service *service;
};

static bool is_name(const char *text)
{
	if (!islower((unsigned char)*text) || strlen(text) > 64)
		return false;
	for (; *text; text++)
		if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) &&
		    *text != '_' && *text != '-')
			return false;
	return true;
}

static int check_name(const struct reading *reading, const struct place *place, const char *name)
{
	if (is_name(name))
		return 0;
	problems_add(reading->context->problems, place,
		     "%s: a name has small letters, digits, '-' and '_' and begins with a letter, "
		     "unlike '%.60s'",
		     reading->what, name);
	return -EINVAL;
}

static int64_t bound(const struct reading *reading, const struct tocsin_option *option,
		     const struct node *node, const char *key, const char *text, int64_t none)
{
	struct tocsin_option plain = {.type = option->type};
	int64_t value = none;

	if (text && ((option->type != TOCSIN_INT && option->type != TOCSIN_DURATION) ||
		     option_convert(&plain, text, &value) < 0))
		problems_add(reading->context->problems, &node_get(node, key)->place,
			     "%s: '%s' of '%s' must be a value as the option has it; only int and "
			     "duration have bounds",
			     reading->what, key, option->name);
	return value;
}

/* A list that ends with NULL, as tables have it. */
static const char *const *choices_of(const struct reading *reading, const struct keys *keys)
{
	const char **choices =
		arena_alloc(reading->context->arena, (keys->choices.n + 1) * sizeof(*choices));

	for (size_t i = 0; choices && i < keys->choices.n; i++)
		choices[i] = keys->choices.item[i];
	return choices;
}

static void check_option(const struct reading *reading, const struct node *node,
			 const struct tocsin_option *option)
{
	struct problems *problems = reading->context->problems;

	if (option->type == TOCSIN_CHOICE && (!option->choices || !option->choices[0]))
		problems_add(problems, &node->place, "%s: '%s' needs choices, such as [low, high]",
			     reading->what, option->name);
	if (option->type != TOCSIN_CHOICE && node_get(node, "choices"))
		problems_add(problems, &node->place,
			     "%s: '%s' has choices but is none; write type: choice", reading->what,
			     option->name);
	if (!option->help)
		problems_add(problems, &node->place, "%s: '%s' has no help, for the manual",
			     reading->what, option->name);
	if (option->required && !option->example)
		problems_add(problems, &node->place,
			     "%s: '%s' is required and needs an example, for the manual",
			     reading->what, option->name);
	if (strcmp(option->name, "type") == 0 ||
	    (strcmp(option->name, "to") == 0 && reading->service->recipients) ||
	    strcmp(option->name, "enabled") == 0)
		problems_add(problems, &node->place,
			     "%s: '%s' is a key that every channel has; choose another name",
			     reading->what, option->name);
}

/* As it stands there: a ${...} in it is for whoever reads the manual, or uses the preset. */
static const char *raw(const struct reading *reading, const struct node *node, const char *key)
{
	const struct node *value = node_get(node, key);

	if (value && value->kind != NODE_SCALAR) {
		problems_add(reading->context->problems, &value->place, "%s: '%s' must be a text",
			     reading->what, key);
		return NULL;
	}
	return value ? value->text : NULL;
}

static void read_option(const struct reading *reading, const struct node *key,
			const struct node *node, size_t index, struct tocsin_option *option)
{
	static const char *const raw_keys[] = {"example", "help", "preset", NULL};
	struct keys keys = {0};
	struct options_table table = {keys_options, N(keys_options), sizeof(keys_options[0]),
				      &keys};
	char what[200];

	snprintf(what, sizeof(what), "%s: option '%.60s'", reading->what, key->text);
	if (check_name(reading, &key->place, key->text) < 0 ||
	    options_fill(reading->context, node, &key->place, what, &table, 1, raw_keys) < 0)
		return;
	*option = (struct tocsin_option){
		.size = sizeof(*option),
		.type = types[keys.type],
		.name = arena_strdup(reading->context->arena, key->text),
		.offset = index * FIELD,
		.help = raw(reading, node, "help"),
		.preset = raw(reading, node, "preset"),
		.required = keys.required,
		.choices = choices_of(reading, &keys),
		.example = raw(reading, node, "example"),
	};
	if (!option->name || !option->choices) {
		problems_add(reading->context->problems, NULL, "memory is short");
		return;
	}
	if (keys.min || keys.max) {
		option->min = bound(reading, option, node, "min", keys.min, INT64_MIN);
		option->max = bound(reading, option, node, "max", keys.max, INT64_MAX);
	}
	check_option(reading, node, option);
}

/* A preset that is none would be found by the first user only. */
static void check_preset(const struct reading *reading, const struct node *node,
			 const struct tocsin_option *option)
{
	struct options_context context = *reading->context;
	struct problems problems = {0};
	_Alignas(FIELD) unsigned char field[FIELD] = {0};

	context.problems = &problems;
	context.secret = NULL;
	option_preset(&context, option, field);
	if (problems.n > 0)
		problems_add(reading->context->problems, &node->place, "%s: %s", reading->what,
			     problems.text[0] ? problems.text[0] : "memory is short");
	problems_done(&problems);
}

static void read_options(const struct reading *reading, const struct node *map)
{
	struct service *service = reading->service;
	struct arena *arena = reading->context->arena;
	size_t n = map && map->kind == NODE_MAP ? map->n : 0;
	struct tocsin_option *option = arena_alloc(arena, n * sizeof(*option));
	struct tocsin_option *field = arena_alloc(arena, n * sizeof(*field));
	size_t before = reading->context->problems->added;

	if (map && map->kind != NODE_MAP && map->kind != NODE_NULL)
		problems_add(
			reading->context->problems, &map->place,
			"%s: options must be a map of names to options, such as {token: {type: "
			"secret, ...}}",
			reading->what);
	if (!option || !field)
		problems_add(reading->context->problems, NULL, "memory is short");
	for (size_t i = 0; option && field && i < n; i++)
		read_option(reading, map->key[i], map->item[i], i, &option[i]);
	if (!option || !field || reading->context->problems->added != before)
		return;
	for (size_t i = 0; i < n; i++) {
		field[i] = option[i];
		if (option[i].type == TOCSIN_TEMPLATE)
			field[i].type = TOCSIN_STRING;
		check_preset(reading, map->item[i], &field[i]);
	}
	service->option = option;
	service->field = field;
	service->n_options = n;
	service->size = n * FIELD;
}

/* Every ${option:NAME} of a text must be one that can stand there. */
static void check_text(const struct reading *reading, const struct node *node)
{
	const char *at = node->text;
	char name[SERVICE_NAME];

	while ((at = service_next_option(at, name))) {
		const struct tocsin_option *option = service_option(reading->service, name);
		bool whole = service_is_reference(node, name);

		if (!option)
			problems_add(reading->context->problems, &node->place,
				     "%s: there is no option '%.60s'; add it to options",
				     reading->what, name);
		else if (!whole && (option->type == TOCSIN_STRINGS || option->type == TOCSIN_MAP ||
				    option->type == TOCSIN_TEMPLATE))
			problems_add(reading->context->problems, &node->place,
				     "%s: the option '%s' must stand alone in a text",
				     reading->what, name);
	}
}

static void check_references(const struct reading *reading, const struct node *node)
{
	if (node->kind == NODE_SCALAR)
		check_text(reading, node);
	for (size_t i = 0; i < node->n; i++)
		check_references(reading, node->item[i]);
}

static void read_channel(const struct reading *reading, const struct node *node)
{
	const struct node *channel = node_get(node, "channel");

	if (!channel || channel->kind != NODE_MAP) {
		problems_add(reading->context->problems,
			     channel ? &channel->place : &reading->service->place,
			     "%s: the required map 'channel' is missing; it has the keys of the "
			     "plugin, such as url",
			     reading->what);
		return;
	}
	for (size_t i = 0; i < channel->n; i++) {
		const char *key = channel->key[i]->text;

		if (strcmp(key, "type") == 0 || strcmp(key, "to") == 0 ||
		    strcmp(key, "enabled") == 0 || strcmp(key, "templates") == 0)
			problems_add(reading->context->problems, &channel->key[i]->place,
				     "%s: '%s' is for those who use the service; take this line "
				     "out",
				     reading->what, key);
	}
	check_references(reading, channel);
	reading->service->channel = channel;
}

int service_read(const struct options_context *context, const char *name, const struct place *place,
		 const struct node *node, struct service **service)
{
	static const char *const others[] = {"channel", "options", NULL};
	struct service *made = arena_alloc(context->arena, sizeof(*made));
	struct reading reading = {.context = context, .service = made};
	struct options_table table = {service_options, N(service_options),
				      sizeof(service_options[0]), made};
	size_t before = context->problems->added;
	char what[100];

	if (!made) {
		problems_add(context->problems, NULL, "memory is short");
		return -EINVAL;
	}
	snprintf(what, sizeof(what), "service '%.60s'", name);
	reading.what = what;
	made->name = arena_strdup(context->arena, name);
	made->place = *place;
	made->node = node;
	check_name(&reading, place, name);
	options_fill(context, node, place, what, &table, 1, others);
	if (node->kind == NODE_MAP) {
		read_options(&reading, node_get(node, "options"));
		if (context->problems->added == before)
			read_channel(&reading, node);
	}
	*service = made;
	return context->problems->added == before && made->name ? 0 : -EINVAL;
}
