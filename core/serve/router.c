/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/router.h"

#include <string.h>

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

/* The byte that %XX at the beginning of the text stands for; 0: there is none. */
static char escaped(const char *text)
{
	int high = *text == '%' ? hex(text[1]) : -1, low = high >= 0 ? hex(text[2]) : -1;

	return (char)(low >= 0 ? high * 16 + low : 0);
}

size_t router_unescape(char *text, bool keep)
{
	char *to = text;

	for (const char *from = text; *from;) {
		char c = escaped(from);

		if (c && !(keep && (c == '/' || c == '%'))) {
			*to++ = c;
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

static bool path_matches(const char *pattern, const char *path,
			 char segment[ROUTER_SEGMENTS][ROUTER_SEGMENT])
{
	size_t n = 0;

	while (*pattern) {
		if (*pattern == '*') {
			size_t length = strcspn(path, "/");

			if (length == 0 || length >= ROUTER_SEGMENT || n >= ROUTER_SEGMENTS)
				return false;
			memcpy(segment[n], path, length);
			segment[n][length] = '\0';
			(void)router_unescape(segment[n++], false);
			path += length;
			pattern++;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

static void add_method(char *allow, size_t size, const char *method)
{
	size_t used = strlen(allow), length = strlen(method);

	if (used + length + 3 > size)
		return;
	if (used > 0) {
		memcpy(allow + used, ", ", 3);
		used += 2;
	}
	memcpy(allow + used, method, length + 1);
}

void router_find(const struct endpoint *table, size_t n, const char *method, const char *path,
		 struct router_match *match)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

	memset(match, 0, sizeof(*match));
	for (size_t i = 0; i < n; i++) {
		if (!path_matches(table[i].path, path, match->segment))
			continue;
		add_method(match->allow, sizeof(match->allow), table[i].method);
		if (strcmp(table[i].method, wanted) == 0) {
			match->endpoint = &table[i];
			return;
		}
	}
}
