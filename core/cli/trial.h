/* SPDX-License-Identifier: Apache-2.0 */
/* cli/trial: a test of one channel without a daemon. */
#ifndef CLI_TRIAL_H
#define CLI_TRIAL_H

#include <stdint.h>

#include "cli/cli.h"

/* Deliveries of a test are done when each has an outcome or was tried once. */
bool trial_is_over(const json_t *deliveries);

/*
 * Opens the channel of the configuration with a store of its own, hands the
 * alert in and waits for the first attempt, at most timeout_ms. That is done
 * by a process of its own, with which whatever is still under way ends, and
 * after which the store is removed; also when SIGINT, SIGTERM or SIGHUP end
 * us. alert is JSON as of POST /api/v1/alerts, borrowed. STATUS_DONE and
 * *deliveries (a new reference), or the exit status after telling why. Before
 * the first thread.
 */
int trial_run(struct cli *cli, const char *channel, const json_t *alert, int64_t timeout_ms,
	      json_t **deliveries);

#endif
