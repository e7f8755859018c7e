/* SPDX-License-Identifier: Apache-2.0 */
#include "config/template.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/template_parts.h"

#define SHOWN 40 /* of an expression in a message */

void template_refuse(struct template_reading *reading, const struct place *place,
		     const char *sentence)
{
	problems_add(reading->context->problems, place, "%s: %s", reading->what, sentence);
	reading->failed = true;
}

void *template_alloc(struct template_reading *reading, size_t n, size_t size)
{
	void *memory = arena_alloc(reading->context->arena, (n ? n : 1) * size);

	if (!memory)
		template_refuse(reading, NULL, "memory is short");
	return memory;
}

static char *keep(struct template_reading *reading, const char *text, size_t length)
{
	char *copy = template_alloc(reading, length + 1, 1);

	if (copy)
		memcpy(copy, text, length);
	return copy;
}

/* Where a byte of the text stands in its file, as well as one can tell after YAML has taken the
 * text apart. */
static struct place place_at(const struct template_source *source, const char *at)
{
	struct place place = source->place;
	bool lines = source->form != TEMPLATE_QUOTED;

	if (source->form == TEMPLATE_BLOCK) {
		place.line++;
		place.column = 1;
	}
	for (const char *c = source->text; c < at; c++) {
		if (*c == '\n' && lines) {
			place.line++;
			place.column = 1;
		} else { /* what needs a backslash in quotes took two columns */
			place.column += !lines && strchr("\n\t\"\\", *c) ? 2 : 1;
		}
	}
	return place;
}

/* begin stands on the opening braces. */
static void refuse_expression(struct template_reading *reading,
			      const struct template_source *source, const char *begin,
			      const struct jq_found *found)
{
	struct place place = place_at(source, found->end);
	const char *close = strstr(begin, "}}");
	size_t length = strcspn(begin, "\n");
	struct buffer sentence = {0};
	size_t shown;

	if (close && (size_t)(close - begin) < length)
		length = (size_t)(close - begin) + 2;
	shown = text_prefix(begin, length, SHOWN);
	buffer_printf(&sentence, "in '%.*s%s': %s", (int)shown, begin, shown < length ? "..." : "",
		      found->why);
	if (strstr(found->why, "closing '}}'"))
		buffer_puts(&sentence, "; add it, or write {{ \"{{\" }} for the two characters "
				       "themselves");
	else if (strstr(found->why, "no expression"))
		buffer_puts(&sentence, "; write {{ .title }}, for instance");
	template_refuse(reading, &place,
			sentence.failed ? "memory is short" : buffer_text(&sentence));
	buffer_done(&sentence);
}

static const struct template_expression *make_expression(struct template_reading *reading,
							 const struct template_source *source,
							 const struct jq_found *found)
{
	struct template_expression *expression = template_alloc(reading, 1, sizeof(*expression));

	if (!expression)
		return NULL;
	expression->jq = keep(reading, found->begin, found->length);
	expression->place = place_at(source, found->begin);
	expression->place.file = reading->file;
	expression->unsafe = found->unsafe;
	if (++reading->n > TEMPLATE_EXPRESSIONS)
		template_refuse(reading, &expression->place,
				"it has more than 256 expressions; join some");
	return expression->jq ? expression : NULL;
}

/* The expression whose braces begin there. *at moves behind it. NULL: the problem is added. */
static const struct template_expression *read_expression(struct template_reading *reading,
							 const struct template_source *source,
							 const char **at)
{
	const char *begin = *at;
	struct jq_found found;

	if (!jq_find(begin + 2, &found)) {
		refuse_expression(reading, source, begin, &found);
		return NULL;
	}
	*at = found.end;
	if (memmem(found.begin, found.length, "${", 2)) {
		found.end = begin;
		snprintf(found.why, sizeof(found.why), "%s",
			 "'${' stands for a secret; it stays outside of the braces");
		refuse_expression(reading, source, begin, &found);
		return NULL;
	}
	return make_expression(reading, source, &found);
}

/* The text up to the next expression, its references replaced. */
static const char *read_between(struct template_reading *reading,
				const struct template_source *source, const char *begin,
				const char *end)
{
	char why[512], *raw = keep(reading, begin, (size_t)(end - begin)), *text;
	struct place place;
	bool found;

	if (!raw)
		return NULL;
	if (!strstr(raw, "${"))
		return raw;
	if (options_expand(reading->context, raw, &text, &found, why, sizeof(why)) != 0) {
		place = place_at(source, begin);
		template_refuse(reading, &place, why);
		return NULL;
	}
	reading->secret |= found;
	return text;
}

static size_t count_expressions(const char *text)
{
	size_t n = 0;

	for (; (text = strstr(text, "{{")); text += 2)
		n++;
	return n;
}

bool template_read_text(struct template_reading *reading, const struct template_source *source,
			struct template_text *text)
{
	const char *at = source->text;

	text->n = 0;
	text->piece = template_alloc(reading, count_expressions(at) + 1, sizeof(*text->piece));
	if (!text->piece)
		return false;
	for (;;) {
		struct template_piece *piece = &text->piece[text->n++];
		const char *next = strstr(at, "{{");

		piece->text = read_between(reading, source, at, next ? next : at + strlen(at));
		if (!piece->text)
			return false;
		if (!next)
			return true;
		at = next;
		piece->expression = read_expression(reading, source, &at);
		if (!piece->expression)
			return false;
	}
}

/* The length of a code point that begins here and that text_add_json would escape although JSON does
 * not ask for it: what steers terminals, breaks lines or turns the direction of reading. Else 0. */
static size_t is_control(const unsigned char *text, size_t left)
{
	if (text[0] == 0x7f)
		return 1;
	if (left >= 2 &&
	    ((text[0] == 0xc2 && text[1] < 0xa0) || (text[0] == 0xd8 && text[1] == 0x9c)))
		return 2;
	if (left < 3 || text[0] != 0xe2)
		return 0;
	if (text[1] == 0x80 &&
	    (text[2] == 0x8e || text[2] == 0x8f || (text[2] >= 0xa8 && text[2] <= 0xae)))
		return 3;
	return text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9 ? 3 : 0;
}

/* As \u2028. */
static void add_control(struct buffer *out, const unsigned char *text, size_t length)
{
	unsigned int point = text[0];

	if (length == 2)
		point = (text[0] & 0x1fU) << 6 | (text[1] & 0x3fU);
	else if (length == 3)
		point = (text[0] & 0x0fU) << 12 | (text[1] & 0x3fU) << 6 | (text[2] & 0x3fU);
	buffer_printf(out, "\\u%04x", point);
}

static void add_json(struct buffer *out, const char *text, size_t length, bool inside)
{
	const char *end = text + length, *run = text;

	while (text < end) {
		unsigned char c = (unsigned char)*text;
		size_t control = 0;

		if (c >= 0x7f)
			control = is_control((const unsigned char *)text, (size_t)(end - text));
		if (control == 0 && (!inside || (c >= 0x20 && c != '"' && c != '\\'))) {
			text++;
			continue;
		}
		buffer_add(out, run, (size_t)(text - run));
		if (control > 0)
			add_control(out, (const unsigned char *)text, control);
		else if (c == '\n')
			buffer_add(out, "\\n", 2);
		else if (c == '"' || c == '\\')
			buffer_printf(out, "\\%c", c);
		else
			buffer_printf(out, "\\u%04x", (unsigned int)c);
		text += control > 0 ? control : 1;
		run = text;
	}
	buffer_add(out, run, (size_t)(text - run));
}

void template_add_json_inside(struct buffer *out, const char *text, size_t length)
{
	add_json(out, text, length, true);
}

void template_add_json_value(struct buffer *out, const char *json, size_t length)
{
	add_json(out, json, length, false);
}

void template_add_json(struct buffer *out, const char *text, size_t length)
{
	buffer_putc(out, '"');
	template_add_json_inside(out, text, length);
	buffer_putc(out, '"');
}

static void collect_text(struct tocsin_template *template, const struct template_text *text)
{
	for (size_t i = 0; i < text->n; i++) {
		if (text->piece[i].expression)
			template->expression[template->n++] = text->piece[i].expression;
	}
}

static void collect(struct tocsin_template *template, const struct template_node *node)
{
	collect_text(template, &node->text);
	for (size_t i = 0; i < node->n; i++)
		collect(template, &node->item[i]);
}

/* What the template says of itself once its parts are read. */
static bool finish(struct template_reading *reading, struct tocsin_template *template)
{
	template->secret = reading->secret;
	template->expression = template_alloc(reading, reading->n, sizeof(*template->expression));
	if (!template->expression)
		return false;
	if (template->structure)
		collect(template, &template->root);
	else
		collect_text(template, &template->text);
	if (template->n == 0)
		template->constant = template->structure ? template->root.json
							 : template->text.piece[0].text;
	return true;
}

/* "channel 'mail': 'title'" */
static const char *name_it(const struct options_context *context, const char *what,
			   const struct tocsin_option *option)
{
	struct buffer name = {0};
	char *kept;

	buffer_printf(&name, "%s%s'%s'", what ? what : "", what ? ": " : "", option->name);
	kept = name.failed ? NULL : arena_strdup(context->arena, name.data);
	buffer_done(&name);
	return kept;
}

const struct tocsin_template *template_read(const struct options_context *context, const char *what,
					    const struct tocsin_option *option,
					    const struct node *node)
{
	struct template_reading reading = {.context = context,
					   .what = name_it(context, what, option)};
	struct tocsin_template *template = NULL;
	bool good = false;

	if (!reading.what)
		reading.what = "template";
	else
		template = template_alloc(&reading, 1, sizeof(*template));
	/* Places outlive the tree, whose root owns the name of its file. */
	reading.file = arena_strdup(context->arena, node->place.file ? node->place.file : "");
	if (!template || !reading.file) {
		problems_add(context->problems, NULL, "memory is short");
		return NULL;
	}
	template->name = arena_strdup(context->arena, option->name);
	template->what = reading.what;
	template->place = node->place;
	template->escape = option->escape;
	template->structure = option->type == TOCSIN_STRUCTURE;
	if (template->structure)
		good = template_read_node(&reading, node, &template->root);
	else
		good = template_read_scalar(&reading, option, node, &template->text);
	template->place.file = reading.file;
	good = good && !reading.failed && finish(&reading, template);
	if (good && !template->name) {
		problems_add(context->problems, NULL, "memory is short");
		good = false;
	}
	return good ? template : NULL;
}

static void dump_text(struct buffer *out, const struct template_text *text)
{
	for (size_t i = 0; i < text->n; i++) {
		const struct template_expression *expression = text->piece[i].expression;

		buffer_printf(out, "%zu:%s", strlen(text->piece[i].text), text->piece[i].text);
		if (expression)
			buffer_printf(out, "%s%zu:%s", expression->unsafe ? "!" : "?",
				      strlen(expression->jq), expression->jq);
	}
}

static void dump_node(struct buffer *out, const struct template_node *node)
{
	buffer_printf(out, "%d,%zu", (int)node->kind, node->n);
	if (node->json)
		buffer_puts(out, node->json);
	dump_text(out, &node->text);
	for (size_t i = 0; i < node->n; i++) {
		buffer_puts(out, node->name ? node->name[i] : "-");
		dump_node(out, &node->item[i]);
	}
}

void template_dump(struct buffer *out, const struct tocsin_template *template)
{
	buffer_printf(out, "%s,%d,", template->name, (int)template->escape);
	if (template->structure)
		dump_node(out, &template->root);
	else
		dump_text(out, &template->text);
}
