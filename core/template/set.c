/* SPDX-License-Identifier: Apache-2.0 */
#include "template/set.h"

#include <stdbool.h>
#include <string.h>

#include "template/document.h"

/* What every expression can call. Names with an underscore are ours. */
static const char helpers[] =
	"def _text: if type == \"string\" then . elif . == null then \"\" else tojson end;\n"
	"def unsafe: .;\n"
	"def cut(n): n as $n | _text | if length <= $n then . elif $n < 1 then \"\""
	" else .[0:$n - 1] + \"…\" end;\n"
	"def _fit(n; low; high): if high - low <= 1 then .[0:low]"
	" else ((low + high) / 2 | floor) as $middle"
	" | if (.[0:$middle] | utf8bytelength) <= n then _fit(n; $middle; high)"
	" else _fit(n; low; $middle) end end;\n"
	"def cut_bytes(n): n as $n | _text | if utf8bytelength <= $n then . elif $n < 3 then \"\""
	" else length as $length | _fit($n - 3; 0; $length) + \"…\" end;\n"
	"def _line: explode | map(if . < 32 or (. > 126 and . < 160) or . == 8232 or"
	" . == 8233 then 32 else . end) | implode;\n"
	/* A pattern costs a twentieth of that; a jq without patterns does without. */
	"def line: _text | if try test(\"[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]\")"
	" catch true then _line else . end;\n"
	"def mrkdwn: _text | split(\"&\") | join(\"&amp;\") | split(\"<\") | join(\"&lt;\")"
	" | split(\">\") | join(\"&gt;\");\n";

/* A function that puts a backslash before each of the marks. jq takes long to compare with one after
 * the other, but finds an item of a constant list at once. */
static void add_escaper(struct buffer *out, const char *name, const char *marks)
{
	buffer_printf(out, "def %s: _text | explode | map(if [", name);
	for (int c = 0; c < 127; c++)
		buffer_printf(out, "%s,", c > 0 && strchr(marks, c) ? "true" : "false");
	buffer_puts(out, "null][.] then 92, . else . end) | implode;\n");
}

static void add_helpers(struct buffer *out)
{
	buffer_puts(out, helpers);
	add_escaper(out, "markdown", "\\`*_{}[]()<>#+-.!|~&@");
	add_escaper(out, "markdown_v2", "\\_*[]()~`>#+-=|{}.!");
}

/* Two of the texts are part of the others' document. */
static bool is_stage(const struct tocsin_template *template)
{
	return !template->structure &&
	       (strcmp(template->name, "title") == 0 || strcmp(template->name, "message") == 0);
}

/* On lines of its own, and with braces around it, so that no expression reaches into the next. */
static void add_expression(struct buffer *out, const struct template_expression *expression)
{
	buffer_printf(out, "(try [(\n%s\n)] catch {e: .})", expression->jq);
}

static void add_values(struct buffer *out, const struct tocsin_template *template, bool *any)
{
	for (size_t i = 0; i < template->n; i++) {
		buffer_puts(out, *any ? ",\n" : "");
		add_expression(out, template->expression[i]);
		*any = true;
	}
}

/* "title: ...": the text of the template without any escapes, if all its expressions have a value. */
static void add_stage(struct buffer *out, const struct template_entry *entry)
{
	const struct template_text *text = &entry->source->text;
	const char *name = entry->source->name;
	size_t value = entry->first;

	buffer_printf(out, "%s: (", name);
	for (size_t i = 0; i < entry->source->n; i++)
		buffer_printf(out, "%s($_%zu | type) == \"object\"", i == 0 ? "if " : " or ",
			      entry->first + i);
	if (entry->source->n > 0)
		buffer_printf(out, " then .%s else ", name);
	for (size_t i = 0; i < text->n; i++) {
		buffer_puts(out, i == 0 ? "" : " + ");
		template_add_json(out, text->piece[i].text, strlen(text->piece[i].text));
		if (text->piece[i].expression)
			buffer_printf(out, " + ($_%zu[0] | _text)", value++);
	}
	buffer_puts(out, entry->source->n > 0 ? " end)" : ")");
}

/* What the values of the program's outputs are, in order: those of the stages first. */
static void number(struct template_set *set)
{
	for (int stage = 1; stage >= 0; stage--) {
		for (size_t i = 0; i < set->n; i++) {
			struct template_entry *entry = &set->entry[i];

			if (is_stage(entry->source) != stage)
				continue;
			entry->first = set->n_values;
			for (size_t k = 0; k < entry->source->n; k++)
				set->value[set->n_values++] = entry->source->expression[k];
		}
	}
}

static void add_stages(struct buffer *out, const struct template_set *set, bool *any)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct template_entry *entry = &set->entry[i];

		for (size_t k = 0; is_stage(entry->source) && k < entry->source->n; k++) {
			add_expression(out, entry->source->expression[k]);
			buffer_printf(out, " as $_%zu\n| ", entry->first + k);
		}
	}
	buffer_puts(out, ". + {");
	for (size_t i = 0; i < set->n; i++) {
		if (!is_stage(set->entry[i].source))
			continue;
		add_stage(out, &set->entry[i]);
		buffer_puts(out, ", ");
	}
	buffer_puts(out, "}\n| (");
	for (size_t i = 0; i < set->n; i++) {
		const struct template_entry *entry = &set->entry[i];

		for (size_t k = 0; is_stage(entry->source) && k < entry->source->n; k++) {
			buffer_printf(out, "%s$_%zu", *any ? ", " : "", entry->first + k);
			*any = true;
		}
	}
}

/* Without another template to read them the stages are templates like the others. */
static bool has_stages(const struct template_set *set)
{
	bool stage = false, other = false;

	for (size_t i = 0; i < set->n; i++) {
		stage |= is_stage(set->entry[i].source);
		other |= !is_stage(set->entry[i].source) && set->entry[i].source->n > 0;
	}
	return stage && other;
}

static void assemble(struct buffer *out, const struct template_set *set)
{
	bool any = false, stages = has_stages(set);

	add_helpers(out);
	if (stages)
		add_stages(out, set, &any);
	for (int stage = 1; stage >= 0; stage--) {
		for (size_t i = 0; i < set->n && !(stage && stages); i++) {
			if (is_stage(set->entry[i].source) == stage)
				add_values(out, set->entry[i].source, &any);
		}
	}
	buffer_puts(out, stages ? ")\n" : "\n");
}

static uint64_t mentioned(const struct template_set *set)
{
	uint64_t members = 0;

	for (size_t i = 0; i < set->n_values; i++)
		members |= document_mentions(set->value[i]->jq, strlen(set->value[i]->jq));
	/* A template that fails leaves these as they were. */
	if (has_stages(set))
		members |= document_mentions(".title, .message", strlen(".title, .message"));
	return members;
}

static bool keep_options(struct arena *arena, struct template_set *set, const json_t *options)
{
	struct buffer value = {0};
	char *kept;

	if (!options)
		return true;
	document_add_json(&value, options);
	kept = value.failed ? NULL : arena_alloc(arena, value.length);
	if (kept)
		memcpy(kept, value.data, value.length);
	set->options = kept;
	set->options_length = value.length;
	buffer_done(&value);
	return kept;
}

static bool keep_program(struct arena *arena, struct template_set *set)
{
	struct buffer program = {0};

	assemble(&program, set);
	set->program = program.failed ? NULL : arena_strdup(arena, program.data);
	buffer_done(&program);
	set->members = mentioned(set);
	return set->program;
}

/* If there is nothing but plain expressions. */
static bool keep_plain(struct arena *arena, struct template_set *set)
{
	struct plain *plain = arena_alloc(arena, set->n_values * sizeof(*plain));
	bool all = !has_stages(set);

	for (size_t i = 0; plain && all && i < set->n_values; i++)
		all = plain_read(&plain[i], set->value[i]->jq);
	set->plain = all ? plain : NULL;
	return plain;
}

struct template_set *template_set_make(struct arena *arena, const struct template_entry *entries,
				       size_t n, const json_t *options)
{
	struct template_set *set = arena_alloc(arena, sizeof(*set));
	size_t n_values = 0;

	for (size_t i = 0; i < n; i++)
		n_values += entries[i].source->n;
	if (!set)
		return NULL;
	set->entry = arena_alloc(arena, (n + 1) * sizeof(*set->entry));
	set->value = arena_alloc(arena, (n_values + 1) * sizeof(*set->value));
	if (!set->entry || !set->value)
		return NULL;
	if (n > 0)
		memcpy(set->entry, entries, n * sizeof(*entries));
	set->n = n;
	number(set);
	if (set->n_values > 0 && (!keep_options(arena, set, options) || !keep_program(arena, set) ||
				  !keep_plain(arena, set)))
		return NULL;
	return set;
}

char *template_set_single(const struct template_expression *expression)
{
	struct buffer program = {0};

	add_helpers(&program);
	add_expression(&program, expression);
	return buffer_take(&program);
}

const struct template_entry *template_set_find(const struct template_set *set,
					       const struct tocsin_template *option)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->entry[i].option == option)
			return &set->entry[i];
	}
	return NULL;
}

const struct template_set *template_sets_of(const struct template_sets *sets, const char *route)
{
	for (size_t i = 0; i < sets->n_routes; i++) {
		if (strcmp(sets->route[i].route, route) == 0)
			return sets->route[i].set;
	}
	return sets->own;
}
