/* SPDX-License-Identifier: Apache-2.0 */
/* An alert as files and terminals get it: one line of JSON is one record, and in a block of text
 * nothing of the alert can pose as the frame around it or reach the terminal's controls. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../plugins/common/notice.h"
#include "../../plugins/common/record.h"
#include "alert/alert.h"

static void check_json(const struct tocsin_delivery *delivery)
{
	struct draft draft;
	size_t length = 0;
	json_t *object;
	char *text;

	assert(draft_begin(&draft));
	record_put_json(&draft, delivery, NULL);
	text = draft_end(&draft, &length);
	assert(text);
	assert(length > 0 && text[length - 1] == '\n');
	assert(fuzz_is_clean(text, length - 1, ""));
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert(json_object_size(json_object_get(object, "labels")) == delivery->alert->labels.n);
	assert(json_object_size(json_object_get(object, "annotations")) ==
	       delivery->alert->annotations.n);
	json_decref(object);
	free(text);
}

static void check_text(const struct tocsin_delivery *delivery)
{
	const struct record_paint paint = {"\x1b[1m", "\x1b[0m"};
	size_t length = 0, rules = 0, escapes = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	record_put_text(out, delivery, NULL, &paint);
	fclose(out);
	assert(length == strlen(text) && fuzz_is_clean(text, length, "\n\t\x1b"));
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		rules += strncmp(line, "=====", 5) == 0;
	}
	for (const char *c = text; *c; c++)
		escapes += *c == '\x1b';
	assert(rules == 3 && escapes == 2);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct fuzz_delivery delivery;

	if (!fuzz_delivery_read(&delivery, &input))
		return 0;
	check_json(&delivery.pub);
	check_text(&delivery.pub);
	assert(fuzz_is_utf8(notice_title(&delivery.alert->pub),
			    strlen(notice_title(&delivery.alert->pub))));
	fuzz_delivery_done(&delivery);
	return 0;
}
