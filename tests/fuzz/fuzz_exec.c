/* SPDX-License-Identifier: Apache-2.0 */
/* An alert as a program gets it: one JSON object of known keys on one line, and an environment of
 * known names with a line each; and what it writes, in whatever pieces, of which both ends are kept. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../plugins/channels/exec/exec.h"
#include "../../plugins/common/document.h"
#include "alert/alert.h"

static void check_document(const struct tocsin_delivery *delivery)
{
	struct draft draft;
	size_t length = 0;
	json_t *object;
	char *text;

	assert(draft_begin(&draft));
	document_put(&draft, delivery, NULL, NULL);
	text = draft_end(&draft, &length);
	assert(text && length > 0 && text[length - 1] == '\n');
	assert(fuzz_is_clean(text, length - 1, ""));
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert(json_object_size(object) == 30);
	assert(json_object_size(json_object_get(object, "labels")) == delivery->alert->labels.n);
	assert(json_object_size(json_object_get(object, "annotations")) ==
	       delivery->alert->annotations.n);
	assert(json_array_size(json_object_get(object, "alerts")) == 1);
	json_decref(object);
	free(text);
}

static void check_environment(const struct tocsin_delivery *delivery)
{
	struct exec_config config = {.directory = "/"};
	char **entry = exec_environment(&config, delivery, NULL, NULL);
	size_t n = 0;

	assert(entry);
	for (; entry[n]; n++) {
		assert(fuzz_is_clean(entry[n], strlen(entry[n]), ""));
		assert(strchr(entry[n], '=') && strlen(entry[n]) < 9000);
		assert(strncmp(entry[n], "TOCSIN_", 7) == 0 || n >= 14);
	}
	assert(n == 16);
	free(entry);
}

/* "!" and output, in pieces as long as its bytes say. */
static void check_output(const uint8_t *data, size_t size)
{
	static const enum exec_meaning of[EXEC_CODES];
	struct exec_config config = {.time_limit = 1000};
	struct program_run run = {.status = 0x300};
	struct tocsin_verdict verdict;

	for (size_t at = 0; at < size;) {
		size_t piece = 1 + (size_t)data[at] * data[at];

		if (piece > size - at)
			piece = size - at;
		program_output_add(&run.output, (const char *)data + at, piece);
		at += piece;
	}
	program_output_end(&run.output);
	assert(run.output.length == (size < PROGRAM_OUTPUT ? size : PROGRAM_OUTPUT));
	assert(memcmp(run.output.text, data, size < 1024 ? size : 1024) == 0);
	exec_judge(&config, of, &run, &verdict);
	assert(verdict.outcome == TOCSIN_REJECTED && strlen(verdict.why) < sizeof(verdict.why));
	assert(fuzz_is_clean(verdict.why, strlen(verdict.why), ""));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct fuzz_delivery delivery;

	if (size > 0 && data[0] == '!') {
		check_output(data + 1, size - 1);
	} else if (fuzz_delivery_read(&delivery, &input)) {
		check_document(&delivery.pub);
		check_environment(&delivery.pub);
		fuzz_delivery_done(&delivery);
	}
	return 0;
}
