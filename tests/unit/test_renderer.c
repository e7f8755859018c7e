/* SPDX-License-Identifier: Apache-2.0 */
/* What templates say, evaluated by the real process. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "renderer_trial.h"

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

static void add_point(struct buffer *out, unsigned int point)
{
	if (point < 0x80) {
		buffer_putc(out, (char)point);
	} else if (point < 0x800) {
		buffer_putc(out, (char)(0xc0 | point >> 6));
		buffer_putc(out, (char)(0x80 | (point & 0x3f)));
	} else {
		buffer_putc(out, (char)(0xe0 | point >> 12));
		buffer_putc(out, (char)(0x80 | (point >> 6 & 0x3f)));
		buffer_putc(out, (char)(0x80 | (point & 0x3f)));
	}
}

/* line, or a function that puts a backslash before each of the marks. */
static void add_wanted(struct buffer *out, const char *marks, unsigned int point)
{
	bool breaks = point < 32 || (point > 126 && point < 160) || point == 0x2028 ||
		      point == 0x2029;

	if (!marks) {
		add_point(out, breaks ? ' ' : point);
		return;
	}
	if (point < 127 && strchr(marks, (int)point))
		buffer_putc(out, '\\');
	add_point(out, point);
}

static void functions_of_ours_know_every_character(void **state)
{
	static const char *const functions[][2] = {{"line", NULL},
						   {"markdown", "\\`*_{}[]()<>#+-.!|~&@"},
						   {"markdown_v2", "\\_*[]()~`>#+-=|{}.!"}};

	(void)state;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		struct buffer yaml = {0}, wanted = {0};

		buffer_printf(&yaml,
			      "'{{ [range(1; 400), range(8200; 8300), 65279] | implode | %s }}'",
			      functions[i][0]);
		for (unsigned int point = 1; point < 8300; point = point == 399 ? 8200 : point + 1)
			add_wanted(&wanted, functions[i][1], point);
		add_wanted(&wanted, functions[i][1], 65279);
		expect(buffer_text(&yaml), buffer_text(&wanted));
		buffer_done(&yaml);
		buffer_done(&wanted);
	}
	/* one by one, where a pattern finds it */
	expect("'{{ [range(1; 32), range(127; 160), 8232, 8233 | [.] | implode | line] | unique }}'",
	       "[\" \"]");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_become_text),
		cmocka_unit_test(data_stays_data),
		cmocka_unit_test(functions_of_ours),
		cmocka_unit_test(functions_of_ours_know_every_character),
		cmocka_unit_test(values_are_escaped_and_the_text_around_them_is_not),
		cmocka_unit_test(a_structure_is_json_whatever_is_in_it),
		cmocka_unit_test(controls_are_escaped_in_structures_also_where_json_would_not),
		cmocka_unit_test(title_and_message_are_said_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
