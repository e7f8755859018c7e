/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/paths.h"

static const struct option_row options[] = {OPTION_JSON, OPTION_HELP};

static int print(struct cli *cli, const char *path)
{
	FILE *file = fopen(path, "re");
	struct buffer text = {0};
	char chunk[4096];
	size_t n;

	if (!file)
		return cli_error(STATUS_NO, "cannot read %s: %s; is tocsin installed completely?",
				 path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buffer_add(&text, chunk, n);
	fclose(file);
	if (cli->json)
		cli_print_json(cli, json_pack("{ss ss}", "path", path, "sql", buffer_text(&text)));
	else
		buffer_add(&cli->out, buffer_text(&text), text.length);
	buffer_done(&text);
	return STATUS_DONE;
}

static int run_alerts(struct cli *cli)
{
	return print(cli, PATHS_SQL "/alerts.sql");
}

static int run_jobs(struct cli *cli)
{
	return print(cli, PATHS_SQL "/jobs.sql");
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
	.run = run_alerts,
};

const struct command command_sql_jobs = {
	.name = "sql jobs",
	.operands = "",
	.summary = "print the SQL that makes a table of jobs",
	.description =
		"Prints a migration for PostgreSQL: the tables jobs and job_log, the indexes "
		"on pending and claimed rows and the trigger that notifies tocsind; and, as a "
		"comment, what a table of jobs that exists already needs.",
	.examples = "  tocsin sql jobs | psql app\n",
	.no = "the file is not installed",
	OPTIONS(options),
	.run = run_jobs,
};
