/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settings_instances: channels, sources and the store. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alert/alert.h"
#include "base/units.h"
#include "engine/deaths.h"
#include "engine/settings_parts.h"

#define NAME_MAX_BYTES 64
#define CONCURRENCY 4 /* when the plugin has no opinion */

static bool is_name(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		bool inner = i > 0 && (c == '.' || c == '_' || c == '-');

		if (c >= 0x80 || (!isalnum(c) && !inner))
			return false;
	}
	return true;
}

/* The place outlives the files, so the name of its file is copied. */
static struct place keep_place(struct loading *loading, const struct place *place)
{
	struct place kept = *place;

	kept.file = loading_strdup(loading, place->file);
	return kept;
}

/* Name and shape of a channel or source. false: there is nothing to read further. */
static bool check_entry(struct loading *loading, const struct entry *entry, const char *what,
			const char *example)
{
	if (!is_name(entry->name))
		problems_add(loading->context.problems, &entry->place,
			     "%s: a name has 1 to %d letters, digits, '.', '_' and '-' and begins "
			     "with a letter or digit; choose another",
			     what, NAME_MAX_BYTES);
	if (entry->value->kind == NODE_MAP)
		return true;
	if (entry->value->kind != NODE_NULL || loading->complete)
		problems_add(loading->context.problems, &entry->place,
			     "%s must have keys, such as %s", what, example);
	return false;
}

static void refuse_key(struct loading *loading, const char *what, const struct node *node,
		       const char *key, const char *sentence)
{
	for (size_t i = 0; i < node->n; i++) {
		if (strcmp(node->key[i]->text, key) == 0)
			problems_add(loading->context.problems, &node->key[i]->place, "%s: %s",
				     what, sentence);
	}
}

/* Presets that the plugin knows better than the core. */
static void apply_plugin_presets(struct loading *loading, const char *what, const struct node *node,
				 struct channel_settings *channel)
{
	const struct tocsin_plugin *it = &channel->plugin->it;

	if (!node_get(node, "concurrency"))
		channel->common.concurrency = it->concurrency > 0 ? it->concurrency : CONCURRENCY;
	if (!node_get(node, "rate") && it->rate &&
	    units_parse_rate(it->rate, &channel->common.rate) < 0)
		problems_add(loading->context.problems, &channel->place,
			     "%s: the plugin's own rate '%s' cannot be read; write a rate: here",
			     what, it->rate);
}

/* In which order and company deliveries leave the queue. */
static void check_queue(struct loading *loading, const char *what, const struct node *node,
			const struct channel_settings *channel)
{
	const struct digest_settings *fold = &channel->common.fold;
	const char *sentence = NULL, *label = channel->common.at_once_per.label;

	if (fold->most <= fold->over)
		sentence = "digest: most is not greater than over, so that nothing would be "
			   "folded; make it greater";
	else if (label && (fold->over > 0 || fold->every > 0))
		sentence = "digest and at_once_per do not go together: a digest is about many "
			   "values; take one of them out";
	else if (node_get(node, "at_once_per") && (!label || !*label))
		sentence = "at_once_per: it has no label; write the name of one, such as label: "
			   "user";
	if (sentence)
		problems_add(loading->context.problems, &channel->place, "%s: %s", what, sentence);
}

/* What one option table cannot say: keys that do not go together. */
static void check_channel(struct loading *loading, const char *what, const struct node *node,
			  const struct channel_settings *channel)
{
	const struct retry_settings *retry = &channel->common.retry;

	if (retry->max < retry->first)
		problems_add(loading->context.problems, &channel->place,
			     "%s: retry: max is shorter than first; make it at least as long",
			     what);
	check_queue(loading, what, node, channel);
	if (channel->plugin->it.blocking) {
		refuse_key(
			loading, what, node, "concurrency",
			"this channel blocks, so 'concurrency' has no meaning; write workers: for "
			"the number of connections");
		refuse_key(loading, what, node, "timeout",
			   "this channel has its own time limits, so 'timeout' has no meaning; "
			   "see 'tocsin plugins show' for its options");
	} else {
		refuse_key(loading, what, node, "workers",
			   "this channel does not block, so 'workers' has no meaning; write "
			   "concurrency: for the number of deliveries at once");
	}
}

/* The channel's own struct, from what the user wrote or what a service makes of it. */
static void fill_channel(struct loading *loading, struct plugin_section *section,
			 const struct service *service, struct channel_settings *channel)
{
	int rc;

	if (service) {
		channel->service = loading_strdup(loading, service->name);
		if (settings_enter_service(loading, service, channel->plugin, section,
					   &channel->options) < 0)
			return;
	}
	rc = plugin_section_fill(loading, section, channel->plugin, &channel->config);
	settings_leave_service(loading);
	if (rc == 0)
		check_channel(loading, section->what, section->node, channel);
	apply_plugin_presets(loading, section->what, section->node, channel);
}

static void read_channel(struct loading *loading, const struct entry *entry)
{
	struct channel_settings *channel =
		&loading->settings->channel[loading->settings->n_channels];
	static const char *const by_hand[] = {"templates", NULL};
	struct plugin_section section = {
		.kind = TOCSIN_CHANNEL,
		.node = entry->value,
		.skip = by_hand,
		.place = &entry->place,
		.common = table_channel,
		.common_into = &channel->common,
	};
	const struct service *service;
	char what[NAME_MAX_BYTES + 32];

	snprintf(what, sizeof(what), "channel '%.*s'", NAME_MAX_BYTES, entry->name);
	section.what = what;
	if (!check_entry(loading, entry, what, "{type: console}"))
		return;
	channel->name = loading_strdup(loading, entry->name);
	channel->place = keep_place(loading, &entry->place);
	channel->plugin = plugin_section_find(loading, &section, &service);
	if (!channel->plugin || !channel->name)
		return;
	channel->recipients = service ? service->recipients : channel->plugin->it.recipients;
	if (!channel->recipients)
		section.common.n--; /* `to` is the last one */
	fill_channel(loading, &section, service, channel);
	settings_read_channel_templates(loading, what, entry->value, channel);
	channel->digest =
		plugin_section_digest(loading, entry->value, service ? service->node : NULL);
	loading->settings->n_channels++;
}

void settings_read_channels(struct loading *loading, const struct entries *entries)
{
	loading->settings->channel =
		loading_alloc(loading, entries->n, sizeof(*loading->settings->channel));
	if (!loading->settings->channel)
		return;
	for (size_t i = 0; i < entries->n; i++)
		read_channel(loading, &entries->entry[i]);
}

/* Labels that alerts get must be ones that alerts may have. */
static void check_labels(struct loading *loading, const char *what, const struct node *node,
			 const struct tocsin_map *labels)
{
	const struct node *map = node_get(node, "labels");
	const struct place *place = map ? &map->place : &node->place;

	if (labels->n > ALERT_LABELS)
		problems_add(loading->context.problems, place, "%s: %zu labels; %d is the most",
			     what, labels->n, ALERT_LABELS);
	for (size_t i = 0; i < labels->n; i++) {
		const struct tocsin_pair *label = &labels->pair[i];

		if (*label->name == '\0' || strlen(label->name) > ALERT_NAME)
			problems_add(loading->context.problems, place,
				     "%s: labels: a name has 1 to %d bytes", what, ALERT_NAME);
		if (*label->value == '\0' || strlen(label->value) > ALERT_VALUE)
			problems_add(loading->context.problems, place,
				     "%s: labels: the value of '%.60s' must have 1 to %d bytes",
				     what, label->name, ALERT_VALUE);
	}
}

/* Alerts of these names are the core's, a client's and a test's: nobody could tell them from those of
 * a source, and the core would not tell that source what became of its own. */
static void check_source_name(struct loading *loading, const struct entry *entry, const char *what)
{
	static const char *const taken[] = {"api", "test", DEATHS_SOURCE};

	for (size_t i = 0; i < TOCSIN_COUNT(taken); i++)
		if (strcmp(entry->name, taken[i]) == 0)
			problems_add(loading->context.problems, &entry->place,
				     "%s: api, test and " DEATHS_SOURCE
				     " name alerts that come from "
				     "no source; choose another name",
				     what);
}

static void read_source(struct loading *loading, const struct entry *entry)
{
	struct source_settings *source = &loading->settings->source[loading->settings->n_sources];
	struct plugin_section section = {
		.kind = TOCSIN_SOURCE,
		.node = entry->value,
		.place = &entry->place,
		.common = table_source,
		.common_into = &source->common,
	};
	const struct service *service;
	char what[NAME_MAX_BYTES + 32];

	snprintf(what, sizeof(what), "source '%.*s'", NAME_MAX_BYTES, entry->name);
	section.what = what;
	check_source_name(loading, entry, what);
	if (!check_entry(loading, entry, what, "{type: postgres}"))
		return;
	source->name = loading_strdup(loading, entry->name);
	source->place = keep_place(loading, &entry->place);
	source->plugin = plugin_section_find(loading, &section, &service);
	if (!source->plugin)
		return;
	if (plugin_section_fill(loading, &section, source->plugin, &source->config) == 0)
		check_labels(loading, what, entry->value, &source->common.labels);
	source->digest = plugin_section_digest(loading, entry->value, NULL);
	loading->settings->n_sources++;
}

void settings_read_sources(struct loading *loading, const struct entries *entries)
{
	loading->settings->source =
		loading_alloc(loading, entries->n, sizeof(*loading->settings->source));
	if (!loading->settings->source)
		return;
	for (size_t i = 0; i < entries->n; i++)
		read_source(loading, &entries->entry[i]);
}

void settings_read_store(struct loading *loading, const struct entry *entry)
{
	struct settings *settings = loading->settings;
	struct store_keys keys = {0};
	struct plugin_section section = {
		.kind = TOCSIN_STORE,
		.what = "store",
		.node = entry->value,
		.place = &entry->place,
		.common = table_store,
		.common_into = &keys,
	};
	const struct service *service;

	if (!entry->value) {
		if (loading->complete)
			problems_add(
				loading->context.problems, &loading->whole,
				"there is no store; add a section such as store: {type: sqlite, "
				"path: /var/lib/tocsin/tocsin.db}");
		return;
	}
	if (!check_entry(loading, entry, "store",
			 "{type: sqlite, path: /var/lib/tocsin/tocsin.db}"))
		return;
	settings->store.plugin = plugin_section_find(loading, &section, &service);
	if (!settings->store.plugin)
		return;
	plugin_section_fill(loading, &section, settings->store.plugin, &settings->store.config);
	settings->store.digest = plugin_section_digest(loading, entry->value, NULL);
}
