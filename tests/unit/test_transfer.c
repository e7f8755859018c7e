/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its reply: which peers it may have, and what goes out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "exchange.h"

#define ERROR_SIZE 1024

static struct exchange exchange;

static int set_up(void **state)
{
	(void)state;
	return exchange_init(&exchange);
}

static int tear_down(void **state)
{
	(void)state;
	exchange_done(&exchange);
	return 0;
}

/* Runs one request by a transfer of its own. The reply's error, "" when there was a reply. */
static const char *run(const struct tocsin_request *request)
{
	static char error[ERROR_SIZE];
	struct transfer *transfer = transfer_new();
	struct tocsin_reply reply;

	assert_non_null(transfer);
	exchange_run(&exchange, transfer, request, &reply);
	snprintf(error, sizeof(error), "%s", reply.status == 0 ? reply.error : "");
	transfer_free(transfer);
	return error;
}

static const char *get(const char *host, bool public_only)
{
	struct tocsin_request request = {.size = sizeof(request), .public_only = public_only};
	char url[256];

	snprintf(url, sizeof(url), "http://%s:%d/", host, exchange.port);
	request.url = url;
	return run(&request);
}

/* Ways to write an address that is not of the open Internet. */
static const char *const spellings[] = {
	"127.0.0.1",
	"127.1",
	"127.0.1",
	"127.0.0.1.",
	"127.127.127.127",
	"2130706433",
	"0x7f000001",
	"0x7f.1",
	"0x7f.0x0.0x0.0x1",
	"0177.0.0.1",
	"017700000001",
	"00000177.0.0.1",
	"%31%32%37.0.0.1",
	"user@127.0.0.1",
	"user:secret@127.0.0.1",
	"127.0.0.1%00.example.com",
	"localhost",
	"LOCALHOST",
	"localhost.",
	"some.localhost",
	"0",
	"0.0.0.0",
	"0x0",
	"10.0.0.1",
	"0xa000001",
	"172.16.0.1",
	"192.168.0.1",
	"3232235521",
	"100.64.0.1",
	"169.254.169.254",
	"2852039166",
	"0xa9fea9fe",
	"0251.0376.0251.0376",
	"168.63.129.16",
	"224.0.0.1",
	"255.255.255.255",
	"[::1]",
	"[::]",
	"[0:0:0:0:0:0:0:1]",
	"[::ffff:127.0.0.1]",
	"[::ffff:7f00:1]",
	"[::127.0.0.1]",
	"[64:ff9b::7f00:1]",
	"[2002:7f00:1::]",
	"[fe80::1]",
	"[fd00:ec2::254]",
	"[ff02::1]",
};

static void no_spelling_reaches_a_private_address(void **state)
{
	int told = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		const char *error = get(spellings[i], true);

		if (!*error || exchange.connections > 0)
			fail_msg("%s was reached", spellings[i]);
		told += strstr(error, "not an address of the open Internet") != NULL;
	}
	/* Some are no URL to libcurl, and without IPv6 some mean nothing. */
	assert_true(told >= 30);
}

static void without_the_rule_they_do(void **state)
{
	static const char *const same[] = {"127.0.0.1", "127.1", "2130706433", "0x7f.1",
					   "localhost"};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_string_equal(get(same[i], false), "");
	assert_true(exchange.connections > 0);
}

static void a_connection_that_is_refused_is_told_with_the_reason(void **state)
{
	/* Port 1 of loopback: nobody listens there. */
	struct tocsin_request request = {.size = sizeof(request), .url = "http://127.0.0.1:1/"};

	(void)state;
	assert_string_equal(run(&request),
			    "Failed to connect to 127.0.0.1 port 1: Connection refused");
}

static void a_kept_connection_of_somebody_else_is_not_used(void **state)
{
	(void)state;
	assert_string_equal(get("127.0.0.1", false), "");
	assert_string_equal(get("127.0.0.1", false), "");
	assert_int_equal(exchange.connections, 1);
	*exchange.heard = '\0';
	assert_non_null(strstr(get("127.0.0.1", true), "127.0.0.1, which is not an address of"));
	assert_string_equal(exchange.heard, "");
}

/* A proxy may connect to what it likes; and that its own address is private says nothing. */
static void with_the_rule_no_proxy_is_asked(void **state)
{
	char proxy[64];

	(void)state;
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", exchange.port);
	setenv("http_proxy", proxy, 1);
	assert_non_null(strstr(get("192.0.2.1", true), "means 192.0.2.1, which is not"));
	assert_int_equal(exchange.connections, 0);
	assert_string_equal(get("192.0.2.1", false), "");
	assert_int_equal(exchange.connections, 1);
	unsetenv("http_proxy");
}

static void every_method_goes_out_as_it_is(void **state)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", "GET", "DELETE"};
	char url[64], line[64];

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/path", exchange.port);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct tocsin_request request = {
			.size = sizeof(request), .url = url, .method = methods[i]};

		snprintf(line, sizeof(line), "%s /path HTTP/1.1\r\n", methods[i]);
		assert_string_equal(run(&request), "");
		assert_int_equal(strncmp(exchange.heard, line, strlen(line)), 0);
		/* A server may wait for a body of which nobody says that it is empty. */
		assert_int_equal(strstr(exchange.heard, "Content-Length: 0\r\n") != NULL, i < 3);
		request.body = "{}";
		request.body_length = 2;
		assert_string_equal(run(&request), "");
		assert_int_equal(strncmp(exchange.heard, line, strlen(line)), 0);
		assert_non_null(strstr(exchange.heard, "Content-Length: 2\r\n"));
	}
}

static void a_method_cannot_bring_a_second_request(void **state)
{
	static const char *const methods[] = {"", "GET / HTTP/1.1\r\nX: ", "P OST", "post"};
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/path", exchange.port);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct tocsin_request request = {
			.size = sizeof(request), .url = url, .method = methods[i]};

		assert_non_null(strstr(run(&request), "is not an HTTP method"));
	}
	assert_int_equal(exchange.connections, 0);
}

/* What the environment says is read once, so this one comes first, in a process of its own. */
static void a_proxy_of_the_environment_is_used(void **state)
{
	pid_t child = fork();
	char address[32];
	int status;

	(void)state;
	if (child == 0) {
		snprintf(address, sizeof(address), "127.0.0.1:%d", exchange.port);
		setenv("http_proxy", address, 1);
		_exit(*get("nowhere.example.com", false) != '\0' ||
		      strncmp(exchange.heard, "GET http://nowhere.example.com", 30) != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* It would be the peer's fault, and all that goes there would wait. */
static void a_url_that_cannot_be_read_is_refused_before_the_request(void **state)
{
	static const char *const urls[] = {"", "http://", "http://:8080/x", "http://a b/",
					   "http://example.com:99999/"};
	struct transfer *transfer = transfer_new();

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const struct tocsin_request request = {.size = sizeof(request), .url = urls[i]};
		struct error err = {0};

		assert_int_equal(transfer_prepare(transfer, &request, 1000, &err), -EINVAL);
		assert_non_null(strstr(err.text, "the URL cannot be read: "));
		transfer_reset(transfer);
	}
	transfer_free(transfer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_that_cannot_be_read_is_refused_before_the_request),
		TEST(a_proxy_of_the_environment_is_used),
		TEST(no_spelling_reaches_a_private_address),
		TEST(without_the_rule_they_do),
		TEST(a_connection_that_is_refused_is_told_with_the_reason),
		TEST(a_kept_connection_of_somebody_else_is_not_used),
		TEST(with_the_rule_no_proxy_is_asked),
		TEST(every_method_goes_out_as_it_is),
		TEST(a_method_cannot_bring_a_second_request),
	};

	setenv("all_proxy", "", 1); /* whether there is a proxy may be asked once only */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
