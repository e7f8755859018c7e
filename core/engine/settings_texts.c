/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settings_texts: the names that `templates` may give texts to. */
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "engine/settings_parts.h"

/* The names of texts that a place may use, each once. */
void texts_know(struct text_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->name[i], name) == 0)
			return;
	}
	if (names->n < TEXT_NAMES)
		names->name[names->n++] = name;
}

void texts_know_plugins(struct text_names *names, const struct loader *loader)
{
	size_t n;
	const struct plugin *const *plugin = loader_all(loader, &n);

	for (size_t i = 0; i < n; i++) {
		const struct tocsin_plugin *it = &plugin[i]->it;

		for (size_t k = 0; it->kind == TOCSIN_CHANNEL && k < it->option_count; k++) {
			/* the table lives as long as the plugin, unlike a copy of the entry */
			if (options_at(it->options, it->option_size, k).text)
				texts_know(names, options_at(it->options, it->option_size, k).name);
		}
	}
}

bool texts_are_known(const struct text_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->name[i], name) == 0)
			return true;
	}
	return false;
}

void texts_refuse(struct loading *loading, const char *what, const struct node *key,
		  const struct text_names *names)
{
	const char *meant = text_closest(key->text, names->name, names->n);
	struct buffer sentence = {0};

	buffer_printf(&sentence, "%s: there is no text '%.60s'", what, key->text);
	if (meant)
		buffer_printf(&sentence, "; did you mean '%s'?", meant);
	else if (names->n == 0)
		buffer_puts(&sentence, "; there are none here, take it out");
	else
		buffer_puts(&sentence, "; the known ones are ");
	for (size_t i = 0; !meant && i < names->n; i++)
		buffer_printf(&sentence, "%s%s", i == 0 ? "" : ", ", names->name[i]);
	problems_add(loading->context.problems, &key->place, "%s",
		     sentence.failed ? "memory is short" : buffer_text(&sentence));
	buffer_done(&sentence);
}
