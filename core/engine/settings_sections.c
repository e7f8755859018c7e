/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settings_sections: which file says what; sections of several files become one. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/settings_parts.h"

static const char *const names[] = {
	"api",    "channels", "dead_alerts", "default", "history", "log",
	"routes", "services", "severities",  "sources", "store",   "templates",
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))
#define MOST 4096 /* channels, sources, aliases; bounds the search for double ones */

static struct problems *problems_of(struct loading *loading)
{
	return loading->context.problems;
}

static void *grow(struct loading *loading, void *array, size_t n, size_t size)
{
	void *grown = reallocarray(array, n, size);

	if (!grown)
		problems_add(problems_of(loading), NULL, "memory is short");
	return grown;
}

/* Whoever read that file has said so already. */
static bool is_same_file(const struct place *one, const struct place *other)
{
	return strcmp(one->file, other->file) == 0;
}

/* A section that may stand once in all files. */
static void take_single(struct loading *loading, struct entry *entry, const struct node *key,
			const struct node *value)
{
	if (entry->value) {
		if (!is_same_file(&entry->place, &key->place))
			problems_add(
				problems_of(loading), &key->place,
				"%s stands twice, the first time at %s:%d:%d; put all its keys there",
				key->text, entry->place.file, entry->place.line,
				entry->place.column);
		return;
	}
	*entry = (struct entry){key->text, value, key->place};
}

static void add_entry(struct loading *loading, struct entries *entries, const char *what,
		      const struct node *key, const struct node *value)
{
	struct entry *grown;

	for (size_t i = 0; i < entries->n; i++) {
		const struct place *first = &entries->entry[i].place;

		if (strcmp(entries->entry[i].name, key->text) != 0)
			continue;
		if (!is_same_file(first, &key->place))
			problems_add(problems_of(loading), &key->place,
				     "%s '%s' is defined twice, the first time at %s:%d:%d; rename "
				     "one or take it out",
				     what, key->text, first->file, first->line, first->column);
		return;
	}
	grown = grow(loading, entries->entry, entries->n + 1, sizeof(*grown));
	if (!grown)
		return;
	entries->entry = grown;
	grown[entries->n++] = (struct entry){key->text, value, key->place};
}

/* A map of names; an empty section is fine. */
static void take_map(struct loading *loading, struct entries *entries, const char *what,
		     const struct node *value)
{
	if (value->kind != NODE_MAP && value->kind != NODE_NULL) {
		problems_add(problems_of(loading), &value->place,
			     "this must be a map; write each %s as 'name:' with its keys indented "
			     "below",
			     what);
		return;
	}
	if (value->n > MOST) {
		problems_add(problems_of(loading), &value->place,
			     "there are %zu entries here; %d is the most", value->n, MOST);
		return;
	}
	for (size_t i = 0; i < value->n; i++)
		add_entry(loading, entries, what, value->key[i], value->item[i]);
}

static void take_routes(struct loading *loading, struct sections *sections,
			const struct node *value)
{
	const struct node **grown =
		grow(loading, sections->routes, sections->n_routes + 1, sizeof(*grown));

	if (!grown)
		return;
	sections->routes = grown;
	grown[sections->n_routes++] = value;
}

/* severities holds one key only, so that there is room for more. */
static void take_severities(struct loading *loading, struct sections *sections,
			    const struct node *value)
{
	if (value->kind != NODE_MAP && value->kind != NODE_NULL) {
		problems_add(problems_of(loading), &value->place,
			     "severities must be a section such as {aliases: {blocker: critical}}");
		return;
	}
	for (size_t i = 0; i < value->n; i++) {
		if (strcmp(value->key[i]->text, "aliases") == 0)
			take_map(loading, &sections->aliases, "alias", value->item[i]);
		else
			problems_add(problems_of(loading), &value->key[i]->place,
				     "severities: unknown key '%.60s'; did you mean 'aliases'?",
				     value->key[i]->text);
	}
}

static void refuse_unknown(struct loading *loading, const struct node *key)
{
	const char *meant = text_closest(key->text, names, N_NAMES);

	if (meant)
		problems_add(problems_of(loading), &key->place,
			     "unknown section '%.60s'; did you mean '%s'?", key->text, meant);
	else
		problems_add(
			problems_of(loading), &key->place,
			"unknown section '%.60s'; the sections are api, channels, "
			"dead_alerts, default, history, log, routes, services, severities, sources, "
			"store and templates",
			key->text);
}

static void take(struct loading *loading, struct sections *sections, const struct node *key,
		 const struct node *value)
{
	struct {
		const char *name;
		struct entry *entry;
	} single[] = {
		{"store", &sections->store},      {"api", &sections->api},
		{"log", &sections->log},          {"history", &sections->history},
		{"default", &sections->fallback}, {"dead_alerts", &sections->dead_alerts},
	};

	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
		if (strcmp(key->text, single[i].name) == 0) {
			take_single(loading, single[i].entry, key, value);
			return;
		}
	}
	if (strcmp(key->text, "channels") == 0)
		take_map(loading, &sections->channels, "channel", value);
	else if (strcmp(key->text, "services") == 0)
		take_map(loading, &sections->services, "service", value);
	else if (strcmp(key->text, "sources") == 0)
		take_map(loading, &sections->sources, "source", value);
	else if (strcmp(key->text, "templates") == 0)
		take_map(loading, &sections->templates, "templates", value);
	else if (strcmp(key->text, "severities") == 0)
		take_severities(loading, sections, value);
	else if (strcmp(key->text, "routes") == 0)
		take_routes(loading, sections, value);
	else
		refuse_unknown(loading, key);
}

void sections_collect(struct loading *loading, const struct documents *documents,
		      struct sections *sections)
{
	for (size_t i = 0; i < documents->n; i++) {
		const struct node *root = documents->root[i];

		if (root->kind != NODE_MAP)
			continue;
		for (size_t j = 0; j < root->n; j++)
			take(loading, sections, root->key[j], root->item[j]);
	}
}

void sections_done(struct sections *sections)
{
	free(sections->channels.entry);
	free(sections->services.entry);
	free(sections->sources.entry);
	free(sections->aliases.entry);
	free(sections->templates.entry);
	free(sections->routes);
	*sections = (struct sections){0};
}
