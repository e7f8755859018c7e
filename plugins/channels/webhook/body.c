/* SPDX-License-Identifier: Apache-2.0 */
#include "body.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cut.h"
#include "path.h"

/* No text is shortened below this to make a request fit: who wants to read less? */
#define SHORTEST 16

void webhook_refuse(struct refusal *refusal, enum tocsin_outcome outcome, const char *format, ...)
{
	va_list arguments;

	refusal->outcome = outcome;
	va_start(arguments, format);
	vsnprintf(refusal->why, sizeof(refusal->why), format, arguments);
	va_end(arguments);
}

static void refuse_memory(struct refusal *refusal)
{
	webhook_refuse(refusal, TOCSIN_RETRY, "out of memory");
}

/* The beginning of a text and the mark. */
static bool shorten(json_t *text, size_t kept)
{
	const char *value = json_string_value(text);
	size_t length = kept + strlen(CUT_MARK);
	char *cut = malloc(length + 1);
	bool done;

	if (!cut)
		return false;
	memcpy(cut, value, kept);
	memcpy(cut + kept, CUT_MARK, sizeof(CUT_MARK));
	done = json_string_setn(text, cut, length) == 0;
	free(cut);
	return done;
}

static void limit_field(const struct webhook_limits *limits, const struct tocsin_pair *field,
			json_t *root, struct refusal *refusal)
{
	json_t *text = webhook_path_find(root, field->name);
	size_t most = strtoul(field->value, NULL, 10), kept;

	if (!json_is_string(text))
		return;
	kept = webhook_cut(json_string_value(text), most, (enum webhook_unit)limits->unit);
	if (kept == json_string_length(text))
		return;
	if (limits->overflow == OVERFLOW_REJECT)
		webhook_refuse(
			refusal, TOCSIN_REJECTED,
			"'%.60s' is longer than the limit of %zu, and limits.overflow is reject",
			field->name, most);
	else if (!shorten(text, kept))
		refuse_memory(refusal);
}

/* The longest text below value, or longest itself. Names of members are not counted: they are the
 * configuration's, or an alert's labels, which are short. */
static json_t *longest_below(json_t *value, json_t *longest)
{
	const char *name;
	json_t *item;
	size_t i;

	if (json_is_string(value)) {
		if (!longest || json_string_length(value) > json_string_length(longest))
			return value;
	} else if (json_is_object(value)) {
		json_object_foreach(value, name, item) longest = longest_below(item, longest);
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, item) longest = longest_below(item, longest);
	}
	return longest;
}

/* Shorter by at least what is too much; a byte may be up to six in JSON, so it takes a few rounds
 * at most when the text is escaped. */
static bool shorten_longest(json_t *root, size_t excess)
{
	json_t *text = longest_below(root, NULL);
	size_t length = json_string_length(text), most;

	if (!text || length < SHORTEST)
		return false;
	most = length > excess + SHORTEST ? length - excess : SHORTEST;
	if (most >= length)
		most = length - 1;
	return shorten(text, webhook_cut(json_string_value(text), most, UNIT_BYTES));
}

static int put_chunk(const char *data, size_t length, void *out)
{
	writer_add(out, data, length);
	return ((struct writer *)out)->failed ? -1 : 0;
}

static void put_form_value(struct writer *out, const char *name, const json_t *value)
{
	char *text;

	if (json_is_null(value))
		return;
	writer_add(out, "&", out->length > 0 ? 1 : 0);
	writer_uri(out, name);
	writer_add(out, "=", 1);
	if (json_is_string(value)) {
		writer_uri(out, json_string_value(value));
		return;
	}
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	out->failed |= !text;
	writer_uri(out, text ? text : "");
	free(text);
}

static void put_form(struct writer *out, json_t *root)
{
	const char *name;
	json_t *value, *item;
	size_t i;

	json_object_foreach(root, name, value)
	{
		if (!json_is_array(value)) {
			put_form_value(out, name, value);
			continue;
		}
		json_array_foreach(value, i, item) put_form_value(out, name, item);
	}
}

static void put(const struct parts *parts, json_t *root, struct writer *out)
{
	writer_clear(out);
	if (parts->kind == BODY_FORM)
		put_form(out, root);
	else if (json_dump_callback(root, put_chunk, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
		out->failed = true;
}

static void put_within(const struct webhook_limits *limits, const struct parts *parts, json_t *root,
		       struct writer *out, struct refusal *refusal)
{
	size_t most = (size_t)limits->request;

	put(parts, root, out);
	while (!out->failed && most > 0 && out->length > most) {
		if (limits->overflow == OVERFLOW_REJECT ||
		    !shorten_longest(root, out->length - most)) {
			webhook_refuse(refusal, TOCSIN_REJECTED,
				       "the request has %zu bytes, and the limit is %zu",
				       out->length, most);
			return;
		}
		put(parts, root, out);
	}
	if (out->failed)
		refuse_memory(refusal);
}

/* True if the JSON text cannot hold what has to be changed, so nobody needs to parse it. */
static bool is_fine(const struct webhook_limits *limits, const struct parts *parts,
		    const struct additions *more, size_t length)
{
	if (parts->kind == BODY_FORM || (more && more->n > 0) ||
	    (limits->request > 0 && length > (size_t)limits->request))
		return false;
	for (size_t i = 0; i < limits->fields.n; i++)
		if (length > strtoul(limits->fields.pair[i].value, NULL, 10))
			return false;
	return true;
}

static void make_structure(const struct webhook_limits *limits, const struct parts *parts,
			   const struct additions *more, struct writer *out,
			   struct refusal *refusal)
{
	json_t *root = json_loads(parts->text, JSON_DECODE_ANY, NULL);

	if (!root) {
		refuse_memory(refusal); /* it is JSON: we made it, or the core did */
		return;
	}
	if (!json_is_object(root) && (parts->kind == BODY_FORM || (more && more->n > 0)))
		webhook_refuse(refusal, TOCSIN_REJECTED, "the body must be lines of 'name: value'");
	for (size_t i = 0; !refusal->outcome && i < limits->fields.n; i++)
		limit_field(limits, &limits->fields.pair[i], root, refusal);
	for (size_t i = 0; !refusal->outcome && more && i < more->n; i++)
		if (json_object_set_new(root, more->pair[i].name, json_string(more->pair[i].value)))
			refuse_memory(refusal);
	if (!refusal->outcome)
		put_within(limits, parts, root, out, refusal);
	json_decref(root);
}

static void make_text(const struct webhook_limits *limits, const char *text, struct writer *out,
		      struct refusal *refusal)
{
	size_t length = strlen(text), most = (size_t)limits->request, kept = length;

	if (most > 0 && length > most)
		kept = webhook_cut(text, most, UNIT_BYTES);
	if (kept < length && limits->overflow == OVERFLOW_REJECT) {
		webhook_refuse(refusal, TOCSIN_REJECTED,
			       "the request has %zu bytes, and the limit is %zu", length, most);
		return;
	}
	writer_add(out, text, kept);
	if (kept < length)
		writer_puts(out, CUT_MARK);
}

void webhook_body(const struct webhook_limits *limits, const struct parts *parts,
		  const struct additions *more, struct writer *out, struct refusal *refusal)
{
	writer_clear(out);
	if (parts->kind == BODY_NONE)
		return;
	if (parts->kind == BODY_TEXT)
		make_text(limits, parts->text, out, refusal);
	else if (is_fine(limits, parts, more, strlen(parts->text)))
		writer_puts(out, parts->text);
	else
		make_structure(limits, parts, more, out, refusal);
	if (!refusal->outcome && out->failed)
		refuse_memory(refusal);
}
