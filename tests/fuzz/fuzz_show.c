/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon answers, shown on a terminal: whatever JSON it is, nothing in it moves the cursor,
 * changes the title or turns the text around. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "cli/show.h"

static void check_shown(struct cli *cli)
{
	assert(!cli->out.failed);
	assert(fuzz_is_clean(buffer_text(&cli->out), cli->out.length, "\n"));
	buffer_done(&cli->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *answer = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);

	for (size_t width = 0; answer && width < 200; width += 60) {
		struct cli cli = {.width = width};

		show_delivery(&cli, answer);
		check_shown(&cli);
		show_deliveries(&cli, json_object_get(answer, "deliveries"));
		check_shown(&cli);
	}
	json_decref(answer);
	return 0;
}
