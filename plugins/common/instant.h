/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/instant: moments as texts of JSON, "2025-11-18T13:30:45.123Z". Milliseconds since 1970, wall
 * time.
 */
#ifndef COMMON_INSTANT_H
#define COMMON_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

#define INSTANT_SIZE 40

/* In UTC with milliseconds. */
const char *instant_text(int64_t ms, char out[INSTANT_SIZE]);
/* RFC 3339, with any fraction and offset; only years from 1970 to 9999. False: it is none. */
bool instant_read(const char *text, int64_t *ms);

#endif
