/* SPDX-License-Identifier: Apache-2.0 */
/* A store that does as it is told, and notes what was asked of it. */
#ifndef FAKE_STORE_H
#define FAKE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <tocsin/plugin.h>
#include <tocsin/store.h>

/* What it does, and what it saw. */
extern struct fake {
	atomic_int begin_result, commit_result; /* of the next ones */
	atomic_int begins, commits, rollbacks, in_transaction;
	atomic_bool full;
	atomic_bool slow; /* a commit does not end while this is set */
	_Atomic int64_t begun_ms; /* the time it was told last */
	char kept[128];           /* the clock */
} fake;

extern const struct tocsin_plugin fake_store;
/* In place of its open: somebody else has the store. */
int fake_store_refuse(struct tocsin_self *self, const struct tocsin_host *host,
		      const void *config, void **state);

#endif
