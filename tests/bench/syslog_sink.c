/* SPDX-License-Identifier: Apache-2.0 */
/* Takes syslog messages over TCP, each behind its length, and notes which alerts were in them. */
#include <ctype.h>
#include <stdlib.h>

#include "server.h"

static long take(struct server *server, struct peer *peer, const char *data, size_t length)
{
	const char *at = data, *end = data + length;

	(void)peer;
	while (at < end) {
		const char *message = at;
		size_t size = 0;

		while (message < end && isdigit((unsigned char)*message))
			size = size * 10 + (size_t)(*message++ - '0');
		if (message == end || (size_t)(end - message - 1) < size)
			break;
		if (message == at || *message != ' ')
			return -1;
		notes_take(server->notes, message + 1, size);
		at = message + 1 + size;
	}
	return at - data;
}

int main(int argc, char *argv[])
{
	struct server server = {.take = take};

	return server_main(&server, argc, argv);
}
