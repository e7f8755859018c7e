/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/tojson: parts of an alert as JSON values. Each gives NULL when memory is short, never a
 * part of the value. Text that is not UTF-8 has its invalid bytes replaced.
 */
#ifndef COMMON_TOJSON_H
#define COMMON_TOJSON_H

#include <stdbool.h>

#include <jansson.h>
#include <tocsin/alert.h>

#include "draft.h"

json_t *tojson_text(const char *text);
json_t *tojson_map(const struct tocsin_map *map);
json_t *tojson_strings(const struct tocsin_strings *strings);
/* A figure as a number, "65 %" as text, NULL as null. */
json_t *tojson_metric(const char *metric);
/* False when memory is short; the object may be NULL then, too. text NULL: "". */
bool tojson_set(json_t *object, const char *name, const char *text);

/* Takes the object and writes it with a newline; controls are escaped, also those that JSON would
 * allow. NULL fails the draft. */
void tojson_put(struct draft *draft, json_t *object);

#endif
