/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config/jq: the words and brackets of a jq expression, as far as one must know
 * them to find its end, to refuse what no template may use, and to see which
 * parts of a document it reads. libjq judges the rest.
 */
#ifndef CONFIG_JQ_H
#define CONFIG_JQ_H

#include <stdbool.h>
#include <stddef.h>

#define JQ_DEPTH 64 /* brackets in brackets */

enum jq_token {
	JQ_BAD,      /* why says what is wrong */
	JQ_END,      /* the closing }} */
	JQ_DOT,      /* . */
	JQ_FIELD,    /* .name */
	JQ_ALL,      /* .. */
	JQ_NAME,     /* a function or a keyword */
	JQ_VARIABLE, /* $name */
	JQ_FORMAT,   /* @html */
	JQ_NUMBER,
	JQ_TEXT,     /* the end of a text in quotes */
	JQ_INSIDE,   /* \( in a text: until the bracket that closes it, an expression */
	JQ_OPEN,     /* ( [ { */
	JQ_CLOSE,    /* ) ] }, also the one that ends JQ_INSIDE */
	JQ_SIGN,     /* an operator, whole: | |= // , ? */
};

struct jq_reader {
	const char *at;      /* what comes next */
	const char *token;   /* the last one read, and its length */
	size_t length;
	const char *why;     /* of JQ_BAD */
	bool in_text;
	size_t depth;
	char open[JQ_DEPTH]; /* the bracket that closes each */
};

/* Reads on behind the opening {{. Brackets that do not belong together are JQ_BAD. */
enum jq_token jq_next_token(struct jq_reader *reader);
bool jq_is(const struct jq_reader *reader, const char *word);

/* One whole expression. */
struct jq_found {
	const char *end;      /* behind the }}; where a mistake is, when there is one */
	size_t length;        /* of the expression, without spaces around it and without | unsafe */
	const char *begin;
	bool unsafe;          /* it ends with | unsafe */
	char why[160];        /* the mistake */
};
/* text stands behind {{. False: why says what is wrong. */
bool jq_find(const char *text, struct jq_found *found);

#endif
