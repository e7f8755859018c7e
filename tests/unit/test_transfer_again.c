/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer for several requests: what one of them leaves behind does not meet the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exchange.h"

static struct exchange exchange;
static char own_url[64];
static struct transfer *transfer;

static int set_up(void **state)
{
	(void)state;
	if (exchange_init(&exchange) < 0)
		return -1;
	snprintf(own_url, sizeof(own_url), "http://127.0.0.1:%d/", exchange.port);
	transfer = transfer_new();
	return transfer ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	transfer_free(transfer);
	exchange_done(&exchange);
	return 0;
}

/* What the server says to a request, without a body, of the transfer. */
static void ask(const char *url, struct tocsin_reply *reply)
{
	const struct tocsin_request request = {.size = sizeof(request), .url = url};

	exchange_run(&exchange, transfer, &request, reply);
}

static void nothing_of_a_request_is_in_the_next(void **state)
{
	const struct tocsin_pair pair = {"X-Key", "fedcba98"};
	struct tocsin_request request = {.size = sizeof(request),
					 .method = "PUT",
					 .url = own_url,
					 .headers = {&pair, 1},
					 .content_type = "text/plain",
					 .body = "first",
					 .body_length = 5};
	struct tocsin_reply reply;

	(void)state;
	for (int i = 0; i < 2; i++) {
		exchange_run(&exchange, transfer, &request, &reply);
		assert_int_equal(reply.status, 200);
		assert_non_null(strstr(exchange.heard, "PUT / "));
		assert_non_null(strstr(exchange.heard, "X-Key: fedcba98\r\n"));
		assert_non_null(strstr(exchange.heard, "\r\n\r\nfirst"));
		ask(own_url, &reply);
		assert_int_equal(reply.status, 200);
		assert_non_null(strstr(exchange.heard, "GET / "));
		assert_null(strstr(exchange.heard, "X-Key"));
		assert_null(strstr(exchange.heard, "Content-"));
		assert_string_equal(strstr(exchange.heard, "\r\n\r\n"), "\r\n\r\n");
	}
	assert_int_equal(exchange.connections, 1);
}

static size_t times(const char *words)
{
	size_t n = 0;

	for (const char *at = exchange.heard; (at = strstr(at, words)); at++)
		n++;
	return n;
}

static void the_headers_are_those_of_the_request(void **state)
{
	static const struct tocsin_pair pairs[] = {
		{"X-Key", "1"}, {"X-Key", "2"}, {"X-Empty", ""}, {"user-agent", "mine"}};
	struct tocsin_request request = {.size = sizeof(request), .url = own_url};
	struct tocsin_reply reply;

	(void)state;
	/* Each twice, forwards and backwards, so that every number follows itself and its neighbours. */
	for (size_t i = 0; i < 20; i++) {
		size_t n = i < 10 ? i / 2 : (19 - i) / 2;

		request.headers = (struct tocsin_map){pairs, n};
		exchange_run(&exchange, transfer, &request, &reply);
		assert_int_equal(reply.status, 200);
		assert_int_equal(times("\r\nX-Key: "), n < 2 ? n : 2);
		assert_int_equal(times("\r\nX-Empty:\r\n"), n > 2);
		assert_int_equal(times("\r\nuser-agent: mine\r\n"), n > 3);
		assert_int_equal(times("\r\nUser-Agent: tocsin/"), n <= 3);
	}
	request.headers = (struct tocsin_map){(const struct tocsin_pair[]){{"X-Key", "3"}}, 1};
	exchange_run(&exchange, transfer, &request, &reply);
	assert_int_equal(times("\r\nX-Key: 3\r\n"), 1);
}

static void what_a_url_says_is_for_that_url(void **state)
{
	char with_password[96], elsewhere[96];
	struct tocsin_reply reply;

	(void)state;
	snprintf(with_password, sizeof(with_password), "http://user:secret@127.0.0.1:%d/",
		 exchange.port);
	snprintf(elsewhere, sizeof(elsewhere), "http://127.0.0.1:%d/else?where#not", exchange.port);
	for (int i = 0; i < 4; i++) {
		ask(i < 2 ? with_password : own_url, &reply);
		assert_int_equal(reply.status, 200);
		assert_int_equal(strstr(exchange.heard, "Authorization: Basic") != NULL, i < 2);
	}
	ask(elsewhere, &reply);
	assert_int_equal(strncmp(exchange.heard, "GET /else?where HTTP", 20), 0);
	ask("http://[oops", &reply);
	assert_int_equal(reply.status, 0);
	assert_string_not_equal(reply.error, "");
	ask(own_url + strlen("http://"), &reply); /* as if http:// stood before it */
	assert_int_equal(reply.status, 200);
	assert_int_equal(strncmp(exchange.heard, "GET / HTTP", 10), 0);
}

static void the_rule_about_peers_is_that_of_the_request(void **state)
{
	struct tocsin_request request = {.size = sizeof(request), .url = own_url};
	struct tocsin_reply reply;

	(void)state;
	for (int i = 0; i < 6; i++) {
		request.public_only = i % 2 == 1;
		exchange_run(&exchange, transfer, &request, &reply);
		assert_int_equal(reply.status, request.public_only ? 0 : 200);
		assert_int_equal(*exchange.heard != '\0', !request.public_only);
	}
}

static void a_refused_connection_leaves_nothing_behind(void **state)
{
	struct tocsin_reply reply;

	(void)state;
	for (int i = 0; i < 2; i++) {
		ask("http://127.0.0.1:1/", &reply);
		assert_int_equal(reply.status, 0);
		assert_non_null(strstr(reply.error, "127.0.0.1"));
		ask(own_url, &reply);
		assert_int_equal(reply.status, 200);
	}
}

static void a_large_body_goes_out_without_asking(void **state)
{
	static char large[100000];
	struct tocsin_request request = {
		.size = sizeof(request), .url = own_url, .body = large, .method = "POST"};
	struct tocsin_reply reply;

	(void)state;
	memset(large, 'x', sizeof(large));
	for (request.body_length = 1; request.body_length <= sizeof(large);
	     request.body_length *= 10) {
		exchange_run(&exchange, transfer, &request, &reply);
		assert_int_equal(reply.status, 200);
		assert_null(strstr(exchange.heard, "Expect"));
		assert_int_equal(strlen(strstr(exchange.heard, "\r\n\r\n")),
				 4 + request.body_length);
	}
}

/* A reply, and what plugins see of it; twice, because the first is another handle's. */
static void expect(const char *said, const char *body, const char *header)
{
	struct tocsin_reply reply;

	exchange.answer = said;
	for (int i = 0; i < 2; i++) {
		ask(own_url, &reply);
		assert_int_equal(reply.status, 200);
		assert_string_equal(reply.body, body);
		assert_int_equal(reply.body_length, strlen(body));
		assert_int_equal(reply.headers->n, 1);
		assert_string_equal(reply.headers->pair[0].name, header);
	}
}

static void a_body_is_what_follows_the_last_head(void **state)
{
	(void)state;
	expect("HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
	       "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n ok",
	       " ok", "content-length");
	expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "9\r\nHTTP/1.1 \r\n3\r\n\r\n\t\r\n0\r\n\r\n",
	       "HTTP/1.1 \r\n\t", "transfer-encoding");
}

/* libcurl hands it on in several parts. */
static void a_long_header_line_is_whole(void **state)
{
	static char said[40000];
	struct tocsin_reply reply;

	(void)state;
	snprintf(said, sizeof(said),
		 "HTTP/1.1 200 OK\r\nX-Long: %30000s\r\nContent-Length: 0\r\n\r\n", "y");
	exchange.answer = said;
	for (int i = 0; i < 2; i++) {
		ask(own_url, &reply);
		assert_int_equal(reply.status, 200);
		assert_int_equal(reply.headers->n, 2);
		assert_string_equal(reply.headers->pair[0].value, "y");
		assert_string_equal(reply.body, "");
	}
}

static void a_trailer_is_no_part_of_the_body(void **state)
{
	struct tocsin_reply reply;

	(void)state;
	exchange.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n";
	for (int i = 0; i < 2; i++) {
		ask(own_url, &reply);
		assert_int_equal(reply.status, 200);
		assert_string_equal(reply.body, "ok");
	}
}

/* Versions of libcurl would join it to a line of the reply before, which is gone. Run under valgrind,
 * this tells whether one does. */
static void a_head_that_begins_with_a_folded_line_joins_nothing(void **state)
{
	static const char *const folded[] = {
		"HTTP/1.1 200 OK\r\n folded: x\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\n\tfolded\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n folded: x\r\n"
		"Content-Length: 2\r\n\r\nok",
		"HTTP/1.1 100 Continue\r\n folded: x\r\n\r\nHTTP/1.1 200 OK\r\n"
		"Content-Length: 2\r\n\r\nok",
	};
	struct tocsin_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(folded) / sizeof(*folded); i++) {
		exchange.answer = exchange_ordinary;
		ask(own_url, &reply);
		assert_int_equal(reply.status, 200);
		exchange.answer = folded[i];
		ask(own_url, &reply);
		if (reply.status == 0)
			assert_string_not_equal(reply.error, "");
		else
			assert_string_equal(reply.body, "ok");
	}
	exchange.answer = "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok";
	ask(own_url, &reply);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.body, "ok");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_of_a_request_is_in_the_next),
		TEST(the_headers_are_those_of_the_request),
		TEST(what_a_url_says_is_for_that_url),
		TEST(the_rule_about_peers_is_that_of_the_request),
		TEST(a_refused_connection_leaves_nothing_behind),
		TEST(a_large_body_goes_out_without_asking),
		TEST(a_body_is_what_follows_the_last_head),
		TEST(a_long_header_line_is_whole),
		TEST(a_trailer_is_no_part_of_the_body),
		TEST(a_head_that_begins_with_a_folded_line_joins_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
