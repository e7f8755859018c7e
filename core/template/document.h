/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template/document: what an expression finds in `.`: a delivery as a value of
 * template/wire. It is made for each delivery, so only those members are in it
 * that the program mentions. Pure.
 */
#ifndef TEMPLATE_DOCUMENT_H
#define TEMPLATE_DOCUMENT_H

#include <stdint.h>

#include <jansson.h>

#include <tocsin/plugin.h>

#include "base/buffer.h"

#define DOCUMENT_ALL UINT64_MAX

/* The members that the expression (as jq_find gives it) may read. */
uint64_t document_mentions(const char *jq, size_t length);
/* Name and meaning of each member, for documentation; NULL behind the last. */
const char *document_member(size_t index, const char **help);

struct document_context {
	uint64_t members;
	int64_t now_ms;         /* wall time */
	const char *options;    /* a value of template/wire; NULL: none */
	size_t options_length;
};
/* Appends the document. */
void document_add(struct buffer *out, const struct tocsin_delivery *delivery,
		  const struct document_context *context);
/* Appends any JSON as a value of template/wire. */
void document_add_json(struct buffer *out, const json_t *json);

#endif
