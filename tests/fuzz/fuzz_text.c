/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from anywhere on their way to logs, terminals and JSON: what comes out is valid, harmless
 * and no longer than promised. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "cli/output.h"

static void check_valid(const char *text, size_t size)
{
	size_t prefix = text_valid_prefix(text, size);
	struct buffer out = {0};

	text_add_valid(&out, text, size);
	assert(!out.failed && fuzz_is_utf8(buffer_text(&out), out.length));
	assert(out.length == 0 || !memchr(out.data, 0, out.length));
	assert(out.length <= 3 * size);
	assert(prefix <= size && fuzz_is_utf8(text, prefix));
	assert((prefix == size) == text_is_valid(text, size));
	assert(text_is_valid(text, size) ==
	       (fuzz_is_utf8(text, size) && (size == 0 || !memchr(text, 0, size))));
	assert(!text_is_valid(text, size) || out.length == size);
	buffer_done(&out);
	for (size_t most = 0; most < 8; most++)
		assert(text_prefix(text, size, most) <= most);
}

static void check_safe(const char *text)
{
	struct buffer line = {0}, lines = {0}, safe = {0};

	text_add_safe(&line, text, false);
	assert(fuzz_is_clean(buffer_text(&line), line.length, ""));
	text_add_safe(&lines, text, true);
	assert(fuzz_is_clean(buffer_text(&lines), lines.length, "\n\t"));
	output_safe(&safe, text);
	assert(fuzz_is_clean(buffer_text(&safe), safe.length, ""));
	buffer_done(&line);
	buffer_done(&lines);
	buffer_done(&safe);
}

static void check_json(const char *text)
{
	struct buffer out = {0};
	json_t *value;

	buffer_putc(&out, '"');
	text_add_json(&out, text);
	buffer_putc(&out, '"');
	assert(fuzz_is_clean(buffer_text(&out), out.length, ""));
	value = json_loads(buffer_text(&out), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	assert(json_is_string(value));
	/* Valid text arrives as it was. */
	assert(!fuzz_is_utf8(text, strlen(text)) || strcmp(json_string_value(value), text) == 0);
	json_decref(value);
	buffer_done(&out);
}

static void check_width(const char *text)
{
	for (size_t width = 1; width < 40; width += 7) {
		struct buffer out = {0};

		output_cut(&out, text, width);
		assert(output_width(buffer_text(&out)) <= width);
		buffer_done(&out);
	}
}

static void check_closest(const char *text)
{
	static const char *const words[] = {"channels", "sources", "routes", "default", "store"};
	const char *meant = text_closest(text, words, 5);

	for (size_t i = 0; meant && i < 5; i++)
		if (meant == words[i])
			return;
	assert(!meant);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *text;

	check_valid((const char *)data, size);
	text = fuzz_rest(&input);
	check_safe(text);
	check_json(text);
	check_width(text);
	check_closest(text);
	free(text);
	return 0;
}
