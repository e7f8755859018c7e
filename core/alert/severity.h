/* SPDX-License-Identifier: Apache-2.0 */
/* alert/severity: the ordered severities, their aliases, and sets of them. */
#ifndef ALERT_SEVERITY_H
#define ALERT_SEVERITY_H

#include <stddef.h>

#include <tocsin/alert.h>

#define SEVERITY_COUNT (TOCSIN_EMERGENCY + 1)

/* A deployment's own aliases: name to one of the seven names. */
struct severity_aliases {
	struct severity_alias {
		const char *name;
		enum tocsin_severity severity;
	} *alias;
	size_t n;
};

/* "debug" ... "emergency" */
const char *severity_name(enum tocsin_severity severity);
/* A name or alias in any case; aliases may be NULL. 0 or -EINVAL. */
int severity_parse(const char *text, const struct severity_aliases *aliases,
		   enum tocsin_severity *severity);
/* All names and built-in aliases, for suggestions; NULL-terminated. */
const char *const *severity_words(void);

/* A set of severities: bit 1 << severity. "warning", "warning+", "error, critical". */
#define SEVERITY_ANY ((1U << SEVERITY_COUNT) - 1)
int severity_parse_set(const char *text, const struct severity_aliases *aliases,
		       unsigned int *set);

#endif
