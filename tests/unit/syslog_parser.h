/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of RFC 5424 as strict as its grammar, written apart from the channel: the judge of what
 * the channel makes.
 */
#ifndef SYSLOG_PARSER_H
#define SYSLOG_PARSER_H

#include <stdbool.h>
#include <stddef.h>

struct syslog_parsed {
	int priority;
	char element[2][40]; /* the names of the first elements */
	size_t n_elements, n_parameters;
	const char *words;
};

/* Valid UTF-8 without controls and without what turns the direction of reading. */
bool syslog_is_clean(const char *text, size_t length);
/* NULL when it is a message, else what is wrong with it. */
const char *syslog_parse(struct syslog_parsed *parsed, const char *text, size_t length);

#endif
