/* SPDX-License-Identifier: Apache-2.0 */
/* Reads plain expressions; plain_value.c evaluates them. */
#include "template/plain.h"

#include <string.h>

#include "base/text.h"
#include "config/jq.h"

#define DIGITS 15 /* that a double holds and jq prints as they are */

/* The tokens of an expression; next is the one to be read. */
struct reading {
	struct jq_reader reader;
	enum jq_token next;
};

static void step(struct reading *reading)
{
	reading->next = jq_next_token(&reading->reader);
}

static bool is(const struct reading *reading, enum jq_token token, const char *word)
{
	return reading->next == token && jq_is(&reading->reader, word);
}

static bool take(struct reading *reading, enum jq_token token, const char *word)
{
	if (!is(reading, token, word))
		return false;
	step(reading);
	return true;
}

/* Nothing but whitespace is left. */
static bool at_end(const struct reading *reading)
{
	return reading->next == JQ_BAD && *reading->reader.token == '\0';
}

static struct plain_slice token(const struct reading *reading)
{
	return (struct plain_slice){reading->reader.token, reading->reader.length};
}

static bool read_path(struct reading *reading, struct plain_operand *operand)
{
	operand->kind = PLAIN_PATH;
	while (reading->next == JQ_FIELD) {
		struct plain_slice field = token(reading);

		if (operand->n == PLAIN_NAMES)
			return false;
		operand->name[operand->n++] = (struct plain_slice){field.at + 1, field.length - 1};
		step(reading);
	}
	return operand->n > 0;
}

/* A text that means what is written. */
static bool read_text(struct reading *reading, struct plain_operand *operand)
{
	struct plain_slice text = token(reading);

	operand->kind = PLAIN_TEXT;
	operand->literal = (struct plain_slice){text.at + 1, text.length - 2};
	for (size_t i = 1; i + 1 < text.length; i++) {
		if (text.at[i] == '\\' || (unsigned char)text.at[i] < 0x20)
			return false;
	}
	step(reading);
	return text_is_valid(operand->literal.at, operand->literal.length);
}

/* A whole number as jq would print it. */
static bool is_number(struct plain_slice word)
{
	if (word.length > DIGITS || (word.at[0] == '0' && word.length > 1))
		return false;
	for (size_t i = 0; i < word.length; i++) {
		if (word.at[i] < '0' || word.at[i] > '9')
			return false;
	}
	return true;
}

static bool read_word(struct reading *reading, struct plain_operand *operand)
{
	operand->kind = PLAIN_WORD;
	operand->literal = token(reading);
	if (!is(reading, JQ_NAME, "null") && !is(reading, JQ_NAME, "true") &&
	    !is(reading, JQ_NAME, "false") &&
	    !(reading->next == JQ_NUMBER && is_number(operand->literal)))
		return false;
	step(reading);
	return true;
}

static bool read_operand(struct reading *reading, struct plain_operand *operand)
{
	if (reading->next == JQ_FIELD)
		return read_path(reading, operand);
	if (reading->next == JQ_TEXT)
		return read_text(reading, operand);
	return read_word(reading, operand);
}

static bool read_chain(struct reading *reading, struct plain_chain *chain)
{
	do {
		if (chain->n == PLAIN_NEXTS || !read_operand(reading, &chain->operand[chain->n++]))
			return false;
	} while (take(reading, JQ_SIGN, "//"));
	return true;
}

/* Only texts are compared: that is bytes in jq, too. */
static bool read_condition(struct reading *reading, struct plain *plain)
{
	plain->choice = PLAIN_IF;
	if (!read_operand(reading, &plain->left))
		return false;
	if (take(reading, JQ_SIGN, "=="))
		plain->choice = PLAIN_IF_EQUAL;
	else if (take(reading, JQ_SIGN, "!="))
		plain->choice = PLAIN_IF_OTHER;
	else
		return true;
	return read_operand(reading, &plain->right) && plain->right.kind == PLAIN_TEXT;
}

static bool read_choice(struct reading *reading, struct plain *plain)
{
	if (!take(reading, JQ_NAME, "if"))
		return read_chain(reading, &plain->then);
	return read_condition(reading, plain) && take(reading, JQ_NAME, "then") &&
	       read_chain(reading, &plain->then) && take(reading, JQ_NAME, "else") &&
	       read_chain(reading, &plain->otherwise) && take(reading, JQ_NAME, "end");
}

static bool read_cut(struct reading *reading, struct plain *plain)
{
	struct plain_slice number;

	if (!take(reading, JQ_NAME, "cut") || !take(reading, JQ_OPEN, "(") ||
	    reading->next != JQ_NUMBER)
		return false;
	number = token(reading);
	if (!is_number(number) || number.length > 9)
		return false;
	for (size_t i = 0; i < number.length; i++)
		plain->cut = plain->cut * 10 + (uint32_t)(number.at[i] - '0');
	plain->is_cut = true;
	step(reading);
	return take(reading, JQ_CLOSE, ")");
}

bool plain_read(struct plain *plain, const char *jq)
{
	struct reading reading = {.reader = {.at = jq}};

	*plain = (struct plain){.choice = PLAIN_ALWAYS};
	step(&reading);
	if (!read_choice(&reading, plain))
		return false;
	if (take(&reading, JQ_SIGN, "|") && !read_cut(&reading, plain))
		return false;
	return at_end(&reading);
}
