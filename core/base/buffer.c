/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and the NUL. */
static bool reserve(struct buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity == 0 ? 64 : buffer->capacity;
	char *data;

	if (buffer->failed)
		return false;
	if (more >= SIZE_MAX / 2 - buffer->length) {
		buffer->failed = true;
		return false;
	}
	while (capacity < buffer->length + more + 1)
		capacity *= 2;
	if (capacity == buffer->capacity)
		return true;
	data = realloc(buffer->data, capacity);
	if (data == NULL) {
		buffer->failed = true;
		return false;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

/* There is room for so many bytes and the NUL. */
static bool has_room(const struct buffer *buffer, size_t more)
{
	return !buffer->failed && buffer->capacity > buffer->length &&
	       more < buffer->capacity - buffer->length;
}

void buffer_add(struct buffer *buffer, const void *data, size_t length)
{
	if (!has_room(buffer, length) && !reserve(buffer, length))
		return;
	if (length > 0)
		memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void buffer_puts(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_putc(struct buffer *buffer, char c)
{
	if (!has_room(buffer, 1) && !reserve(buffer, 1))
		return;
	buffer->data[buffer->length++] = c;
	buffer->data[buffer->length] = '\0';
}

void buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
{
	va_list again;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0) {
		buffer->failed = true;
		return;
	}
	if (!reserve(buffer, (size_t)length))
		return;
	vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, args);
	buffer->length += (size_t)length;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buffer_vprintf(buffer, format, args);
	va_end(args);
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->failed = false;
	if (buffer->data != NULL)
		buffer->data[0] = '\0';
}

void buffer_done(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

char *buffer_take(struct buffer *buffer)
{
	char *text = buffer->data;

	if (buffer->failed) {
		buffer_done(buffer);
		return NULL;
	}
	if (text == NULL)
		text = strdup("");
	*buffer = (struct buffer){0};
	return text;
}

const char *buffer_text(const struct buffer *buffer)
{
	return buffer->data == NULL ? "" : buffer->data;
}
