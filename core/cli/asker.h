/* SPDX-License-Identifier: Apache-2.0 */
/* cli/asker: heartbeats and checks evaluated by the daemon, or by their sources in this process. */
#ifndef CLI_ASKER_H
#define CLI_ASKER_H

#include "cli/cli.h"

struct solo;

struct asker {
	struct cli *cli;
	const char *kind;  /* "heartbeats", "checks" */
	struct solo *solo; /* NULL: the daemon is asked */
};

/* With --local the sources are made ready. STATUS_DONE, or the exit status after telling why. */
int asker_begin(struct asker *asker, struct cli *cli, const char *kind);
void asker_end(struct asker *asker);

/* STATUS_DONE and a new reference, or the exit status and why; this is not told. source: NULL: any. */
int asker_list(struct asker *asker, json_t **items, struct error *why);
int asker_check(struct asker *asker, const char *name, const char *source, json_t **answer,
		struct error *why);

#endif
