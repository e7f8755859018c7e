/* SPDX-License-Identifier: Apache-2.0 */
/* base/text: UTF-8, escaping and near misses. Pure functions. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* Appends text with every invalid byte sequence replaced by U+FFFD and NUL dropped. */
void text_add_valid(struct buffer *out, const char *text, size_t length);
/* Length of the longest prefix that text_add_valid would not change. */
size_t text_valid_prefix(const char *text, size_t length);
/* True when text_add_valid would change nothing. */
bool text_is_valid(const char *text, size_t length);
/* True for valid text without control characters, such as a name. */
bool text_is_plain(const char *text);

/* Appends text made safe for a terminal or a log line: C0, DEL, C1, U+2028/9 and bidi controls
 * are written as \n, \x1b, \u202e. keep_newlines leaves LF and TAB. */
void text_add_safe(struct buffer *out, const char *text, bool keep_newlines);

/* Appends text as the inside of a JSON string; whatever text_add_safe escapes is escaped here too,
 * in JSON's way, and invalid bytes become U+FFFD. */
void text_add_json(struct buffer *out, const char *text);

/* Length of the longest prefix of text that is at most max bytes and ends on a code point. */
size_t text_prefix(const char *text, size_t length, size_t max);

/* The candidate that word most likely meant (few edits, or a beginning of it; case, - and _ do not
 * count), or NULL. */
const char *text_closest(const char *word, const char *const candidates[], size_t n);

#endif
