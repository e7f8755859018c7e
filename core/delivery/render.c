/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The programs of a channel: its own, and those of the routes that want other words. */
struct channel_programs {
	size_t n;
	struct program_of_set {
		const struct template_set *set;
		struct renderer_program *program;
	} item[];
};

static int add_program(struct channel *channel, const struct template_set *set, struct error *err)
{
	struct channel_programs *programs = channel->programs;

	if (!set->program)
		return 0;
	programs->item[programs->n].set = set;
	return renderer_add(channel->world->renderer, set, channel->spec.name,
			    &programs->item[programs->n++].program, err);
}

int render_open(struct channel *channel, struct error *err)
{
	const struct template_sets *sets = channel->spec.templates;
	size_t size = sizeof(struct channel_programs);
	int result;

	if (!sets)
		return 0;
	size += (1 + sets->n_routes) * sizeof(struct program_of_set);
	channel->programs = calloc(1, size);
	if (!channel->programs)
		return error_set(err, -ENOMEM, "out of memory");
	result = add_program(channel, sets->own, err);
	for (size_t i = 0; result == 0 && i < sets->n_routes; i++)
		result = add_program(channel, sets->route[i].set, err);
	if (result < 0)
		render_close(channel);
	return result;
}

void render_close(struct channel *channel)
{
	struct channel_programs *programs = channel->programs;

	for (size_t i = 0; programs && i < programs->n; i++)
		renderer_remove(programs->item[i].program);
	free(programs);
	channel->programs = NULL;
}

static struct renderer_program *program_of(const struct channel *channel,
					   const struct tocsin_delivery *delivery)
{
	const struct channel_programs *programs = channel->programs;
	const struct template_set *set = template_sets_of(channel->spec.templates, delivery->route);

	for (size_t i = 0; i < programs->n; i++) {
		if (programs->item[i].set == set)
			return programs->item[i].program;
	}
	return NULL;
}

void render_batch(struct channel *channel, struct instance *instance,
		  struct delivery *const batch[], size_t n)
{
	struct render_job jobs[CHANNEL_BATCH];
	struct delivery *of_job[CHANNEL_BATCH];
	size_t n_jobs = 0, errors = 0;

	if (!channel->programs || channel->programs->n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct renderer_program *program = program_of(channel, &batch[i]->pub);

		if (!program)
			continue;
		jobs[n_jobs] = (struct render_job){.program = program, .delivery = &batch[i]->pub};
		of_job[n_jobs++] = batch[i];
	}
	if (n_jobs == 0)
		return;
	renderer_render(channel->world->renderer, jobs, n_jobs);
	for (size_t i = 0; i < n_jobs; i++) {
		of_job[i]->rendering = jobs[i].rendering;
		errors += jobs[i].errors;
	}
	if (errors > 0)
		self_count(&instance->self, "template_errors", (int64_t)errors);
}

const char *render_text(const struct delivery *delivery, const struct tocsin_template *template)
{
	const struct template_sets *sets = delivery->channel->spec.templates;
	const struct template_set *set = sets ? template_sets_of(sets, delivery->pub.route) : NULL;

	return set ? rendering_text(set, delivery->rendering, template)
		   : (template ? template->constant : NULL);
}
