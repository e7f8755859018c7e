/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_words: what is said of a run of a job: POST /api/v1/jobs/NAME/report. Pure but for who and
 * where we are. */
#ifndef CLI_RUN_WORDS_H
#define CLI_RUN_WORDS_H

#include <stdint.h>
#include <sys/resource.h>

#include <jansson.h>

#include "base/id.h"
#include "cli/tail.h"

struct run_words {
	char id[ID_UUID];
	const char *const *command; /* ends with NULL */
	int64_t started_ms;         /* wall time */
	/* of its end */
	int64_t ended_ms, duration_ms;
	int status;                 /* as of wait */
	const char *error;          /* why it could not be started; NULL: it was */
	struct rusage usage;
	struct tail *output;        /* NULL: not taken */
};

/* NULL when memory is short. */
json_t *run_words_start(const struct run_words *run);
json_t *run_words_end(const struct run_words *run);

#endif
