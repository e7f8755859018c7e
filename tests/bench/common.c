/* SPDX-License-Identifier: Apache-2.0 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vfprintf(stderr, format, list);
	va_end(list);
	(void)fputc('\n', stderr);
	exit(1);
}

size_t number_of(const char *text, const char *what)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-')
		die("%s: '%s' is not a whole number", what, text);
	return (size_t)value;
}

struct notes *notes_map(const char *path, size_t most)
{
	size_t size = sizeof(struct notes) + most * sizeof(int64_t);
	int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	int flags = path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	struct notes *notes;

	if (path && (fd < 0 || ftruncate(fd, (off_t)size) < 0))
		die("%s: %s", path, strerror(errno));
	notes = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (notes == MAP_FAILED)
		die("no memory for %zu times", most);
	if (path)
		(void)close(fd);
	notes->most = (int64_t)most;
	return notes;
}

void notes_number(struct notes *notes, size_t number, int64_t when_ns)
{
	if (number >= (size_t)notes->most || notes->at_ns[number])
		return;
	notes->at_ns[number] = when_ns;
	notes->last_ns = when_ns;
	if (!notes->first_ns)
		notes->first_ns = when_ns;
	notes->distinct++; /* last: whoever waits for it finds the rest */
}

/* The number that follows "bench-", or -1. */
static int64_t token_number(const char *digits)
{
	int64_t number = 0;

	for (int i = 0; i < 9; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -1;
		number = number * 10 + (digits[i] - '0');
	}
	return number;
}

void notes_take(struct notes *notes, const char *text, size_t length)
{
	const char *at = text, *end = text + length;
	int64_t when_ns = now_ns(), number, last = -1;

	notes->messages++;
	notes->bytes += (int64_t)length;
	while ((at = memmem(at, (size_t)(end - at), "bench-", 6)) && end - at >= TOKEN_LENGTH) {
		number = token_number(at + 6);
		if (number >= 0 && number != last)
			notes_number(notes, (size_t)number, when_ns);
		last = number;
		at += 6;
	}
}
