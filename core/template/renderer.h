/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template/renderer: what templates say for deliveries.
 *
 * Any thread; a lock guards the process that evaluates. It is started when the
 * first program is added, and again when it ended. A render that fails, whatever
 * the reason, gives no text for the templates concerned, says so in the log, and
 * never takes longer than a few times RENDERER_DEADLINE_MS for each delivery.
 */
#ifndef TEMPLATE_RENDERER_H
#define TEMPLATE_RENDERER_H

#include <tocsin/plugin.h>

#include "base/error.h"
#include "base/log.h"
#include "template/set.h"

#define RENDERER_DEADLINE_MS 250        /* of processor time, for a delivery */
#define RENDERER_COMPILE_MS 10000
#define RENDERER_STRIKES 3              /* endless or fatal renders in RENDERER_REST_MS ... */
#define RENDERER_REST_MS (60 * 1000)    /* ... switch a program off for as long */

struct renderer;

/* path: the program; NULL: process_path(). Nothing is started. NULL when memory is short. */
struct renderer *renderer_new(struct log *log, const char *path);
/* Every program must be removed. */
void renderer_free(struct renderer *renderer);

/* A set at work; channel names it in the log. Both are borrowed until it is removed. */
struct renderer_program;
/* Compiles the set's program (which is not NULL). 0; -EINVAL: it is not jq, err has the words of jq;
 * or a negative errno when the process does not run. */
int renderer_add(struct renderer *renderer, const struct template_set *set, const char *channel,
		 struct renderer_program **program, struct error *err);
void renderer_remove(struct renderer_program *program);
/* Judges jq text alone: as renderer_add, without keeping anything. */
int renderer_judge(struct renderer *renderer, const char *jq, struct error *err);

/* What the templates of a set say for one delivery. */
struct rendering {
	const struct template_set *set;
	size_t size;
	const char *text[]; /* of each entry; NULL: it failed, or it is constant */
};
void rendering_free(struct rendering *rendering);
/* What a template of the set says, as host->text has it. rendering may be NULL: it failed. */
const char *rendering_text(const struct template_set *set, const struct rendering *rendering,
			   const struct tocsin_template *template);

struct render_job {
	struct renderer_program *program;
	const struct tocsin_delivery *delivery;
	struct rendering *rendering; /* the result, for the caller to free; NULL: nothing at all */
	size_t errors;               /* templates that failed */
};
void renderer_render(struct renderer *renderer, struct render_job *jobs, size_t n);

#endif
