/* SPDX-License-Identifier: Apache-2.0 */
/* What a store of a test does that has nothing to say to it: calls that succeed and do nothing, and
 * a delivery as it would come out of it; and the same for the channel and the hooks beside it. */
#ifndef IDLE_STORE_H
#define IDLE_STORE_H

#include <stdatomic.h>

#include <tocsin/plugin.h>
#include <tocsin/store.h>

struct delivery;

/* Delivery `id` of an alert that is valid; borrowed: channel. */
struct tocsin_stored_delivery idle_delivery(int64_t id, const char *channel);

int idle_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
	      void **state);
void idle_close(void *state); /* of a channel, too */
int idle_begin(void *state, int64_t now_ms);
int idle_commit(void *state);
void idle_rollback(void *state);
int idle_renew(void *state, int64_t delivery, int64_t token, int64_t lease_until_ms);
int idle_recover(void *state, int64_t now_ms, const int64_t *suspects, size_t n_suspects,
			int64_t again_ms, int64_t *n);
int idle_save(void *state, const char *instance, const char *name, const char *value);
int idle_load(void *state, const char *instance, const char *name, char **value);
int idle_maintain(void *state, bool idle);

/* What idle_claim hands out once, one by one from 1: so many, all of one alert. A test sets it before the
 * store is opened. */
extern struct idle_queue {
	int deliveries;
	int64_t alert;
	atomic_int claimed;
} idle_queue;

int idle_claim(void *state, const char *channel, int64_t now_ms, int64_t lease_until_ms,
	       size_t limit, tocsin_delivery_fn *fn, void *data);
int idle_next_due(void *state, const char *channel, int64_t *due_ms);

/* What a channel got with its last idle_open_channel; each worker calls it. */
extern const struct tocsin_host *_Atomic idle_services;
int idle_open_channel(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		      void **state);

/* Hooks of a dispatcher that do nothing. */
void idle_ignore(void *data, const struct delivery *delivery);
void idle_ignore_all(void *data);

/* The calls that no such test replaces, for its table of operations. */
#define IDLE_STORE                                                                                 \
	.size = sizeof(struct tocsin_store_ops), .open = idle_open, .close = idle_close,           \
	.renew = idle_renew, .recover = idle_recover, .save = idle_save, .load = idle_load,        \
	.maintain = idle_maintain

#endif
