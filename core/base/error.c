/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

int error_set(struct error *err, int code, const char *format, ...)
{
	char text[sizeof(err->text) + 1];
	va_list args;
	size_t length;

	if (err == NULL)
		return code;

	/* Formatted apart: callers put err->text itself into the new sentence. */
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	length = text_prefix(text, strlen(text), sizeof(err->text) - 1);
	memcpy(err->text, text, length);
	err->text[length] = '\0';
	return code;
}
