/* SPDX-License-Identifier: Apache-2.0 */
/* alert/matcher: one condition on a label, and how it is written. */
#include "alert/matcher.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "alert/pattern.h"
#include "base/buffer.h"
#include "base/text.h"

struct matcher {
	enum matcher_kind kind;
	char *name;
	char *value;
	char *text;
	struct pattern *pattern; /* of the two regex kinds */
};

static const char *const operators[] = {
	[MATCH_EQUAL] = "=",
	[MATCH_NOT_EQUAL] = "!=",
	[MATCH_REGEX] = "=~",
	[MATCH_NOT_REGEX] = "!~",
};

/* A name that needs no quotes: anything without spaces and signs of the matcher language. */
static bool is_bare(char c)
{
	return c != '\0' && !isspace((unsigned char)c) && !strchr("=!~\"'`{},()\\", c);
}

/* Writes text in double quotes so that read_quoted gives it back. A backslash is doubled only where
 * it would else be taken for an escape, so that expressions stay readable: "\.example\.com". */
static void add_quoted(struct buffer *out, const char *text)
{
	buffer_putc(out, '"');
	for (; *text; text++) {
		if (*text == '"' ||
		    (*text == '\\' && (text[1] == '\\' || text[1] == '"' || text[1] == '\0')))
			buffer_putc(out, '\\');
		buffer_putc(out, *text);
	}
	buffer_putc(out, '"');
}

static char *write_text(const struct matcher *matcher)
{
	struct buffer out = {0};
	const char *c = matcher->name;

	while (is_bare(*c))
		c++;
	if (*c == '\0')
		buffer_puts(&out, matcher->name);
	else
		add_quoted(&out, matcher->name);
	buffer_puts(&out, operators[matcher->kind]);
	add_quoted(&out, matcher->value);
	return buffer_take(&out);
}

static int check_parts(const char *name, enum matcher_kind kind, const char *value,
		       struct error *err)
{
	bool regex = kind == MATCH_REGEX || kind == MATCH_NOT_REGEX;

	if (*name == '\0')
		return error_set(err, -EINVAL, "the label name is empty");
	if (strlen(name) > ALERT_NAME)
		return error_set(err, -EINVAL, "the label name has %zu bytes; %d is the most",
				 strlen(name), ALERT_NAME);
	if (!text_is_valid(name, strlen(name)) || !text_is_valid(value, strlen(value)))
		return error_set(err, -EINVAL, "the matcher is not valid UTF-8");
	if (!regex && strlen(value) > ALERT_VALUE)
		return error_set(err, -EINVAL, "the value has %zu bytes; %d is the most",
				 strlen(value), ALERT_VALUE);
	return 0;
}

int matcher_new(const char *name, enum matcher_kind kind, const char *value,
		struct matcher **matcher, struct error *err)
{
	struct matcher *made;
	int rc = check_parts(name, kind, value, err);

	if (rc < 0)
		return rc;
	made = calloc(1, sizeof(*made));
	if (!made)
		return error_set(err, -ENOMEM, "out of memory");
	made->kind = kind;
	made->name = strdup(name);
	made->value = strdup(value);
	if (made->name && made->value)
		made->text = write_text(made);
	if (!made->text)
		rc = error_set(err, -ENOMEM, "out of memory");
	else if (kind == MATCH_REGEX || kind == MATCH_NOT_REGEX)
		rc = pattern_new(value, &made->pattern, err);
	if (rc < 0) {
		matcher_free(made);
		return rc;
	}
	*matcher = made;
	return 0;
}

void matcher_free(struct matcher *matcher)
{
	if (!matcher)
		return;
	pattern_free(matcher->pattern);
	free(matcher->name);
	free(matcher->value);
	free(matcher->text);
	free(matcher);
}

/* A matcher being read: where it begins and how far the reading came. */
struct reader {
	const char *start;
	const char *at;
	struct error *err;
};

static int misread(const struct reader *reader, const char *at, const char *what)
{
	size_t character = 1;

	for (const char *s = reader->start; s < at; s++)
		character += (*s & 0xc0) != 0x80;
	return error_set(reader->err, -EINVAL, "%s at character %zu of '%.*s'", what, character,
			 (int)text_prefix(reader->start, strlen(reader->start), 200),
			 reader->start);
}

static void skip_spaces(struct reader *reader)
{
	while (isspace((unsigned char)*reader->at))
		reader->at++;
}

/* In quotes only \" and \\ are escapes; other backslashes stay, for expressions need them. */
static int read_quoted(struct reader *reader, struct buffer *out)
{
	const char *open = reader->at++;

	for (; *reader->at != '"'; reader->at++) {
		if (*reader->at == '\0')
			return misread(reader, open, "the quote that opens is not closed");
		if (reader->at[0] == '\\' && (reader->at[1] == '"' || reader->at[1] == '\\'))
			reader->at++;
		buffer_putc(out, *reader->at);
	}
	reader->at++;
	return 0;
}

static int read_name(struct reader *reader, struct buffer *name)
{
	const char *start = reader->at;

	if (*start == '"')
		return read_quoted(reader, name);
	if (*start == '{')
		return misread(reader, start, "write the matcher without braces; a brace stands");
	while (is_bare(*reader->at))
		reader->at++;
	if (reader->at == start)
		return misread(reader, start, "a label name is missing");
	buffer_add(name, start, (size_t)(reader->at - start));
	return 0;
}

static int read_operator(struct reader *reader, enum matcher_kind *kind)
{
	/* The longer ones first. */
	static const enum matcher_kind order[] = {MATCH_REGEX, MATCH_NOT_REGEX, MATCH_NOT_EQUAL,
						  MATCH_EQUAL};

	if (strncmp(reader->at, "==", 2) == 0)
		return misread(reader, reader->at, "write one = for equality, there are two");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		size_t length = strlen(operators[order[i]]);

		if (strncmp(reader->at, operators[order[i]], length) == 0) {
			reader->at += length;
			*kind = order[i];
			return 0;
		}
	}
	return misread(reader, reader->at, "one of =, !=, =~ and !~ is missing");
}

static int read_value(struct reader *reader, struct buffer *value)
{
	const char *start = reader->at;
	const char *end = start + strlen(start);
	int rc;

	if (*start == '\'' || *start == '`')
		return misread(reader, start,
			       "write the value in double quotes; another quote stands");
	if (*start != '"') {
		while (end > start && isspace((unsigned char)end[-1]))
			end--;
		buffer_add(value, start, (size_t)(end - start));
		return 0;
	}
	rc = read_quoted(reader, value);
	if (rc < 0)
		return rc;
	skip_spaces(reader);
	if (*reader->at != '\0')
		return misread(reader, reader->at,
			       "one matcher is one condition; something follows the closing quote");
	return 0;
}

int matcher_parse(const char *text, struct matcher **matcher, struct error *err)
{
	struct reader reader = {.start = text, .at = text, .err = err};
	struct buffer name = {0}, value = {0};
	enum matcher_kind kind = MATCH_EQUAL;
	int rc;

	skip_spaces(&reader);
	rc = read_name(&reader, &name);
	if (rc == 0) {
		skip_spaces(&reader);
		rc = read_operator(&reader, &kind);
	}
	if (rc == 0) {
		skip_spaces(&reader);
		rc = read_value(&reader, &value);
	}
	if (rc == 0 && (name.failed || value.failed))
		rc = error_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = matcher_new(buffer_text(&name), kind, buffer_text(&value), matcher, err);
	buffer_done(&name);
	buffer_done(&value);
	return rc;
}

const char *matcher_subject(const struct matcher *matcher, const struct tocsin_alert *alert)
{
	const char *value = alert_get(&alert->labels, matcher->name);

	if (value)
		return value;
	if (strcmp(matcher->name, "severity") == 0)
		return severity_name(alert->severity);
	if (strcmp(matcher->name, "status") == 0)
		return alert_status_name(alert->status);
	if (strcmp(matcher->name, "source") == 0 && alert->source)
		return alert->source;
	return "";
}

bool matcher_matches(const struct matcher *matcher, const struct tocsin_alert *alert)
{
	const char *subject = matcher_subject(matcher, alert);

	switch (matcher->kind) {
	case MATCH_EQUAL:
		return strcmp(subject, matcher->value) == 0;
	case MATCH_NOT_EQUAL:
		return strcmp(subject, matcher->value) != 0;
	case MATCH_REGEX:
		return pattern_matches(matcher->pattern, subject, NULL);
	case MATCH_NOT_REGEX:
	default:
		return !pattern_matches(matcher->pattern, subject, NULL);
	}
}

const char *matcher_text(const struct matcher *matcher)
{
	return matcher->text;
}
