/* SPDX-License-Identifier: Apache-2.0 */
/* cli/outbox: words to the daemon that are told now, or kept in the spool until they can be. */
#ifndef CLI_OUTBOX_H
#define CLI_OUTBOX_H

#include "cli/cli.h"

enum outbox {
	OUTBOX_TOLD,    /* the daemon has it, committed */
	OUTBOX_KEPT,    /* it is in the spool; the sentence says why */
	OUTBOX_REFUSED, /* the daemon does not want it, and never will; the sentence is its own */
	OUTBOX_LOST,    /* neither told nor kept; the sentence says why */
};

#define OUTBOX_PATIENCE_MS 2000

/* Posts the body, borrowed; path is escaped. The daemon gets patience_ms to answer; 0: it is not
 * even asked. One thread at a time. */
enum outbox outbox_put(struct cli *cli, const char *path, const json_t *body, int64_t patience_ms,
		       struct error *why);

#endif
