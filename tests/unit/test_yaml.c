/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/yaml.h"

static struct problems problems;
static struct node *root;

static int forget(void **state)
{
	(void)state;
	node_free(root);
	root = NULL;
	problems_done(&problems);
	return 0;
}

static int read_bytes(const char *text, size_t length)
{
	forget(NULL);
	return yaml_read("x.yaml", text, length, &problems, &root);
}

static int read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void assert_refused(const char *text, const char *expected)
{
	assert_int_not_equal(read_text(text), 0);
	assert_true(problems.n > 0);
	if (strstr(problems.text[0], expected) == NULL)
		fail_msg("expected '%s' in '%s'", expected, problems.text[0]);
}

static void a_tree_remembers_where_each_node_stands(void **state)
{
	const struct node *channels, *mail, *to;

	(void)state;
	assert_int_equal(read_text("channels:\n"
				   "  mail:\n"
				   "    port: 25\n"
				   "    to: [a@example.com, 'b']\n"),
			 0);
	assert_int_equal(root->kind, NODE_MAP);
	channels = node_get(root, "channels");
	mail = node_get(channels, "mail");
	assert_int_equal(mail->place.line, 3);
	assert_int_equal(mail->place.column, 5);
	assert_string_equal(mail->place.file, "x.yaml");
	assert_int_equal(mail->key[0]->place.column, 5);
	assert_string_equal(node_get(mail, "port")->text, "25");
	assert_int_equal(node_get(mail, "port")->place.column, 11);
	to = node_get(mail, "to");
	assert_int_equal(to->kind, NODE_LIST);
	assert_int_equal(to->n, 2);
	assert_null(to->key);
	assert_string_equal(to->item[0]->text, "a@example.com");
	assert_false(to->item[0]->quoted);
	assert_true(to->item[1]->quoted);
	assert_null(node_get(mail, "host"));
	assert_null(node_get(to, "host"));
	assert_null(node_get(NULL, "host"));
}

static void an_empty_file_is_null(void **state)
{
	static const char *const empty[] = {"",      "\n",  "# comment\n",
					    "---\n", "~\n", "\xEF\xBB\xBF"};

	(void)state;
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		assert_int_equal(read_text(empty[i]), 0);
		assert_int_equal(root->kind, NODE_NULL);
		assert_string_equal(root->text, "");
	}
}

static void only_plain_scalars_are_null(void **state)
{
	(void)state;
	assert_int_equal(read_text("a: null\nb: 'null'\nc: ~\nd: \"\"\ne:\n"), 0);
	assert_int_equal(node_get(root, "a")->kind, NODE_NULL);
	assert_int_equal(node_get(root, "b")->kind, NODE_SCALAR);
	assert_int_equal(node_get(root, "c")->kind, NODE_NULL);
	assert_int_equal(node_get(root, "d")->kind, NODE_SCALAR);
	assert_int_equal(node_get(root, "e")->kind, NODE_NULL);
}

static void aliases_anchors_and_tags_are_refused_without_quoting_them(void **state)
{
	(void)state;
	assert_refused("a: &hunter2 1\n", "x.yaml:1:4: anchors (&name) are not supported");
	assert_refused("a: *hunter2\n", "x.yaml:1:4: aliases (*name) are not supported");
	assert_refused("a: !hunter2 1\n", "x.yaml:1:4: tags (!name) are not supported");
	assert_refused("a: &hunter2 [1]\n", "anchors");
	assert_refused("a: !!map {b: 1}\n", "tags");
	assert_null(strstr(problems.text[0], "hunter2"));
	/* The rest of the file is still read. */
	assert_non_null(root);
	assert_refused("a: *b\nc: &d 1\n", "x.yaml:1:4: aliases");
	assert_int_equal(problems.n, 2);
	assert_string_equal(node_get(root, "c")->text, "1");
}

static void duplicate_keys_are_refused_with_both_lines(void **state)
{
	(void)state;
	assert_refused("b: 1\na: 1\nb: 2\nc: 1\nb: 3\n",
		       "x.yaml:3:1: the key 'b' is there twice, first on line 1");
	assert_int_equal(problems.n, 2);
	assert_refused("x: {a: 1, 'a': 2}", "x.yaml:1:11: the key 'a' is there twice");
}

static void keys_must_be_texts(void **state)
{
	(void)state;
	assert_refused("? [a, b]\n: 1\nc: 2\n", "x.yaml:1:3: a list or map cannot be a key");
	assert_int_equal(root->n, 1);
	assert_refused("{a: 1}: 2\n", "cannot be a key");
	assert_refused("?\n: 1\n", "x.yaml:1:2: this key is empty or null");
	assert_refused("~: 1\n", "this key is empty or null");
}

static void a_second_document_is_refused(void **state)
{
	(void)state;
	assert_refused("a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document begins here");
}

static void what_is_not_yaml_is_explained(void **state)
{
	(void)state;
	assert_refused("a: b: c\n", "x.yaml:1:5: this is not YAML: mapping values are not allowed");
	assert_refused("a:\n\tb: 1\n", "indent with spaces instead of tabs");
	assert_refused("a: 'open\nb: 1\n", "close the quote");
	assert_refused("a: [1, 2\nb: 1\n", "close the bracket");
	assert_refused("a: @b\n", "in quotes");
	assert_refused("a: \"\\q\"\n", "double the backslash");
	assert_refused("a\nb: 1\n", "x.yaml:");
	assert_refused("a: \x01\n", "x.yaml:1:4: this is not YAML: control characters");
	assert_null(root);
}

static void text_that_is_not_utf8_is_refused_with_its_place(void **state)
{
	(void)state;
	assert_refused("a: 1\nb: \xC3\xA9\xFF\n", "x.yaml:2:6: this is not UTF-8 text");
	assert_int_not_equal(read_bytes("a: \0b\n", 6), 0);
	assert_non_null(strstr(problems.text[0], "x.yaml:1:4: this is not UTF-8"));
	assert_int_not_equal(read_bytes("\xFF\xFE"
					"a\0:\0",
					6),
			     0);
	assert_refused("a: \"b\\0c\"\n", "x.yaml:1:4: this text contains a NUL character");
}

static void nesting_is_bounded(void **state)
{
	char text[2 * YAML_DEPTH + 3];

	(void)state;
	memset(text, '[', YAML_DEPTH);
	memset(text + YAML_DEPTH, ']', YAML_DEPTH);
	text[2 * YAML_DEPTH] = '\0';
	assert_int_equal(read_text(text), 0);
	memset(text, '[', YAML_DEPTH + 1);
	memset(text + YAML_DEPTH + 1, ']', YAML_DEPTH + 1);
	text[2 * YAML_DEPTH + 2] = '\0';
	assert_refused(text, "x.yaml:1:33: lists and maps are nested deeper than 32");
}

/* A file of 1 MiB made by repeating a piece. */
static char *repeat(const char *piece, size_t *length)
{
	size_t n = strlen(piece);
	char *text = malloc(YAML_SIZE + 1);

	assert_non_null(text);
	for (*length = 0; *length + n <= YAML_SIZE; *length += n)
		memcpy(text + *length, piece, n);
	text[*length] = '\0';
	return text;
}

static void hostile_files_take_no_time(void **state)
{
	static const char *const pieces[] = {"[",   "{a: ", "- ",   "? ",          "a: &b *c\n",
					     "a: ", "\n",   "[],",  "'",           "\"\\",
					     "a\n", "!",    "&a ",  "- - - - a\n", "a: 1\n",
					     "*a ", "|\n",  "# \n", "\xFF",        "{? [] : a, "};
	clock_t start = clock(); /* of this process: what else runs does not matter */

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t length;
		char *text = repeat(pieces[i], &length);

		read_bytes(text, length);
		free(text);
	}
	/* Far below this without sanitizers; quadratic work would take minutes. */
	assert_true((clock() - start) / CLOCKS_PER_SEC < 60);
}

static void many_different_keys_are_checked_in_time(void **state)
{
	char *text = malloc(YAML_SIZE);
	size_t length = 0;

	(void)state;
	assert_non_null(text);
	for (int i = 0; length + 16 < YAML_SIZE; i++)
		length += (size_t)snprintf(text + length, 16, "k%d:\n", i);
	assert_int_equal(read_bytes(text, length), 0);
	assert_true(root->n > 100000);
	free(text);
}

static void a_file_over_the_bound_is_refused(void **state)
{
	size_t length;
	char *text = repeat("#\n", &length);

	(void)state;
	assert_int_equal(read_bytes(text, length), 0);
	text = realloc(text, length + 2);
	assert_non_null(text);
	memcpy(text + length, "#", 2);
	assert_refused(text, "x.yaml: this file is larger than 1024 KiB");
	free(text);
}

static void only_regular_files_are_read(void **state)
{
	char directory[] = "/tmp/tocsin-yaml-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(directory));
	forget(NULL);
	assert_int_equal(yaml_read_file(directory, &problems, &root), -21);
	assert_non_null(strstr(problems.text[0], ": this is a directory"));

	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(yaml_read_file(path, &problems, &root), -22);
	assert_non_null(strstr(problems.text[1], ": this is not a regular file"));
	unlink(path);

	snprintf(path, sizeof(path), "%s/none", directory);
	assert_int_equal(yaml_read_file(path, &problems, &root), -2);
	assert_non_null(strstr(problems.text[2], "cannot be opened: No such file"));
	assert_null(root);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_remembers_where_each_node_stands),
		cmocka_unit_test(an_empty_file_is_null),
		cmocka_unit_test(only_plain_scalars_are_null),
		cmocka_unit_test(aliases_anchors_and_tags_are_refused_without_quoting_them),
		cmocka_unit_test(duplicate_keys_are_refused_with_both_lines),
		cmocka_unit_test(keys_must_be_texts),
		cmocka_unit_test(a_second_document_is_refused),
		cmocka_unit_test(what_is_not_yaml_is_explained),
		cmocka_unit_test(text_that_is_not_utf8_is_refused_with_its_place),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(hostile_files_take_no_time),
		cmocka_unit_test(many_different_keys_are_checked_in_time),
		cmocka_unit_test(a_file_over_the_bound_is_refused),
		cmocka_unit_test(only_regular_files_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
