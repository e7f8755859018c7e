/* SPDX-License-Identifier: Apache-2.0 */
/* The multi handle sleeps when there is nothing to do, and at no other time. It keeps connections. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "delivery/multi.h"

#define LONG_MS 30000 /* waiting that long would be a failure */

static int64_t began_ms;

static int set_up(void **state)
{
	*state = multi_new();
	began_ms = clock_boot_ms();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	multi_free(*state);
	return clock_boot_ms() - began_ms < LONG_MS ? 0 : -1;
}

static size_t swallow(char *data, size_t size, size_t n, void *userdata)
{
	(void)data, (void)userdata;
	return size * n;
}

static CURL *start(struct multi *multi, const char *url)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	assert_true(multi_add(multi, easy));
	return easy;
}

static CURLcode wait_for(struct multi *multi, CURL *easy)
{
	CURLcode code;
	CURL *ended;

	while (!(ended = multi_ended(multi, &code)))
		multi_run(multi, clock_boot_ms() + LONG_MS);
	assert_ptr_equal(ended, easy);
	multi_remove(multi, easy);
	curl_easy_cleanup(easy);
	return code;
}

/* A file is read whole when the transfer starts: no socket will ever tell. */
static void a_transfer_that_ends_at_once_is_not_slept_over(void **state)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(wait_for(*state, start(*state, "file:///dev/null")), CURLE_OK);
}

static void a_refused_connection_is_told(void **state)
{
	/* Port 1 of loopback: nobody listens there. */
	assert_int_equal(wait_for(*state, start(*state, "http://127.0.0.1:1/")),
			 CURLE_COULDNT_CONNECT);
}

static void a_wake_before_the_wait_counts(void **state)
{
	multi_wake(*state);
	multi_wake(*state);
	multi_run(*state, clock_boot_ms() + LONG_MS);
	multi_wake(*state);
	multi_run(*state, clock_boot_ms() + LONG_MS);
}

static void *ring(void *data)
{
	for (int i = 0; i < 20000; i++)
		multi_wake(data);
	return NULL;
}

/* After any number of them, together or not, the next one is heard. */
static void no_wake_is_lost_among_many(void **state)
{
	pthread_t thread;

	for (int round = 0; round < 20; round++) {
		assert_int_equal(pthread_create(&thread, NULL, ring, *state), 0);
		for (int i = 0; i < 50; i++)
			multi_run(*state, clock_boot_ms() + 1);
		assert_int_equal(pthread_join(thread, NULL), 0);
		multi_run(*state, clock_boot_ms()); /* empties what is left */
		multi_wake(*state);
		multi_run(*state, clock_boot_ms() + LONG_MS);
	}
}

static void it_sleeps_until_its_time(void **state)
{
	int64_t until = clock_boot_ms() + 30;

	while (clock_boot_ms() < until)
		multi_run(*state, until);
	assert_true(clock_boot_ms() >= until);
}

#define AT_ONCE 48

/* A server that waits until all requests of a round are there. */
struct server {
	int listening, port;
	int peer[2 * AT_ONCE], asking[AT_ONCE];
	size_t connections;
};

static void listen_to(struct server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*server = (struct server){
		.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
	assert_return_code(bind(server->listening, (struct sockaddr *)&address, size), errno);
	assert_return_code(listen(server->listening, AT_ONCE), errno);
	assert_return_code(getsockname(server->listening, (struct sockaddr *)&address, &size),
			   errno);
	server->port = ntohs(address.sin_port);
}

static void hear_all(struct server *server, struct multi *multi)
{
	char heard[1024];
	size_t n = 0;
	int fd;

	while (n < AT_ONCE) {
		assert_true(clock_boot_ms() - began_ms < LONG_MS);
		multi_run(multi, clock_boot_ms() + 1);
		while ((fd = accept4(server->listening, NULL, NULL,
				     SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
			assert_true(server->connections < 2 * AT_ONCE);
			server->peer[server->connections++] = fd;
		}
		for (size_t i = 0; i < server->connections && n < AT_ONCE; i++)
			if (recv(server->peer[i], heard, sizeof(heard), 0) > 0)
				server->asking[n++] = server->peer[i];
	}
}

/* One after the other, so that fewer and fewer transfers are under way. */
static void answer_all(const struct server *server, struct multi *multi)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	CURLcode code;
	CURL *ended;

	for (size_t i = 0; i < AT_ONCE; i++) {
		assert_int_equal(send(server->asking[i], answer, sizeof(answer) - 1, MSG_NOSIGNAL),
				 sizeof(answer) - 1);
		while (!(ended = multi_ended(multi, &code)))
			multi_run(multi, clock_boot_ms() + LONG_MS);
		assert_int_equal(code, CURLE_OK);
		multi_remove(multi, ended);
		curl_easy_cleanup(ended);
	}
}

static void all_connections_of_many_transfers_are_used_again(void **state)
{
	struct server server;
	char url[64];

	listen_to(&server);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < AT_ONCE; i++)
			(void)start(*state, url);
		hear_all(&server, *state);
		answer_all(&server, *state);
	}
	assert_int_equal(server.connections, AT_ONCE);
	for (size_t i = 0; i < server.connections; i++)
		close(server.peer[i]);
	close(server.listening);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_transfer_that_ends_at_once_is_not_slept_over),
		TEST(a_refused_connection_is_told),
		TEST(a_wake_before_the_wait_counts),
		TEST(no_wake_is_lost_among_many),
		TEST(it_sleeps_until_its_time),
		TEST(all_connections_of_many_transfers_are_used_again),
	};
	int failed;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
