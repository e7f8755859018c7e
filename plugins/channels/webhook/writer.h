/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/writer: a text under construction that keeps its memory from one delivery to the next.
 * When memory is short it has failed and says so; a part of a text is never taken for all of it.
 */
#ifndef WEBHOOK_WRITER_H
#define WEBHOOK_WRITER_H

#include <stdbool.h>
#include <stddef.h>

struct writer {
	char *data;
	size_t length, room;
	bool failed;
};

/* Empty, and good again. */
void writer_clear(struct writer *writer);
/* Overwrites what it held: that may have been a secret. */
void writer_done(struct writer *writer);
void writer_add(struct writer *writer, const char *data, size_t length);
/* Adds a part of itself once more. */
void writer_again(struct writer *writer, size_t from, size_t length);
void writer_puts(struct writer *writer, const char *text);
/* A JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void writer_json(struct writer *writer, const char *text);
/* Percent-encoded but for letters, digits and - . _ ~ */
void writer_uri(struct writer *writer, const char *text);
/* Without controls: they become spaces. */
void writer_line(struct writer *writer, const char *text);
void writer_base64(struct writer *writer, const unsigned char *data, size_t length);
void writer_hex(struct writer *writer, const unsigned char *data, size_t length);
/* With a NUL behind it; "" when it has failed. */
const char *writer_text(struct writer *writer);

#endif
