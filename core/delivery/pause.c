/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/pause.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/units.h"
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
		result = transaction->ops->save(transaction->state, STORE_CORE, buffer_text(&name),
						until);
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

/* left_ms: of the pause. The channel did nothing so far. */
static void take_up(struct channel *channel, int64_t left_ms)
{
	char left[UNITS_TEXT];

	if (left_ms > RETRY_AFTER_CAP_MS)
		left_ms = RETRY_AFTER_CAP_MS;
	pthread_mutex_lock(&channel->lock);
	breaker_pause(&channel->breaker, clock_boot_ms() + left_ms);
	pthread_mutex_unlock(&channel->lock);
	units_format_elapsed(left_ms, left);
	log_write(channel->world->log, TOCSIN_LOG_WARNING, channel->spec.name,
		  "its peer asked for a pause earlier; it goes on in %s", left);
}

static int load_until(struct store *store, const char *name, char **until)
{
	struct recall recall = {.request = {.apply = apply_recall}, .name = name};
	int result = store_call(store, &recall.request);

	*until = recall.until;
	return result;
}

int pause_recall(struct channel *channel)
{
	struct store *store = channel->world->store;
	struct buffer name = {0};
	char *until = NULL;
	int64_t left;
	int result;

	name_of(channel, &name);
	result = name.failed ? -ENOMEM : load_until(store, buffer_text(&name), &until);
	buffer_done(&name);
	if (result == 0) {
		left = strtoll(until, NULL, 10) - store_now_ms(store);
		if (left > 0)
			take_up(channel, left);
	}
	free(until);
	return result == -ENOENT ? 0 : result;
}

void pause_inherit(struct channel *channel, struct channel *from)
{
	int64_t left;

	pthread_mutex_lock(&from->lock);
	left = from->breaker.paused_until_ms - clock_boot_ms();
	pthread_mutex_unlock(&from->lock);
	if (left > 0)
		take_up(channel, left);
}
