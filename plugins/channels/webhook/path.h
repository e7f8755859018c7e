/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/path: where something stands in JSON: "parameters.retry_after", "messages[0].status",
 * "[1]", "results[\"a.b\"]". Pure.
 */
#ifndef WEBHOOK_PATH_H
#define WEBHOOK_PATH_H

#include <stdbool.h>

#include <jansson.h>

bool webhook_path_is_valid(const char *path);
/* What stands there, borrowed; NULL when there is nothing. */
json_t *webhook_path_find(json_t *root, const char *path);

#endif
