/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin jobs run: a run out of turn. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/items.h"
#include "cli/jobs.h"

#define FIRST_LOOK_MS 50
#define LONGEST_MS 1000 /* between two looks */

static const struct option_row options[] = {
	{"wait", 'w', NULL, "Wait until the run has ended, and exit 1 unless it completed."},
	{"timeout", 't', "DURATION", "With --wait: how long; the default is as long as it takes."},
	OPTION_SOURCE,
	OPTIONS_ONLINE,
};

/* Asks less often the longer it takes. */
static int watch(struct cli *cli, const char *id, int64_t until_ms, json_t **run)
{
	int64_t pause_ms = FIRST_LOOK_MS;

	for (;;) {
		json_t *answer;
		int status = items_ask(cli, "jobs", cli_operand(cli, 0), "history",
				       json_pack("{ss}", "id", id), &answer);
		struct timespec pause = {.tv_sec = (time_t)(pause_ms / 1000),
					 .tv_nsec = (long)(pause_ms % 1000) * 1000000};

		*run = json_incref(json_array_get(json_object_get(answer, "runs"), 0));
		json_decref(answer);
		if (status != STATUS_DONE)
			return status;
		if (*run && strcmp(json_text_of(*run, "status"), "running") != 0)
			return STATUS_DONE;
		if (clock_boot_ms() >= until_ms)
			return cli_error(STATUS_LATER, "the run goes on, see 'tocsin jobs show'");
		json_decref(*run);
		*run = NULL;
		nanosleep(&pause, NULL);
		if (pause_ms < LONGEST_MS)
			pause_ms *= 2;
	}
}

static int wait_for_end(struct cli *cli, const char *id, int64_t until_ms)
{
	json_t *run = NULL, *runs;
	int status = watch(cli, id, until_ms, &run);

	if (status == STATUS_DONE && strcmp(json_text_of(run, "status"), "completed") != 0)
		status = STATUS_NO;
	if (run && cli->json) {
		cli_print_json(cli, json_incref(run));
	} else if (run) {
		runs = json_pack("[O]", run);
		jobs_runs(cli, runs);
		jobs_output(cli, run);
		json_decref(runs);
	}
	json_decref(run);
	return status;
}

static int run_job(struct cli *cli)
{
	const char *timeout = cli_get(cli, "timeout"), *id;
	int64_t timeout_ms, until_ms = INT64_MAX;
	json_t *answer;
	int status;

	if (timeout && units_parse_duration(timeout, &timeout_ms) < 0)
		return cli_error(STATUS_USAGE, "--timeout must be a duration such as 30s or 2m");
	if (timeout && !cli_has(cli, "wait"))
		return cli_error(STATUS_USAGE, "--timeout only goes with --wait");
	if (timeout)
		until_ms = clock_boot_ms() + timeout_ms;
	cli->patience_ms = CLIENT_LONG_MS; /* for a source that reads its jobs from somewhere */
	status = items_ask(cli, "jobs", cli_operand(cli, 0), "run", json_object(), &answer);
	id = json_text_of(answer, "id");
	if (status == STATUS_DONE && cli_has(cli, "wait"))
		status = wait_for_end(cli, id, until_ms);
	else if (status == STATUS_DONE && cli->json)
		cli_print_json(cli, json_incref(answer));
	else if (status == STATUS_DONE)
		buffer_printf(&cli->out, "%s\n", id);
	json_decref(answer);
	return status;
}

const struct command command_jobs_run = {
	.name = "jobs run",
	.operands = "JOB",
	.least = 1,
	.most = 1,
	.summary = "start a run of a job now",
	.description = "Starts the command of a job that is configured with one, out of turn, and "
		       "prints the id of the run. The daemon runs it; its schedule stays as it is.",
	.examples = "  tocsin jobs run backup --wait\n",
	.no = "there is no such job, it has no command, it runs already, or (--wait) it failed",
	OPTIONS(options),
	.run = run_job,
};
