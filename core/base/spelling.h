/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/spelling: how programs write a text into another: percent-encoded in URLs and forms, escaped
 * in JSON and in HTML; and all that once more where they quote what was written so.
 */
#ifndef BASE_SPELLING_H
#define BASE_SPELLING_H

#include <stdbool.h>
#include <stddef.h>

/* With which bytes an escape may begin. */
#define SPELLING_BEGINS "%\\&"

/* Reads one byte of what text says when it was escaped so many times; returns how long it is there.
 * *c is '\0' where text ends, be it within an escape. */
size_t spelling_read(const char *text, int times, char *c);
/* Replaces what is percent-encoded, in place. False when nothing was; zero bytes stay encoded. */
bool spelling_decode(char *text);

#endif
