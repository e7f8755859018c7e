/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/json: reading and writing JSON so that a lack of memory is told from a mistake in the text.
 * jansson itself calls both "invalid token", and leaves out letters and keys that memory does not
 * hold.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stddef.h>

#include <jansson.h>

/* Reads text with the flags of json_loadb. 0 and a new reference; -EINVAL, mistake says where; or
 * -ENOMEM. */
int json_read(const char *text, size_t length, size_t flags, json_t **value, json_error_t *mistake);

/* The whole text, for the caller to free(), or NULL when memory is short. value may be NULL, which
 * is what a failed json_pack leaves. */
char *json_write(const json_t *value, size_t flags);

#endif
