/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config/template: a text with {{ jq expressions }}, or a YAML value whose texts
 * hold some, as the configuration says it. Owned by the arena; immutable.
 *
 * The texts between the expressions may hold ${...}; what comes out of that is
 * never looked through for {{, and no expression may hold one, so that no secret
 * leaves the process with an expression.
 */
#ifndef CONFIG_TEMPLATE_H
#define CONFIG_TEMPLATE_H

#include <tocsin/option.h>

#include "base/buffer.h"
#include "config/options.h"
#include "config/yaml.h"

#define TEMPLATE_SIZE (64 * 1024)       /* bytes of a template as written, in a file too */
#define TEMPLATE_EXPRESSIONS 256        /* of one template */

struct template_expression {
	const char *jq;
	struct place place;
	bool unsafe;                    /* its value goes out as it is */
};

/* A text and an expression behind it (NULL: none). */
struct template_piece {
	const char *text;
	const struct template_expression *expression;
};

struct template_text {
	struct template_piece *piece;
	size_t n;
};

enum template_kind {
	TEMPLATE_JSON,  /* json: a value without expressions */
	TEMPLATE_VALUE, /* text: exactly one expression, whose value keeps its type */
	TEMPLATE_TEXT,  /* text: texts and expressions joined */
	TEMPLATE_LIST,  /* item */
	TEMPLATE_MAP,   /* item with names, written as JSON */
};

struct template_node {
	enum template_kind kind;
	const char *json;
	struct template_text text;
	struct template_node *item;
	const char **name;
	size_t n;
};

struct tocsin_template {
	const char *name;               /* of the option */
	const char *what;               /* "channel 'mail': 'title'", for messages */
	struct place place;
	enum tocsin_escape escape;
	bool secret;                    /* a ${...} was replaced in it */
	bool structure;                 /* root, else text */
	struct template_text text;
	struct template_node root;
	const struct template_expression **expression; /* all of them, in order */
	size_t n;
	const char *constant;           /* what it says when it has no expression, else NULL */
};

/*
 * Reads the value of a TEMPLATE or STRUCTURE option (or of a text that takes its place). A TEMPLATE
 * is a text, or {file: /path} whose content is the text. NULL: the problems are added, with what (may
 * be NULL) in front.
 */
const struct tocsin_template *template_read(const struct options_context *context, const char *what,
					    const struct tocsin_option *option,
					    const struct node *node);

/* Appends all that it is made of, for a digest. */
void template_dump(struct buffer *out, const struct tocsin_template *template);

/* Appends text as the inside of a JSON text, and with its quotes; what text_add_json escapes is
 * escaped. It must be UTF-8. */
void template_add_json_inside(struct buffer *out, const char *text, size_t length);
/* The same for what is JSON already. */
void template_add_json_value(struct buffer *out, const char *json, size_t length);
void template_add_json(struct buffer *out, const char *text, size_t length);

#endif
