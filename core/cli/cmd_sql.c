/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/paths.h"

#define ALERTS_SQL PATHS_SQL "/alerts.sql"

static const struct option_row options[] = {OPTION_JSON, OPTION_HELP};

static int run(struct cli *cli)
{
	FILE *file = fopen(ALERTS_SQL, "re");
	struct buffer text = {0};
	char chunk[4096];
	size_t n;

	if (!file)
		return cli_error(STATUS_NO, "cannot read %s: %s; is tocsin installed completely?",
				 ALERTS_SQL, strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buffer_add(&text, chunk, n);
	fclose(file);
	if (cli->json)
		cli_print_json(cli,
			       json_pack("{ss ss}", "path", ALERTS_SQL, "sql", buffer_text(&text)));
	else
		buffer_add(&cli->out, buffer_text(&text), text.length);
	buffer_done(&text);
	return STATUS_DONE;
}

const struct command command_sql_alerts = {
	.name = "sql alerts",
	.operands = "",
	.summary = "print the SQL that makes an alerts table",
	.description = "Prints a migration for PostgreSQL: the tables alerts and alert_recipients, "
		       "the index on pending rows and the trigger that notifies tocsind. An "
		       "existing schema needs none of it.",
	.examples = "  tocsin sql alerts | psql app\n",
	.no = "the file is not installed",
	OPTIONS(options),
	.run = run,
};
