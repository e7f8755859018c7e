/* SPDX-License-Identifier: Apache-2.0 */
/* What a file of the spool may say. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scarce.h"
#include "serve/spool.h"
#include "serve/spool_file.h"

static int parse(const char *text, struct spool_file *file, struct error *err)
{
	return spool_file_parse(text, strlen(text), file, err);
}

static void pings_and_reports_are_taken_as_they_are(void **state)
{
	static const struct {
		const char *text;
		enum tocsin_items kind;
		const char *item, *verb, *body, *source;
	} sample[] = {
		{"{\"path\": \"/api/v1/heartbeats/backup/ping\"}", TOCSIN_HEARTBEATS, "backup",
		 "ping", "{}", NULL},
		{"{\"path\": \"/api/v1/jobs/a%2Fb%25/report?source=c%C3%A4\", \"body\": {\"a\": [1, 2]}}",
		 TOCSIN_JOBS, "a/b%", "report", "{\"a\":[1,2]}", "c\xc3\xa4"},
		{"{\"body\": {}, \"path\": \"/api/v1/checks/x/report\", \"more\": 1}",
		 TOCSIN_CHECKS, "x", "report", "{}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sample) / sizeof(sample[0]); i++) {
		struct spool_file file;
		struct error err;

		assert_int_equal(parse(sample[i].text, &file, &err), 0);
		assert_int_equal(file.kind, sample[i].kind);
		assert_string_equal(file.item, sample[i].item);
		assert_string_equal(file.verb, sample[i].verb);
		assert_string_equal(file.body, sample[i].body);
		if (sample[i].source)
			assert_string_equal(file.source, sample[i].source);
		else
			assert_null(file.source);
		spool_file_done(&file);
	}
}

static void anything_else_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} sample[] = {
		{"", "JSON"},
		{"{\"path\": \"/api/v1/jobs/a/report\"", "JSON"},
		{"[]", "no path"},
		{"{\"path\": 7}", "no path"},
		{"{\"path\": \"\"}", "no path of a ping"},
		{"{\"path\": \"/api/v1/jobs/a/run\"}", "no path of a ping"},
		{"{\"path\": \"/api/v1/jobs//report\"}", "no path of a ping"},
		{"{\"path\": \"/api/v1/jobs/a%0A/report\"}", "no path of a ping"},
		{"{\"path\": \"/api/v1/jobs/a%ff/report\"}", "no path of a ping"},
		{"{\"path\": \"/api/v1/alerts\"}", "no path of a ping"},
		{"{\"path\": \"/api/v1/jobs/a/report?limit=1\"}", "only source"},
		{"{\"path\": \"/api/v1/jobs/a/report?source=a&b\"}", "only source"},
		{"{\"path\": \"/api/v1/jobs/a/report\", \"path\": \"\"}", "duplicate"},
		{"{\"path\": \"/api/v1/jobs/a/report\", \"body\": []}", "no JSON object"},
		{"{\"path\": \"/api/v1/jobs/a/report\", \"body\": null}", "no JSON object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sample) / sizeof(sample[0]); i++) {
		struct spool_file file;
		struct error err = {""};

		assert_int_equal(parse(sample[i].text, &file, &err), -EINVAL);
		if (!strstr(err.text, sample[i].why))
			fail_msg("%s: '%s' does not say '%s'", sample[i].text, err.text,
				 sample[i].why);
	}
}

/* A directory with one file "it", which is removed again. */
static int read_file(size_t bytes, struct error *err)
{
	char path[] = "/tmp/tocsin-spool-XXXXXX";
	struct spool_file file;
	int directory, fd, result;

	assert_non_null(mkdtemp(path));
	directory = open(path, O_RDONLY | O_DIRECTORY);
	fd = openat(directory, "it", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(dprintf(fd, "{\"path\": \"/api/v1/jobs/a/report\"}%*s", (int)bytes, ""),
			 (int)bytes + 33);
	close(fd);
	result = spool_file_read(directory, "it", &file, err);
	if (result == 0)
		spool_file_done(&file);
	assert_int_equal(spool_file_read(directory, "no", &file, err), -ENOENT);
	unlinkat(directory, "it", 0);
	close(directory);
	rmdir(path);
	return result;
}

static void a_file_has_64_kib_at_most(void **state)
{
	struct error err = {""};

	(void)state;
	assert_int_equal(read_file(1, &err), 0);
	assert_int_equal(read_file(SPOOL_FILE - 33, &err), 0);
	assert_int_equal(read_file(SPOOL_FILE - 32, &err), -EINVAL);
	assert_non_null(strstr(err.text, "64 KiB"));
}

static void the_directory_has_the_rights_of_the_socket(void **state)
{
	(void)state;
	assert_int_equal(spool_mode(0600), 0700);
	assert_int_equal(spool_mode(0640), 0700);
	assert_int_equal(spool_mode(0660), 01770);
	assert_int_equal(spool_mode(0666), 01777);
	assert_int_equal(spool_mode(0602), 01707);
}

static int scarcely(void *data)
{
	struct spool_file file;
	struct error err;
	int result = parse("{\"path\": \"/api/v1/jobs/a/report?source=b\", \"body\": {\"a\": 1}}",
			   &file, &err);

	(void)data;
	if (result == -EINVAL)
		scarce_fail("want of memory is no mistake of the file");
	if (result == 0 && (strcmp(file.item, "a") != 0 || strcmp(file.body, "{\"a\":1}") != 0))
		scarce_fail("a part of the file");
	spool_file_done(&file);
	return result;
}

static void memory_may_run_out(void **state)
{
	(void)state;
	assert_true(scarce_sweep("spool", scarcely, NULL) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pings_and_reports_are_taken_as_they_are),
		cmocka_unit_test(anything_else_is_refused_with_the_reason),
		cmocka_unit_test(a_file_has_64_kib_at_most),
		cmocka_unit_test(the_directory_has_the_rights_of_the_socket),
		cmocka_unit_test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
