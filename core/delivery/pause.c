/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/pause.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "delivery/retry.h"

static void name_of(const struct channel *channel, struct buffer *name)
{
	buffer_printf(name, "paused/%s", channel->spec.name);
}

void pause_note(struct delivery *delivery)
{
	const struct channel *channel = delivery->channel;

	delivery->paused_until_ms = store_now_ms(channel->world->store) +
				    channel->breaker.paused_until_ms - clock_boot_ms();
}

int pause_apply(const struct delivery *delivery, const struct transaction *transaction)
{
	struct buffer name = {0};
	char until[32];
	int result = -ENOMEM;

	if (delivery->paused_until_ms == 0)
		return 0;
	snprintf(until, sizeof(until), "%" PRId64, delivery->paused_until_ms);
	name_of(delivery->channel, &name);
	if (!name.failed)
		result = transaction->ops->save(transaction->state, STORE_CORE,
						buffer_text(&name), until);
	buffer_done(&name);
	return result;
}

struct recall {
	struct store_request request;
	const char *name;
	char *until;
};

static int apply_recall(struct store_request *request, const struct transaction *transaction)
{
	struct recall *recall = (struct recall *)request;

	free(recall->until); /* of an earlier try that was rolled back */
	recall->until = NULL;
	return transaction->ops->load(transaction->state, STORE_CORE, recall->name, &recall->until);
}

int pause_recall(struct channel *channel)
{
	struct recall recall = {.request = {.apply = apply_recall}};
	struct buffer name = {0};
	int64_t left;
	int result;

	name_of(channel, &name);
	recall.name = buffer_text(&name);
	result = name.failed ? -ENOMEM : store_call(channel->world->store, &recall.request);
	buffer_done(&name);
	if (result == 0) {
		left = strtoll(recall.until, NULL, 10) - store_now_ms(channel->world->store);
		if (left > RETRY_AFTER_CAP_MS)
			left = RETRY_AFTER_CAP_MS;
		pthread_mutex_lock(&channel->lock);
		if (left > 0)
			breaker_pause(&channel->breaker, clock_boot_ms() + left);
		pthread_mutex_unlock(&channel->lock);
	}
	free(recall.until);
	return result == -ENOENT ? 0 : result;
}
