/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "config/describe.h"
#include "config/options.h"
#include "config/options_value.h"

/* A value that is wholly a reference; the schema cannot say more about what it gives. */
#define REFERENCE "^\\$\\{(env|file|cred):[^}]+\\}$"

static json_t *choices_of(const struct tocsin_option *option)
{
	json_t *choices = json_array();

	for (size_t i = 0; option->choices[i] != NULL; i++)
		json_array_append_new(choices, json_string(option->choices[i]));
	return choices;
}

static json_t *object_of(const struct tocsin_option *option, size_t option_size)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(option->name));
	json_object_set_new(object, "type", json_string(options_type_name(option->type)));
	json_object_set_new(object, "required", json_boolean(option->required));
	if (option->preset != NULL && option->type != TOCSIN_SECRET &&
	    option->type != TOCSIN_SECRET_URL)
		json_object_set_new(object, "default", json_string(option->preset));
	if (option_has_bounds(option)) {
		json_object_set_new(object, "min", json_integer(option->min));
		json_object_set_new(object, "max", json_integer(option->max));
	}
	if (option->type == TOCSIN_CHOICE)
		json_object_set_new(object, "choices", choices_of(option));
	if (option->help != NULL)
		json_object_set_new(object, "help", json_string(option->help));
	if (option->example != NULL)
		json_object_set_new(object, "example", json_string(option->example));
	if (option->type == TOCSIN_SECTION || option->type == TOCSIN_SECTIONS)
		json_object_set_new(
			object, "options",
			describe_json(option->options, option_size, option->option_count));
	return object;
}

json_t *describe_json(const struct tocsin_option *table, size_t option_size, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		struct tocsin_option option = options_at(table, option_size, i);

		json_array_append_new(array, object_of(&option, option_size));
	}
	return array;
}

/* The value itself, or a reference to it. */
static json_t *or_reference(json_t *schema)
{
	return json_pack("{s:[o, {s:s, s:s}]}", "anyOf", schema, "type", "string", "pattern",
			 REFERENCE);
}

static json_t *integer_schema(const struct tocsin_option *option)
{
	json_t *schema = json_pack("{s:s}", "type", "integer");

	if (option_has_bounds(option) && option->min != INT64_MIN)
		json_object_set_new(schema, "minimum", json_integer(option->min));
	if (option_has_bounds(option) && option->max != INT64_MAX)
		json_object_set_new(schema, "maximum", json_integer(option->max));
	return or_reference(schema);
}

static json_t *pattern_schema(const char *pattern)
{
	return or_reference(json_pack("{s:s, s:s}", "type", "string", "pattern", pattern));
}

/* YAML takes an unquoted 512 or true for something else than the text that it is here. */
static json_t *text_schema(void)
{
	return json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");
}

/* {file: /path} in place of the text itself. */
static json_t *file_schema(void)
{
	return json_pack("{s:s, s:{s:{s:s, s:s}}, s:[s], s:b}", "type", "object", "properties",
			 "file", "type", "string", "pattern", "^/", "required", "file",
			 "additionalProperties", 0);
}

static json_t *section_schema(const struct tocsin_option *option, size_t option_size)
{
	json_t *schema = describe_schema(option->options, option_size, option->option_count);

	json_object_set_new(schema, "additionalProperties", json_false());
	return schema;
}

static json_t *type_schema(const struct tocsin_option *option, size_t option_size)
{
	switch (option->type) {
	case TOCSIN_STRING:
	case TOCSIN_SECRET:
	case TOCSIN_QUERY:
		return text_schema();
	case TOCSIN_TEMPLATE:
		return json_pack("{s:[o, o]}", "anyOf", text_schema(), file_schema());
	case TOCSIN_URL:
	case TOCSIN_SECRET_URL:
		return json_pack("{s:s, s:s}", "type", "string", "pattern",
				 "^[Hh][Tt][Tt][Pp][Ss]?://[^ ]+$|\\$\\{");
	case TOCSIN_PATH:
		return json_pack("{s:s, s:s}", "type", "string", "pattern", "^/|\\$\\{");
	case TOCSIN_INT:
		return integer_schema(option);
	case TOCSIN_BOOL:
		return or_reference(json_pack("{s:s}", "type", "boolean"));
	case TOCSIN_DURATION:
		return json_pack("{s:[o, {s:i}]}", "anyOf",
				 pattern_schema("^([0-9]+(ms|s|m|h|d|w|y))+$"), "const", 0);
	case TOCSIN_SIZE:
		return json_pack("{s:[o, {s:s}]}", "anyOf",
				 pattern_schema("^[0-9]+([KkMmGgTt]([Ii]?[Bb])?|[Bb])?$"), "type",
				 "integer");
	case TOCSIN_RATE:
		return pattern_schema("^(unlimited|[0-9]+/([0-9]+(ms|s|m|h|d|w|y))*"
				      "(ms|s|m|h|d|w|y)?)$");
	case TOCSIN_CHOICE:
		return or_reference(json_pack("{s:o}", "enum", choices_of(option)));
	case TOCSIN_STRINGS:
		return json_pack("{s:[o, {s:s, s:o}]}", "anyOf", text_schema(), "type", "array",
				 "items", text_schema());
	case TOCSIN_MAP:
		return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
				 text_schema());
	case TOCSIN_SCHEDULE:
	case TOCSIN_ZONE:
		return json_pack("{s:s}", "type", "string");
	case TOCSIN_SECTION:
		return section_schema(option, option_size);
	case TOCSIN_SECTIONS:
		return json_pack("{s:s, s:o}", "type", "array", "items",
				 section_schema(option, option_size));
	case TOCSIN_STRUCTURE:
		break;
	}
	return json_object();
}

/* The default as the type would have it in YAML; NULL for what only looks right as text. */
static json_t *default_of(const struct tocsin_option *option)
{
	if (option->preset == NULL)
		return NULL;
	switch (option->type) {
	case TOCSIN_INT:
		return json_integer(strtoll(option->preset, NULL, 10));
	case TOCSIN_BOOL:
		return json_boolean(strcmp(option->preset, "true") == 0);
	case TOCSIN_SECRET:
	case TOCSIN_SECRET_URL:
	case TOCSIN_STRINGS:
	case TOCSIN_MAP:
	case TOCSIN_SECTION:
	case TOCSIN_SECTIONS:
	case TOCSIN_STRUCTURE:
		return NULL;
	default:
		return json_string(option->preset);
	}
}

json_t *describe_schema(const struct tocsin_option *table, size_t option_size, size_t n)
{
	json_t *properties = json_object(), *required = json_array();
	json_t *schema = json_pack("{s:s, s:o}", "type", "object", "properties", properties);

	for (size_t i = 0; i < n; i++) {
		struct tocsin_option option = options_at(table, option_size, i);
		json_t *property = type_schema(&option, option_size);
		json_t *preset = default_of(&option);

		if (option.help != NULL)
			json_object_set_new(property, "description", json_string(option.help));
		if (preset != NULL)
			json_object_set_new(property, "default", preset);
		json_object_set_new(properties, option.name, property);
		if (option.required)
			json_array_append_new(required, json_string(option.name));
	}
	if (json_array_size(required) > 0)
		json_object_set(schema, "required", required);
	json_decref(required);
	return schema;
}
