/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An expression and a text: the work is bounded as pattern.h says, and where the C library's
 * engine understands the expression in the same way and is quick, both agree.
 */
#include "fuzz.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/pattern.h"

/* Without repetitions of repetitions, on which the C library takes seconds, and without what
 * only one of the two knows. */
static bool can_be_compared(const char *pattern, const char *text)
{
	static const char plain[] = "abcxyz012-.|()[]^$*+? ";
	size_t repeated = 0;

	if (strlen(pattern) > 24 || strlen(text) > 24)
		return false;
	for (const char *c = pattern; *c; c++) {
		if (!strchr(plain, *c))
			return false;
		repeated += strchr("*+?", *c) != NULL;
		/* "**" and "(*" mean nothing in POSIX, and "[[" is not always a class. */
		if (strchr("*+?", *c) && (c == pattern || strchr("*+?(|^$", c[-1])))
			return false;
		if (*c == '[' && strchr("[", c[1]))
			return false;
	}
	return repeated <= 3 && strspn(text, plain) == strlen(text);
}

static void compare(const char *pattern, const char *text, bool matched)
{
	char anchored[64];
	regex_t regex;

	snprintf(anchored, sizeof(anchored), "^(%s)$", pattern);
	if (regcomp(&regex, anchored, REG_EXTENDED | REG_NOSUB) != 0)
		return;
	assert((regexec(&regex, text, 0, NULL, 0) == 0) == matched);
	regfree(&regex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *expression = fuzz_text(&input), *text = fuzz_rest(&input);
	struct pattern *pattern = NULL;
	struct error err;
	size_t visits = 0;
	bool matched;

	if (expression && pattern_new(expression, &pattern, &err) == 0) {
		matched = pattern_matches(pattern, text, &visits);
		assert(visits <= PATTERN_STEPS * (strlen(text) + 1));
		if (can_be_compared(expression, text))
			compare(expression, text, matched);
		pattern_free(pattern);
	} else if (expression) {
		assert(fuzz_is_utf8(err.text, strlen(err.text)) ||
		       !fuzz_is_utf8(expression, strlen(expression)));
	}
	free(expression);
	free(text);
	return 0;
}
