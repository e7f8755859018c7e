/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/router.h"

#include <string.h>

static bool path_matches(const char *pattern, const char *path, char segment[ROUTER_SEGMENT])
{
	while (*pattern) {
		if (*pattern == '*') {
			size_t length = strcspn(path, "/");

			if (length == 0 || length >= ROUTER_SEGMENT)
				return false;
			memcpy(segment, path, length);
			segment[length] = '\0';
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
