/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A template of a configuration can be anything, and so can what its expressions give: reading it
 * ends with a template or with reasons, its document is well formed, and what is composed is JSON
 * where it must be, and text that holds nothing of a value unescaped.
 *
 * Input: one byte for the escape, or J for a structure; the YAML of the template; the alert; and
 * behind a NUL and the letter V the answer of tocsin-jq.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "template/compose.h"
#include "template/document.h"
#include "template/set.h"

/* Walks a value of template/wire. */
static const char *skip_value(const char *at, const char *end, int depth)
{
	uint32_t n;
	char kind;

	assert(at < end && depth < 8);
	kind = *at++;
	if (kind == WIRE_NULL || kind == WIRE_TRUE || kind == WIRE_FALSE)
		return at;
	if (kind == WIRE_NUMBER) {
		assert(end - at >= 8);
		return at + 8;
	}
	assert(end - at >= 4);
	memcpy(&n, at, sizeof(n));
	at += sizeof(n);
	if (kind == WIRE_TEXT) {
		assert((size_t)(end - at) >= n);
		return at + n;
	}
	assert(kind == WIRE_LIST || kind == WIRE_MAP);
	for (; n > 0; n--) {
		if (kind == WIRE_MAP) {
			uint32_t length;

			assert(end - at >= 4);
			memcpy(&length, at, sizeof(length));
			at += sizeof(length);
			assert((size_t)(end - at) >= length);
			at += length;
		}
		at = skip_value(at, end, depth + 1);
	}
	return at;
}

static void check_document(const struct fuzz_delivery *delivery, uint64_t members)
{
	const struct document_context context = {.members = members, .now_ms = 1};
	struct buffer out = {0};

	document_add(&out, &delivery->pub, &context);
	assert(!out.failed);
	assert(skip_value(out.data, out.data + out.length, 0) == out.data + out.length);
	buffer_done(&out);
}

/* tocsin-jq gives JSON for what is no text. */
static bool is_sound(const struct value *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_t *json;

		if (value[i].kind == WIRE_ERROR)
			return false;
		if (value[i].kind != WIRE_JSON)
			continue;
		json = json_loadb(value[i].text, value[i].length, JSON_DECODE_ANY | JSON_ALLOW_NUL,
				  NULL);
		json_decref(json);
		if (!json || memchr(value[i].text, '\0', value[i].length) ||
		    !fuzz_is_utf8(value[i].text, value[i].length))
			return false;
	}
	return true;
}

/* What is said without tocsin-jq can be read as if it came from there. */
static void check_plain(const struct fuzz_delivery *delivery, const struct template_set *set)
{
	const struct document_context context = {.members = set->members, .now_ms = 1};
	struct buffer document = {0};

	document_add(&document, &delivery->pub, &context);
	assert(!document.failed);
	for (size_t i = 0; i < set->n_values; i++) {
		struct buffer out = {0};
		struct value value;
		const char *at, *end;

		if (plain_value(&out, &set->plain[i], document.data)) {
			at = buffer_text(&out);
			end = at + out.length;
			assert(!out.failed && values_read(&at, end, &value, 1) == 0 && at == end);
			assert(is_sound(&value, 1));
		}
		buffer_done(&out);
	}
	buffer_done(&document);
}

static bool contains(const char *text, const char *marks)
{
	return text[strcspn(text, marks)] != '\0';
}

/* What a value may not bring into a text. */
static void check_escape(enum tocsin_escape escape, const struct value *value)
{
	struct buffer out = {0};

	compose_escape(&out, escape, value->text, value->length);
	if (escape == TOCSIN_ESCAPE_HTML)
		assert(!contains(buffer_text(&out), "<>\"'"));
	if (escape == TOCSIN_ESCAPE_MRKDWN)
		assert(!contains(buffer_text(&out), "<>"));
	if (escape == TOCSIN_ESCAPE_URI)
		assert(!contains(buffer_text(&out), " /?#&=:@<>\"'\r\n"));
	if (escape == TOCSIN_ESCAPE_LINE)
		assert(!contains(buffer_text(&out), "\r\n\t\x1b\x7f"));
	buffer_done(&out);
}

static void check_composed(const struct tocsin_template *template, const struct value *value)
{
	struct buffer out = {0};
	json_t *json;

	if (!is_sound(value, template->n))
		return;
	if (compose(&out, template, value) == 0) {
		assert(out.length == strlen(buffer_text(&out)));
		assert(fuzz_is_utf8(buffer_text(&out), out.length));
		json = json_loadb(buffer_text(&out), out.length, JSON_DECODE_ANY | JSON_ALLOW_NUL,
				  NULL);
		assert(!template->structure || json);
		assert(!template->structure ||
		       fuzz_is_clean(buffer_text(&out), out.length, "\n\r\t"));
		json_decref(json);
	}
	for (size_t i = 0; i < template->n; i++)
		check_escape(template->escape, &value[i]);
	buffer_done(&out);
}

static void check_values(const struct tocsin_template *template, const char *answer, size_t length)
{
	struct value *value = calloc(template->n + 1, sizeof(*value));
	const char *at = answer;

	assert(value);
	if (values_read(&at, answer + length, value, template->n) == 0) {
		assert(at <= answer + length);
		check_composed(template, value);
	}
	free(value);
}

static const struct tocsin_template *read_template(const struct options_context *context, char kind,
						   const char *yaml)
{
	const struct tocsin_option option = {
		.size = sizeof(option),
		.name = "words",
		.type = kind == 'J' ? TOCSIN_STRUCTURE : TOCSIN_TEMPLATE,
		.escape = (enum tocsin_escape)((unsigned char)kind % 6),
	};
	const struct tocsin_template *template = NULL;
	struct node *root = NULL;
	size_t before = context->problems->added;

	if (yaml_read("fuzz.yaml", yaml, strlen(yaml), context->problems, &root) == 0) {
		template = template_read(context, "channel 'fuzz'", &option, root);
		assert((template != NULL) == (context->problems->added == before));
	}
	node_free(root);
	return template;
}

static void check_set(struct arena *arena, const struct tocsin_template *template,
		      struct fuzz_input *input)
{
	const struct template_entry entry = {.option = template, .source = template};
	const struct template_set *set = template_set_make(arena, &entry, 1, NULL);
	struct fuzz_delivery delivery;

	assert(set && set->n_values == template->n);
	assert((set->program != NULL) == (template->n > 0));
	assert((template->constant != NULL) == (template->n == 0));
	if (!fuzz_delivery_read(&delivery, input))
		return;
	check_document(&delivery, set->members);
	if (set->plain)
		check_plain(&delivery, set);
	fuzz_delivery_done(&delivery);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct problems problems = {0};
	struct options_context context = {.arena = arena_new(), .problems = &problems};
	const uint8_t *answer = memmem(data, size, "\0V", 2);
	const struct tocsin_template *template;
	char *yaml;

	assert(context.arena);
	if (answer)
		input.size = (size_t)(answer - data);
	yaml = fuzz_text(&input);
	template = yaml &&*yaml ? read_template(&context, *yaml, yaml + 1) : NULL;
	if (template) {
		check_set(context.arena, template, &input);
		if (answer)
			check_values(template, (const char *)answer + 2,
				     (size_t)(data + size - answer) - 2);
	}
	for (size_t i = 0; i < problems.n; i++)
		assert(fuzz_is_clean(problems.text[i], strlen(problems.text[i]), ""));
	free(yaml);
	problems_done(&problems);
	arena_free(context.arena);
	return 0;
}
