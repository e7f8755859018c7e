/* SPDX-License-Identifier: Apache-2.0 */
/* template/renderer_parts: what renderer.c and rendering.c share. */
#ifndef TEMPLATE_RENDERER_PARTS_H
#define TEMPLATE_RENDERER_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "template/process.h"
#include "template/renderer.h"

struct renderer {
	struct log *log;
	const char *path;
	pthread_mutex_t lock;           /* guards what follows */
	struct process process;
	uint32_t last_id;
	int64_t start_at_ms;            /* boot time before which no start is tried */
};

struct renderer_program {
	struct renderer *renderer;
	const struct template_set *set;
	const char *channel;
	uint32_t id;
	unsigned int generation;        /* of the process that knows it; the renderer's lock */
	int strikes;
	int64_t struck_ms, off_until_ms; /* boot time */
	atomic_bool said[];             /* of each entry: that it fails was logged */
};

/* "file:line:column: template 'title': {{ .a }} fails: ...". value: of the set. */
void renderer_tell(const struct renderer_program *program, size_t value, const char *text);

/* rendering.c: reads the answer for one job. 0, or -EPROTO when it cannot be read. */
int rendering_make(struct render_job *job, const char **at, const char *end);

#endif
