/* SPDX-License-Identifier: Apache-2.0 */
#include "template/compose.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static int read_one(const char **at, const char *end, struct value *value)
{
	uint32_t length;

	if (*at >= end)
		return -EPROTO;
	*value = (struct value){.kind = (enum wire_value) * (*at)++, .text = ""};
	if (value->kind == WIRE_NULL)
		return 0;
	if (value->kind != WIRE_TEXT && value->kind != WIRE_JSON && value->kind != WIRE_ERROR)
		return -EPROTO;
	if ((size_t)(end - *at) < sizeof(length))
		return -EPROTO;
	memcpy(&length, *at, sizeof(length));
	*at += sizeof(length);
	if ((size_t)(end - *at) < length)
		return -EPROTO;
	value->text = *at;
	value->length = length;
	*at += length;
	return 0;
}

int values_read(const char **at, const char *end, struct value *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int result = read_one(at, end, &value[i]);

		if (result < 0)
			return result;
	}
	return 0;
}

/* One template on its way; values are taken in the order of their expressions. */
struct composing {
	struct buffer *out;
	size_t before; /* what was in it */
	enum tocsin_escape escape;
	bool json; /* inside of a JSON text */
	const struct value *value;
};

static void add_plain(struct composing *composing, enum tocsin_escape escape, const char *text,
		      size_t length)
{
	if (composing->json)
		template_add_json_inside(composing->out, text, length);
	else
		compose_escape(composing->out, escape, text, length);
}

/* jq's texts may hold NUL, which would end ours. */
static void add_value(struct composing *composing, const struct value *value, bool unsafe)
{
	enum tocsin_escape escape = unsafe ? TOCSIN_ESCAPE_NONE : composing->escape;
	struct buffer valid = {0};

	if (text_is_valid(value->text, value->length)) {
		add_plain(composing, escape, value->text, value->length);
		return;
	}
	text_add_valid(&valid, value->text, value->length);
	add_plain(composing, escape, buffer_text(&valid), valid.length);
	composing->out->failed |= valid.failed;
	buffer_done(&valid);
}

static void add_text(struct composing *composing, const struct template_text *text)
{
	for (size_t i = 0; i < text->n; i++) {
		const struct template_piece *piece = &text->piece[i];

		add_plain(composing, TOCSIN_ESCAPE_NONE, piece->text, strlen(piece->text));
		if (piece->expression)
			add_value(composing, composing->value++, piece->expression->unsafe);
	}
}

static void add_node(struct composing *composing, const struct template_node *node);

/* The value with its type. */
static void add_json_value(struct composing *composing, const struct value *value)
{
	if (value->kind == WIRE_NULL) {
		buffer_puts(composing->out, "null");
	} else if (value->kind == WIRE_JSON) {
		template_add_json_value(composing->out, value->text, value->length);
	} else {
		buffer_putc(composing->out, '"');
		add_value(composing, value, false);
		buffer_putc(composing->out, '"');
	}
}

/* Items that are null because their expression is are left out, with their names. */
static void add_items(struct composing *composing, const struct template_node *node)
{
	size_t n = 0;

	for (size_t i = 0; i < node->n; i++) {
		const struct template_node *item = &node->item[i];

		if (item->kind == TEMPLATE_VALUE && composing->value->kind == WIRE_NULL) {
			composing->value++;
			continue;
		}
		if (n++ > 0)
			buffer_putc(composing->out, ',');
		if (node->kind == TEMPLATE_MAP) {
			buffer_puts(composing->out, node->name[i]);
			buffer_putc(composing->out, ':');
		}
		add_node(composing, item);
	}
}

static void add_node(struct composing *composing, const struct template_node *node)
{
	switch (node->kind) {
	case TEMPLATE_JSON:
		buffer_puts(composing->out, node->json);
		break;
	case TEMPLATE_VALUE:
		add_json_value(composing, composing->value++);
		break;
	case TEMPLATE_TEXT:
		buffer_putc(composing->out, '"');
		add_text(composing, &node->text);
		buffer_putc(composing->out, '"');
		break;
	case TEMPLATE_LIST:
	case TEMPLATE_MAP:
		buffer_putc(composing->out, node->kind == TEMPLATE_MAP ? '{' : '[');
		add_items(composing, node);
		buffer_putc(composing->out, node->kind == TEMPLATE_MAP ? '}' : ']');
		break;
	}
}

int compose(struct buffer *out, const struct tocsin_template *template, const struct value *value)
{
	struct composing composing = {.out = out,
				      .before = out->length,
				      .escape = template->escape,
				      .json = template->structure,
				      .value = value};
	size_t most = template->structure ? COMPOSE_STRUCTURE : COMPOSE_TEXT;

	if (template->structure)
		add_node(&composing, &template->root);
	else
		add_text(&composing, &template->text);
	return composing.out->length - composing.before > most ? -E2BIG : 0;
}
