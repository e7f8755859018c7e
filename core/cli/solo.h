/* SPDX-License-Identifier: Apache-2.0 */
/* cli/solo: the sources of the configuration at work in this process, without a daemon: to be asked,
 * not to run. */
#ifndef CLI_SOLO_H
#define CLI_SOLO_H

#include "cli/cli.h"
#include "tocsin/plugin.h"

struct solo;

/* Those that have such items; name: only this one, or NULL. STATUS_DONE, or the exit status after
 * telling why. */
int solo_open(struct cli *cli, enum tocsin_items items, const char *name, struct solo **solo);
void solo_close(struct solo *solo);

/* As asker_list and asker_check. A source that cannot be opened has no items; that is why when it
 * matters. */
int solo_list(struct solo *solo, json_t **items, struct error *why);
int solo_check(struct solo *solo, const char *name, const char *source, json_t **answer,
	       struct error *why);

#endif
