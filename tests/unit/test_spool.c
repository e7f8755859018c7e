/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept is whole and durable, or an error and nothing left: on disks that fail as well. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/spool.h"
#include "scarce.h"

/* The disk: the k-th call of a kind fails. These stand before the C library's. */
static struct {
	const char *kind;
	int after, code;
	int syncs;
	bool at_once; /* writes take a byte at a time */
} disk;

static bool fails(const char *kind)
{
	if (!disk.kind || strcmp(disk.kind, kind) != 0 || disk.after-- > 0)
		return false;
	disk.kind = NULL;
	errno = disk.code;
	return true;
}

int fsync(int fd)
{
	disk.syncs++;
	return fails("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

ssize_t write(int fd, const void *data, size_t length)
{
	if (fd > STDERR_FILENO && fails("write"))
		return -1;
	return syscall(SYS_write, fd, data, disk.at_once && fd > STDERR_FILENO ? 1 : length);
}

int renameat(int from, const char *name, int to, const char *other)
{
	return fails("rename") ? -1 : (int)syscall(SYS_renameat2, from, name, to, other, 0);
}

static char directory[64];

static int set_up(void **state)
{
	(void)state;
	memset(&disk, 0, sizeof(disk));
	snprintf(directory, sizeof(directory), "/tmp/tocsin-spool-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

/* The names in it, each for the caller to free(), in order. */
static int list(struct dirent ***entries)
{
	int n = scandir(directory, entries, NULL, alphasort), kept = 0;

	for (int i = 0; i < n; i++) {
		if (strcmp((*entries)[i]->d_name, ".") == 0 ||
		    strcmp((*entries)[i]->d_name, "..") == 0)
			free((*entries)[i]);
		else
			(*entries)[kept++] = (*entries)[i];
	}
	return kept;
}

/* Empties it; how many files there were. */
static int sweep(void)
{
	struct dirent **entries;
	int n = list(&entries);

	for (int i = 0; i < n; i++) {
		char path[400];

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		unlink(path);
		free(entries[i]);
	}
	free(entries);
	return n;
}

static int tear_down(void **state)
{
	(void)state;
	sweep();
	return rmdir(directory);
}

static void a_word_is_kept_whole(void **state)
{
	struct dirent **entries;
	char path[400];
	struct stat status;
	json_t *json;

	(void)state;
	disk.at_once = true;
	assert_int_equal(spool_write(directory, "/api/v1/jobs/a%20b/report?source=\"x",
				     "{\"event\":\"end\"}", NULL),
			 0);
	assert_int_equal(list(&entries), 1);
	assert_int_equal(strspn(entries[0]->d_name, "0123456789"), 19);
	assert_int_equal(strlen(entries[0]->d_name), 19 + 1 + 36 + strlen(".json"));
	snprintf(path, sizeof(path), "%s/%s", directory, entries[0]->d_name);
	json = json_load_file(path, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "path")),
			    "/api/v1/jobs/a%20b/report?source=\"x");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "body"), "event")), "end");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(disk.syncs, 2);
	json_decref(json);
	free(entries[0]);
	free(entries);
}

static void the_order_of_names_is_the_order_of_words(void **state)
{
	struct dirent **entries;
	int n;

	(void)state;
	for (int i = 0; i < 20; i++) {
		char body[16];

		snprintf(body, sizeof(body), "%d", i);
		assert_int_equal(spool_write(directory, "/x", body, NULL), 0);
	}
	n = list(&entries);
	assert_int_equal(n, 20);
	for (int i = 0; i < n; i++) {
		char path[400];
		json_t *json;

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		json = json_load_file(path, 0, NULL);
		assert_int_equal(json_integer_value(json_object_get(json, "body")), i);
		json_decref(json);
		free(entries[i]);
	}
	free(entries);
}

static void a_disk_that_fails_leaves_nothing(void **state)
{
	static const struct {
		const char *kind;
		int after, code;
	} cases[] = {
		{"write", 0, ENOSPC}, {"write", 7, ENOSPC}, {"write", 3, EIO},
		{"fsync", 0, EIO},    {"fsync", 1, EIO},    {"rename", 0, EDQUOT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {""};

		disk.at_once = true;
		disk.kind = cases[i].kind;
		disk.after = cases[i].after;
		disk.code = cases[i].code;
		assert_int_equal(spool_write(directory, "/x", "{}", &err), -cases[i].code);
		assert_null(disk.kind);
		assert_non_null(strstr(err.text, directory));
		assert_int_equal(sweep(), 0);
	}
	disk.kind = "write"; /* which is no failure */
	disk.after = 4;
	disk.code = EINTR;
	assert_int_equal(spool_write(directory, "/x", "{}", NULL), 0);
	assert_null(disk.kind);
	assert_int_equal(sweep(), 1);
}

static void no_directory_is_a_sentence_that_helps(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(spool_write("/nonexistent/spool", "/x", "{}", &err), -ENOENT);
	assert_non_null(strstr(err.text, "tocsind makes it"));
	assert_int_equal(spool_write("/dev/null", "/x", "{}", &err), -ENOTDIR);
}

static void memory_that_runs_out_leaves_nothing(void **state)
{
	int64_t failed = 1;

	(void)state;
	for (int64_t at = 1; failed > 0; at++) {
		int result;

		scarce_arm(SCARCE_ONCE, at);
		result = spool_write(directory, "/x", "{}", NULL);
		failed = scarce_disarm();
		assert_int_equal(result, failed > 0 ? -ENOMEM : 0);
		assert_int_equal(sweep(), failed > 0 ? 0 : 1);
		assert_true(failed == 0 || at < 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_word_is_kept_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_order_of_names_is_the_order_of_words, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_disk_that_fails_leaves_nothing, set_up,
						tear_down),
		cmocka_unit_test(no_directory_is_a_sentence_that_helps),
		cmocka_unit_test_setup_teardown(memory_that_runs_out_leaves_nothing, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
