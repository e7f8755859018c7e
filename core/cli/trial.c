/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/offline.h"
#include "cli/trial_store.h"
#include "engine/engine.h"
#include "serve/api_json.h"

#define POLL_MS 20

struct trial {
	const char *channel;
	const json_t *alert;
	int64_t timeout_ms;
	json_t *deliveries;
	char *directory; /* of the store, removed at the end */
	sigset_t held;   /* signals that wait until then */
	sigset_t mask;   /* what was held before */
	int stopped_by;  /* one of them that came; 0: none */
	int how;         /* its process ended, as of waitpid */
};

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

static void wait_for_outcome(struct engine *engine, const char *alert_id, struct trial *trial)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	int64_t until_ms = clock_boot_ms() + trial->timeout_ms;
	struct look look = {
		.request.apply = list, .query.alert_id = alert_id, .deliveries = trial->deliveries};

	while (store_call(engine_store(engine), &look.request) == 0 &&
	       !trial_is_over(trial->deliveries) && clock_boot_ms() < until_ms)
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

static int try_channel(struct engine *engine, struct trial *trial)
{
	struct alert *alert;
	struct error err;
	char id[33];
	int result;

	if (engine_parse_alert(engine, trial->alert, "test", &alert, &err) < 0)
		return cli_error(STATUS_USAGE, "%s", err.text);
	snprintf(id, sizeof(id), "%s", alert->pub.id);
	result = accept_alert(engine, alert, trial->channel);
	if (result < 0)
		return cli_error(STATUS_NO, "the alert was not accepted: %s", strerror(-result));
	wait_for_outcome(engine, id, trial);
	return STATUS_DONE;
}

static int start_and_try(struct offline *offline, struct trial *trial)
{
	struct engine_options options = {.loader = offline->loader, .log = offline->log};
	struct settings *settings = offline->settings;
	struct engine *engine = NULL;
	struct error err;
	int status;

	offline->settings = NULL;
	if (engine_start(&options, settings, &engine, &err) < 0)
		return cli_error(STATUS_NO, "%s", err.text);
	status = try_channel(engine, trial);
	/* What is still under way would be waited for; it ends with the process. */
	if (status != STATUS_DONE || trial_is_over(trial->deliveries))
		engine_stop(engine, NULL);
	return status;
}

/* The engine has a process of its own, which can be ended whatever the channel is doing: neither a
 * timeout nor Ctrl+C waits for an attempt, and then the store is removed. */

/* Where that process writes the deliveries. A new path for the caller to free(). */
static char *outcome_path(const struct trial *trial)
{
	struct buffer path = {0};

	buffer_printf(&path, "%s/outcome.json", trial->directory);
	return buffer_take(&path);
}

static int write_outcome(const struct trial *trial)
{
	char *path = outcome_path(trial);
	int result = path ? json_dump_file(trial->deliveries, path, JSON_COMPACT) : -1;

	free(path);
	return result < 0 ? cli_error(STATUS_NO, "cannot write to %s", trial->directory)
			  : STATUS_DONE;
}

static void read_outcome(struct trial *trial)
{
	char *path = outcome_path(trial);
	json_t *found = path ? json_load_file(path, 0, NULL) : NULL;

	if (found) {
		json_decref(trial->deliveries);
		trial->deliveries = found;
	}
	free(path);
}

/* Those that whoever started us told us to ignore still are. Before the first thread. */
static void hold_signals(struct trial *trial)
{
	static const int deadly[] = {SIGHUP, SIGINT, SIGTERM};

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&trial->held);
	sigaddset(&trial->held, SIGCHLD);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		struct sigaction now;

		if (sigaction(deadly[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&trial->held, deadly[i]);
	}
	sigprocmask(SIG_BLOCK, &trial->held, &trial->mask);
}

/* Those that came, to us or to both processes, end us. */
static void release_signals(struct trial *trial)
{
	if (trial->stopped_by)
		raise(trial->stopped_by);
	sigprocmask(SIG_SETMASK, &trial->mask, NULL);
}

static _Noreturn void be_process(struct offline *offline, struct trial *trial)
{
	int status;

	prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
	sigprocmask(SIG_SETMASK, &trial->mask, NULL);
	status = start_and_try(offline, trial);
	if (status == STATUS_DONE)
		status = write_outcome(trial);
	_exit(status);
}

static void await_process(struct trial *trial, pid_t process)
{
	while (waitpid(process, &trial->how, WNOHANG) == 0) {
		int number = sigwaitinfo(&trial->held, NULL);

		if (number > 0 && number != SIGCHLD) {
			kill(process, SIGKILL);
			trial->stopped_by = number;
		}
	}
}

static int try_in_process(struct offline *offline, struct trial *trial)
{
	pid_t process = fork();

	if (process < 0)
		return cli_error(STATUS_NO, "cannot start a process: %s", strerror(errno));
	if (process == 0)
		be_process(offline, trial);
	await_process(trial, process);
	if (WIFEXITED(trial->how))
		read_outcome(trial);
	return STATUS_DONE;
}

static int status_of(const struct trial *trial)
{
	if (WIFEXITED(trial->how))
		return WEXITSTATUS(trial->how);
	return cli_error(STATUS_NO, "the plugin of '%s' crashed: signal %d (%s)", trial->channel,
			 WTERMSIG(trial->how), strsignal(WTERMSIG(trial->how)));
}

/* In a store of its own. */
static int try_privately(struct offline *offline, struct trial *trial)
{
	int status;

	hold_signals(trial);
	trial->directory = trial_directory();
	status = trial->directory ? trial_use_store(offline, trial->directory) : STATUS_NO;
	if (status == STATUS_DONE)
		status = try_in_process(offline, trial);
	if (trial->directory)
		trial_remove(trial->directory);
	free(trial->directory);
	release_signals(trial);
	return status == STATUS_DONE ? status_of(trial) : status;
}

int trial_run(struct cli *cli, const char *channel, const json_t *alert, int64_t timeout_ms,
	      json_t **deliveries)
{
	struct trial trial = {.channel = channel,
			      .alert = alert,
			      .timeout_ms = timeout_ms,
			      .deliveries = json_array()};
	struct offline offline;
	size_t i;
	json_t *delivery;
	int status = offline_valid(cli, &offline);

	if (status == STATUS_DONE)
		status = pick_channel(offline.settings, channel);
	if (status == STATUS_DONE)
		status = try_privately(&offline, &trial);
	json_array_foreach(trial.deliveries, i, delivery)
	{
		if (api_json_delivery_done(delivery, false) < 0)
			status = cli_error(STATUS_NO, "out of memory");
	}
	*deliveries = trial.deliveries;
	offline_done(&offline);
	return status;
}
