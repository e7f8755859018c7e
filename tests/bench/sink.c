/* SPDX-License-Identifier: Apache-2.0 */
/* Answers 200 to every HTTP request, and notes which alerts were in it and when. */
#include <stdlib.h>
#include <string.h>

#include "server.h"

static const char ok[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

static size_t content_length(const char *head, const char *end)
{
	for (const char *line = head; line < end; line++) {
		if (strncasecmp(line, "content-length:", 15) == 0)
			return strtoull(line + 15, NULL, 10);
		line = memchr(line, '\n', (size_t)(end - line));
		if (!line)
			break;
	}
	return 0;
}

static long take(struct server *server, struct peer *peer, const char *data, size_t length)
{
	const char *at = data, *end = data + length;

	for (;;) {
		const char *body = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
		size_t size = body ? content_length(at, body) : 0;

		if (!body || (size_t)(end - body - 4) < size)
			return at - data;
		notes_take(server->notes, body + 4, size);
		server_reply_late(server, peer, ok);
		at = body + 4 + size;
	}
}

int main(int argc, char *argv[])
{
	struct server server = {.take = take};

	return server_main(&server, argc, argv);
}
