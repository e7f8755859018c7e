/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which members of its document an expression reads. What stands before the first | of an expression
 * sees the document, what stands behind it sees the value that came through; so `.title | f` reads
 * one member, whatever f is. Whatever is not understood here reads them all, which only costs time.
 */
#include <string.h>

#include "config/jq.h"
#include "template/document.h"

struct mentions {
	struct jq_reader reader;
	uint64_t members;
	enum jq_token before; /* the token before this one */
};

static uint64_t member_bit(const char *name, size_t length)
{
	const char *known, *help;

	for (size_t i = 0; (known = document_member(i, &help)); i++) {
		if (strlen(known) == length && memcmp(known, name, length) == 0)
			return UINT64_C(1) << i;
	}
	return 0;
}

/* After these a field or a bracket belongs to what stands there. */
static bool ends_term(enum jq_token token)
{
	return token == JQ_FIELD || token == JQ_CLOSE || token == JQ_TEXT || token == JQ_VARIABLE ||
	       token == JQ_NAME || token == JQ_ALL || token == JQ_DOT || token == JQ_NUMBER ||
	       token == JQ_FORMAT;
}

static bool is_harmless(const struct jq_reader *reader)
{
	static const char *const words[] = {"and", "or", "true", "false", "null", "empty", "now"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (jq_is(reader, words[i]))
			return true;
	}
	return false;
}

static bool is_update(const struct jq_reader *reader)
{
	return reader->token[reader->length - 1] == '=' && !jq_is(reader, "==") &&
	       !jq_is(reader, "!=") && !jq_is(reader, "<=") && !jq_is(reader, ">=");
}

static void note_token(struct mentions *mentions, enum jq_token token)
{
	const struct jq_reader *reader = &mentions->reader;

	switch (token) {
	case JQ_FIELD:
		if (!ends_term(mentions->before))
			mentions->members |= member_bit(reader->token + 1, reader->length - 1);
		break;
	case JQ_NAME:
		if (!is_harmless(reader))
			mentions->members = DOCUMENT_ALL;
		break;
	case JQ_SIGN:
		if (is_update(reader))
			mentions->members = DOCUMENT_ALL;
		break;
	case JQ_OPEN:
		if (*reader->token == '{')
			mentions->members = DOCUMENT_ALL;
		break;
	case JQ_TEXT:
	case JQ_NUMBER:
	case JQ_INSIDE:
	case JQ_CLOSE:
		break;
	default: /* . .. $name @format */
		mentions->members = DOCUMENT_ALL;
	}
}

/* Until the bracket, the `end` or the expression ends. whole: `.` is the document here. */
static void walk(struct mentions *mentions, bool whole)
{
	bool document = whole;

	for (;;) {
		enum jq_token token = jq_next_token(&mentions->reader);
		bool word = token == JQ_NAME;

		if (token == JQ_BAD || token == JQ_END || mentions->members == DOCUMENT_ALL)
			return;
		if (token == JQ_CLOSE || (word && jq_is(&mentions->reader, "end"))) {
			mentions->before = JQ_CLOSE;
			return;
		}
		if (word && (jq_is(&mentions->reader, "then") || jq_is(&mentions->reader, "elif") ||
			     jq_is(&mentions->reader, "else"))) {
			document = whole;
			mentions->before = JQ_SIGN;
			continue;
		}
		if (word && jq_is(&mentions->reader, "if")) {
			mentions->before = JQ_SIGN;
			walk(mentions, document);
			continue;
		}
		if (token == JQ_SIGN && jq_is(&mentions->reader, "|"))
			document = false;
		else if (document)
			note_token(mentions, token);
		else if (word &&
			 (jq_is(&mentions->reader, "as") || jq_is(&mentions->reader, "def")))
			mentions->members = DOCUMENT_ALL; /* and the scopes that come with it */
		mentions->before = token == JQ_NAME && is_harmless(&mentions->reader) ? JQ_SIGN
										      : token;
		if (token == JQ_OPEN || token == JQ_INSIDE) {
			mentions->before = JQ_SIGN;
			walk(mentions, document);
		}
	}
}

uint64_t document_mentions(const char *jq, size_t length)
{
	struct buffer text = {0};
	struct mentions mentions = {.before = JQ_SIGN};

	buffer_add(&text, jq, length);
	buffer_puts(&text, " }}");
	mentions.reader.at = buffer_text(&text);
	walk(&mentions, true);
	if (text.failed)
		mentions.members = DOCUMENT_ALL;
	buffer_done(&text);
	return mentions.members;
}
