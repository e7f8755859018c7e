/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settings_fallback: which channel stands in for which, without a circle. */
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "engine/settings_parts.h"

static const struct entry *find(const struct entries *entries, const char *name)
{
	for (size_t i = 0; i < entries->n; i++)
		if (strcmp(entries->entry[i].name, name) == 0)
			return &entries->entry[i];
	return NULL;
}

static const struct place *place_of(const struct entry *entry, const char *key)
{
	const struct node *value = node_get(entry->value, key);

	return value ? &value->place : &entry->place;
}

static void refuse_unknown(struct loading *loading, const struct entries *entries,
			   const struct entry *entry, const char *fallback)
{
	const char **name = loading_alloc(loading, entries->n, sizeof(*name));
	const char *meant;

	if (!name)
		return;
	for (size_t i = 0; i < entries->n; i++)
		name[i] = entries->entry[i].name;
	meant = text_closest(fallback, name, entries->n);
	problems_add(loading->context.problems, place_of(entry, "fallback"),
		     "channel '%s': fallback: there is no channel '%.60s'%s%s%s", entry->name,
		     fallback, meant ? "; did you mean '" : "", meant ? meant : "",
		     meant ? "'?" : "");
}

static const char *fallback_of(const struct settings *settings, const char *name)
{
	const struct channel_settings *channel = settings_channel(settings, name);

	return channel ? channel->common.fallback : NULL;
}

/* Follows the fallbacks of a channel; a circle comes back to it within as many steps as there are
 * channels. One that it only leads into is told where it is. */
static void refuse_circle(struct loading *loading, const struct entry *entry)
{
	const struct settings *settings = loading->settings;
	const char *name = entry->name;
	struct buffer way = {0};

	for (size_t step = 0; name && step < settings->n_channels; step++) {
		buffer_printf(&way, "'%s' -> ", name);
		name = fallback_of(settings, name);
		if (!name || strcmp(name, entry->name) != 0)
			continue;
		problems_add(loading->context.problems, place_of(entry, "fallback"),
			     "channel '%s': its fallback leads back to it (%s'%s'); let the last "
			     "one have none",
			     entry->name, buffer_text(&way), entry->name);
		break;
	}
	buffer_done(&way);
}

static void check(struct loading *loading, const struct entries *entries, const struct entry *entry)
{
	const char *fallback = fallback_of(loading->settings, entry->name);

	if (!fallback && node_get(entry->value, "fallback_after"))
		problems_add(loading->context.problems, place_of(entry, "fallback_after"),
			     "channel '%s': fallback_after has no meaning without fallback: name "
			     "a channel there",
			     entry->name);
	if (fallback && find(entries, fallback))
		refuse_circle(loading, entry);
	else if (fallback &&
		 loading->complete) /* else it may stand in a file that cannot be read */
		refuse_unknown(loading, entries, entry, fallback);
}

void settings_check_fallbacks(struct loading *loading, const struct entries *entries)
{
	for (size_t i = 0; i < entries->n; i++)
		if (settings_channel(loading->settings, entries->entry[i].name))
			check(loading, entries, &entries->entry[i]);
}
