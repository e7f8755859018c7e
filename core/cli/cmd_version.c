/* SPDX-License-Identifier: Apache-2.0 */
#include <tocsin/plugin.h>

#include "cli/cli.h"
#include "cli/paths.h"

static const struct option_row options[] = {OPTION_JSON, OPTION_HELP};

static int run(struct cli *cli)
{
	if (cli->json)
		cli_print_json(cli, json_pack("{ss si ss ss}", "version", PACKAGE_VERSION, "abi",
					      TOCSIN_ABI, "config", PATHS_CONFIG, "plugins",
					      PATHS_PLUGINS));
	else
		buffer_printf(&cli->out, "tocsin %s (plugin ABI %d)\n", PACKAGE_VERSION,
			      TOCSIN_ABI);
	return STATUS_DONE;
}

const struct command command_version = {
	.name = "version",
	.operands = "",
	.summary = "print the version",
	.description =
		"Prints the version of tocsin and the number of its plugin interface; --json "
		"adds the directories that it was built for.",
	.examples = "  tocsin version\n",
	OPTIONS(options),
	.run = run,
};
