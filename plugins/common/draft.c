/* SPDX-License-Identifier: Apache-2.0 */
#include "draft.h"

#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static ssize_t take(void *cookie, const char *data, size_t size)
{
	struct draft *draft = cookie;

	if (draft->failed || size >= draft->room - draft->length) {
		size_t room = 2 * draft->room + size;
		char *grown = draft->failed ? NULL : realloc(draft->text, room);

		draft->failed = !grown;
		if (!grown)
			return 0;
		draft->text = grown;
		draft->room = room;
	}
	memcpy(draft->text + draft->length, data, size);
	draft->length += size;
	return (ssize_t)size;
}

bool draft_begin(struct draft *draft)
{
	*draft = (struct draft){.room = 256};
	draft->text = malloc(draft->room);
	if (draft->text)
		draft->out = fopencookie(draft, "w", (cookie_io_functions_t){.write = take});
	if (draft->out) /* it is nobody else's: a lock for each character costs more than the rest */
		(void)__fsetlocking(draft->out, FSETLOCKING_BYCALLER);
	else
		free(draft->text);
	return draft->out;
}

char *draft_end(struct draft *draft, size_t *length)
{
	if (fclose(draft->out) != 0 || draft->failed) {
		free(draft->text);
		return NULL;
	}
	draft->text[draft->length] = '\0';
	if (length)
		*length = draft->length;
	return draft->text;
}
