/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which files of the spool are handed in, when there are more than one list holds. */
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

#include "serve/spool_list.h"

#define FILES (2 * SPOOL_LIST + 1000)

static char path[] = "/tmp/tocsin-spool-XXXXXX";
static int spool = -1;

static int make_spool(void **state)
{
	(void)state;
	if (!mkdtemp(path))
		return -1;
	spool = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return spool < 0 ? -1 : mkdirat(spool, SPOOL_REFUSED, 0700);
}

static int remove_spool(void **state)
{
	(void)state;
	unlinkat(spool, ".unfinished", 0);
	unlinkat(spool, SPOOL_REFUSED, AT_REMOVEDIR);
	close(spool);
	return rmdir(path);
}

static void put(const char *name)
{
	int fd = openat(spool, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void an_empty_spool_has_none(void **state)
{
	struct spool_list *list = spool_list(spool);

	(void)state;
	assert_non_null(list);
	assert_int_equal(list->n, 0);
	spool_list_free(list);
}

static void however_many_there_are_the_first_come_first(void **state)
{
	size_t listed = 0;
	char name[16];

	(void)state;
	put(".unfinished");
	for (size_t i = 0; i < FILES; i++) {
		/* in some other order than that of the names; 7 is no factor of their number */
		snprintf(name, sizeof(name), "%08zu", i * 7 % FILES);
		put(name);
	}
	while (listed < FILES) {
		struct spool_list *list = spool_list(spool);
		size_t left = FILES - listed;

		assert_non_null(list);
		assert_int_equal(list->n, left < SPOOL_LIST ? left : SPOOL_LIST);
		for (size_t i = 0; i < list->n; i++) {
			snprintf(name, sizeof(name), "%08zu", listed++);
			assert_string_equal(list->name[i], name);
			assert_int_equal(unlinkat(spool, name, 0), 0);
		}
		spool_list_free(list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_spool_has_none),
		cmocka_unit_test(however_many_there_are_the_first_come_first),
	};

	return cmocka_run_group_tests(tests, make_spool, remove_spool);
}
