/* SPDX-License-Identifier: Apache-2.0 */
/* The manual pages say what the tables say. Run from the top, or with srcdir set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "cli/cli.h"
#include "config/describe.h"
#include "engine/settings.h"

static char *read_page(const char *name)
{
	const char *top = getenv("srcdir");
	struct buffer path = {0}, text = {0};
	char chunk[4096];
	size_t n;
	FILE *file;

	buffer_printf(&path, "%s/doc/%s", top ? top : ".", name);
	file = fopen(buffer_text(&path), "re");
	if (!file)
		fail_msg("%s is missing", buffer_text(&path));
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buffer_add(&text, chunk, n);
	fclose(file);
	buffer_done(&path);
	return buffer_take(&text);
}

static void expect(const char *page, const char *wanted)
{
	if (!strstr(page, wanted))
		fail_msg("the page lacks this text, made from the table:\n%s", wanted);
}

/* Each entry as `tocsin plugins show` would write it; where the socket is depends on the build. */
static void expect_options(const char *page, const struct settings_section *section)
{
	struct buffer text = {0};
	char *line, *rest;

	describe_markdown(&text, section->option, sizeof(struct tocsin_option), section->n);
	rest = buffer_take(&text);
	for (char *at = rest; (line = strsep(&at, "\n"));)
		if (*line && !strstr(line, "tocsin.sock") && !strstr(line, "tocsin/spool"))
			expect(page, line);
	free(rest);
}

static void the_configuration_page_has_every_option_of_the_core(void **state)
{
	char *page = read_page("tocsin.yaml.5.md");
	const struct settings_section *section;
	size_t n;

	(void)state;
	section = settings_sections(&n);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		struct buffer heading = {0};

		buffer_printf(&heading, "\n## %s\n\n%s\n", section[i].name, section[i].help);
		expect(page, buffer_text(&heading));
		buffer_done(&heading);
		expect_options(page, &section[i]);
	}
	free(page);
}

static void the_command_page_has_every_command_and_option(void **state)
{
	char *page = read_page("tocsin.1.md");

	(void)state;
	for (size_t i = 0; i < cli_n_commands; i++) {
		struct buffer text = {0};

		buffer_printf(&text, "\n## %s", cli_commands[i]->name);
		expect(page, buffer_text(&text));
		for (size_t k = 0; k < cli_commands[i]->n_options; k++) {
			buffer_clear(&text);
			buffer_printf(&text, "**--%s**", cli_commands[i]->option[k].name);
			expect(page, buffer_text(&text));
		}
		buffer_done(&text);
	}
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_configuration_page_has_every_option_of_the_core),
		cmocka_unit_test(the_command_page_has_every_command_and_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
