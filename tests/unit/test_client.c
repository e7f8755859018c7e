/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon that takes requests and does not answer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/client.h"

struct silent {
	struct sockaddr_un address;
	int socket;
	struct client *client;
};

static int listen_and_no_more(void **state)
{
	static struct silent silent;
	struct error err;

	silent.address.sun_family = AF_UNIX;
	snprintf(silent.address.sun_path, sizeof(silent.address.sun_path), "/tmp/test_client.%d",
		 (int)getpid());
	silent.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*state = &silent;
	return bind(silent.socket, (struct sockaddr *)&silent.address, sizeof(silent.address)) ||
	       listen(silent.socket, 4) ||
	       client_new(silent.address.sun_path, &silent.client, &err);
}

static int close_it(void **state)
{
	struct silent *silent = *state;

	client_free(silent->client);
	close(silent->socket);
	return unlink(silent->address.sun_path);
}

static void assert_said(const struct error *err, const char *words)
{
	if (!strstr(err->text, words))
		fail_msg("'%s' is not in: %s", words, err->text);
}

static void silence_is_told_for_what_it_is(void **state)
{
	struct silent *silent = *state;
	struct client_reply reply = {0};
	struct error err;

	client_set_patience(silent->client, 400);
	assert_int_equal(client_call(silent->client, "GET", "/", NULL, &reply, &err), -ETIMEDOUT);
	assert_said(&err, silent->address.sun_path);
	assert_said(&err, "did not answer within 400ms; ");
	assert_int_equal(client_call(silent->client, "POST", "/", "{}", &reply, &err), -ETIMEDOUT);
	assert_said(&err, "not known whether it was done");
}

static void a_socket_that_nobody_listens_on_is_another_matter(void **state)
{
	struct client *client;
	struct client_reply reply = {0};
	struct error err;

	(void)state;
	assert_int_equal(client_new("/nowhere/tocsin.sock", &client, &err), 0);
	assert_int_equal(client_call(client, "GET", "/", NULL, &reply, &err), -ECONNREFUSED);
	assert_said(&err, "is it running?");
	client_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(silence_is_told_for_what_it_is, listen_and_no_more,
						close_it),
		cmocka_unit_test(a_socket_that_nobody_listens_on_is_another_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
