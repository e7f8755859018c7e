/* SPDX-License-Identifier: Apache-2.0 */
/* A fault point kills the process where it is told to, and nowhere else. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"

enum { REFUSED = 100 };

static void pass(void)
{
	FAULT_POINT("test.first");
	FAULT_POINT("test.second");
}

/* How a process ends that passes both points `times` times: a signal, or as exit status how often
 * it came through. */
static int end_with(const char *wish, int times)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (wish)
			setenv("TOCSIN_FAULT", wish, 1);
		else
			unsetenv("TOCSIN_FAULT");
		if (fault_arm(NULL) < 0)
			_exit(REFUSED);
		for (int i = 0; i < times; i++)
			pass();
		_exit(times);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void without_a_wish_nothing_dies(void **state)
{
	(void)state;
	assert_int_equal(end_with(NULL, 5), 5);
}

static void it_dies_at_the_first_passing(void **state)
{
	(void)state;
	assert_int_equal(end_with("test.first", 0), 0);
	assert_int_equal(end_with("test.first", 1), -SIGKILL);
	assert_int_equal(end_with("test.second", 1), -SIGKILL);
}

static void it_dies_at_the_nth_passing_and_not_before(void **state)
{
	(void)state;
	assert_int_equal(end_with("test.second:3", 2), 2);
	assert_int_equal(end_with("test.second:3", 3), -SIGKILL);
}

static void a_wish_that_names_no_point_is_refused(void **state)
{
	static const char *const wrong[] = {"",
					    "test",
					    "test.firs",
					    "test.first.",
					    "test.first:",
					    "test.first:0",
					    "nothing",
					    "test.first:1x",
					    "test.first:many"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(end_with(wrong[i], 1), REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_wish_nothing_dies),
		cmocka_unit_test(it_dies_at_the_first_passing),
		cmocka_unit_test(it_dies_at_the_nth_passing_and_not_before),
		cmocka_unit_test(a_wish_that_names_no_point_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
