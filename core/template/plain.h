/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template/plain: expressions so plain that a process need not be asked: what a path of the
 * document says, the next when there is nothing, one of two, cut at a length.
 *
 *	.title    .labels.site    .message // .title // "none"    .message // "" | cut(200)
 *	if .severity == "critical" then 1 else 3 end
 *
 * They give what jq gives, byte by byte, which tests compare. What is not of this form is for jq, and
 * so is what only a document shows: a path into a text, bytes that are not UTF-8. Pure.
 */
#ifndef TEMPLATE_PLAIN_H
#define TEMPLATE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Borrows from the text of the expression. */
struct plain_slice {
	const char *at;
	size_t length;
};

#define PLAIN_NAMES 3 /* of a path */
#define PLAIN_NEXTS 6 /* operands with // between them */

struct plain_operand {
	enum { PLAIN_PATH, PLAIN_TEXT, PLAIN_WORD } kind; /* word: a number, null, true, false */
	struct plain_slice literal;
	struct plain_slice name[PLAIN_NAMES];
	size_t n;
};

struct plain_chain {
	struct plain_operand operand[PLAIN_NEXTS];
	size_t n;
};

struct plain {
	enum { PLAIN_ALWAYS, PLAIN_IF, PLAIN_IF_EQUAL, PLAIN_IF_OTHER } choice;
	struct plain_operand left, right; /* of the condition */
	struct plain_chain then, otherwise;
	bool is_cut;
	uint32_t cut;                     /* characters */
};

/* Reads an expression. False: it is for jq. */
bool plain_read(struct plain *plain, const char *jq);

/* Appends its value as tocsin-jq answers it. document: a value of template/wire, as document_add
 * makes it. False: it is for jq; something may have been appended. */
bool plain_value(struct buffer *out, const struct plain *plain, const char *document);

#endif
