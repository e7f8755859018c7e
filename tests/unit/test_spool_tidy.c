/* SPDX-License-Identifier: Apache-2.0 */
/* What is removed from a spool that nobody else would remove, and what is said of the rest. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "serve/spool_said.h"
#include "serve/spool_tidy.h"

#define FILES 120

static char path[] = "/tmp/tocsin-tidy-XXXXXX";
static int spool = -1;

static int make_spool(void **state)
{
	(void)state;
	if (!mkdtemp(path))
		return -1;
	spool = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return spool < 0 ? -1 : 0;
}

static int remove_spool(void **state)
{
	(void)state;
	close(spool);
	return rmdir(path);
}

static void put(const char *name)
{
	int fd = openat(spool, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static bool is_there(const char *name)
{
	return faccessat(spool, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void what_was_never_finished_goes_after_a_day(void **state)
{
	int64_t now = clock_wall_ms();

	(void)state;
	put(".killed.json");
	put("finished.json");
	assert_int_equal(mkdirat(spool, ".directory", 0700), 0);
	assert_int_equal(spool_tidy_unfinished(spool, now), 0);
	assert_int_equal(spool_tidy_unfinished(spool, now + SPOOL_UNFINISHED_MS - 5000), 0);
	/* a clock that was set back makes nothing old */
	assert_int_equal(spool_tidy_unfinished(spool, now - 30 * SPOOL_UNFINISHED_MS), 0);
	assert_true(is_there(".killed.json"));
	assert_int_equal(spool_tidy_unfinished(spool, now + SPOOL_UNFINISHED_MS + 5000), 1);
	assert_false(is_there(".killed.json"));
	assert_true(is_there(".directory") && is_there("finished.json"));
	assert_int_equal(unlinkat(spool, "finished.json", 0), 0);
	assert_int_equal(unlinkat(spool, ".directory", AT_REMOVEDIR), 0);
}

/* Their names may say anything. */
static void of_what_was_refused_the_newest_stay(void **state)
{
	char name[16];
	size_t left = 0;

	(void)state;
	assert_int_equal(spool_tidy_refused(spool, 100, &left), 0);
	assert_int_equal(left, 0);
	for (int i = 0; i < FILES; i++) {
		if (i == 20)
			usleep(50000); /* the clock of a file system has its own steps */
		snprintf(name, sizeof(name), "%03d", FILES - i);
		put(name);
	}
	assert_int_equal(mkdirat(spool, "directory", 0700), 0);
	assert_int_equal(symlinkat("/nowhere", spool, "link"), 0);
	assert_int_equal(spool_tidy_refused(spool, FILES + 1, &left), 0);
	assert_int_equal(left, FILES + 1);
	/* 20 of the first ones, 1 of the others: one in ten of 111 is free */
	assert_int_equal(spool_tidy_refused(spool, 111, &left), 21);
	assert_int_equal(left, 100);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%03d", FILES - i);
		assert_false(is_there(name));
	}
	assert_true(is_there("directory") && is_there("link"));
	assert_int_equal(spool_tidy_refused(spool, 1, &left), 99);
	assert_int_equal(spool_tidy_refused(spool, 0, &left), 1);
	assert_int_equal(left, 0);
	assert_int_equal(unlinkat(spool, "directory", AT_REMOVEDIR), 0);
}

static void of_each_trouble_is_said_once_until_it_changes(void **state)
{
	struct spool_said said = {0};
	char name[16];

	(void)state;
	assert_true(spool_said_news(&said, "a", "is stuck"));
	assert_false(spool_said_news(&said, "a", "is stuck"));
	assert_true(spool_said_news(&said, "b", "is stuck"));
	spool_said_next(&said);
	assert_false(spool_said_news(&said, "a", "is stuck"));
	assert_true(spool_said_news(&said, "b", "cannot be read"));
	spool_said_next(&said);
	assert_false(spool_said_news(&said, "a", "is stuck"));
	spool_said_next(&said);
	/* it was well meanwhile */
	assert_true(spool_said_news(&said, "b", "cannot be read"));
	/* more than are remembered are not said again and again */
	for (int round = 0; round < 3; round++) {
		int told = 0;

		spool_said_next(&said);
		for (int i = 0; i < 2 * SPOOL_SAID; i++) {
			snprintf(name, sizeof(name), "%d", i);
			told += spool_said_news(&said, name, "is stuck");
		}
		assert_int_equal(told, round ? 0 : SPOOL_SAID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_never_finished_goes_after_a_day),
		cmocka_unit_test(of_what_was_refused_the_newest_stay),
		cmocka_unit_test(of_each_trouble_is_said_once_until_it_changes),
	};

	return cmocka_run_group_tests(tests, make_spool, remove_spool);
}
