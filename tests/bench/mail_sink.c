/* SPDX-License-Identifier: Apache-2.0 */
/* Takes every mail over SMTP, and notes which alerts were in it and when. */
#include <stdlib.h>
#include <string.h>

#include "server.h"

enum { COMMANDS, MESSAGE };

static long command(struct server *server, struct peer *peer, const char *line)
{
	if (strncasecmp(line, "quit", 4) == 0) {
		server_reply(server, peer, "221 bye\r\n");
		return -1;
	}
	if (strncasecmp(line, "ehlo", 4) == 0) {
		server_reply(server, peer, "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
	} else if (strncasecmp(line, "data", 4) == 0) {
		peer->state = MESSAGE;
		server_reply(server, peer, "354 go on\r\n");
	} else {
		server_reply(server, peer, "250 ok\r\n");
	}
	return 0;
}

static long take(struct server *server, struct peer *peer, const char *data, size_t length)
{
	const char *at = data, *end = data + length, *last;

	for (;;) {
		size_t left = (size_t)(end - at);

		if (peer->state == MESSAGE) {
			last = memmem(at, left, "\r\n.\r\n", 5);
			if (!last)
				return at - data;
			notes_take(server->notes, at, (size_t)(last - at));
			server_reply_late(server, peer, "250 taken\r\n");
			peer->state = COMMANDS;
			at = last + 5;
			continue;
		}
		last = memchr(at, '\n', left);
		if (!last)
			return at - data;
		if (command(server, peer, at) < 0)
			return -1;
		at = last + 1;
	}
}

int main(int argc, char *argv[])
{
	struct server server = {.take = take, .greeting = "220 sink\r\n"};

	return server_main(&server, argc, argv);
}
