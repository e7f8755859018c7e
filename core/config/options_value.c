/* SPDX-License-Identifier: Apache-2.0 */
#include "config/options_value.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/schedule.h"
#include "base/text.h"
#include "base/zone.h"
#include "config/template.h"

/* As much of a wrong value as a message shows. */
#define SHOWN 60

/* One value on its way into a field. */
struct reading {
	const struct options_context *context;
	const char *what;
	const struct tocsin_option *option;
	size_t item;       /* in a list: which one, from 1; else 0 */
	const char *entry; /* in a map: its name; else NULL */
	bool secret;       /* the value must not be shown */
};

static bool is_secret(enum tocsin_option_type type)
{
	return type == TOCSIN_SECRET || type == TOCSIN_SECRET_URL;
}

/* "channel 'mail': 'port' ": how every sentence here begins. */
static void add_subject(struct buffer *out, const struct reading *reading)
{
	if (reading->what != NULL)
		buffer_printf(out, "%s: ", reading->what);
	if (reading->item > 0)
		buffer_printf(out, "item %zu of ", reading->item);
	if (reading->entry != NULL)
		buffer_printf(out, "'%.*s' in ",
			      (int)text_prefix(reading->entry, strlen(reading->entry), 60),
			      reading->entry);
	buffer_printf(out, "'%s' ", reading->option->name);
}

static void add_problem(const struct reading *reading, const struct place *place,
			struct buffer *sentence)
{
	problems_add(reading->context->problems, place, "%s",
		     sentence->failed ? "memory is short" : buffer_text(sentence));
	buffer_done(sentence);
}

static void refuse(const struct reading *reading, const struct place *place, const char *rest)
{
	struct buffer sentence = {0};

	add_subject(&sentence, reading);
	buffer_puts(&sentence, rest);
	add_problem(reading, place, &sentence);
}

/* What else to say about a wrong value: "did you mean 'tls'?" */
static void add_hint(struct buffer *out, const struct tocsin_option *option, const char *text)
{
	static const char *const yes[] = {"yes", "on", "y", "1", "true"};
	static const char *const no[] = {"no", "off", "n", "0", "false"};
	const char *closest = NULL;
	size_t n = 0;

	if (option->type == TOCSIN_CHOICE) {
		while (option->choices[n] != NULL)
			n++;
		closest = text_closest(text, option->choices, n);
		if (closest != NULL)
			buffer_printf(out, "; did you mean '%s'?", closest);
	}
	for (size_t i = 0; option->type == TOCSIN_BOOL && i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(text, yes[i]) == 0)
			buffer_puts(out, "; write true");
		else if (strcasecmp(text, no[i]) == 0)
			buffer_puts(out, "; write false");
	}
}

/* "... must be a whole number between 1 and 65535, not 'abc'" */
static void refuse_value(const struct reading *reading, const struct place *place, const char *text)
{
	size_t length = strlen(text);
	size_t shown = text_prefix(text, length, SHOWN);
	struct buffer sentence = {0};

	add_subject(&sentence, reading);
	buffer_puts(&sentence, "must be ");
	option_form(&sentence, reading->option);
	if (reading->secret) {
		buffer_puts(&sentence, "; the value is not");
	} else {
		buffer_printf(&sentence, ", not '%.*s%s'", (int)shown, text,
			      shown < length ? "..." : "");
		add_hint(&sentence, reading->option, text);
	}
	add_problem(reading, place, &sentence);
}

/* "... must be a text, not a list" */
static void refuse_kind(const struct reading *reading, const struct node *node)
{
	struct buffer sentence = {0};

	add_subject(&sentence, reading);
	if (node->kind == NODE_NULL) {
		buffer_puts(&sentence, "has no value; write ");
		option_form(&sentence, reading->option);
		buffer_puts(&sentence, ", or take the line out");
	} else {
		buffer_puts(&sentence, "must be ");
		option_form(&sentence, reading->option);
		buffer_printf(&sentence, ", not %s",
			      node->kind == NODE_LIST  ? "a list"
			      : node->kind == NODE_MAP ? "a section"
						       : "a single text");
	}
	add_problem(reading, &node->place, &sentence);
}

/* The text of a scalar with its references replaced, in the arena; NULL: the problem is added. */
static char *text_of(struct reading *reading, const struct node *node)
{
	const struct options_context *context = reading->context;
	char why[512];
	bool found;
	char *text;

	if (node->kind != NODE_SCALAR) {
		refuse_kind(reading, node);
		return NULL;
	}
	if (options_expand(context, node->text, &text, &found, why, sizeof(why)) != 0) {
		struct buffer sentence = {0};

		add_subject(&sentence, reading);
		buffer_printf(&sentence, "cannot be read: %s", why);
		add_problem(reading, &node->place, &sentence);
		return NULL;
	}
	reading->secret = is_secret(reading->option->type) || found;
	if (reading->secret && context->secret != NULL && text[0] != '\0')
		context->secret(text, context->secret_data);
	return text;
}

static void read_scalar(struct reading *reading, const struct node *node, void *field)
{
	char *text = text_of(reading, node);

	if (text == NULL)
		return;
	if (reading->option->required && text[0] == '\0')
		refuse(reading, &node->place, "must not be empty");
	else if (option_convert(reading->option, text, field) != 0)
		refuse_value(reading, &node->place, text);
}

static void free_schedule(void *schedule)
{
	schedule_free(schedule);
}

static void free_zone(void *zone)
{
	zone_free(zone);
}

/* A schedule or a time zone, which says itself what is wrong with it. */
static void read_time(struct reading *reading, const struct node *node, const void **field)
{
	bool schedule = reading->option->type == TOCSIN_SCHEDULE;
	char *text = text_of(reading, node);
	struct error err;
	int result;

	if (text == NULL)
		return;
	result = schedule ? schedule_parse(text, (const struct tocsin_schedule **)field, &err)
			  : zone_load(text, (const struct tocsin_zone **)field, &err);
	if (result == 0) {
		if (arena_own(reading->context->arena, *field,
			      schedule ? free_schedule : free_zone) == 0)
			return;
		(schedule ? free_schedule : free_zone)((void *)*field);
		*field = NULL;
		refuse(reading, &node->place, "cannot be read: memory is short");
	} else if (reading->secret) {
		refuse_value(reading, &node->place, text);
	} else {
		struct buffer sentence = {0};

		add_subject(&sentence, reading);
		buffer_printf(&sentence, "cannot be read: %s", err.text);
		add_problem(reading, &node->place, &sentence);
	}
}

/* The text of an item of a list or of an entry of a map; a mistake names that one. */
static char *part_of(const struct reading *whole, const struct node *node, size_t item,
		     const char *entry)
{
	struct tocsin_option option = *whole->option;
	struct reading part = *whole;

	option.type = TOCSIN_STRING;
	part.option = &option;
	part.item = item;
	part.entry = entry;
	return text_of(&part, node);
}

static void read_strings(struct reading *reading, const struct node *node,
			 struct tocsin_strings *field)
{
	size_t n = node->kind == NODE_LIST ? node->n : 1;
	const char **item;

	if (node->kind == NODE_NULL || node->kind == NODE_MAP) {
		refuse_kind(reading, node);
		return;
	}
	if (n == 0 && reading->option->required) {
		refuse(reading, &node->place, "must not be empty");
		return;
	}
	item = arena_alloc(reading->context->arena, n * sizeof(*item));
	if (item == NULL) {
		refuse(reading, &node->place, "cannot be read: memory is short");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		item[i] = node->kind == NODE_LIST ? part_of(reading, node->item[i], i + 1, NULL)
						  : text_of(reading, node);
		if (item[i] == NULL)
			return;
	}
	*field = (struct tocsin_strings){.item = item, .n = n};
}

static void read_map(struct reading *reading, const struct node *node, struct tocsin_map *field)
{
	struct arena *arena = reading->context->arena;
	struct tocsin_pair *pair;

	if (node->kind != NODE_MAP) {
		refuse_kind(reading, node);
		return;
	}
	if (node->n == 0 && reading->option->required) {
		refuse(reading, &node->place, "must not be empty");
		return;
	}
	pair = arena_alloc(arena, node->n * sizeof(*pair));
	for (size_t i = 0; pair != NULL && i < node->n; i++) {
		pair[i].name = arena_strdup(arena, node->key[i]->text);
		pair[i].value = part_of(reading, node->item[i], 0, node->key[i]->text);
		if (pair[i].value == NULL)
			return;
		if (pair[i].name == NULL)
			pair = NULL;
	}
	if (pair == NULL)
		refuse(reading, &node->place, "cannot be read: memory is short");
	else
		*field = (struct tocsin_map){.pair = pair, .n = node->n};
}

void option_read(const struct options_context *context, const char *what,
		 const struct tocsin_option *option, const struct node *node, void *field)
{
	struct reading reading = {.context = context, .what = what, .option = option};

	assert(option->type != TOCSIN_SECTION && option->type != TOCSIN_SECTIONS);
	reading.secret = is_secret(option->type);
	if (option->type == TOCSIN_TEMPLATE || option->type == TOCSIN_STRUCTURE)
		*(const struct tocsin_template **)field =
			template_read(context, what, option, node);
	else if (option->type == TOCSIN_STRINGS)
		read_strings(&reading, node, field);
	else if (option->type == TOCSIN_MAP)
		read_map(&reading, node, field);
	else if (option->type == TOCSIN_SCHEDULE || option->type == TOCSIN_ZONE)
		read_time(&reading, node, field);
	else
		read_scalar(&reading, node, field);
}

void option_preset(const struct options_context *asking, const struct tocsin_option *option,
		   void *field)
{
	struct problems problems = {0};
	struct options_context context = {.arena = asking->arena, .problems = &problems};
	struct node scalar = {.kind = NODE_SCALAR};
	struct node *root = NULL;

	if (option->preset == NULL)
		return;
	if (option->type == TOCSIN_STRINGS || option->type == TOCSIN_MAP ||
	    option->type == TOCSIN_STRUCTURE) {
		yaml_read("preset", option->preset, strlen(option->preset), &problems, &root);
	} else {
		scalar.text = arena_strdup(asking->arena, option->preset);
		root = &scalar;
		if (scalar.text == NULL)
			problems_add(&problems, NULL, "memory is short");
	}
	if (problems.n == 0)
		option_read(&context, NULL, option, root, field);
	/* Or its author made a mistake, who finds out with the first configuration. */
	if (problems.n > 0)
		problems_add(asking->problems, NULL, "the preset of '%s' cannot be read: %s",
			     option->name, problems.text[0]);
	if (root != &scalar)
		node_free(root);
	problems_done(&problems);
}
