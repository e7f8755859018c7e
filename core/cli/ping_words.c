/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ping_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/text.h"

static json_t *kind_of(const char *word, struct error *err)
{
	static const char *const kinds[] = {"success", "start", "fail", "log"};
	size_t n = sizeof(kinds) / sizeof(kinds[0]);
	const char *meant;
	long status;

	for (size_t i = 0; i < n; i++)
		if (!word || strcmp(word, kinds[i]) == 0)
			return json_pack("{ss}", "kind", kinds[i]);
	status = *word && strlen(word) <= 3 && strspn(word, "0123456789") == strlen(word)
			 ? strtol(word, NULL, 10)
			 : 256;
	if (status <= 255)
		return json_pack("{ss si}", "kind", "exit", "exit", (int)status);
	meant = text_closest(word, kinds, n);
	if (meant)
		error_set(err, -EINVAL, "'%.40s' is no kind of ping; did you mean '%s'?", word,
			  meant);
	else
		error_set(err, -EINVAL,
			  "'%.40s' is no kind of ping; say start, fail, log, success, or an exit "
			  "status from 0 to 255",
			  word);
	return NULL;
}

/* The last bytes, from the beginning of a character. */
static json_t *body_of(const char *body, size_t length)
{
	size_t from = length > PING_BODY_MOST ? length - PING_BODY_MOST : 0;
	struct buffer text = {0};
	json_t *json = NULL;

	while (from > 0 && from < length && ((unsigned char)body[from] & 0xC0) == 0x80)
		from++;
	text_add_valid(&text, body + from, length - from);
	if (!text.failed)
		json = json_string(buffer_text(&text));
	buffer_done(&text);
	return json;
}

json_t *ping_words(const struct ping_words *ping, struct error *err)
{
	char at[CLOCK_TEXT];
	json_t *json;
	int result;

	error_set(err, -ENOMEM, "out of memory");
	if (ping->rid && !id_is_uuid(ping->rid)) {
		error_set(err, -EINVAL,
			  "--rid '%.60s' is no UUID such as 123e4567-e89b-12d3-a456-426614174000",
			  ping->rid);
		return NULL;
	}
	json = kind_of(ping->kind, err);
	if (!json)
		return NULL;
	/* Also when it is told at once: when the answer gets lost the repetition is recognised. */
	clock_format_utc(ping->at_ms, at);
	result = json_object_set_new(json, "at", json_string(at));
	if (ping->rid)
		result |= json_object_set_new(json, "rid", json_string(ping->rid));
	if (ping->body)
		result |= json_object_set_new(json, "body", body_of(ping->body, ping->length));
	if (result == 0)
		return json;
	json_decref(json);
	return NULL;
}
