/* SPDX-License-Identifier: Apache-2.0 */
/* base/id: random identifiers and hashes. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_TEXT 33
/* 32 hex digits: 48 bits of wall time in milliseconds, then 80 random bits, so ids sort by time. */
void id_new(char text[ID_TEXT]);

#define ID_UUID 37
/* The same as a UUID of version 7, in lower case: 019aab3c-5d1e-7f00-8a3b-5c6d7e8f9a0b. */
void id_uuid(char text[ID_UUID]);
/* Whether it is a UUID of any version, in either case. */
bool id_is_uuid(const char *text);

/* 32 hex digits of the SHA-256 over the n strings, each preceded by its length. 0 or -ENOMEM. */
int id_derive(const char *const parts[], size_t n, char text[ID_TEXT]);

/* FNV-1a, 64 bits; start with FNV_START. */
#define FNV_START UINT64_C(14695981039346656037)
uint64_t fnv1a(uint64_t hash, const void *data, size_t length);

#endif
