/* SPDX-License-Identifier: Apache-2.0 */
/* template/compose: values of expressions become the text or JSON of a template. Pure. */
#ifndef TEMPLATE_COMPOSE_H
#define TEMPLATE_COMPOSE_H

#include "base/buffer.h"
#include "config/template.h"
#include "template/wire.h"

#define COMPOSE_TEXT (64 * 1024)
#define COMPOSE_STRUCTURE (256 * 1024)

/* The value of an expression, borrowed from an answer of tocsin-jq. */
struct value {
	enum wire_value kind; /* NULL, TEXT, JSON or ERROR */
	const char *text;
	size_t length;
};

/* Reads n values. Moves *at behind them. 0 or -EPROTO. */
int values_read(const char **at, const char *end, struct value *value, size_t n);

/* Appends what the template says; value: those of its expressions, none of which is an error. 0, or
 * -E2BIG. */
int compose(struct buffer *out, const struct tocsin_template *template, const struct value *value);

/* Appends text with what the escape demands. */
void compose_escape(struct buffer *out, enum tocsin_escape escape, const char *text,
		    size_t length);

#endif
