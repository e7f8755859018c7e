/* SPDX-License-Identifier: Apache-2.0 */
/* What an attacker writes stays text on a terminal, in every format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hostile.h"
#include "judge_record.h"

/* The layout of the plugin's own configuration. */
struct config {
	int64_t stream, format, color;
	const struct tocsin_template *title, *message, *record;
};
enum { LINE, BLOCK, JSON };
enum { AUTO, ALWAYS, NEVER };

/* What it writes, as the preview shows it: the same function makes both. */
static void judge(const struct config *config, struct fake_alert *fake)
{
	const char *on = config->color == ALWAYS ? "\033[1;31m" : "";
	const char *off = config->color == ALWAYS ? "\033[0m" : "";
	char *text = tocsin_plugin.channel->preview(&fake_host, config, &fake->delivery);

	assert_non_null(text);
	if (config->format == LINE)
		judge_record_line(text, on, off);
	else if (config->format == BLOCK)
		judge_record_text(text, on, off);
	else
		judge_record_json(text, fake);
	free(text);
}

static void hostile_texts_stay_text(void **unused)
{
	uint64_t seed = hostile_seed();

	(void)unused;
	for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
		char *text = hostile_text(seed, i);
		struct config config = {.color = i % 2 ? ALWAYS : NEVER};
		struct fake_alert fake;

		if (strlen(text) > 8192 && i % 16 != 0) {
			free(text); /* some of the long ones will do */
			continue;
		}
		fake_reset();
		hostile_fill(&fake, text);
		for (config.format = LINE; config.format <= JSON; config.format++)
			judge(&config, &fake);
		/* and in the words of the user's templates */
		config.title = config.message = fake_text(text);
		for (config.format = LINE; config.format <= BLOCK; config.format++)
			judge(&config, &fake);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_texts_stay_text),
	};

	return cmocka_run_group_tests(tests, fake_in_utc, NULL);
}
