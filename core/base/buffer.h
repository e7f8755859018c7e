/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/buffer: text that grows. A failed allocation is remembered instead of
 * reported by every call; check `failed` once at the end. Always NUL-terminated
 * after the first addition; `struct buffer b = {0}` is an empty buffer.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data;
	size_t length;
	size_t capacity;
	bool failed;
};

void buffer_add(struct buffer *buffer, const void *data, size_t length);
void buffer_puts(struct buffer *buffer, const char *text);
void buffer_putc(struct buffer *buffer, char c);
void buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
/* Keeps the memory for the next use. */
void buffer_clear(struct buffer *buffer);
/* Frees the memory and leaves an empty buffer. */
void buffer_done(struct buffer *buffer);
/* The text, for the caller to free(), or NULL when an allocation failed; the buffer is empty
 * afterwards. */
char *buffer_take(struct buffer *buffer);
/* The text so far; "" for an empty buffer, never NULL. */
const char *buffer_text(const struct buffer *buffer);

#endif
