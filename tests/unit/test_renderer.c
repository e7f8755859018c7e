/* SPDX-License-Identifier: Apache-2.0 */
/* What templates say, evaluated by the real process; and what is left of it when that fails. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "scarce.h"
#include "template/renderer.h"
#include "template/renderer_parts.h"
#include "template_fixture.h"
#include "valgrind.h"

struct trial {
	struct template_fixture fixture;
	struct log *log;
	struct renderer *renderer;
	struct renderer_program *program;
	const struct template_set *set;
	struct rendering *rendering;
	size_t errors;
	FILE *written; /* what was logged */
};

static void begin(struct trial *trial)
{
	*trial = (struct trial){.written = tmpfile()};
	fixture_init(&trial->fixture);
	assert_non_null(trial->written);
	assert_int_equal(log_new(&trial->log, fileno(trial->written), LOG_TEXT, TOCSIN_LOG_WARNING),
			 0);
	trial->renderer = renderer_new(trial->log, NULL);
	assert_non_null(trial->renderer);
}

static void end(struct trial *trial)
{
	rendering_free(trial->rendering);
	renderer_remove(trial->program);
	renderer_free(trial->renderer);
	log_free(trial->log);
	fclose(trial->written);
	fixture_done(&trial->fixture);
}

static const struct tocsin_template *add(struct trial *trial, const char *name,
					 enum tocsin_option_type type, const char *yaml)
{
	const struct tocsin_template *template =
		fixture_add(&trial->fixture, name, type, TOCSIN_ESCAPE_NONE, yaml);

	if (!template)
		fail_msg("%s", trial->fixture.problems.text[0]);
	return template;
}
#define text(trial, name, yaml) add(trial, name, TOCSIN_TEMPLATE, yaml)
#define structure(trial, name, yaml) add(trial, name, TOCSIN_STRUCTURE, yaml)

static void compile(struct trial *trial)
{
	struct error err;

	trial->set = fixture_set(&trial->fixture);
	assert_non_null(trial->set);
	if (renderer_add(trial->renderer, trial->set, "chat", &trial->program, &err) < 0)
		fail_msg("%s", err.text);
}

static void render(struct trial *trial)
{
	struct render_job job;

	if (!trial->program)
		compile(trial);
	job = (struct render_job){.program = trial->program, .delivery = &trial->fixture.delivery};
	rendering_free(trial->rendering);
	renderer_render(trial->renderer, &job, 1);
	trial->rendering = job.rendering;
	trial->errors = job.errors;
}

static const char *said(const struct trial *trial, const struct tocsin_template *template)
{
	return rendering_text(trial->set, trial->rendering, template);
}

static size_t logged(const struct trial *trial, const char *word)
{
	char line[2048];
	size_t n = 0;

	rewind(trial->written);
	while (fgets(line, sizeof(line), trial->written))
		n += strstr(line, word) != NULL;
	return n;
}

/* One text by itself. */
static void expect(const char *yaml, const char *wanted)
{
	const struct tocsin_template *template;
	struct trial trial;

	begin(&trial);
	fixture_label(&trial.fixture, "team", "a \"b\" <c> & d\\(.e) {{ .title }} ü…");
	template = text(&trial, "words", yaml);
	render(&trial);
	if (!said(&trial, template) || strcmp(said(&trial, template), wanted) != 0)
		fail_msg("%s says '%s', not '%s'", yaml, said(&trial, template), wanted);
	end(&trial);
}

static void values_become_text(void **state)
{
	(void)state;
	expect("'{{ .title }}'", "disk is full");
	expect("'a {{ .labels.site }} b {{ .severity }}'", "a www.example.com b critical");
	expect("'{{ .labels.none }}|{{ empty }}|{{ null }}'", "||");
	expect("'{{ 1 }} {{ 65.2 }} {{ true }} {{ [1, \"x\"] }}'", "1 65.2 true [1,\"x\"]");
	expect("'{{ 1, 2 }}'", "1");
	expect("'{{ .starts_at }} {{ .starts_at_ms }} {{ .ends_at }}'",
	       "2025-11-18T14:30:45.123Z 1763476245123 ");
	expect("'{{ .heading }} {{ .emoji }} {{ .color }} {{ .status }}'",
	       "CRITICAL 🚨 d32f2f firing");
	expect("'{{ .alerts | length }} {{ .alerts[0].title }} {{ .attempt }} {{ .channel }}'",
	       "1 disk is full 1 chat");
	expect("'{{ keys | length }}'", "31");
	expect("'{{ \"a\\u0000b\" }}'", "ab");
	expect("'{{ \"{{\" }}'", "{{");
}

/* Whatever an alert holds is a value, and never read as anything else. */
static void data_stays_data(void **state)
{
	(void)state;
	expect("'{{ .labels.team }}'", "a \"b\" <c> & d\\(.e) {{ .title }} ü…");
	expect("'{{ \"<\\(.labels.team)>\" }}'", "<a \"b\" <c> & d\\(.e) {{ .title }} ü…>");
	expect("'{{ .labels.team | length }}'", "34");
}

static void functions_of_ours(void **state)
{
	(void)state;
	expect("'{{ .title | cut(6) }}'", "disk …");
	expect("'{{ .title | cut(12) }}'", "disk is full");
	expect("'{{ .title | cut(0) }}'", "");
	expect("'{{ \"üüüü\" | cut_bytes(8) }}'", "üüüü");
	expect("'{{ \"üüüü\" | cut_bytes(7) }}'", "üü…");
	expect("'{{ \"üüüü\" | cut_bytes(3) }}'", "…");
	expect("'{{ \"üüüü\" | cut_bytes(2) }}'", "");
	expect("'{{ .title | cut_bytes(9) }}'", "disk i…");
	expect("'{{ \"a\\nb\\u0085c\\u2028d\" | line }}'", "a b c d");
	expect("'{{ \"<a&b>\" | mrkdwn }}'", "&lt;a&amp;b&gt;");
	expect("'{{ \"*a_b@c\" | markdown }}'", "\\*a\\_b\\@c");
	expect("'{{ \"a.b-c\" | markdown_v2 }}'", "a\\.b\\-c");
	expect("'{{ null | cut(3) }}{{ 12345 | cut(3) }}'", "12…");
	expect("'{{ .title | @uri }} {{ \"<\" | @html }}'", "disk%20is%20full &lt;");
}

static void escape(enum tocsin_escape kind, const char *yaml, const char *wanted)
{
	const struct tocsin_template *template;
	struct trial trial;

	begin(&trial);
	fixture_annotate(&trial.fixture, "description", "<a href='x'>\n\"&*_@\x7f\xc2\x85ü");
	template = fixture_add(&trial.fixture, "t", TOCSIN_TEMPLATE, kind, yaml);
	assert_non_null(template);
	render(&trial);
	assert_string_equal(said(&trial, template), wanted);
	end(&trial);
}

static void values_are_escaped_and_the_text_around_them_is_not(void **state)
{
	(void)state;
	escape(TOCSIN_ESCAPE_NONE, "'<b>{{ .message }}'", "<b><a href='x'>\n\"&*_@\x7f\xc2\x85ü");
	escape(TOCSIN_ESCAPE_LINE, "'<b>{{ .message }}'", "<b><a href='x'> \"&*_@  ü");
	escape(TOCSIN_ESCAPE_HTML, "'<b>{{ .message }}'",
	       "<b>&lt;a href=&#39;x&#39;&gt;\n&#34;&amp;*_@\x7f\xc2\x85ü");
	escape(TOCSIN_ESCAPE_URI, "'/?q={{ .message }}'",
	       "/?q=%3Ca%20href%3D%27x%27%3E%0A%22%26%2A_%40%7F%C2%85%C3%BC");
	escape(TOCSIN_ESCAPE_MRKDWN, "'<!here> {{ .message }}'",
	       "<!here> &lt;a href='x'&gt;\n\"&amp;*_@\x7f\xc2\x85ü");
	escape(TOCSIN_ESCAPE_MARKDOWN, "'*{{ .message }}*'",
	       "*\\<a href='x'\\>\n\"\\&\\*\\_\\@\x7f\xc2\x85ü*");
	escape(TOCSIN_ESCAPE_HTML, "'{{ .message | .[0:3] | unsafe }} {{ .message | .[0:3] }}'",
	       "<a  &lt;a ");
}

static void a_structure_is_json_whatever_is_in_it(void **state)
{
	const struct tocsin_template *template;
	struct trial trial;

	(void)state;
	begin(&trial);
	fixture_label(&trial.fixture, "team", "\"},{\"x\":\"\\\n\x01");
	template = structure(&trial, "body",
			     "a: '{{ .labels }}'\n"
			     "b: 'x{{ .labels.team }}y'\n"
			     "gone: '{{ .labels.none }}'\n"
			     "kept: 'x{{ .labels.none }}'\n"
			     "n: '{{ .attempt }}'\n"
			     "list: [1, -2.5, true, null, '007', 007, '{{ null }}', '{{ 1, 2 }}']\n"
			     "\"k\\\"\": {deep: ['{{ .team }}', {t: '{{ .title }}'}]}\n"
			     "empty: {}\n");
	render(&trial);
	assert_string_equal(
		said(&trial, template),
		"{\"a\":{\"site\":\"www.example.com\",\"team\":\"\\\"},{\\\"x\\\":\\\"\\\\\\n"
		"\\u0001\"},\"b\":\"x\\\"},{\\\"x\\\":\\\"\\\\\\n\\u0001y\",\"kept\":\"x\",\"n\":1,"
		"\"list\":[1,-2.5,true,null,\"007\",\"007\",1],\"k\\\"\":{\"deep\":[{\"t\":\"disk "
		"is full\"}]},\"empty\":{}}");
	end(&trial);
}

/* As in every other JSON of ours, so that a line of it can be shown on a terminal. */
static void controls_are_escaped_in_structures_also_where_json_would_not(void **state)
{
	const struct tocsin_template *template;
	struct trial trial;

	(void)state;
	begin(&trial);
	fixture_label(&trial.fixture, "x", "a\x7f\xc2\x9b\u2028\u202e\u2066\u061c\u200fü…");
	template = structure(&trial, "body", "{a: '{{ .labels }}', b: '{{ .labels.x }}'}");
	render(&trial);
	assert_string_equal(said(&trial, template),
			    "{\"a\":{\"site\":\"www.example.com\",\"x\":\"a\\u007f\\u009b\\u2028"
			    "\\u202e\\u2066\\u061c\\u200fü…\"},\"b\":\"a\\u007f\\u009b\\u2028"
			    "\\u202e\\u2066\\u061c\\u200fü…\"}");
	end(&trial);
}

static void title_and_message_are_said_first(void **state)
{
	const struct tocsin_template *title, *message, *body, *other;
	struct trial trial;

	(void)state;
	begin(&trial);
	title = fixture_add(&trial.fixture, "title", TOCSIN_TEMPLATE, TOCSIN_ESCAPE_HTML,
			    "'<{{ .severity }}> {{ .title }} {{ \"&\" }}'");
	message = text(&trial, "message", "'constant \"x\" \\(.title)'");
	body = structure(&trial, "body", "{t: '{{ .title }}', m: '{{ .message }}'}");
	other = text(&trial, "other", "'{{ .title | ascii_upcase }}'");
	render(&trial);
	assert_string_equal(said(&trial, title), "<critical> disk is full &amp;");
	assert_string_equal(said(&trial, message), "constant \"x\" \\(.title)");
	assert_string_equal(said(&trial, body), "{\"t\":\"<critical> disk is full &\",\"m\":"
						"\"constant \\\"x\\\" \\\\(.title)\"}");
	assert_string_equal(said(&trial, other), "<CRITICAL> DISK IS FULL &");
	end(&trial);
}

/* An expression that fails takes its template with it, and nothing else. */
static void what_fails_fails_alone_and_is_told_once(void **state)
{
	const struct tocsin_template *title, *body, *good;
	struct trial trial;

	(void)state;
	begin(&trial);
	title = text(&trial, "title", "'{{ .title }} {{ .title | tonumber }}'");
	body = structure(&trial, "body", "{t: '{{ .title }}'}");
	good = text(&trial, "good", "'{{ .severity }}'");
	for (int i = 0; i < 3; i++) {
		render(&trial);
		assert_null(said(&trial, title));
		assert_string_equal(said(&trial, body), "{\"t\":\"disk is full\"}");
		assert_string_equal(said(&trial, good), "critical");
		assert_int_equal(trial.errors, 1);
	}
	assert_int_equal(logged(&trial, "t.yaml:1:18: template 'title': {{ .title | tonumber }} "
					"fails"),
			 1);
	end(&trial);
}

static void too_much_text_is_a_failure(void **state)
{
	const struct tocsin_template *large, *larger, *good;
	struct trial trial;

	(void)state;
	begin(&trial);
	large = text(&trial, "large", "'{{ \"x\" * 65537 }}'");
	larger = text(&trial, "larger", "'{{ \"x\" * 1000000 }}'");
	good = text(&trial, "good", "'{{ .severity }}'");
	render(&trial);
	assert_null(said(&trial, large));
	assert_null(said(&trial, larger));
	assert_string_equal(said(&trial, good), "critical");
	end(&trial);
}

/* As many deliveries, of which one is of an alert for which an expression does not end well. */
static void batch(struct trial *trial, const char *expression, const char *word)
{
	struct tocsin_pair poison[] = {{"poison", "yes"}};
	struct tocsin_alert poisoned = trial->fixture.alert;
	struct tocsin_delivery bad = trial->fixture.delivery;
	struct render_job jobs[8];
	const struct tocsin_template *first, *second;
	int64_t began;

	first = text(trial, "first", "'{{ .title }}'");
	second = text(trial, "second", expression);
	compile(trial);
	poisoned.labels = (struct tocsin_map){poison, 1};
	bad.alert = &poisoned;
	for (size_t i = 0; i < 8; i++)
		jobs[i] = (struct render_job){.program = trial->program,
					      .delivery = i == 5 ? &bad : &trial->fixture.delivery};
	began = clock_boot_ms();
	renderer_render(trial->renderer, jobs, 8);
	assert_true(clock_boot_ms() - began < 20 * RENDERER_DEADLINE_MS);
	for (size_t i = 0; i < 8; i++) {
		const char *one = rendering_text(trial->set, jobs[i].rendering, first);
		const char *two = rendering_text(trial->set, jobs[i].rendering, second);

		if (i == 5) {
			assert_null(one);
			assert_null(two);
		} else {
			assert_string_equal(one, "disk is full");
			assert_string_equal(two, "www.example.com");
		}
		rendering_free(jobs[i].rendering);
	}
	assert_int_equal(logged(trial, word), 1);
}

static void only_the_guilty_goes_without(void **state)
{
	static const char *const bad[][2] = {
		{"'{{ if .labels.poison then [recurse(.)] | length else .labels.site end }}'",
		 "template 'second'"},
		{"'{{ if .labels.poison then [range(1e12)] else .labels.site end }}'",
		 "template 'second'"},
		{"'{{ if .labels.poison then last(repeat(.)) else .labels.site end }}'",
		 "takes too long"},
		{"'{{ if .labels.poison then \"x\" * 1e9 else .labels.site end }}'",
		 "template 'second'"},
		{"'{{ if .labels.poison then def f: f; f else .labels.site end }}'",
		 "takes too long"},
		{"'{{ if .labels.poison then reduce range(1e9) as $i (\"x\"; . + .) else "
		 ".labels.site end }}'",
		 "template 'second'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct trial trial;

		begin(&trial);
		batch(&trial, bad[i][0], bad[i][1]);
		end(&trial);
	}
}

static void what_never_ends_is_switched_off(void **state)
{
	const struct tocsin_template *endless;
	struct trial trial;
	int64_t began;

	(void)state;
	begin(&trial);
	endless = text(&trial, "endless", "'{{ last(repeat(.)) }}'");
	for (int i = 0; i < RENDERER_STRIKES; i++) {
		render(&trial);
		assert_null(said(&trial, endless));
	}
	assert_int_equal(logged(&trial, "switched off for a minute"), 1);
	began = clock_boot_ms();
	for (int i = 0; i < 1000; i++) {
		render(&trial);
		assert_null(said(&trial, endless));
	}
	assert_true(clock_boot_ms() - began < RENDERER_DEADLINE_MS);
	assert_int_equal(logged(&trial, "takes too long"), RENDERER_STRIKES);
	end(&trial);
}

/* Somebody kills the process: nothing is missing, whoever it was is not to blame. */
static void a_process_that_is_killed_comes_back(void **state)
{
	const struct tocsin_template *template;
	struct trial trial;

	(void)state;
	begin(&trial);
	template = text(&trial, "words", "'{{ .title }}'");
	for (int i = 0; i < 5; i++) {
		render(&trial);
		assert_string_equal(said(&trial, template), "disk is full");
		assert_int_equal(kill(trial.renderer->process.pid, SIGKILL), 0);
	}
	assert_int_equal(logged(&trial, "template"), 0);
	end(&trial);
}

static void without_the_program_there_is_a_sentence(void **state)
{
	struct trial trial;
	struct error err;

	(void)state;
	skip_under_valgrind();
	begin(&trial);
	renderer_free(trial.renderer);
	trial.renderer = renderer_new(trial.log, "/nonexistent/tocsin-jq");
	text(&trial, "words", "'{{ .title }}'");
	assert_int_equal(renderer_add(trial.renderer, fixture_set(&trial.fixture), "chat",
				      &trial.program, &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/tocsin-jq"));
	end(&trial);
}

static void what_is_not_jq_is_told_in_its_words(void **state)
{
	struct trial trial;
	struct error err;

	(void)state;
	begin(&trial);
	assert_int_equal(renderer_judge(trial.renderer, ".a | nothing(1)", &err), -EINVAL);
	assert_string_equal(err.text, "nothing/1 is not defined");
	assert_int_equal(renderer_judge(trial.renderer, "if 1", &err), -EINVAL);
	assert_non_null(strstr(err.text, "syntax error"));
	assert_int_equal(renderer_judge(trial.renderer, ".a", &err), 0);
	end(&trial);
}

/* Without memory in the daemon there is no text, or the whole of it. */
static int render_once(void *data)
{
	struct trial *trial = data;
	const char *words;

	trial->renderer->start_at_ms = 0; /* as if time had passed since the last failure */
	render(trial);
	words = trial->rendering ? trial->rendering->text[0] : NULL;
	if (words && strcmp(words, "<critical> disk is full") != 0)
		scarce_fail("half a text");
	words = trial->rendering ? trial->rendering->text[1] : NULL;
	if (words && strcmp(words, "{\"t\":\"<critical> disk is full\",\"l\":{\"site\":"
				   "\"www.example.com\"}}") != 0)
		scarce_fail("half a structure");
	return trial->rendering ? 0 : -ENOMEM;
}

static void memory_that_runs_out_costs_the_text_only(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial);
	text(&trial, "title", "'<{{ .severity }}> {{ .title }}'");
	structure(&trial, "body", "{t: '{{ .title }}', l: '{{ .labels }}'}");
	render(&trial);
	assert_true(scarce_sweep("render", render_once, &trial) > 0);
	end(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_become_text),
		cmocka_unit_test(data_stays_data),
		cmocka_unit_test(functions_of_ours),
		cmocka_unit_test(values_are_escaped_and_the_text_around_them_is_not),
		cmocka_unit_test(a_structure_is_json_whatever_is_in_it),
		cmocka_unit_test(controls_are_escaped_in_structures_also_where_json_would_not),
		cmocka_unit_test(title_and_message_are_said_first),
		cmocka_unit_test(what_fails_fails_alone_and_is_told_once),
		cmocka_unit_test(too_much_text_is_a_failure),
		cmocka_unit_test(only_the_guilty_goes_without),
		cmocka_unit_test(what_never_ends_is_switched_off),
		cmocka_unit_test(a_process_that_is_killed_comes_back),
		cmocka_unit_test(without_the_program_there_is_a_sentence),
		cmocka_unit_test(what_is_not_jq_is_told_in_its_words),
		cmocka_unit_test(memory_that_runs_out_costs_the_text_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
