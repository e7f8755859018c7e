/* SPDX-License-Identifier: Apache-2.0 */
/* engine/names: a set of names that is made once and looked up often. Immutable: any thread. */
#ifndef ENGINE_NAMES_H
#define ENGINE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct names;

/* Copies them; one that is there twice counts once. NULL when memory is short. */
struct names *names_new(const char *const name[], size_t n);
void names_free(struct names *names);
size_t names_count(const struct names *names);
bool names_has(const struct names *names, const char *name);
/* The one that was most likely meant, or NULL. */
const char *names_closest(const struct names *names, const char *name);

#endif
