/* SPDX-License-Identifier: Apache-2.0 */
#include "idle_store.h"

#include <errno.h>

static const char body[] = "{\"id\":\"0123456789abcdef0123456789abcdef\",\"source\":\"api\","
			   "\"fingerprint\":\"0123456789abcdef\",\"status\":\"event\","
			   "\"severity\":\"warning\",\"labels\":{\"site\":\"www.example.com\"},"
			   "\"annotations\":{},\"recipients\":[],"
			   "\"starts_at\":\"2025-11-18T14:30:45.000Z\"}";

struct tocsin_stored_delivery idle_delivery(int64_t id, const char *channel)
{
	return (struct tocsin_stored_delivery){.id = id,
					       .alert_id = "",
					       .source = "api",
					       .channel = channel,
					       .recipient = "",
					       .route = "default",
					       .key = "k",
					       .token = 1,
					       .reason = "",
					       .body = body};
}

int idle_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
	      void **state)
{
	static int something;

	(void)self, (void)host, (void)config;
	*state = &something;
	return 0;
}

void idle_close(void *state)
{
	(void)state;
}

int idle_begin(void *state, int64_t now_ms)
{
	(void)state, (void)now_ms;
	return 0;
}

int idle_commit(void *state)
{
	(void)state;
	return 0;
}

void idle_rollback(void *state)
{
	(void)state;
}

struct idle_queue idle_queue;

int idle_claim(void *state, const char *channel, int64_t now_ms, int64_t lease_until_ms,
	       size_t limit, tocsin_delivery_fn *fn, void *data)
{
	int result = 0;

	(void)state, (void)now_ms, (void)lease_until_ms;
	for (size_t i = 0; i < limit && idle_queue.claimed < idle_queue.deliveries && result == 0;
	     i++) {
		struct tocsin_stored_delivery delivery =
			idle_delivery(++idle_queue.claimed, channel);

		delivery.alert = idle_queue.alert;
		result = fn(&delivery, data);
	}
	return result;
}

int idle_next_due(void *state, const char *channel, int64_t *due_ms)
{
	(void)state, (void)channel;
	*due_ms = idle_queue.claimed < idle_queue.deliveries ? 0 : INT64_MAX;
	return 0;
}

int idle_renew(void *state, int64_t delivery, int64_t token, int64_t lease_until_ms)
{
	(void)state, (void)delivery, (void)token, (void)lease_until_ms;
	return 0;
}

int idle_recover(void *state, int64_t now_ms, const int64_t *suspects, size_t n_suspects,
		 int64_t again_ms, int64_t *n)
{
	(void)state, (void)now_ms, (void)suspects, (void)n_suspects, (void)again_ms;
	*n = 0;
	return 0;
}

int idle_save(void *state, const char *instance, const char *name, const char *value)
{
	(void)state, (void)instance, (void)name, (void)value;
	return 0;
}

int idle_load(void *state, const char *instance, const char *name, char **value)
{
	(void)state, (void)instance, (void)name, (void)value;
	return -ENOENT;
}

int idle_maintain(void *state, bool idle)
{
	(void)state, (void)idle;
	return 0;
}

const struct tocsin_host *_Atomic idle_services;

int idle_open_channel(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		      void **state)
{
	idle_services = host;
	return idle_open(self, host, config, state);
}

void idle_ignore(void *data, const struct delivery *delivery)
{
	(void)data, (void)delivery;
}

void idle_ignore_all(void *data)
{
	(void)data;
}
