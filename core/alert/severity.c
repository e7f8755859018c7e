/* SPDX-License-Identifier: Apache-2.0 */
/* alert/severity: names, aliases and sets of severities. */
#include "alert/severity.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 64 /* longer words are no severity */

static const char *const names[SEVERITY_COUNT] = {
	[TOCSIN_DEBUG] = "debug",         [TOCSIN_INFO] = "info",   [TOCSIN_NOTICE] = "notice",
	[TOCSIN_WARNING] = "warning",     [TOCSIN_ERROR] = "error", [TOCSIN_CRITICAL] = "critical",
	[TOCSIN_EMERGENCY] = "emergency",
};

static const struct severity_alias built_in[] = {
	{"low", TOCSIN_NOTICE},      {"medium", TOCSIN_WARNING},  {"warn", TOCSIN_WARNING},
	{"high", TOCSIN_ERROR},      {"err", TOCSIN_ERROR},       {"crit", TOCSIN_CRITICAL},
	{"fatal", TOCSIN_CRITICAL},  {"page", TOCSIN_CRITICAL},   {"alert", TOCSIN_CRITICAL},
	{"emerg", TOCSIN_EMERGENCY}, {"panic", TOCSIN_EMERGENCY},
};

static const char *const words[] = {
	"debug", "info",   "notice", "warning", "error", "critical", "emergency",
	"low",   "medium", "warn",   "high",    "err",   "crit",     "fatal",
	"page",  "alert",  "emerg",  "panic",   NULL,
};

const char *severity_name(enum tocsin_severity severity)
{
	return names[severity];
}

const char *const *severity_words(void)
{
	return words;
}

static bool find_alias(const struct severity_alias *alias, size_t n, const char *text,
		       enum tocsin_severity *severity)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(alias[i].name, text) == 0) {
			*severity = alias[i].severity;
			return true;
		}
	}
	return false;
}

int severity_parse(const char *text, const struct severity_aliases *aliases,
		   enum tocsin_severity *severity)
{
	for (size_t i = 0; i < SEVERITY_COUNT; i++) {
		if (strcasecmp(names[i], text) == 0) {
			*severity = (enum tocsin_severity)i;
			return 0;
		}
	}
	/* A deployment may give another meaning to a built-in alias, so its own come first. */
	if (aliases && find_alias(aliases->alias, aliases->n, text, severity))
		return 0;
	if (find_alias(built_in, sizeof(built_in) / sizeof(built_in[0]), text, severity))
		return 0;
	return -EINVAL;
}

/* One member of a set: a name, or a floor that ends with a plus sign. */
static int parse_member(const char *start, size_t length, const struct severity_aliases *aliases,
			unsigned int *set)
{
	char word[WORD_MAX];
	enum tocsin_severity severity;
	bool floor = false;

	if (length > 0 && start[length - 1] == '+') {
		floor = true;
		length--;
	}
	if (length == 0 || length >= sizeof(word))
		return -EINVAL;
	memcpy(word, start, length);
	word[length] = '\0';
	if (severity_parse(word, aliases, &severity) < 0)
		return -EINVAL;
	if (floor)
		*set |= SEVERITY_ANY & ~((1U << severity) - 1U);
	else
		*set |= 1U << severity;
	return 0;
}

int severity_parse_set(const char *text, const struct severity_aliases *aliases, unsigned int *set)
{
	unsigned int found = 0;

	for (;;) {
		size_t length = strcspn(text, ",");
		const char *start = text;
		const char *end = text + length;

		while (start < end && isspace((unsigned char)*start))
			start++;
		while (end > start && isspace((unsigned char)end[-1]))
			end--;
		if (parse_member(start, (size_t)(end - start), aliases, &found) < 0)
			return -EINVAL;
		if (text[length] == '\0')
			break;
		text += length + 1;
	}
	*set = found;
	return 0;
}
