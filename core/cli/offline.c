/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/offline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/secrets.h"
#include "cli/paths.h"

static void told_refused(const char *sentence, void *data)
{
	(void)data;
	cli_error(0, "%s", sentence);
}

static int scan(struct offline *offline, const char *directory)
{
	struct error err;

	if (loader_scan(offline->loader, directory, told_refused, NULL, &err) >= 0)
		return STATUS_DONE;
	return cli_error(STATUS_NO, "%s", err.text);
}

int offline_plugins(struct cli *cli, struct offline *offline)
{
	const char *directory, *services = cli_get(cli, "services");
	struct error err;
	size_t at = 0;
	int status = STATUS_DONE;

	memset(offline, 0, sizeof(*offline));
	if (loader_new(&offline->loader, &err) < 0 ||
	    loader_set_services(offline->loader, services ? services : PATHS_SERVICES, &err) < 0)
		return cli_error(STATUS_NO, "%s", err.text);
	if (!cli_has(cli, "plugins"))
		return scan(offline, PATHS_PLUGINS);
	while (status == STATUS_DONE &&
	       (directory = arguments_next(&cli->arguments, "plugins", &at)))
		status = scan(offline, directory);
	return status;
}

int offline_settings(struct cli *cli, const char *directory, struct offline *offline)
{
	int status = offline_plugins(cli, offline);

	if (status != STATUS_DONE)
		return status;
	secrets_keep_in_memory();
	if (log_new(&offline->log, STDERR_FILENO, LOG_TEXT, TOCSIN_LOG_WARNING) < 0)
		return cli_error(STATUS_NO, "out of memory");
	if (settings_load(directory, offline->loader, offline->log, &offline->problems,
			  &offline->settings) < 0)
		offline->settings = NULL;
	return STATUS_DONE;
}

void offline_print_problems(struct buffer *out, const struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		output_safe(out, problems->text[i] ? problems->text[i] : "out of memory");
		buffer_putc(out, '\n');
	}
}

int offline_valid(struct cli *cli, struct offline *offline)
{
	const char *directory = cli_config(cli);
	int status = offline_settings(cli, directory, offline);
	struct buffer text = {0};

	if (status != STATUS_DONE || offline->settings)
		return status;
	offline_print_problems(&text, &offline->problems);
	fputs(buffer_text(&text), stderr);
	buffer_done(&text);
	return cli_error(STATUS_NO, "the configuration of %s is not valid", directory);
}

int offline_services(struct cli *cli, struct offline *offline)
{
	struct problems problems = {0};
	struct options_context context = {.problems = &problems};
	struct buffer text = {0};

	(void)cli;
	context.arena = offline->arena = arena_new();
	if (!context.arena)
		return cli_error(STATUS_NO, "out of memory");
	services_scan(&offline->services, &context, loader_services(offline->loader));
	problems_sort(&problems);
	offline_print_problems(&text, &problems);
	fputs(buffer_text(&text), stderr);
	buffer_done(&text);
	problems_done(&problems);
	return STATUS_DONE;
}

void offline_done(struct offline *offline)
{
	services_done(&offline->services);
	arena_free(offline->arena);
	settings_free(offline->settings);
	problems_done(&offline->problems);
	log_free(offline->log);
	loader_free(offline->loader);
}
