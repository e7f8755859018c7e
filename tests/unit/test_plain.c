/* SPDX-License-Identifier: Apache-2.0 */
/* Plain expressions give what jq gives, whatever an alert holds, and ask nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "hostile.h"
#include "renderer_trial.h"
#include "template/compose.h"
#include "template/document.h"

#define EXPRESSIONS 200 /* in a program; jq compiles for long */
#define PROGRAMS 3
#define ALERTS 250 /* for each of them */

static void it_knows_what_is_plain(void **state)
{
	static const char *const plain[] = {
		".title",
		" .labels.site ",
		".options.a.b",
		"\"a ü\"",
		"null",
		"15",
		".message // .title",
		".a//.b // \"\"",
		".title|cut( 200 )",
		"null | cut(0)",
		"if .link then .link else null end",
		"if .a == \"x\" then 1 else 3 end",
		"if .a.b != \"\" then .c // \"d\" else .e end | cut(3)"};
	static const char *const other[] = {".",
					    "..",
					    ".a.b.c.d",
					    ".[\"a\"]",
					    ".a[0]",
					    ".a?",
					    ".a?//.b",
					    ".a // empty",
					    ".a | length",
					    ".a | cut(.b)",
					    ".a | cut(-1)",
					    ".a | cut(1.5)",
					    ".a | cut(1, 2)",
					    ".a, .b",
					    ".a + .b",
					    "\"\\u0041\"",
					    "\"\\(.a)\"",
					    "@html \"a\"",
					    "1.5",
					    "-1",
					    "007",
					    "1e3",
					    "9999999999999999",
					    "if .a then 1 end",
					    "if .a == .b then 1 else 2 end",
					    "if .a == 1 then 1 else 2 end",
					    "if .a == \"x\" or .b then 1 else 2 end",
					    "if .a // .b then 1 else 2 end",
					    "(.a)",
					    "[.a]",
					    "{a: 1}",
					    "$a",
					    "",
					    "nothing",
					    ".a // .b // .c // .d // .e // .f // .g",
					    ".a .b 3",
					    ".a | cut(3",
					    ".a | cut(3) .b",
					    ".a | cut(3) | cut(2)"};
	struct plain read;

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (!plain_read(&read, plain[i]))
			fail_msg("%s is not plain", plain[i]);
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		if (plain_read(&read, other[i]))
			fail_msg("%s is plain", other[i]);
	}
}

/* --- jq beside it --- */

static uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}
#define any(state, list) list[next(state) % (sizeof(list) / sizeof((list)[0]))]

static void add_path(struct buffer *out, uint64_t *state)
{
	static const char *const below[] = {
		".labels.site",     ".labels.none",     ".annotations.description",
		".details.team",    ".options.account", ".options.many",
		".options.deep.er", ".options.on",      ".title.x",
		".none.x.y",        ".attempt.x"};
	const char *help, *name = document_member(next(state) % 45, &help);

	if (name)
		buffer_printf(out, ".%s", name);
	else
		buffer_puts(out, any(state, below));
}

static void add_operand(struct buffer *out, uint64_t *state)
{
	static const char *const literals[] = {
		"\"\"",     "\"none\"", "\"critical\"", "\"www.example.com\"",
		"\"<ü>…\"", "\"a b\"",  "null",         "true",
		"false",    "0",        "42",           "999999999999999"};

	if (next(state) % 3 > 0)
		add_path(out, state);
	else
		buffer_puts(out, any(state, literals));
}

static void add_chain(struct buffer *out, uint64_t *state)
{
	add_operand(out, state);
	for (size_t i = 1; i < PLAIN_NEXTS && next(state) % 3 == 0; i++) {
		buffer_puts(out, " // ");
		add_operand(out, state);
	}
}

static void add_expression(struct buffer *out, uint64_t *state)
{
	static const char *const equals[] = {"",
					     "",
					     " == \"critical\"",
					     " != \"critical\"",
					     " == \"\"",
					     " == \"www.example.com\""};
	static const char *const cuts[] = {"",
					   "",
					   "",
					   " | cut(0)",
					   " | cut(1)",
					   " | cut(2)",
					   " | cut(7)",
					   " | cut(15)",
					   " | cut(200)",
					   " | cut(1000)",
					   " | cut(999999999)"};

	if (next(state) % 3 == 0) {
		buffer_puts(out, "if ");
		add_operand(out, state);
		buffer_printf(out, "%s then ", any(state, equals));
		add_chain(out, state);
		buffer_puts(out, " else ");
		add_chain(out, state);
		buffer_puts(out, " end");
	} else {
		add_chain(out, state);
	}
	buffer_puts(out, any(state, cuts));
}

/* A list of them in YAML. */
static const struct tocsin_template *add_all(struct trial *trial, uint64_t *state)
{
	const struct tocsin_template *template;
	struct buffer yaml = {0};

	buffer_putc(&yaml, '[');
	for (size_t i = 0; i < EXPRESSIONS; i++) {
		buffer_puts(&yaml, "'{{ ");
		add_expression(&yaml, state);
		buffer_puts(&yaml, " }}', ");
	}
	buffer_putc(&yaml, ']');
	assert_false(yaml.failed);
	template = structure(trial, "body", yaml.data);
	buffer_done(&yaml);
	return template;
}

static void begin_with_options(struct trial *trial, uint64_t *state)
{
	json_t *options = json_loads("{\"account\": \"ü\", \"many\": [1, -7, \"a\\\"\", null, {}],"
				     "\"deep\": {\"er\": {\"b\": true, \"a\": \"\\u007f\"}},"
				     "\"on\": false}",
				     0, NULL);
	struct error err;

	assert_non_null(options);
	begin(trial);
	add_all(trial, state);
	trial->set = template_set_make(trial->fixture.arena, trial->fixture.entry, trial->fixture.n,
				       options);
	json_decref(options);
	assert_non_null(trial->set);
	if (renderer_add(trial->renderer, trial->set, "chat", &trial->program, &err) < 0)
		fail_msg("%s", err.text);
}

static void add_u32(struct buffer *out, size_t number)
{
	uint32_t value = (uint32_t)number;

	buffer_add(out, &value, sizeof(value));
}

/* What tocsin-jq answers for the document. */
static void ask_jq(struct trial *trial, const struct buffer *document, struct buffer *reply)
{
	struct buffer message = {0};

	add_u32(&message, 1);
	add_u32(&message, trial->program->id);
	add_u32(&message, trial->set->n_values);
	add_u32(&message, document->length);
	buffer_add(&message, document->data, document->length);
	assert_false(message.failed);
	assert_int_equal(process_ask(&trial->renderer->process, WIRE_RENDER, message.data,
				     message.length, RENDERER_COMPILE_MS, reply),
			 WIRE_DONE);
	buffer_done(&message);
}

/* jq is left what it calls a mistake, and what is not text; nothing else. */
static bool is_for_jq(const struct value *jq, const char *hostile)
{
	return jq->kind == WIRE_ERROR || !text_is_valid(hostile, strlen(hostile));
}

/* The renderer asks jq for a delivery with so much. */
static bool is_too_much(const struct value *jq)
{
	return jq->kind == WIRE_ERROR &&
	       strncmp(jq->text, "it gives too much text", jq->length) == 0;
}

static void compare_one(struct trial *trial, size_t i, const struct value *jq,
			const struct buffer *document, const char *hostile)
{
	const char *expression = trial->set->value[i]->jq, *at, *end;
	struct buffer out = {0};
	struct value value;

	if (plain_value(&out, &trial->set->plain[i], document->data)) {
		at = buffer_text(&out);
		end = at + out.length;
		assert_int_equal(values_read(&at, end, &value, 1), 0);
		assert_ptr_equal(at, end);
		if (!is_too_much(jq) && (value.kind != jq->kind || value.length != jq->length ||
					 memcmp(value.text, jq->text, jq->length) != 0))
			fail_msg("{{ %s }} says %c '%.*s', jq says %c '%.*s'", expression,
				 value.kind, (int)value.length, value.text, jq->kind,
				 (int)jq->length, jq->text);
	} else if (!is_for_jq(jq, hostile)) {
		fail_msg("{{ %s }} is left to jq, which says '%.*s'", expression, (int)jq->length,
			 jq->text);
	}
	buffer_done(&out);
}

static void compare(struct trial *trial, const char *hostile)
{
	const struct document_context context = {.members = trial->set->members,
						 .now_ms = INT64_C(1763476245123),
						 .options = trial->set->options,
						 .options_length = trial->set->options_length};
	struct buffer document = {0}, reply = {0};
	struct value *value = calloc(trial->set->n_values, sizeof(*value));
	const char *at;

	document_add(&document, &trial->fixture.delivery, &context);
	assert_false(!value || document.failed);
	ask_jq(trial, &document, &reply);
	at = buffer_text(&reply);
	assert_int_equal(values_read(&at, at + reply.length, value, trial->set->n_values), 0);
	for (size_t i = 0; i < trial->set->n_values; i++)
		compare_one(trial, i, &value[i], &document, hostile);
	free(value);
	buffer_done(&document);
	buffer_done(&reply);
}

/* The text in most places, and often a value for which an expression looks. */
static void fill(struct template_fixture *fixture, const char *hostile, uint64_t *state)
{
	fixture->alert.labels.n = fixture->alert.annotations.n = 0;
	if (next(state) % 4 > 0)
		fixture_label(fixture, "site", next(state) % 2 ? hostile : "www.example.com");
	fixture_label(fixture, hostile, next(state) % 2 ? hostile : "");
	fixture_annotate(fixture, "description", hostile);
	fixture_annotate(fixture, "team", hostile);
	if (next(state) % 2)
		fixture_annotate(fixture, "summary", hostile);
	fixture->alert.severity = (enum tocsin_severity)(next(state) % 7);
	fixture->alert.status = (enum tocsin_status)(next(state) % 3);
	fixture->alert.starts_at_ms = (int64_t)(next(state) % UINT64_C(253402300800000));
	fixture->alert.ends_at_ms = next(state) % 2 ? 0 : fixture->alert.starts_at_ms;
	fixture->alert.link = hostile;
	fixture->alert.source = hostile;
	fixture->delivery.recipient = next(state) % 2 ? hostile : "";
	fixture->delivery.attempt = (int)(next(state) % 1000);
}

static void plain_says_what_jq_says(void **unused)
{
	uint64_t seed = hostile_seed(), state = seed;

	(void)unused;
	for (size_t k = 0; k < PROGRAMS; k++) {
		struct trial trial;

		begin_with_options(&trial, &state);
		assert_non_null(trial.set->plain);
		for (size_t i = 0; i < ALERTS; i++) {
			char *hostile = hostile_text(seed, next(&state) % HOSTILE_TEXTS);

			fill(&trial.fixture, hostile, &state);
			compare(&trial, hostile);
			free(hostile);
		}
		end(&trial);
	}
}

/* --- in the renderer --- */

static void plain_templates_ask_nobody(void **state)
{
	const struct tocsin_template *words, *body;
	struct trial trial;

	(void)state;
	begin(&trial);
	words = text(&trial, "words", "'<{{ .severity }}> {{ .title | cut(6) }}'");
	body = structure(&trial, "body", "{l: '{{ .labels }}', n: '{{ .none // 7 }}'}");
	compile(&trial);
	process_kill(&trial.renderer->process);
	trial.renderer->path = "/nonexistent";
	render(&trial);
	assert_string_equal(said(&trial, words), "<critical> disk …");
	assert_string_equal(said(&trial, body), "{\"l\":{\"site\":\"www.example.com\"},\"n\":7}");
	end(&trial);
}

static void what_a_document_shows_is_for_jq_in_its_words(void **state)
{
	const struct tocsin_template *title;
	struct trial trial;

	(void)state;
	begin(&trial);
	title = text(&trial, "title", "'{{ .title.x }}'");
	render(&trial);
	assert_non_null(trial.set->plain);
	assert_null(said(&trial, title));
	assert_int_equal(trial.errors, 1);
	assert_int_equal(logged(&trial,
				"t.yaml:1:5: template 'title': {{ .title.x }} fails: Cannot "
				"index string"),
			 1);
	end(&trial);
}

/* It takes their place before it compares. */
static void bytes_that_are_no_text_are_for_jq(void **state)
{
	const struct tocsin_template *words;
	struct trial trial;

	(void)state;
	begin(&trial);
	fixture_label(&trial.fixture, "bad", "\xff");
	words = text(&trial, "words",
		     "'{{ if .labels.bad == \"\xef\xbf\xbd\" then \"same\" else \"other\" end }}'");
	render(&trial);
	assert_non_null(trial.set->plain);
	assert_string_equal(said(&trial, words), "same");
	end(&trial);
}

/* jq prints them in its own way. */
static void large_numbers_are_for_jq(void **state)
{
	static const char exact[] = "{\"n\": 999999999999999}",
			  large[] = "{\"n\": 1000000000000000}";
	const char *const documents[] = {exact, large};
	struct plain plain;

	(void)state;
	assert_true(plain_read(&plain, ".n"));
	for (size_t i = 0; i < 2; i++) {
		struct buffer document = {0}, out = {0};
		json_t *json = json_loads(documents[i], 0, NULL);

		document_add_json(&document, json);
		assert_false(!json || document.failed);
		assert_true(plain_value(&out, &plain, document.data) == (i == 0));
		buffer_done(&document);
		buffer_done(&out);
		json_decref(json);
	}
}

static void plain_values_have_the_same_bounds(void **state)
{
	enum { LARGE = 60 * 1024 };
	const struct tocsin_template *body;
	struct trial trial;
	char *large = calloc(1, LARGE + 1);

	(void)state;
	assert_non_null(large);
	memset(large, 'x', LARGE);
	begin(&trial);
	fixture_annotate(&trial.fixture, "description", large);
	body = structure(&trial, "body",
			 "['{{ .message }}', '{{ .message }}', '{{ .message }}', '{{ .message }}',"
			 " '{{ .message }}', '{{ .message }}', '{{ .message }}', '{{ .message }}',"
			 " '{{ .message }}', '{{ .title }}']");
	render(&trial);
	assert_non_null(trial.set->plain);
	assert_null(said(&trial, body));
	assert_int_equal(logged(&trial, "it gives too much text"), 1);
	end(&trial);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_knows_what_is_plain),
		cmocka_unit_test(plain_says_what_jq_says),
		cmocka_unit_test(plain_templates_ask_nobody),
		cmocka_unit_test(what_a_document_shows_is_for_jq_in_its_words),
		cmocka_unit_test(bytes_that_are_no_text_are_for_jq),
		cmocka_unit_test(large_numbers_are_for_jq),
		cmocka_unit_test(plain_values_have_the_same_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
