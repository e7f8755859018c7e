/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert/matcher: site="example.com", team!="db", host=~"web-[0-9]+", env!~"dev|test".
 *
 * Regular expressions are POSIX extended, anchored at both ends, and matched by
 * an engine without backtracking blow-up. A missing label is the empty string.
 * The names severity, status and source mean the alert's own unless a label has
 * that name.
 */
#ifndef ALERT_MATCHER_H
#define ALERT_MATCHER_H

#include <stdbool.h>

#include <tocsin/alert.h>

#include "base/error.h"

enum matcher_kind { MATCH_EQUAL, MATCH_NOT_EQUAL, MATCH_REGEX, MATCH_NOT_REGEX };

struct matcher; /* opaque, immutable: any number of threads may match with it */

/* The value may stand in quotes (with \" and \\) or bare. 0, or -EINVAL with the sentence. */
int matcher_parse(const char *text, struct matcher **matcher, struct error *err);
/* From its parts. */
int matcher_new(const char *name, enum matcher_kind kind, const char *value,
		struct matcher **matcher, struct error *err);
void matcher_free(struct matcher *matcher);

bool matcher_matches(const struct matcher *matcher, const struct tocsin_alert *alert);
/* The value that the matcher looks at in this alert; "" when the label is missing. */
const char *matcher_subject(const struct matcher *matcher, const struct tocsin_alert *alert);
/* As it would be written: site="example.com" */
const char *matcher_text(const struct matcher *matcher);

#endif
