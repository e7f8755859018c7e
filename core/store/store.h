/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/store: the one thread that writes, and group commit.
 *
 * Any thread submits requests. The writer takes those that wait (at most
 * STORE_GROUP), applies them in one transaction, commits once, and then calls
 * each request's done. A commit costs the same for many, so requests that wait for `company` get
 * STORE_PATIENCE_MS for others to join them. Outcomes of deliveries go `first`, and while there are
 * some, one transaction adds no more than STORE_ADDED: else channels would stand still while many
 * alerts come in, because what they may have under way waits for its commit. A request whose apply
 * fails by its own fault (-EINVAL, -ENOENT, ...; it must not have written anything) fails alone. When the
 * store cannot write now (-ENOSPC, -ENOMEM, ...) the whole transaction is
 * rolled back: requests marked `persist` stay queued and are applied again
 * until they succeed, the others fail with that. When the store cannot vouch
 * for its data (-EIO) every request fails with -EIO and `failed` is called: the
 * program must end.
 *
 * The claim hook is called inside each transaction, after the requests, so that
 * what was just accepted is claimed and committed with it. When it fails by
 * another fault than the store's, the requests are committed without it.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/store.h>

#include "base/error.h"
#include "base/log.h"

#define STORE_GROUP 256      /* requests in one transaction */
#define STORE_FIRST 192      /* of these, those that go first */
#define STORE_ADDED 256      /* alerts beside outcomes, but for a request that has more by itself */
#define STORE_PATIENCE_MS 2

struct store;

/* An open transaction, handed to apply and the claim hook on the writer thread. */
struct transaction {
	const struct tocsin_store_ops *ops;
	void *state;            /* first argument of every ops function */
};

#define STORE_CORE "" /* the instance whose small values are the core's own */

/* Owned by whoever submits it; untouched by others after done was called. */
struct store_request {
	/* On the writer thread inside a transaction; may be called again after a rollback, so it
	 * must set its results anew each time. 0 or a negative errno. */
	int (*apply)(struct store_request *request, const struct transaction *transaction);
	/* On the writer thread after the commit (0) or the failure. May free the request. */
	void (*done)(struct store_request *request, int result);
	bool persist;           /* keep until it can be written */
	bool first;             /* goes before those that do not; else the order is kept */
	size_t adds;            /* so many alerts, for which there must be room: else -ENOSPC untried */
	size_t company;         /* waits a moment until so many can share the commit; 0: does not */
	struct store_request *next; /* the store's */
};

struct store_hooks {
	/* Inside each transaction, at its end. 0 and the boot time in milliseconds at which the
	 * writer should wake up without being asked (INT64_MAX: never), or a negative errno that
	 * rolls the transaction back. */
	int (*claim)(void *data, const struct transaction *transaction, int64_t *wake_boot_ms);
	/* After each commit (0) or rollback (negative errno) that followed a claim call. */
	void (*claimed)(void *data, int result);
	/* The store is lost: called once, after every request was answered. Must not return. */
	void (*failed)(void *data, const char *why);
	void *data;
};

/* The store's plugin, already found, with its filled configuration and instance handle. Opens it
 * on the writer thread. 0, or a negative errno with the sentence (-EBUSY: in use elsewhere). */
int store_open(const struct tocsin_plugin *plugin, struct tocsin_self *self,
	       const struct tocsin_host *host, const void *config, struct log *log,
	       struct store **store, struct error *err);
/* Starts calling the hooks. Before this, only requests are served. */
void store_start(struct store *store, const struct store_hooks *hooks);
/* Stops calling the hooks; requests are still served. */
void store_stop(struct store *store);
/* Serves what is queued, then closes. */
void store_close(struct store *store);

void store_submit(struct store *store, struct store_request *request);
/* Submits and waits: not on the writer thread. The request's own done may be NULL; it must not free it. */
int store_call(struct store *store, struct store_request *request);
/* True on the writer thread. */
bool store_is_writer(const struct store *store);
/* Asks for a claim round soon (a channel has room again). Any thread. */
void store_wake(struct store *store);
/* Requests that wait now, for back-pressure. Any thread. */
size_t store_backlog(struct store *store);
/* True while the store has no room, as it says itself. Any thread. */
bool store_is_full(struct store *store);

/* The time in which deliveries fall due, are leased and grow old (see store/clock.h). Any thread. */
int64_t store_now_ms(const struct store *store);
/* Such a time as the wall time that people read, as the clocks are now; unset (0) and never
 * (TOCSIN_PARKED) stay. And back. Any thread. */
int64_t store_to_wall_ms(const struct store *store, int64_t own_ms);
int64_t store_from_wall_ms(const struct store *store, int64_t wall_ms);
/* The id of this boot of the machine, less than STORE_CLOCK_BOOT bytes; "" when it cannot be told. Any
 * thread. */
const char *store_boot(const struct store *store);

#endif
