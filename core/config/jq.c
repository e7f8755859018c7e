/* SPDX-License-Identifier: Apache-2.0 */
#include "config/jq.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool begins_word(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static const char *word_end(const char *at)
{
	while (isalnum((unsigned char)*at) || *at == '_' ||
	       (at[0] == ':' && at[1] == ':' && begins_word(at[2])))
		at += *at == ':' ? 2 : 1;
	return at;
}

static enum jq_token bad(struct jq_reader *reader, const char *why)
{
	reader->why = why;
	return JQ_BAD;
}

static enum jq_token taken(struct jq_reader *reader, const char *end, enum jq_token token)
{
	reader->length = (size_t)(end - reader->token);
	reader->at = end;
	return token;
}

static enum jq_token open_bracket(struct jq_reader *reader, char closing, const char *end,
				  enum jq_token token)
{
	if (reader->depth == JQ_DEPTH)
		return bad(reader, "brackets are nested too deeply");
	reader->open[reader->depth++] = closing;
	return taken(reader, end, token);
}

/* In a text, until it ends or an expression begins inside it. */
static enum jq_token read_text(struct jq_reader *reader)
{
	const char *at = reader->at;

	while (*at != '"' && *at != '\0') {
		if (at[0] == '\\' && at[1] == '(') {
			reader->in_text = false;
			return open_bracket(reader, 't', at + 2, JQ_INSIDE);
		}
		at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
	}
	if (*at == '\0')
		return bad(reader, "a text has no closing quote");
	reader->in_text = false;
	return taken(reader, at + 1, JQ_TEXT);
}

static enum jq_token close_bracket(struct jq_reader *reader)
{
	char c = *reader->at, open = reader->depth > 0 ? reader->open[reader->depth - 1] : '\0';

	if (c == '}' && open == '\0' && reader->at[1] == '}')
		return taken(reader, reader->at + 2, JQ_END);
	if (open != c && !(open == 't' && c == ')'))
		return bad(reader, "brackets do not belong together");
	reader->depth--;
	reader->in_text = open == 't';
	return taken(reader, reader->at + 1, JQ_CLOSE);
}

static enum jq_token read_number(struct jq_reader *reader)
{
	const char *at = reader->at;

	while (isdigit((unsigned char)*at) || *at == '.')
		at++;
	if ((*at == 'e' || *at == 'E') &&
	    isdigit((unsigned char)at[at[1] == '-' || at[1] == '+' ? 2 : 1])) {
		at += 2;
		while (isdigit((unsigned char)*at))
			at++;
	}
	return taken(reader, at, JQ_NUMBER);
}

static enum jq_token read_dot(struct jq_reader *reader)
{
	const char *at = reader->at;

	if (at[1] == '.')
		return taken(reader, at + 2, JQ_ALL);
	if (begins_word(at[1])) {
		do
			at++;
		while (isalnum((unsigned char)*at) || *at == '_');
		return taken(reader, at, JQ_FIELD);
	}
	if (isdigit((unsigned char)at[1]))
		return read_number(reader);
	return taken(reader, at + 1, JQ_DOT);
}

static enum jq_token read_sign(struct jq_reader *reader)
{
	static const char *const signs[] = {"?//", "//=", "==", "!=", "<=", ">=", "//",
					    "|=",  "+=",  "-=", "*=", "/=", "%="};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (strncmp(reader->at, signs[i], strlen(signs[i])) == 0)
			return taken(reader, reader->at + strlen(signs[i]), JQ_SIGN);
	}
	return taken(reader, reader->at + 1, JQ_SIGN);
}

enum jq_token jq_next_token(struct jq_reader *reader)
{
	const char *at = reader->at;
	bool in_text = reader->in_text;

	while (!in_text && isspace((unsigned char)*at))
		at++;
	reader->at = reader->token = at;
	if (in_text)
		return read_text(reader);
	if (*at == '\0')
		return bad(reader, reader->depth == 0 ? "there is no closing '}}'"
						      : "a bracket is not closed");
	if (*at == '"') {
		reader->in_text = true;
		reader->at++;
		return read_text(reader);
	}
	if (*at == '.')
		return read_dot(reader);
	if (begins_word(*at))
		return taken(reader, word_end(at), JQ_NAME);
	if ((*at == '$' || *at == '@') && begins_word(at[1]))
		return taken(reader, word_end(at + 1), *at == '$' ? JQ_VARIABLE : JQ_FORMAT);
	if (isdigit((unsigned char)*at))
		return read_number(reader);
	if (*at == '#')
		return bad(reader, "'#' begins a comment; leave it out");
	if (*at == '(' || *at == '[' || *at == '{')
		return open_bracket(reader, *at == '(' ? ')' : (char)(*at + 2), at + 1, JQ_OPEN);
	if (*at == ')' || *at == ']' || *at == '}')
		return close_bracket(reader);
	return read_sign(reader);
}

bool jq_is(const struct jq_reader *reader, const char *word)
{
	return strlen(word) == reader->length && memcmp(word, reader->token, reader->length) == 0;
}

/* What reaches out of the expression, or ends the process that evaluates it. */
static const struct {
	const char *word, *why;
} refused[] = {
	{"import", "modules cannot be loaded"},
	{"include", "modules cannot be loaded"},
	{"modulemeta", "modules cannot be loaded"},
	{"get_search_list", "modules cannot be loaded"},
	{"input", "there is one alert and no further input"},
	{"inputs", "there is one alert and no further input"},
	{"input_filename", "there is no file"},
	{"input_line_number", "there is no file"},
	{"debug", "there is nowhere to write"},
	{"stderr", "there is nowhere to write"},
	{"env", "the environment is not for messages; write ${env:NAME} outside the braces"},
	{"$ENV", "the environment is not for messages; write ${env:NAME} outside the braces"},
	{"halt", "it would end the evaluation of all templates"},
	{"halt_error", "it would end the evaluation of all templates"},
	{"$__loc__", "it says nothing about the alert"},
	{"$__prog_args", "it says nothing about the alert"},
};

static const char *refusal(const struct jq_reader *reader, enum jq_token token)
{
	const char *after = reader->at;

	if (token != JQ_NAME && token != JQ_VARIABLE)
		return NULL;
	/* {env: ...} is a key. */
	while (isspace((unsigned char)*after))
		after++;
	if (token == JQ_NAME && *after == ':' && reader->depth > 0 &&
	    reader->open[reader->depth - 1] == '}')
		return NULL;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (jq_is(reader, refused[i].word))
			return refused[i].why;
	}
	return NULL;
}

static bool fail(struct jq_found *found, const struct jq_reader *reader, const char *why)
{
	found->end = reader->token;
	snprintf(found->why, sizeof(found->why), "%s", why);
	return false;
}

static bool fail_word(struct jq_found *found, const struct jq_reader *reader, const char *why)
{
	found->end = reader->token;
	snprintf(found->why, sizeof(found->why), "'%.*s' cannot be used: %s",
		 reader->length < 40 ? (int)reader->length : 40, reader->token, why);
	return false;
}

/* Where the tokens of an expression have come to. */
struct walk {
	const char *end;  /* of the last token */
	const char *pipe; /* that was a | outside of brackets, and this the end of what is before */
	bool any;         /* there was a token */
};

static bool step(struct jq_found *found, const struct jq_reader *reader, enum jq_token token,
		 struct walk *walk)
{
	const char *why = refusal(reader, token);

	if (why)
		return fail_word(found, reader, why);
	if (found->unsafe)
		return fail(found, reader, "'unsafe' must stand last, behind a '|'");
	if (token == JQ_NAME && jq_is(reader, "unsafe")) {
		if (!walk->pipe)
			return fail(found, reader, "'unsafe' must stand last, behind a '|'");
		found->unsafe = true;
		walk->end = walk->pipe;
		return true;
	}
	walk->pipe = NULL;
	if (token == JQ_SIGN && jq_is(reader, "|") && reader->depth == 0 && walk->any)
		walk->pipe = walk->end;
	walk->end = reader->at;
	walk->any = true;
	return true;
}

bool jq_find(const char *text, struct jq_found *found)
{
	struct jq_reader reader = {.at = text};
	struct walk walk = {.end = text};
	enum jq_token token;

	*found = (struct jq_found){.begin = text + strspn(text, " \t\r\n")};
	while ((token = jq_next_token(&reader)) != JQ_END) {
		if (token == JQ_BAD)
			return fail(found, &reader, reader.why);
		if (token == JQ_INSIDE || token == JQ_OPEN)
			walk.pipe = NULL;
		if (!step(found, &reader, token, &walk))
			return false;
	}
	if (!walk.any)
		return fail(found, &reader, "there is no expression");
	found->end = reader.at;
	found->length = (size_t)(walk.end - found->begin);
	return true;
}
