/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settings_compile: jq's own judgement of what templates say, with the place of each mistake. */
#include <errno.h>
#include <stdlib.h>

#include "engine/settings_parts.h"
#include "template/renderer.h"

struct judging {
	struct loading *loading;
	struct renderer *renderer;
	bool lost; /* there is nobody to ask; said once */
};

static void refuse(struct judging *judging, const struct template_entry *entry,
		   const struct template_expression *expression, const char *why)
{
	problems_add(judging->loading->context.problems, &expression->place,
		     "%s: '{{ %.60s }}' is not a jq expression: %s", entry->source->what,
		     expression->jq, why);
}

static void lose(struct judging *judging, const struct error *err)
{
	problems_add(judging->loading->context.problems, NULL,
		     "the templates cannot be checked: %s", err->text);
	judging->lost = true;
}

/* Which of them is it? Returns how many were refused. */
static size_t judge_each(struct judging *judging, const struct template_set *set)
{
	size_t refused = 0;

	for (size_t i = 0; i < set->n_values && !judging->lost; i++) {
		const struct template_entry *entry = set->entry;
		char *jq = template_set_single(set->value[i]);
		struct error err = {"out of memory"};
		int result = jq ? renderer_judge(judging->renderer, jq, &err) : -ENOMEM;

		free(jq);
		while (i < entry->first || i >= entry->first + entry->source->n)
			entry++;
		if (result == -EINVAL)
			refuse(judging, entry, set->value[i], err.text);
		else if (result < 0)
			lose(judging, &err);
		refused += result < 0;
	}
	return refused;
}

static void judge(struct judging *judging, const struct channel_settings *channel,
		  const struct template_set *set)
{
	struct error err;
	int result;

	if (!set || !set->program || judging->lost)
		return;
	if (!judging->renderer)
		judging->renderer = renderer_new(judging->loading->log, NULL);
	if (!judging->renderer) {
		problems_add(judging->loading->context.problems, NULL, "memory is short");
		judging->lost = true;
		return;
	}
	result = renderer_judge(judging->renderer, set->program, &err);
	if (result == -EINVAL && judge_each(judging, set) == 0)
		problems_add(judging->loading->context.problems, &channel->place,
			     "channel '%s': its templates are no jq program together: %s",
			     channel->name, err.text);
	else if (result < 0 && result != -EINVAL)
		lose(judging, &err);
}

void settings_compile_templates(struct loading *loading)
{
	struct judging judging = {.loading = loading};

	for (size_t i = 0; i < loading->settings->n_channels; i++) {
		const struct channel_settings *channel = &loading->settings->channel[i];
		const struct template_sets *sets = channel->templates;

		if (!sets)
			continue;
		judge(&judging, channel, sets->own);
		for (size_t k = 0; k < sets->n_routes; k++)
			judge(&judging, channel, sets->route[k].set);
	}
	renderer_free(judging.renderer);
}
