/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/offline.h"
#include "cli/trial_store.h"
#include "engine/engine.h"
#include "serve/api_json.h"

#define POLL_MS 20

bool trial_is_over(const json_t *deliveries)
{
	size_t i;
	json_t *delivery;

	json_array_foreach(deliveries, i, delivery)
	{
		const char *state = json_text_of(delivery, "state");

		if (strcmp(state, "claimed") == 0 ||
		    (strcmp(state, "pending") == 0 && json_number_of(delivery, "attempts") == 0))
			return false;
	}
	return json_array_size(deliveries) > 0;
}

/* Only the channel under test is opened, so that trouble with another does not matter. */
static int pick_channel(struct settings *settings, const char *name)
{
	bool found = false;

	for (size_t i = 0; i < settings->n_channels; i++) {
		struct channel_settings *channel = &settings->channel[i];

		if (strcmp(channel->name, name) != 0)
			channel->common.enabled = false;
		else if (!channel->common.enabled)
			return cli_error(STATUS_NO, "channel '%s' is disabled", name);
		else
			found = true;
	}
	return found ? STATUS_DONE : cli_error(STATUS_NO, "there is no channel '%s'", name);
}

/* The running engine */

struct look {
	struct store_request request;
	struct tocsin_query query;
	json_t *deliveries;
};

static int add_delivery(const struct tocsin_stored_delivery *delivery, void *data)
{
	return json_array_append_new(data, api_json_delivery(delivery)) < 0 ? -ENOMEM : 0;
}

static int list(struct store_request *request, const struct transaction *transaction)
{
	struct look *look = (struct look *)(void *)request;

	json_array_clear(look->deliveries);
	return transaction->ops->deliveries(transaction->state, &look->query, add_delivery,
					    look->deliveries);
}

static void wait_for_outcome(struct engine *engine, const char *alert_id, int64_t until_ms,
			     json_t *deliveries)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	struct look look = {
		.request.apply = list, .query.alert_id = alert_id, .deliveries = deliveries};

	while (store_call(engine_store(engine), &look.request) == 0 && !trial_is_over(deliveries) &&
	       clock_boot_ms() < until_ms)
		nanosleep(&pause, NULL);
}

/* The answer of engine_accept, which comes on another thread. */
struct acceptance {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool answered;
	int result;
};

static void accepted(int result, void *data)
{
	struct acceptance *acceptance = data;

	pthread_mutex_lock(&acceptance->lock);
	acceptance->answered = true;
	acceptance->result = result;
	pthread_cond_signal(&acceptance->changed);
	pthread_mutex_unlock(&acceptance->lock);
}

/* Takes the alert over. */
static int accept_alert(struct engine *engine, struct alert *alert, const char *channel)
{
	struct acceptance acceptance = {.lock = PTHREAD_MUTEX_INITIALIZER,
					.changed = PTHREAD_COND_INITIALIZER};

	engine_accept(engine, &alert, 1, channel, accepted, &acceptance);
	pthread_mutex_lock(&acceptance.lock);
	while (!acceptance.answered)
		pthread_cond_wait(&acceptance.changed, &acceptance.lock);
	pthread_mutex_unlock(&acceptance.lock);
	return acceptance.result;
}

static int try_channel(struct engine *engine, const char *channel, const json_t *wish,
		       int64_t timeout_ms, json_t *deliveries)
{
	int64_t until_ms = clock_boot_ms() + timeout_ms;
	struct alert *alert;
	struct error err;
	char id[33];
	int result;

	if (engine_parse_alert(engine, wish, "test", &alert, &err) < 0)
		return cli_error(STATUS_USAGE, "%s", err.text);
	snprintf(id, sizeof(id), "%s", alert->pub.id);
	result = accept_alert(engine, alert, channel);
	if (result < 0)
		return cli_error(STATUS_NO, "the alert was not accepted: %s", strerror(-result));
	wait_for_outcome(engine, id, until_ms, deliveries);
	return STATUS_DONE;
}

static int start_and_try(struct offline *offline, const char *channel, const json_t *alert,
			 int64_t timeout_ms, json_t *deliveries)
{
	struct engine_options options = {.loader = offline->loader, .log = offline->log};
	struct settings *settings = offline->settings;
	struct engine *engine = NULL;
	struct error err;
	int status;

	offline->settings = NULL;
	if (engine_start(&options, settings, &engine, &err) < 0)
		return cli_error(STATUS_NO, "%s", err.text);
	status = try_channel(engine, channel, alert, timeout_ms, deliveries);
	engine_stop(engine, NULL);
	return status;
}

int trial_run(struct cli *cli, const char *channel, const json_t *alert, int64_t timeout_ms,
	      json_t **deliveries)
{
	struct offline offline;
	char *directory = NULL;
	size_t i;
	json_t *delivery;
	int status = offline_valid(cli, &offline);

	*deliveries = json_array();
	if (status == STATUS_DONE)
		status = pick_channel(offline.settings, channel);
	if (status == STATUS_DONE) {
		directory = trial_directory();
		status = directory ? trial_use_store(&offline, directory) : STATUS_NO;
	}
	if (status == STATUS_DONE)
		status = start_and_try(&offline, channel, alert, timeout_ms, *deliveries);
	json_array_foreach(*deliveries, i, delivery)
	{
		if (api_json_delivery_done(delivery, false) < 0)
			status = cli_error(STATUS_NO, "out of memory");
	}
	if (directory)
		trial_remove(directory);
	free(directory);
	offline_done(&offline);
	return status;
}
