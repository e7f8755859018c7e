/* SPDX-License-Identifier: Apache-2.0 */
/* A file of the spool, and a path of the API: what is taken is a ping or a report of something that has
 * a name, and anything else is refused with a sentence. */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "serve/router.h"
#include "serve/spool_file.h"

static void check_taken(const struct spool_file *file)
{
	json_t *body = json_loads(file->body, JSON_REJECT_DUPLICATES, NULL);

	assert(file->kind >= TOCSIN_HEARTBEATS && file->kind <= TOCSIN_CHECKS);
	assert(*file->item && fuzz_is_utf8(file->item, strlen(file->item)));
	for (const char *c = file->item; *c; c++)
		assert((unsigned char)*c >= 0x20 && *c != 0x7f);
	assert(strcmp(file->verb, "ping") == 0 || strcmp(file->verb, "report") == 0);
	assert(json_is_object(body));
	json_decref(body);
}

/* In one step, or in two as the server does it: never longer, and never beyond the end. */
static void check_unescape(const char *text)
{
	char *once = strdup(text), *kept = strdup(text);
	size_t length;

	assert(once && kept);
	length = router_unescape(kept, true);
	assert(length == strlen(kept) && length <= strlen(text));
	assert(router_unescape(kept, false) == strlen(kept));
	length = router_unescape(once, false);
	assert(length == strlen(once));
	free(once);
	free(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *text = fuzz_rest(&input);
	struct spool_file file;
	struct error err = {""};
	int result;

	if (!text)
		return 0;
	check_unescape(text);
	result = spool_file_parse(text, strlen(text), &file, &err);
	assert(result == 0 || result == -EINVAL);
	if (result == 0)
		check_taken(&file);
	else
		assert(*err.text);
	spool_file_done(&file);
	free(text);
	return 0;
}
