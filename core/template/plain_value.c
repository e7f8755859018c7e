/* SPDX-License-Identifier: Apache-2.0 */
/* What plain expressions say about a document. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "template/plain.h"
#include "template/wire.h"

#define EXACT INT64_C(1000000000000000) /* whole numbers that jq prints digit by digit end here */
#define ELLIPSIS "…"

/* A value, borrowed. TEXT: its bytes. JSON: written already. All else: at stands behind its kind in
 * the document. */
struct found {
	enum wire_value kind;
	const char *at;
	size_t length;
};

static const struct found nothing = {.kind = WIRE_NULL, .at = ""};

/* --- documents; they are ours and well formed --- */

static uint32_t take_u32(const char **at)
{
	uint32_t value;

	memcpy(&value, *at, sizeof(value));
	*at += sizeof(value);
	return value;
}

static struct plain_slice take_slice(const char **at)
{
	uint32_t length = take_u32(at);
	struct plain_slice slice = {*at, length};

	*at += length;
	return slice;
}

/* Reads one value. Moves *at behind it. */
static struct found take_value(const char **at)
{
	struct found value = {.kind = (enum wire_value) * (*at)++, .at = *at};
	struct plain_slice text;

	switch (value.kind) {
	case WIRE_TEXT:
		text = take_slice(at);
		value.at = text.at;
		value.length = text.length;
		break;
	case WIRE_NUMBER:
		*at += sizeof(int64_t);
		break;
	case WIRE_LIST:
	case WIRE_MAP:
		for (uint32_t n = take_u32(at); n > 0; n--) {
			if (value.kind == WIRE_MAP)
				(void)take_slice(at);
			(void)take_value(at);
		}
		break;
	default:
		break;
	}
	return value;
}

static bool is_same(struct plain_slice a, struct plain_slice b)
{
	return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

static struct found member(const struct found *map, struct plain_slice name)
{
	const char *at = map->at;

	for (uint32_t n = take_u32(&at); n > 0; n--) {
		bool wanted = is_same(take_slice(&at), name);
		struct found value = take_value(&at);

		if (wanted)
			return value;
	}
	return nothing;
}

/* --- JSON as jq prints it --- */

static bool add_json_text(struct buffer *out, struct plain_slice text)
{
	static const char named[] = "\b\f\n\r\t\"\\", letter[] = "bfnrt\"\\";

	if (!text_is_valid(text.at, text.length))
		return false;
	buffer_putc(out, '"');
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.at[i];
		const char *escape = c ? strchr(named, c) : NULL;

		if (escape)
			buffer_printf(out, "\\%c", letter[escape - named]);
		else if (c < 0x20 || c == 0x7f)
			buffer_printf(out, "\\u%04x", c);
		else
			buffer_putc(out, (char)c);
	}
	buffer_putc(out, '"');
	return true;
}

static bool add_json(struct buffer *out, const struct found *value);

static bool add_items(struct buffer *out, const struct found *value)
{
	bool map = value->kind == WIRE_MAP;
	const char *at = value->at;
	uint32_t n = take_u32(&at);

	buffer_putc(out, map ? '{' : '[');
	for (uint32_t i = 0; i < n; i++) {
		struct found item;

		if (i > 0)
			buffer_putc(out, ',');
		if (map && !add_json_text(out, take_slice(&at)))
			return false;
		if (map)
			buffer_putc(out, ':');
		item = take_value(&at);
		if (!add_json(out, &item))
			return false;
	}
	buffer_putc(out, map ? '}' : ']');
	return true;
}

static bool add_number(struct buffer *out, const char *at)
{
	int64_t number;

	memcpy(&number, at, sizeof(number));
	buffer_printf(out, "%" PRId64, number);
	return number > -EXACT && number < EXACT;
}

static bool add_json(struct buffer *out, const struct found *value)
{
	switch (value->kind) {
	case WIRE_TEXT:
		return add_json_text(out, (struct plain_slice){value->at, value->length});
	case WIRE_LIST:
	case WIRE_MAP:
		return add_items(out, value);
	case WIRE_NUMBER:
		return add_number(out, value->at);
	case WIRE_JSON:
		buffer_add(out, value->at, value->length);
		return true;
	default:
		buffer_puts(out, value->kind == WIRE_TRUE    ? "true"
				 : value->kind == WIRE_FALSE ? "false"
							     : "null");
		return true;
	}
}

/* --- expressions --- */

static bool find(const struct plain_operand *operand, const char *document, struct found *value)
{
	*value = (struct found){.kind = WIRE_MAP, .at = document + 1};
	for (size_t i = 0; i < operand->n && value->kind != WIRE_NULL; i++) {
		if (value->kind != WIRE_MAP)
			return false; /* jq has words for that */
		*value = member(value, operand->name[i]);
	}
	return true;
}

static struct found word(struct plain_slice literal)
{
	struct found value = {.kind = WIRE_JSON, .at = literal.at, .length = literal.length};

	if (*literal.at == 'n' || *literal.at == 't' || *literal.at == 'f')
		value.kind = (enum wire_value) * literal.at; /* of null, true, false */
	return value;
}

static bool operand_value(const struct plain_operand *operand, const char *document,
			  struct found *value)
{
	if (operand->kind == PLAIN_PATH)
		return find(operand, document, value);
	*value = operand->kind == PLAIN_WORD
			 ? word(operand->literal)
			 : (struct found){WIRE_TEXT, operand->literal.at, operand->literal.length};
	return true;
}

static bool is_true(const struct found *value)
{
	return value->kind != WIRE_NULL && value->kind != WIRE_FALSE;
}

/* The first that is neither null nor false, else the last. */
static bool chain_value(const struct plain_chain *chain, const char *document, struct found *value)
{
	for (size_t i = 0; i < chain->n; i++) {
		if (!operand_value(&chain->operand[i], document, value))
			return false;
		if (is_true(value))
			break;
	}
	return true;
}

static bool condition(const struct plain *plain, const char *document, bool *holds)
{
	struct plain_slice right = plain->right.literal;
	struct found left = nothing;

	if (plain->choice == PLAIN_ALWAYS) {
		*holds = true;
		return true;
	}
	if (!operand_value(&plain->left, document, &left))
		return false;
	if (plain->choice == PLAIN_IF) {
		*holds = is_true(&left);
		return true;
	}
	*holds = left.kind == WIRE_TEXT &&
		 is_same((struct plain_slice){left.at, left.length}, right);
	*holds ^= plain->choice == PLAIN_IF_OTHER;
	return left.kind != WIRE_TEXT || text_is_valid(left.at, left.length);
}

static void add_answer(struct buffer *out, enum wire_value kind, const char *text, size_t length)
{
	uint32_t size = (uint32_t)length;

	buffer_putc(out, (char)kind);
	buffer_add(out, &size, sizeof(size));
	buffer_add(out, text, length);
}

/* Bytes of the first n characters; the whole when there are no more. */
static size_t bytes_of(const char *text, size_t length, size_t n)
{
	size_t i = 0;

	for (; i < length; i++) {
		bool begins = ((unsigned char)text[i] & 0xc0) != 0x80;

		if (begins && n-- == 0)
			break;
	}
	return i;
}

/* As cut() in set.c. */
static void add_cut(struct buffer *out, const char *text, size_t length, size_t most)
{
	struct buffer cut = {0};

	if (bytes_of(text, length, most) == length) {
		add_answer(out, WIRE_TEXT, text, length);
		return;
	}
	if (most > 0) {
		buffer_add(&cut, text, bytes_of(text, length, most - 1));
		buffer_puts(&cut, ELLIPSIS);
	}
	add_answer(out, WIRE_TEXT, buffer_text(&cut), cut.length);
	out->failed |= cut.failed;
	buffer_done(&cut);
}

static bool add_value(struct buffer *out, const struct plain *plain, const struct found *value)
{
	struct buffer json = {0};
	bool good;

	if (value->kind == WIRE_NULL && !plain->is_cut) {
		buffer_putc(out, WIRE_NULL);
		return true;
	}
	if (value->kind == WIRE_NULL || value->kind == WIRE_TEXT) {
		if (plain->is_cut)
			add_cut(out, value->at, value->length, plain->cut);
		else
			add_answer(out, WIRE_TEXT, value->at, value->length);
		return text_is_valid(value->at, value->length);
	}
	good = add_json(&json, value);
	if (good && plain->is_cut)
		add_cut(out, buffer_text(&json), json.length, plain->cut);
	else if (good)
		add_answer(out, WIRE_JSON, buffer_text(&json), json.length);
	out->failed |= json.failed;
	buffer_done(&json);
	return good;
}

bool plain_value(struct buffer *out, const struct plain *plain, const char *document)
{
	struct found value = nothing;
	bool holds;

	if (!condition(plain, document, &holds) ||
	    !chain_value(holds ? &plain->then : &plain->otherwise, document, &value))
		return false;
	if (value.kind == WIRE_NULL)
		value = nothing; /* of a member there is no text */
	return add_value(out, plain, &value);
}
