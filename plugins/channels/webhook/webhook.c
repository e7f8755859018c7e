/* SPDX-License-Identifier: Apache-2.0 */
/* Sends alerts as HTTP requests that the configuration describes. */
#include "webhook.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "reply.h"
#include "request.h"

static int webhook_open(struct tocsin_self *self, const struct tocsin_host *host,
			const void *config, void **state)
{
	struct assembly *assembly = malloc(sizeof(*assembly));
	int result;

	(void)self;
	if (!assembly)
		return -ENOMEM;
	result = webhook_assembly_init(assembly, host, config);
	if (result == 0)
		*state = assembly;
	else
		free(assembly);
	return result;
}

static void webhook_close(void *state)
{
	webhook_assembly_done(state);
	free(state);
}

static int64_t now_ms(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void deliver_one(struct assembly *assembly, struct tocsin_delivery *delivery)
{
	const struct webhook_config *config = assembly->config;
	bool timed = config->hmac.secret || config->signature.secret;
	struct refusal refusal = {0};
	struct tocsin_request request;

	if (!webhook_request(assembly, delivery, timed ? now_ms() : 0, &request, &refusal)) {
		assembly->host->done(delivery, refusal.outcome, refusal.retry_after_ms,
				     refusal.why);
		return;
	}
	request.judge = webhook_judge;
	request.judge_data = config;
	assembly->host->post(delivery, &request);
}

static void webhook_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		deliver_one(state, batch[i]);
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = webhook_open,
	.deliver = webhook_deliver,
	.close = webhook_close,
	.check = webhook_check,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "webhook", .version = "1.0",
	      .summary = "sends alerts as HTTP requests: any method, headers and body",
	      .options = webhook_options, .option_count = WEBHOOK_OPTION_COUNT,
	      .config_size = sizeof(struct webhook_config), .channel = &ops, .concurrency = 8,
	      .supports = TOCSIN_SUPPORTS_LINKS | TOCSIN_SUPPORTS_IDEMPOTENCY,
	      .limits = "as configured", );
