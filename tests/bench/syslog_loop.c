/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick of syslog over TCP: messages of one size from memory, so many with one write, on one
 * connection, as fast as the receiver takes them.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

#define BATCH 64

static int connect_to(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)number_of(port, "port")),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("nobody listens on port %s", port);
	return fd;
}

static void send_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n <= 0)
			die("the receiver is gone");
		text += n;
		length -= (size_t)n;
	}
}

int main(int argc, char *argv[])
{
	size_t messages = argc == 4 ? number_of(argv[1], "messages") : 0;
	size_t size = argc == 4 ? number_of(argv[2], "size") : 0, used = 0;
	char *text = malloc(BATCH * (size + 32) + 1);
	int64_t began;
	int fd;

	if (argc != 4 || size < 100 || !text)
		die("syslog_loop MESSAGES SIZE PORT; a message has at least 100 bytes");
	fd = connect_to(argv[3]);
	began = now_ns();
	for (size_t i = 0; i < messages; i++) {
		char *at = text + used;
		int head = sprintf(at, "%zu <28>1 - - - - - - ", size);
		size_t before = (size_t)head - strcspn(at, "<");

		memset(at + head, 'x', size - before);
		(void)sprintf(at + head, TOKEN, i);
		at[head + TOKEN_LENGTH] = 'x';
		used += (size_t)head + size - before;
		if (i % BATCH == BATCH - 1 || i + 1 == messages) {
			send_all(fd, text, used);
			used = 0;
		}
	}
	(void)close(fd);
	printf("{\"messages\": %zu, \"seconds\": %.6f, \"began_ns\": %lld}\n", messages,
	       (double)(now_ns() - began) / 1e9, (long long)began);
	free(text);
	return 0;
}
