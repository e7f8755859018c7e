/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/settings_templates: the texts that `templates` of a channel or a route puts in the place of
 * the plugin's own, and the jq programs made of all of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/id.h"
#include "base/text.h"
#include "engine/settings_parts.h"
#include "template/renderer.h"

#define MOST 512 /* templates of a channel */

static struct problems *problems_of(struct loading *loading)
{
	return loading->context.problems;
}

/* --- the options of a plugin that are templates --- */

struct field {
	struct tocsin_option option;
	const struct tocsin_template **at; /* in the channel's configuration */
};

struct fields {
	struct field field[MOST];
	size_t n;
};

static void find_fields(struct fields *fields, const struct tocsin_option *table, size_t size,
			size_t n, void *into)
{
	for (size_t i = 0; i < n && fields->n < MOST; i++) {
		struct tocsin_option option = options_at(table, size, i);
		void *at = (char *)into + option.offset;

		if (option.type == TOCSIN_SECTION)
			find_fields(fields, option.options, size, option.option_count, at);
		else if (option.type == TOCSIN_TEMPLATE || option.type == TOCSIN_STRUCTURE)
			fields->field[fields->n++] = (struct field){option, at};
	}
}

static struct fields *fields_of(struct loading *loading, const struct channel_settings *channel)
{
	const struct tocsin_plugin *it = &channel->plugin->it;
	struct fields *fields = calloc(1, sizeof(*fields));

	if (!fields)
		problems_add(problems_of(loading), NULL, "memory is short");
	else
		find_fields(fields, it->options, it->option_size, it->option_count,
			    channel->config);
	return fields;
}

static const struct field *find_text(const struct fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->n; i++) {
		if (fields->field[i].option.text && strcmp(fields->field[i].option.name, name) == 0)
			return &fields->field[i];
	}
	return NULL;
}

/* --- what `templates` says --- */

static bool check_texts(struct loading *loading, const char *what, const struct node *node)
{
	if (node->kind == NODE_MAP)
		return true;
	problems_add(problems_of(loading), &node->place,
		     "%s: templates must be the name of a set, or texts such as {title: "
		     "\"{{ .title }}\"}",
		     what);
	return false;
}

/* The texts that the value of `templates` stands for, or NULL with a problem added. *named: it is the
 * name of a set. */
static const struct node *texts_of(struct loading *loading, const char *what,
				   const struct node *node, bool *named)
{
	struct entries *sets = loading->templates;
	const char **names;
	const char *meant;

	*named = node->kind == NODE_SCALAR;
	if (!*named)
		return check_texts(loading, what, node) ? node : NULL;
	for (size_t i = 0; i < sets->n; i++) {
		if (strcmp(sets->entry[i].name, node->text) != 0)
			continue;
		loading->template_used[i] = true;
		return sets->entry[i].value->kind == NODE_MAP ? sets->entry[i].value : NULL;
	}
	if (!loading->complete) /* it may stand in a file that could not be read */
		return NULL;
	names = loading_alloc(loading, sets->n, sizeof(*names));
	for (size_t i = 0; names && i < sets->n; i++)
		names[i] = sets->entry[i].name;
	meant = names ? text_closest(node->text, names, sets->n) : NULL;
	problems_add(problems_of(loading), &node->place, "%s: no templates '%.60s'; %s%s%s", what,
		     node->text,
		     meant ? "did you mean '" : "define them under templates:", meant ? meant : "",
		     meant ? "'?" : "");
	return NULL;
}

static void know_fields(struct text_names *names, const struct fields *fields)
{
	for (size_t i = 0; i < fields->n; i++) {
		if (fields->field[i].option.text)
			texts_know(names, fields->field[i].option.name);
	}
}

/* --- one channel --- */

/* Its own texts are more to the point than those of a set; written out twice they are a mistake. */
static bool has_own(struct loading *loading, const char *what, const struct node *channel,
		    const struct node *key, bool named)
{
	if (!node_get(channel, key->text))
		return false;
	if (!named)
		problems_add(problems_of(loading), &key->place,
			     "%s: '%s' is there twice, here and as a key of the channel; keep one",
			     what, key->text);
	return true;
}

void settings_read_channel_templates(struct loading *loading, const char *what,
				     const struct node *node, struct channel_settings *channel)
{
	const struct node *value = node_get(node, "templates"), *texts;
	struct fields *fields;
	bool named;

	if (!value || !channel->config)
		return;
	texts = texts_of(loading, what, value, &named);
	fields = texts ? fields_of(loading, channel) : NULL;
	for (size_t i = 0; fields && i < texts->n; i++) {
		const struct field *field = find_text(fields, texts->key[i]->text);
		const struct tocsin_template *template;

		if (!field) {
			struct text_names names = {0};

			know_fields(&names, fields);
			if (!named)
				texts_refuse(loading, what, texts->key[i], &names);
			continue;
		}
		if (has_own(loading, what, node, texts->key[i], named))
			continue;
		template = template_read(&loading->context, named ? "templates" : what,
					 &field->option, texts->item[i]);
		if (template)
			*field->at = template;
	}
	free(fields);
}

/* --- sets --- */

static bool is_stage(const struct tocsin_template *template)
{
	return strcmp(template->name, "title") == 0 || strcmp(template->name, "message") == 0;
}

/* What people read becomes a part of other templates' document, which holds no secrets. */
static void refuse_secret(struct loading *loading, const struct tocsin_template *template)
{
	if (template->secret && !template->structure && is_stage(template))
		problems_add(problems_of(loading), &template->place,
			     "%s: people read this text, so it cannot hold ${...}", template->what);
}

/* A template without a text stands for one that only some route gives. */
static bool is_unset(const struct tocsin_template *template)
{
	return template->n == 0 && !template->constant;
}

static const struct template_set *make_set(struct loading *loading, const struct fields *fields,
					   const struct tocsin_template *const *instead,
					   const json_t *options)
{
	struct template_entry *entries = loading_alloc(loading, fields->n, sizeof(*entries));
	const struct template_set *set = NULL;
	size_t n = 0;

	for (size_t i = 0; entries && i < fields->n; i++) {
		const struct tocsin_template *option = *fields->field[i].at, *source = option;

		if (instead && instead[i])
			source = instead[i];
		if (!source || is_unset(source))
			continue;
		refuse_secret(loading, source);
		entries[n++] = (struct template_entry){.option = option, .source = source};
	}
	if (entries)
		set = template_set_make(loading->context.arena, entries, n, options);
	if (!set)
		problems_add(problems_of(loading), NULL, "memory is short");
	return set;
}

static void digest_set(struct buffer *text, const struct template_set *set)
{
	for (size_t i = 0; set && i < set->n; i++) {
		buffer_printf(text, "%zu:", i);
		template_dump(text, set->entry[i].source);
	}
}

/* What a route or a set or a file says changes the channel, too. */
static void extend_digest(struct loading *loading, struct channel_settings *channel)
{
	const struct template_sets *sets = channel->templates;
	struct buffer text = {0};
	char digest[ID_TEXT] = "";
	const char *kept;

	buffer_puts(&text, channel->digest);
	digest_set(&text, sets->own);
	for (size_t i = 0; i < sets->n_routes; i++) {
		buffer_printf(&text, "route %s:", sets->route[i].route);
		digest_set(&text, sets->route[i].set);
	}
	kept = buffer_text(&text);
	if (text.failed || id_derive(&kept, 1, digest) != 0)
		problems_add(problems_of(loading), NULL, "memory is short");
	if (text.data)
		explicit_bzero(text.data, text.length);
	buffer_done(&text);
	kept = loading_strdup(loading, digest);
	channel->digest = kept ? kept : "";
}

/* --- routes --- */

size_t settings_note_route_templates(void *data, const char *what, const struct node *node)
{
	struct loading *loading = data;
	struct route_texts *grown;
	const struct node *texts;
	bool named;

	texts = texts_of(loading, what, node, &named);
	if (!texts)
		return 0;
	grown = reallocarray(loading->route_texts, loading->n_route_texts + 1, sizeof(*grown));
	if (!grown) {
		problems_add(problems_of(loading), NULL, "memory is short");
		return 0;
	}
	loading->route_texts = grown;
	grown[loading->n_route_texts] =
		(struct route_texts){.texts = texts,
				     .what = loading_strdup(loading, named ? "templates" : what),
				     .named = named};
	return ++loading->n_route_texts;
}

/* The texts of a route for one channel. */
struct overriding {
	struct loading *loading;
	const struct route *route;
	struct fields *fields;
	const struct tocsin_template **instead; /* of each field */
	bool any;
};

/* The plugin asks for a template only where it has one. */
static bool make_unset(struct loading *loading, const struct field *field)
{
	struct tocsin_template *unset;

	if (*field->at)
		return true;
	unset = loading_alloc(loading, 1, sizeof(*unset));
	if (!unset)
		return false;
	unset->name = loading_strdup(loading, field->option.name);
	unset->what = unset->name;
	unset->escape = field->option.escape;
	*field->at = unset;
	return unset->name;
}

static void override_texts(struct overriding *o)
{
	struct route_texts *texts = &o->loading->route_texts[o->route->templates - 1];

	know_fields(&texts->names, o->fields);
	for (size_t i = 0; i < texts->texts->n; i++) {
		const struct field *field = find_text(o->fields, texts->texts->key[i]->text);

		if (!field || !make_unset(o->loading, field))
			continue;
		o->instead[field - o->fields->field] = template_read(
			&o->loading->context, texts->what, &field->option, texts->texts->item[i]);
		o->any = true;
	}
}

static void override(struct loading *loading, const struct route *route,
		     struct channel_settings *channel, struct template_sets *sets)
{
	struct overriding o = {.loading = loading, .route = route};
	struct template_of_route *grown;

	o.fields = fields_of(loading, channel);
	o.instead = loading_alloc(loading, MOST, sizeof(const struct tocsin_template *));
	if (o.fields && o.instead)
		override_texts(&o);
	if (o.any) {
		grown = loading_alloc(loading, sets->n_routes + 1, sizeof(*grown));
		if (grown && sets->n_routes > 0)
			memcpy(grown, sets->route, sets->n_routes * sizeof(*grown));
		if (grown) {
			grown[sets->n_routes++] = (struct template_of_route){
				route->name,
				make_set(loading, o.fields, o.instead, channel->options)};
			sets->route = grown;
		}
	}
	free(o.fields);
}

static bool names_channel(const struct route *route, const char *name)
{
	for (size_t i = 0; i < route->channels.n; i++) {
		if (strcmp(route->channels.item[i], name) == 0)
			return true;
	}
	return false;
}

static void override_below(struct loading *loading, const struct route *route,
			   struct channel_settings *channel, struct template_sets *sets)
{
	if (route->templates > 0 && names_channel(route, channel->name))
		override(loading, route, channel, sets);
	for (size_t i = 0; i < route->n_children; i++)
		override_below(loading, route->child[i], channel, sets);
}

/* A text of a route that none of its channels has is a mistake. */
static void check_known(struct loading *loading)
{
	for (size_t i = 0; i < loading->n_route_texts; i++) {
		const struct route_texts *texts = &loading->route_texts[i];

		for (size_t k = 0; !texts->named && k < texts->texts->n; k++) {
			if (!texts_are_known(&texts->names, texts->texts->key[k]->text))
				texts_refuse(loading, texts->what, texts->texts->key[k],
					     &texts->names);
		}
	}
}

/* A set that nobody uses is read all the same, so that its mistakes are found. */
static void read_unused(struct loading *loading, const char *what, const struct entry *entry)
{
	struct tocsin_option option = {.size = sizeof(option), .type = TOCSIN_TEMPLATE};

	for (size_t k = 0; k < entry->value->n; k++) {
		option.name = entry->value->key[k]->text;
		template_read(&loading->context, what, &option, entry->value->item[k]);
	}
}

static void check_sets(struct loading *loading)
{
	struct text_names names = {0};

	if (loading->templates->n > 0)
		texts_know_plugins(&names, loading->loader);
	for (size_t i = 0; i < loading->templates->n; i++) {
		const struct entry *entry = &loading->templates->entry[i];
		char what[96];

		snprintf(what, sizeof(what), "templates '%.60s'", entry->name);
		if (entry->value->kind != NODE_MAP) {
			if (entry->value->kind != NODE_NULL || loading->complete)
				problems_add(
					problems_of(loading), &entry->place,
					"%s must have texts, such as {title: \"{{ .title }}\"}",
					what);
			continue;
		}
		for (size_t k = 0; k < entry->value->n; k++) {
			if (!texts_are_known(&names, entry->value->key[k]->text))
				texts_refuse(loading, what, entry->value->key[k], &names);
		}
		if (!loading->template_used[i])
			read_unused(loading, what, entry);
	}
}

static bool has_templates(const struct fields *fields)
{
	for (size_t i = 0; i < fields->n; i++) {
		if (*fields->field[i].at)
			return true;
	}
	return false;
}

static void finish_channel(struct loading *loading, struct channel_settings *channel)
{
	struct template_sets *sets;
	struct fields *fields;

	if (!channel->config)
		return;
	sets = loading_alloc(loading, 1, sizeof(*sets));
	if (!sets)
		return;
	if (loading->settings->routes.root)
		override_below(loading, loading->settings->routes.root, channel, sets);
	fields = fields_of(loading, channel);
	if (fields && has_templates(fields)) {
		sets->own = make_set(loading, fields, NULL, channel->options);
		channel->templates = sets;
		extend_digest(loading, channel);
	}
	free(fields);
}

void settings_finish_templates(struct loading *loading)
{
	struct settings *settings = loading->settings;

	for (size_t i = 0; i < settings->n_channels; i++)
		finish_channel(loading, &settings->channel[i]);
	check_known(loading);
	check_sets(loading);
	free(loading->route_texts);
	loading->route_texts = NULL;
	settings_compile_templates(loading);
}
