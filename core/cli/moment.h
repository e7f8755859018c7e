/* SPDX-License-Identifier: Apache-2.0 */
/* cli/moment: times of the API for people. Pure. */
#ifndef CLI_MOMENT_H
#define CLI_MOMENT_H

#include <stdint.h>

#include <jansson.h>

#define MOMENT_TEXT 80

/* "in 5 minutes", "2 hours ago", "now" */
void moment_relative(int64_t then_ms, int64_t now_ms, char text[MOMENT_TEXT]);
/* The same of a member of an object that is a time; "" when it is none. Returns text. */
const char *moment_ago(const json_t *object, const char *key, int64_t now_ms,
		       char text[MOMENT_TEXT]);
/* "2025-11-18 14:30:45 (in 5 minutes)", in local time. */
const char *moment_full(const json_t *object, const char *key, int64_t now_ms,
			char text[MOMENT_TEXT]);
/* A duration in milliseconds as people say it, "45.3s"; "" when it is none. */
const char *moment_took(const json_t *object, const char *key, char text[MOMENT_TEXT]);

#endif
