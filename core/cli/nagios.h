/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/nagios: answers to checks in the form of monitoring plugins: exit status, one line, and
 * performance data (https://www.monitoring-plugins.org/doc/guidelines.html). Pure.
 */
#ifndef CLI_NAGIOS_H
#define CLI_NAGIOS_H

#include <jansson.h>

#include "base/buffer.h"

enum nagios { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };

/* "OK", "WARNING", ... */
const char *nagios_word(enum nagios status);
/* Of two the one that matters more: critical, warning, unknown, ok. */
enum nagios nagios_worse(enum nagios one, enum nagios other);

/* What the daemon says of a heartbeat, and of a check. */
enum nagios nagios_of_heartbeat(const json_t *answer);
enum nagios nagios_of_check(const json_t *answer);

/* Appends text that may stand before performance data: one line without '|'. */
void nagios_add_text(struct buffer *out, const char *text);
/* "age=120s;;86400", or nothing when it never beat. */
void nagios_add_age(struct buffer *out, const json_t *answer);

#endif
