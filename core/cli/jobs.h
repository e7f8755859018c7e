/* SPDX-License-Identifier: Apache-2.0 */
/* cli/jobs: runs of jobs as text. */
#ifndef CLI_JOBS_H
#define CLI_JOBS_H

#include "cli/cli.h"

/* A table of an array of runs. */
void jobs_runs(struct cli *cli, const json_t *runs);
/* The last lines that a run wrote; nothing when it wrote none. */
void jobs_output(struct cli *cli, const json_t *run);

#endif
