/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "delivery/multi.h"

#define LONG_MS 5000

const char exchange_ordinary[] = "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok";

int exchange_init(struct exchange *exchange)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(exchange, 0, sizeof(*exchange));
	exchange->peer = -1;
	exchange->answer = exchange_ordinary;
	exchange->multi = multi_new();
	exchange->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (!exchange->multi ||
	    bind(exchange->listening, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(exchange->listening, 8) < 0 ||
	    getsockname(exchange->listening, (struct sockaddr *)&address, &size) < 0)
		return -1;
	exchange->port = ntohs(address.sin_port);
	return 0;
}

void exchange_done(struct exchange *exchange)
{
	multi_free(exchange->multi);
	close(exchange->listening);
	if (exchange->peer >= 0)
		close(exchange->peer);
}

static bool is_complete(const struct exchange *exchange)
{
	const char *end = strstr(exchange->heard, "\r\n\r\n");
	const char *length = strstr(exchange->heard, "Content-Length: ");

	return end && exchange->n_heard >= (size_t)(end + 4 - exchange->heard) +
						   (length ? strtoul(length + 16, NULL, 10) : 0);
}

/* The server's part of a round: takes who knocks and answers what it hears. */
static void serve(struct exchange *exchange)
{
	int fd = accept4(exchange->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ssize_t n;

	if (fd >= 0) {
		if (exchange->peer >= 0)
			close(exchange->peer);
		exchange->peer = fd;
		exchange->connections++;
	}
	if (exchange->peer < 0)
		return;
	n = recv(exchange->peer, exchange->heard + exchange->n_heard,
		 sizeof(exchange->heard) - 1 - exchange->n_heard, 0);
	if (n <= 0)
		return;
	exchange->n_heard += (size_t)n;
	exchange->heard[exchange->n_heard] = '\0';
	if (is_complete(exchange))
		assert_int_equal(send(exchange->peer, exchange->answer, strlen(exchange->answer),
				      MSG_NOSIGNAL),
				 strlen(exchange->answer));
}

void exchange_run(struct exchange *exchange, struct transfer *transfer,
		  const struct tocsin_request *request, struct tocsin_reply *reply)
{
	static struct error err;
	int64_t until = clock_boot_ms() + LONG_MS;
	CURLcode code;

	*exchange->heard = '\0';
	exchange->n_heard = 0;
	transfer_reset(transfer);
	*reply = (struct tocsin_reply){.error = err.text};
	if (transfer_prepare(transfer, request, LONG_MS, &err) < 0)
		return;
	assert_true(multi_add(exchange->multi, transfer->easy));
	while (!multi_ended(exchange->multi, &code)) {
		assert_true(clock_boot_ms() < until);
		multi_run(exchange->multi, clock_boot_ms() + 2);
		serve(exchange);
	}
	transfer_reply(transfer, code, reply);
	multi_remove(exchange->multi, transfer->easy);
}
