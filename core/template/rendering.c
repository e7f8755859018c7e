/* SPDX-License-Identifier: Apache-2.0 */
/* What tocsin-jq answered for one delivery becomes the texts of its templates. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "template/compose.h"
#include "template/renderer_parts.h"

void rendering_free(struct rendering *rendering)
{
	if (!rendering)
		return;
	/* a URL may be a secret */
	explicit_bzero(rendering, rendering->size);
	free(rendering);
}

const char *rendering_text(const struct template_set *set, const struct rendering *rendering,
			   const struct tocsin_template *template)
{
	const struct template_entry *entry = template ? template_set_find(set, template) : NULL;

	if (!template)
		return NULL;
	if (!entry)
		return template->constant;
	if (entry->source->constant)
		return entry->source->constant;
	return rendering ? rendering->text[entry - set->entry] : NULL;
}

/* Once for each template until the next reload. */
static void say(struct renderer_program *program, size_t entry, size_t value, const char *why,
		size_t length)
{
	struct buffer text = {0};

	if (atomic_exchange(&program->said[entry], true))
		return;
	buffer_puts(&text, "fails: ");
	text_add_valid(&text, why, length);
	renderer_tell(program, value, text.failed ? "fails" : buffer_text(&text));
	buffer_done(&text);
}

/* Where each text begins in the buffer; SIZE_MAX: there is none. */
struct texts {
	struct buffer all;
	size_t *begin;
};

static void make_text(struct render_job *job, struct texts *texts, size_t index,
		      const struct value *value)
{
	const struct template_entry *entry = &job->program->set->entry[index];
	size_t begin = texts->all.length;

	for (size_t i = 0; i < entry->source->n; i++) {
		if (value[i].kind != WIRE_ERROR)
			continue;
		say(job->program, index, entry->first + i, value[i].text, value[i].length);
		job->errors++;
		return;
	}
	if (compose(&texts->all, entry->source, value) < 0) {
		say(job->program, index, entry->first, "the text is too long; use cut(1000)",
		    strlen("the text is too long; use cut(1000)"));
		job->errors++;
		texts->all.length = begin;
		return;
	}
	buffer_add(&texts->all, "", 1);
	texts->begin[index] = begin;
}

/* Texts and the array that points to them in one piece of memory. */
static struct rendering *pack(const struct template_set *set, const struct texts *texts)
{
	size_t head = sizeof(struct rendering) + set->n * sizeof(char *);
	struct rendering *rendering = malloc(head + texts->all.length);
	char *text;

	if (!rendering)
		return NULL;
	text = (char *)rendering + head;
	rendering->set = set;
	rendering->size = head + texts->all.length;
	if (texts->all.length > 0)
		memcpy(text, texts->all.data, texts->all.length);
	for (size_t i = 0; i < set->n; i++)
		rendering->text[i] = texts->begin[i] == SIZE_MAX ? NULL : text + texts->begin[i];
	return rendering;
}

int rendering_make(struct render_job *job, const char **at, const char *end)
{
	const struct template_set *set = job->program->set;
	struct value *value = calloc(set->n_values, sizeof(*value));
	struct texts texts = {.begin = malloc(set->n * sizeof(size_t))};
	int result = value && texts.begin ? values_read(at, end, value, set->n_values) : -EPROTO;

	for (size_t i = 0; result == 0 && i < set->n; i++) {
		texts.begin[i] = SIZE_MAX;
		if (set->entry[i].source->n > 0)
			make_text(job, &texts, i, value + set->entry[i].first);
	}
	if (result == 0 && !texts.all.failed)
		job->rendering = pack(set, &texts);
	if (texts.all.data)
		explicit_bzero(texts.all.data, texts.all.length);
	buffer_done(&texts.all);
	free(texts.begin);
	free(value);
	return result;
}
