/* SPDX-License-Identifier: Apache-2.0 */
/* Where an expression ends, what is refused in it, and which members it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/jq.h"
#include "template/document.h"

static void expect(const char *text, const char *jq, const char *rest, bool unsafe)
{
	struct jq_found found;

	if (!jq_find(text, &found))
		fail_msg("%s: %s", text, found.why);
	assert_int_equal(found.length, strlen(jq));
	assert_memory_equal(found.begin, jq, found.length);
	assert_string_equal(found.end, rest);
	assert_int_equal(found.unsafe, unsafe);
}

static void an_expression_ends_where_its_braces_close(void **state)
{
	(void)state;
	expect(" .title }} rest", ".title", " rest", false);
	expect(".title}}", ".title", "", false);
	expect(" \"}}\" }}x", "\"}}\"", "x", false);
	expect(" \"\\\"}}\" }}x", "\"\\\"}}\"", "x", false);
	expect(" {a: {b: 1}} }}x", "{a: {b: 1}}", "x", false);
	expect(" {a:{b:1}}}}x", "{a:{b:1}}", "x", false);
	expect(" \"a\\(.b | \"}}\" + {c:{}}.c)d }}\" }}x", "\"a\\(.b | \"}}\" + {c:{}}.c)d }}\"",
	       "x", false);
	expect("\n .a\n | .b\n}}\n", ".a\n | .b", "\n", false);
	expect(" .a // 1.5e-3 }}", ".a // 1.5e-3", "", false);
}

static void unsafe_is_a_mark_and_no_part_of_the_expression(void **state)
{
	(void)state;
	expect(" .title | unsafe }}", ".title", "", true);
	expect(" .a | .b |unsafe}}x", ".a | .b", "x", true);
	expect(" .unsafe }}", ".unsafe", "", false);
	expect(" \"unsafe\" }}", "\"unsafe\"", "", false);
}

static void refuse(const char *text, const char *word)
{
	struct jq_found found;

	if (jq_find(text, &found))
		fail_msg("%s is taken as '%.*s'", text, (int)found.length, found.begin);
	if (!strstr(found.why, word))
		fail_msg("%s: %s", text, found.why);
}

static void what_is_no_expression_is_refused_with_the_reason(void **state)
{
	char deep[JQ_DEPTH + 8];

	(void)state;
	refuse(" .title", "closing");
	refuse("", "closing");
	refuse(" }}", "no expression");
	refuse("}}", "no expression");
	refuse(" .a) , (.b }}", "brackets");
	refuse(" (.a }}", "brackets");
	refuse(" [.a) }}", "brackets");
	refuse(" \"x }}", "quote");
	refuse(" \"\\(.a }}\" }}", "brackets");
	refuse(" .a # b }}", "comment");
	refuse(" .a | unsafe | .b }}", "unsafe");
	refuse(" unsafe }}", "unsafe");
	refuse(" (.a | unsafe) }}", "unsafe");
	refuse(" .a | unsafe + 1 }}", "unsafe");
	memset(deep, '(', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	refuse(deep, "deep");
}

static void what_reaches_out_is_refused_but_not_fields_of_that_name(void **state)
{
	static const char *const words[] = {
		"import",     "include",        "input",    "inputs",      "debug",
		"stderr",     "input_filename", "env",      "$ENV",        "halt",
		"halt_error", "modulemeta",     "$__loc__", "$__prog_args"};
	char text[128], quoted[128];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(text, sizeof(text), " .a | %s }}", words[i]);
		refuse(text, words[i]);
		snprintf(text, sizeof(text), " \"x\\(%s)\" }}", words[i]);
		refuse(text, words[i]);
		snprintf(text, sizeof(text), " def f: %s; f }}", words[i]);
		refuse(text, words[i]);
		snprintf(text, sizeof(text), "\"%s\"}}", words[i]);
		snprintf(quoted, sizeof(quoted), "\"%s\"", words[i]);
		expect(text, quoted, "", false);
	}
	expect(" .labels.env }}", ".labels.env", "", false);
	expect(" {env: 1, input : 2} }}", "{env: 1, input : 2}", "", false);
}

static void mentions(const char *jq, const char *names)
{
	uint64_t members = document_mentions(jq, strlen(jq));
	char found[1024] = "";
	const char *name, *help;

	if (members == DOCUMENT_ALL) {
		assert_string_equal(names, "*");
		return;
	}
	for (size_t i = 0; (name = document_member(i, &help)); i++) {
		if (members >> i & 1) {
			strncat(found, *found ? " " : "", sizeof(found) - strlen(found) - 1);
			strncat(found, name, sizeof(found) - strlen(found) - 1);
		}
	}
	if (strcmp(found, names) != 0)
		fail_msg("%s reads '%s', not '%s'", jq, found, names);
}

static void only_what_an_expression_reads_is_made_for_it(void **state)
{
	(void)state;
	mentions(".title", "title");
	mentions(".labels.site", "labels");
	mentions(".labels.title", "labels");
	mentions(".labels[\"title\"]", "labels");
	mentions(".labels[.severity]", "severity labels");
	mentions(".title | length | . as $x | $x", "*");
	mentions(".title | ascii_upcase | .[0:3]", "title");
	mentions(".message // .title", "title message");
	mentions("(.message // .title) | cut(80)", "title message");
	mentions("\"\\(.title): \\(.message | line)\"", "title message");
	mentions("if .status == \"resolved\" then .title else .message | tojson end",
		 "status title message");
	mentions("if .status | length > 2 then .title else .key end", "key status title");
	mentions(".title, .key | f", "key title");
	mentions("[.labels[], .title] | join(\",\")", "title labels");
	mentions("\"constant\"", "");
	mentions(".unknown", "");
}

static void what_may_read_everything_gets_everything(void **state)
{
	(void)state;
	mentions(".", "*");
	mentions("..", "*");
	mentions("tojson", "*");
	mentions("keys", "*");
	mentions("@json", "*");
	mentions("[.]", "*");
	mentions("(.)", "*");
	mentions("\"\\(.)\"", "*");
	mentions(".[\"title\"]", "*");
	mentions(".title |= ascii_upcase", "*");
	mentions(".title = 1", "*");
	mentions(". as $d | .title | $d.key", "*");
	mentions("def f: .key; .title | f", "*");
	mentions("{title, key}", "*");
	mentions("if .status then . else .title end", "*");
	mentions(".labels | .a as $x | .b", "*");
	mentions("del(.title)", "*");
	mentions("getpath([\"key\"])", "*");
	mentions("first(.key)", "*");
	mentions("try .key catch .", "*");
	mentions("reduce .labels[] as $l (0; . + 1)", "*");
	mentions(".title and keys", "*");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_expression_ends_where_its_braces_close),
		cmocka_unit_test(unsafe_is_a_mark_and_no_part_of_the_expression),
		cmocka_unit_test(what_is_no_expression_is_refused_with_the_reason),
		cmocka_unit_test(what_reaches_out_is_refused_but_not_fields_of_that_name),
		cmocka_unit_test(only_what_an_expression_reads_is_made_for_it),
		cmocka_unit_test(what_may_read_everything_gets_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
