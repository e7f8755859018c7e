/* SPDX-License-Identifier: Apache-2.0 */
/* A renderer with the real process, the templates of one channel, and what it says and logs. */
#ifndef RENDERER_TRIAL_H
#define RENDERER_TRIAL_H

#include <stdio.h>

#include "base/log.h"
#include "template/renderer.h"
#include "template/renderer_parts.h"
#include "template_fixture.h"

struct trial {
	struct template_fixture fixture;
	struct log *log;
	struct renderer *renderer;
	struct renderer_program *program;
	const struct template_set *set;
	struct rendering *rendering;
	size_t errors;
	FILE *written; /* what was logged */
};

void begin(struct trial *trial);
void end(struct trial *trial);
/* Adds a template; the test fails when it is refused. */
const struct tocsin_template *text(struct trial *trial, const char *name, const char *yaml);
const struct tocsin_template *structure(struct trial *trial, const char *name, const char *yaml);
/* Makes the program of all that was added. */
void compile(struct trial *trial);
/* Renders them for the delivery of the fixture, compiled before where it was not. */
void render(struct trial *trial);
/* What a template said then, or NULL. */
const char *said(const struct trial *trial, const struct tocsin_template *template);
/* How many lines of the log have the word. */
size_t logged(const struct trial *trial, const char *word);

#endif
