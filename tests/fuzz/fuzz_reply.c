/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web server that answers anything, through libcurl: the reply that plugins see keeps its
 * bounds, and the verdict is one of five words and a line.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "delivery/http.h"
#include "delivery/transfer.h"
#include "delivery/verdict.h"

static void check_reply(const struct tocsin_reply *reply)
{
	struct tocsin_verdict verdict;

	assert(reply->body_length <= HTTP_BODY && reply->body[reply->body_length] == '\0');
	assert(reply->headers->n <= TRANSFER_HEADERS && reply->retry_after_ms >= 0);
	for (size_t i = 0; i < reply->headers->n; i++) {
		const struct tocsin_pair *pair = &reply->headers->pair[i];

		for (const char *c = pair->name; *c; c++)
			assert(*c != ':' && (*c < 'A' || *c > 'Z'));
		assert(!strpbrk(pair->value, "\r\n"));
	}
	verdict_from_reply(reply, &verdict);
	assert(verdict.outcome >= TOCSIN_DELIVERED && verdict.outcome <= TOCSIN_THROTTLED);
	assert((verdict.outcome == TOCSIN_DELIVERED) ==
	       (reply->status >= 200 && reply->status < 300));
	assert(memchr(verdict.why, 0, sizeof(verdict.why)) && !strpbrk(verdict.why, "\r\n"));
	assert(verdict.retry_after_ms >= 0);
}

static int listening = -1;
static char place[32]; /* of the server, in the kernel's abstract name space */

static void listen_there(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(place, sizeof(place), "tocsin-fuzz-%d", (int)getpid());
	memcpy(address.sun_path + 1, place, strlen(place));
	listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert(listening >= 0);
	assert(bind(listening, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(place))) == 0);
	assert(listen(listening, 4) == 0);
}

/* The server's part, as soon as the client is there. */
static int answer(const uint8_t *data, size_t size)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	assert(send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size);
	shutdown(fd, SHUT_WR);
	return fd;
}

static CURLcode perform(CURLM *multi, CURL *easy, const uint8_t *data, size_t size)
{
	int running = 1, left, fd = -1;
	CURLcode code;

	curl_multi_add_handle(multi, easy);
	while (running > 0) {
		assert(curl_multi_perform(multi, &running) == CURLM_OK);
		if (fd < 0)
			fd = answer(data, size);
		else if (running > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	code = curl_multi_info_read(multi, &left)->data.result;
	curl_multi_remove_handle(multi, easy);
	close(fd);
	return code;
}

static void talk(CURLM *multi, struct transfer *transfer, const uint8_t *data, size_t size)
{
	const struct tocsin_request request = {
		.size = sizeof(request),
		.url = "http://127.0.0.1/hook",
		.body = "{}",
		.body_length = 2,
	};
	struct tocsin_reply reply;
	struct error err;
	CURLcode code;

	assert(transfer_prepare(transfer, &request, 5000, &err) == 0);
	curl_easy_setopt(transfer->easy, CURLOPT_ABSTRACT_UNIX_SOCKET, place);
	curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 1L);
	code = perform(multi, transfer->easy, data, size);
	transfer_reply(transfer, code, &reply);
	assert(code == CURLE_OK || reply.status == 0);
	check_reply(&reply);
	transfer_reset(transfer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ordinary[] = "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 0\r\n\r\n";
	static struct transfer *transfer;
	static CURLM *multi;

	if (size > 100000) /* what a socket holds without a reader */
		return 0;
	if (!multi) {
		transfer = transfer_new();
		multi = curl_multi_init();
		listen_there();
	}
	assert(transfer && multi);
	/* What one reply leaves behind must not meet the next. */
	talk(multi, transfer, ordinary, sizeof(ordinary) - 1);
	talk(multi, transfer, data, size);
	return 0;
}
