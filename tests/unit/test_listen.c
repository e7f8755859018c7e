/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/listen.h"

#define CROWD 400 /* below what systems allow, 4096 by default */

static char directory[64], path[96];
static struct error err;

static int set_up(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test-listen-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/tocsin.sock", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	rmdir(directory);
	return 0;
}

static void the_socket_has_exactly_the_permissions(void **state)
{
	struct stat status;
	mode_t old = umask(077);
	int fd = -1;

	(void)state;
	assert_int_equal(listen_unix(path, 0660, &fd, &err), 0);
	umask(old);
	assert_int_equal(stat(path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 0777, 0660);
	close(fd);
}

static void a_stale_socket_is_replaced(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(listen_unix(path, 0600, &fd, &err), 0);
	close(fd);
	assert_int_equal(listen_unix(path, 0600, &fd, &err), 0);
	close(fd);
}

static void a_live_socket_is_left_alone(void **state)
{
	int first = -1, second = -1;

	(void)state;
	assert_int_equal(listen_unix(path, 0600, &first, &err), 0);
	assert_int_equal(listen_unix(path, 0600, &second, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "already in use"));
	assert_int_equal(access(path, F_OK), 0);
	close(first);
}

/* Nobody who comes with many others is turned away while the daemon has no time to greet them. */
static void a_crowd_can_wait_at_the_door(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int client[CROWD], fd = -1;

	(void)state;
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(listen_unix(path, 0600, &fd, &err), 0);
	for (int i = 0; i < CROWD; i++) {
		client[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_int_equal(
			connect(client[i], (const struct sockaddr *)&address, sizeof(address)), 0);
	}
	for (int i = 0; i < CROWD; i++)
		close(client[i]);
	close(fd);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600), made = -1;

	(void)state;
	close(fd);
	assert_int_equal(listen_unix(path, 0600, &made, &err), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
}

static void impossible_paths_are_explained(void **state)
{
	char longest[200];
	int fd = -1;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(listen_unix(longest, 0600, &fd, &err), -ENAMETOOLONG);
	assert_int_equal(listen_unix("relative.sock", 0600, &fd, &err), -EINVAL);
	assert_int_equal(listen_unix("/nonexistent-directory/x.sock", 0600, &fd, &err), -ENOENT);
	assert_non_null(strstr(err.text, "directory is missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_socket_has_exactly_the_permissions, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_stale_socket_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_live_socket_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_crowd_can_wait_at_the_door, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_socket_is_left_alone, set_up, tear_down),
		cmocka_unit_test(impossible_paths_are_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
