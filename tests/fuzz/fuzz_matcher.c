/* SPDX-License-Identifier: Apache-2.0 */
/* A line of matcher, a line of text: no expression takes for ever or reads past its end. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alert/matcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct matcher *matcher = NULL;
	struct error err;
	char *value;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	value = strchr(text, '\n');
	if (value)
		*value++ = '\0';
	if (matcher_parse(text, &matcher, &err) == 0) {
		struct tocsin_pair label = {"site", value ? value : ""};
		struct tocsin_alert alert = {.size = sizeof(alert), .labels = {&label, 1}};

		(void)matcher_matches(matcher, &alert);
		matcher_free(matcher);
	}
	free(text);
	return 0;
}
