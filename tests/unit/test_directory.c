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
#include <unistd.h>

#include "config/directory.h"

static char directory[32];
static struct problems problems;
static struct documents documents;

static void path_of(const char *name, char path[96])
{
	snprintf(path, 96, "%s/%s", directory, name);
}

static void put_file(const char *name, const char *text)
{
	char path[96];
	FILE *file;

	path_of(name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/tocsin-conf-XXXXXX");
	return mkdtemp(directory) == NULL;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"10-a.yaml",    "B.yml",   "a.yaml",
					    ".hidden.yaml", "c.yaml~", "README",
					    ".yaml",        "z.yaml",  "fifo.yaml"};
	char path[96];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(names[i], path);
		unlink(path);
	}
	path_of("d.yaml", path);
	rmdir(path);
	rmdir(directory);
	documents_done(&documents);
	problems_done(&problems);
	return 0;
}

static void files_come_in_byte_order_of_their_names(void **state)
{
	char path[96];

	(void)state;
	put_file("a.yaml", "three: 3\n");
	put_file("B.yml", "two: 2\n");
	put_file("10-a.yaml", "");
	put_file(".hidden.yaml", "x: [\n");
	put_file(".yaml", "x: [\n");
	put_file("c.yaml~", "x: [\n");
	put_file("README", "x: [\n");
	assert_int_equal(documents_read(directory, &problems, &documents), 0);
	assert_int_equal(documents.n, 3);
	assert_int_equal(documents.root[0]->kind, NODE_NULL);
	assert_non_null(node_get(documents.root[1], "two"));
	assert_non_null(node_get(documents.root[2], "three"));
	path_of("B.yml", path);
	assert_string_equal(documents.path[1], path);
	assert_string_equal(documents.root[1]->place.file, path);
}

static void slashes_at_the_end_of_the_directory_do_not_show(void **state)
{
	char slashes[64], path[96];

	(void)state;
	put_file("a.yaml", "a: 1\n");
	snprintf(slashes, sizeof(slashes), "%s//", directory);
	path_of("a.yaml", path);
	assert_int_equal(documents_read(slashes, &problems, &documents), 0);
	assert_string_equal(documents.path[0], path);
}

static void the_mistakes_of_all_files_are_found(void **state)
{
	char path[96];

	(void)state;
	put_file("10-a.yaml", "a: [\n");
	put_file("B.yml", "- a\n");
	put_file("a.yaml", "fine: 1\n");
	put_file("z.yaml", "a: 1\na: 2\n");
	path_of("d.yaml", path);
	assert_int_equal(mkdir(path, 0700), 0);
	path_of("fifo.yaml", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_not_equal(documents_read(directory, &problems, &documents), 0);
	assert_int_equal(problems.n, 5);
	assert_non_null(strstr(problems.text[0], "10-a.yaml:"));
	assert_non_null(strstr(problems.text[1], "B.yml:1:1: this file is a list; write sections"));
	assert_non_null(strstr(problems.text[2], "d.yaml: this is a directory"));
	assert_non_null(strstr(problems.text[3], "fifo.yaml: this is not a regular file"));
	assert_non_null(strstr(problems.text[4], "z.yaml:2:1: the key 'a' is there twice"));
	/* What could be read is there, so that its mistakes can be found as well. */
	assert_int_equal(documents.n, 2);
	assert_non_null(node_get(documents.root[0], "fine"));
}

static void a_directory_that_is_missing_is_a_problem(void **state)
{
	(void)state;
	assert_int_equal(documents_read("/nonexistent/conf.d", &problems, &documents), -2);
	assert_string_equal(problems.text[0],
			    "/nonexistent/conf.d: there is no such directory; create it, or name "
			    "the one that holds the configuration files");
	assert_int_equal(documents_read("/dev/null", &problems, &documents), -20);
	assert_non_null(strstr(problems.text[1], "/dev/null: this is not a directory"));
	assert_int_equal(documents.n, 0);
}

static void an_empty_directory_has_no_documents(void **state)
{
	(void)state;
	assert_int_equal(documents_read(directory, &problems, &documents), 0);
	assert_int_equal(documents.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_come_in_byte_order_of_their_names, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(slashes_at_the_end_of_the_directory_do_not_show,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_mistakes_of_all_files_are_found, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_directory_that_is_missing_is_a_problem, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_empty_directory_has_no_documents, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
