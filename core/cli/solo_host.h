/* SPDX-License-Identifier: Apache-2.0 */
/* cli/solo_host: what a source gets that works alone: its values are in memory and go with it, and
 * what it emits is counted and not sent. */
#ifndef CLI_SOLO_HOST_H
#define CLI_SOLO_HOST_H

#include <jansson.h>

#include "plugin/self.h"

struct solo_source {
	struct tocsin_self self;          /* its owner is this */
	const struct source_settings *settings;
	void *state;                      /* of the plugin; NULL: not opened */
	json_t *saved;                    /* by name */
	json_t *kept;                     /* until the next emit; null: to be forgotten */
	size_t emitted;
	struct error why;                 /* it could not be opened */
};

const struct tocsin_host *solo_host(void);

#endif
