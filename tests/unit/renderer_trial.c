/* SPDX-License-Identifier: Apache-2.0 */
#include "renderer_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void begin(struct trial *trial)
{
	*trial = (struct trial){.written = tmpfile()};
	fixture_init(&trial->fixture);
	assert_non_null(trial->written);
	assert_int_equal(log_new(&trial->log, fileno(trial->written), LOG_TEXT, TOCSIN_LOG_WARNING),
			 0);
	trial->renderer = renderer_new(trial->log, NULL);
	assert_non_null(trial->renderer);
}

void end(struct trial *trial)
{
	rendering_free(trial->rendering);
	renderer_remove(trial->program);
	renderer_free(trial->renderer);
	log_free(trial->log);
	fclose(trial->written);
	fixture_done(&trial->fixture);
}

static const struct tocsin_template *add(struct trial *trial, const char *name,
					 enum tocsin_option_type type, const char *yaml)
{
	const struct tocsin_template *template =
		fixture_add(&trial->fixture, name, type, TOCSIN_ESCAPE_NONE, yaml);

	if (!template)
		fail_msg("%s", trial->fixture.problems.text[0]);
	return template;
}
const struct tocsin_template *text(struct trial *trial, const char *name, const char *yaml)
{
	return add(trial, name, TOCSIN_TEMPLATE, yaml);
}

const struct tocsin_template *structure(struct trial *trial, const char *name, const char *yaml)
{
	return add(trial, name, TOCSIN_STRUCTURE, yaml);
}

void compile(struct trial *trial)
{
	struct error err;

	trial->set = fixture_set(&trial->fixture);
	assert_non_null(trial->set);
	if (renderer_add(trial->renderer, trial->set, "chat", &trial->program, &err) < 0)
		fail_msg("%s", err.text);
}

void render(struct trial *trial)
{
	struct render_job job;

	if (!trial->program)
		compile(trial);
	job = (struct render_job){.program = trial->program, .delivery = &trial->fixture.delivery};
	rendering_free(trial->rendering);
	renderer_render(trial->renderer, &job, 1);
	trial->rendering = job.rendering;
	trial->errors = job.errors;
}

const char *said(const struct trial *trial, const struct tocsin_template *template)
{
	return rendering_text(trial->set, trial->rendering, template);
}

size_t logged(const struct trial *trial, const char *word)
{
	char line[2048];
	size_t n = 0;

	rewind(trial->written);
	while (fgets(line, sizeof(line), trial->written))
		n += strstr(line, word) != NULL;
	return n;
}
