/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settings_plugin: a section of the configuration that belongs to a plugin. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/id.h"
#include "base/text.h"
#include "engine/settings_parts.h"

/* What a `type` may be: names of the plugins of a kind, and behind them those of services. */
struct type_names {
	const char **name; /* NULL when memory is short */
	size_t n_plugins, n;
};

static struct type_names type_names(struct loading *loading, enum tocsin_kind kind)
{
	struct type_names names = {0};
	size_t total, n_services = 0;
	const struct plugin *const *plugin = loader_all(loading->loader, &total);
	const char **services =
		kind == TOCSIN_CHANNEL ? settings_service_names(loading, &n_services) : NULL;

	names.name = calloc(total + n_services + 1, sizeof(*names.name));
	for (size_t i = 0; names.name && i < total; i++) {
		if (plugin[i]->it.kind == kind)
			names.name[names.n_plugins++] = plugin[i]->it.name;
	}
	names.n = names.n_plugins;
	for (size_t i = 0; names.name && i < n_services; i++)
		names.name[names.n++] = services[i];
	free(services);
	return names;
}

static void list_types(struct buffer *out, const struct type_names *names)
{
	for (size_t i = 0; names->name && i < names->n_plugins; i++)
		buffer_printf(out, "%s%s", i > 0 ? ", " : "", names->name[i]);
	if (names->n > names->n_plugins)
		buffer_printf(out, " and %zu services, see 'tocsin plugins list'",
			      names->n - names->n_plugins);
}

/* name: what `type` says, NULL when there is none. */
static void refuse_type(struct loading *loading, const struct plugin_section *section,
			const char *name, const struct place *place)
{
	const char *kind = loader_kind_name(section->kind);
	struct buffer sentence = {0};
	struct type_names names = type_names(loading, section->kind);
	/* Without a plugin, services are of no use. */
	bool none = names.n_plugins == 0;
	const char *meant = name && !none ? text_closest(name, names.name, names.n) : NULL;

	if (name)
		buffer_printf(&sentence, "no %s plugin '%.60s'", kind, name);
	else
		buffer_puts(&sentence, "the required key 'type' is missing");
	if (meant)
		buffer_printf(&sentence, "; did you mean '%s'?", meant);
	if (none) {
		buffer_printf(&sentence,
			      "; no %s plugins were found, name their directory with "
			      "--plugins",
			      kind);
	} else {
		buffer_puts(&sentence, meant  ? " known: "
				       : name ? "; known: "
					      : "; write type: and one of ");
		list_types(&sentence, &names);
	}
	problems_add(loading->context.problems, place, "%s: %s", section->what,
		     sentence.failed ? "memory is short" : buffer_text(&sentence));
	buffer_done(&sentence);
	free(names.name);
}

/* NULL with a problem added. */
static const struct plugin *plugin_of(struct loading *loading, const struct service *service)
{
	const struct plugin *plugin = loader_find(loading->loader, TOCSIN_CHANNEL, service->plugin);

	if (!plugin)
		problems_add(loading->context.problems, &service->place,
			     "service '%.60s': there is no channel plugin '%.60s'; see 'tocsin "
			     "plugins list'",
			     service->name, service->plugin);
	return plugin;
}

const struct plugin *plugin_section_find(struct loading *loading,
					 const struct plugin_section *section,
					 const struct service **service)
{
	const struct node *type = node_get(section->node, "type");
	const struct plugin *plugin;

	*service = NULL;
	if (!type) {
		refuse_type(loading, section, NULL, section->place);
		return NULL;
	}
	if (type->kind != NODE_SCALAR) {
		/* What could not be read has its own problem already. */
		if (type->kind != NODE_NULL || loading->complete)
			problems_add(loading->context.problems, &type->place,
				     "%s: type must be the name of a plugin", section->what);
		return NULL;
	}
	plugin = loader_find(loading->loader, section->kind, type->text);
	if (!plugin && section->kind == TOCSIN_CHANNEL)
		*service = settings_service(loading, type->text);
	if (*service)
		return plugin_of(loading, *service);
	if (!plugin)
		refuse_type(loading, section, type->text, &type->place);
	return plugin;
}

/* A plugin's key that is also one of the core's would never reach the plugin. */
static int check_overlap(struct loading *loading, const struct plugin_section *section,
			 const struct plugin *plugin)
{
	for (size_t i = 0; i < plugin->it.option_count; i++) {
		struct tocsin_option own =
			options_at(plugin->it.options, plugin->it.option_size, i);

		for (size_t j = 0; j < section->common.n; j++) {
			if (strcmp(own.name, section->common.option[j].name) != 0)
				continue;
			problems_add(
				loading->context.problems, section->place,
				"%s: the plugin %s cannot be used: its option '%s' is one that "
				"every %s has; the plugin's author must rename it",
				section->what, plugin->it.name, own.name,
				loader_kind_name(section->kind));
			return -EINVAL;
		}
	}
	return 0;
}

/* The plugin's own look at its options, when they are right one by one. */
static int ask_plugin(struct loading *loading, const struct plugin_section *section,
		      const struct plugin *plugin, const void *config)
{
	char why[512] = "", masked[512];
	const char *sentence = NULL;

	if (section->kind == TOCSIN_CHANNEL && plugin->channel.check)
		sentence = plugin->channel.check(config, why, sizeof(why));
	else if (section->kind == TOCSIN_SOURCE && plugin->source.check)
		sentence = plugin->source.check(config, why, sizeof(why));
	if (!sentence)
		return 0;
	/* The plugin saw the secrets in the clear and may quote one. */
	snprintf(masked, sizeof(masked), "%s", sentence);
	if (loading->log)
		log_mask(loading->log, masked);
	problems_add(loading->context.problems, section->place, "%s: %s", section->what, masked);
	return -EINVAL;
}

int plugin_section_fill(struct loading *loading, const struct plugin_section *section,
			const struct plugin *plugin, void **config)
{
	struct options_table tables[2] = {
		{
			.option = section->common.option,
			.n = section->common.n,
			.option_size = sizeof(struct tocsin_option),
			.into = section->common_into,
		},
		{
			.option = plugin->it.options,
			.n = plugin->it.option_count,
			.option_size = plugin->it.option_size,
		},
	};

	if (check_overlap(loading, section, plugin) < 0)
		return -EINVAL;
	*config = loading_alloc(loading, 1, plugin->it.config_size);
	if (!*config)
		return -EINVAL;
	tables[1].into = *config;
	if (options_fill(&loading->context, section->node, section->place, section->what, tables, 2,
			 section->skip) < 0)
		return -EINVAL;
	return ask_plugin(loading, section, plugin, *config);
}

static int compare_keys(const void *a, const void *b)
{
	const struct node *const *map = a;
	const struct node *const *other = b;

	return strcmp((*map)->text, (*other)->text);
}

static void dump_text(struct buffer *out, const char *text)
{
	buffer_printf(out, "%zu:%s", strlen(text), text);
}

/* A scalar as the plugin sees it: a secret file that changed must change the digest. */
static void dump_scalar(const struct options_context *context, const struct node *node,
			struct buffer *out)
{
	char why[8];
	char *value;
	bool found;

	int rc = options_expand(context, node->text, &value, &found, why, sizeof(why));

	out->failed |= rc == -ENOMEM;
	dump_text(out, rc < 0 ? node->text : value);
}

/* The same dump for any order of keys and any style of writing. */
static void dump(const struct options_context *context, const struct node *node, struct buffer *out)
{
	struct node **sorted;

	if (node->kind == NODE_NULL || node->kind == NODE_SCALAR) {
		dump_scalar(context, node, out);
		return;
	}
	buffer_printf(out, "%c%zu", node->kind == NODE_MAP ? '{' : '[', node->n);
	for (size_t i = 0; node->kind == NODE_LIST && i < node->n; i++)
		dump(context, node->item[i], out);
	if (node->kind == NODE_LIST)
		return;
	sorted = calloc(node->n + 1, sizeof(struct node *));
	if (!sorted) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < node->n; i++)
		sorted[i] = node->key[i];
	qsort(sorted, node->n, sizeof(struct node *), compare_keys);
	for (size_t i = 0; i < node->n; i++) {
		dump_text(out, sorted[i]->text);
		dump(context, node_get(node, sorted[i]->text), out);
	}
	free(sorted);
}

const char *plugin_section_digest(struct loading *loading, const struct node *node,
				  const struct node *other)
{
	/* Secrets were told to the log when the section was filled. */
	struct options_context context = {.arena = loading->context.arena};
	struct problems ignored = {0};
	struct buffer text = {0};
	char digest[ID_TEXT] = "";
	const char *kept;
	bool derived;

	context.problems = &ignored;
	dump(&context, node, &text);
	if (other)
		dump(&context, other, &text);
	kept = buffer_text(&text);
	derived = !text.failed && id_derive(&kept, 1, digest) == 0;
	if (text.data)
		explicit_bzero(text.data, text.length);
	buffer_done(&text);
	problems_done(&ignored);
	if (!derived) /* without one, other settings would pass for the same */
		problems_add(loading->context.problems, NULL, "memory is short");
	kept = loading_strdup(loading, digest);
	return kept ? kept : "";
}
